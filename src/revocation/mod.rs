//! Keeps this node's in-memory denylist in step with the store.

mod follower;

pub use follower::{AccessHorizon, Follower};
