//! Keeps this node's in-memory denylist in step with the store, and tells verifiers.

mod feed;
mod follower;

pub use feed::{
    AckError, Applied, AppliedAfter, Awaited, Ending, Expectation, Feed, FeedParts, HEARTBEAT, SnapshotBody,
    Standing, Subscriber, Subscription, VerifierId, Waiting,
};
pub use follower::{AccessHorizon, Follower};
