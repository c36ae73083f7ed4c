//! The feed: what verifiers are told, in order, without a gap, and who of them has it in force.
//!
//! The follower hands in what the log says; the feed writes each batch once as one frame and passes it to every stream.
//! A stream that begins at an older place reads the log from there until it has caught up. A reader that is too slow is cut off: it
//! comes back with its cursor and has missed nothing.

mod registry;
mod snapshot;
mod subscription;

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Cutoff, Limits, UnixMs};

use super::follower::AccessHorizon;
use crate::store::{Position, Store, StoreError};

pub use registry::{AckError, Applied, Awaited, VerifierId, Waiting};
pub use snapshot::SnapshotBody;
pub use subscription::{Subscriber, Subscription};

/// How far apart heartbeats are.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// The feed of one node.
pub struct Feed {
    store: Arc<dyn Store>,
    limits: Limits,
    horizon: AccessHorizon,
}

/// While one lives, events ask verifiers to acknowledge. Made before a revocation is written, so that its event already asks.
pub struct Expectation {}

impl Feed {
    /// A feed over this log.
    pub fn new(store: Arc<dyn Store>, limits: Limits, horizon: AccessHorizon) -> Self {
        Self { store, limits, horizon }
    }

    /// What holds for all tokens.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Up to when this node knows of everything that anybody had been promised. On one node, which is the only writer of its log:
    /// now.
    pub fn as_of(&self, now: UnixMs) -> UnixMs {
        now
    }

    /// Passes on what the log says, after it is in force on this node; called by the follower alone, in the log's order.
    /// `from` is the place before the first entry; the cutoffs are those of the access horizon.
    pub fn publish(&self, from: Position, entries: &[(Position, Cutoff)], now: UnixMs) {
        let _ = (from, entries, now);
        unimplemented!()
    }

    /// Tells every stream where the head is and how fresh this node is.
    pub fn heartbeat(&self, now: UnixMs) {
        let _ = now;
        unimplemented!()
    }

    /// The log is another one, or has a gap: every stream is told to load a snapshot, and ends.
    pub fn reset(&self, head: Position) {
        let _ = head;
        unimplemented!()
    }

    /// Ends every stream: the node is going.
    pub fn close(&self) {
        unimplemented!()
    }

    /// The snapshot, written at most once for one state of the log and shared by all who ask at a time.
    pub async fn snapshot(&self, now: UnixMs) -> Result<Arc<SnapshotBody>, StoreError> {
        let _ = now;
        unimplemented!()
    }

    /// Opens a stream. Its first frame is `hello`; if the cursor cannot be served, a `reset` follows and it ends.
    pub async fn subscribe(&self, subscriber: Subscriber, now: UnixMs) -> Result<Subscription, StoreError> {
        let _ = (subscriber, now);
        unimplemented!()
    }

    /// Notes that a stream's verifier has everything before a place in force.
    pub fn acknowledge(&self, stream_id: &str, cursor: &str, now: UnixMs) -> Result<(), AckError> {
        let _ = (stream_id, cursor, now);
        unimplemented!()
    }

    /// Notes that a verifier vouches for nothing any more.
    pub fn leave(&self, stream_id: &str, now: UnixMs) -> Result<(), AckError> {
        let _ = (stream_id, now);
        unimplemented!()
    }

    /// Makes events ask for acknowledgements until the guard goes.
    pub fn expect(&self) -> Expectation {
        unimplemented!()
    }

    /// Waits until every verifier has everything before a place in force, or until the time is up; says who has not.
    pub async fn applied(&self, awaited: Awaited, now: UnixMs) -> Applied {
        let _ = (awaited, now);
        unimplemented!()
    }

    /// How many verifiers are connected, for the gauge.
    pub fn connected(&self) -> usize {
        unimplemented!()
    }
}
