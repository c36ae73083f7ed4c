//! Keeps this node's in-memory denylist in step with the store, and tells verifiers.

mod feed;
mod follower;

pub use feed::{
    AckError, Applied, Awaited, Expectation, Feed, HEARTBEAT, SnapshotBody, Subscriber, Subscription,
    VerifierId, Waiting,
};
pub use follower::{AccessHorizon, Follower};
