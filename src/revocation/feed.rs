//! The feed: what verifiers are told, in order, without a gap, and who of them has it in force.
//!
//! The follower hands in what the log says; the feed writes each batch once as one frame and passes it to every stream.
//! A stream that begins at an older place reads the log from there until it has caught up. A reader that is too slow is cut off: it
//! comes back with its cursor and has missed nothing.

mod catch_up;
mod frames;
mod hub;
mod members;
mod registry;
mod snapshot;
mod subscription;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{ClientId, Cutoff, Limits, UnixMs};
use tokio::time::Instant;

use self::frames::{FRAME_ENTRIES, Stamp};
use self::hub::{Ack, Head, Hub, Live};
use self::snapshot::Snapshots;
use super::follower::AccessHorizon;
use crate::random::Random;
use crate::store::{Position, Store, StoreError};

pub use registry::{AckError, Applied, Awaited, VerifierId, Waiting};
pub use snapshot::SnapshotBody;
pub use subscription::{Ending, Subscriber, Subscription};

/// How far apart heartbeats are.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// What writing a frame to one stream costs, about: the pause after a frame leaves the machine as much time again.
const PAUSE_PER_STREAM: Duration = Duration::from_micros(5);
/// What the runtime's timer can tell apart.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// A revocation waits no longer than this for the frame before its own.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// The feed of one node.
pub struct Feed {
    store: Arc<dyn Store>,
    limits: Limits,
    horizon: AccessHorizon,
    random: Arc<dyn Random>,
    applied_after: AppliedAfter,
    hub: Arc<Hub>,
    snapshots: Snapshots,
}

/// What a feed works with.
pub struct FeedParts {
    /// The log that it tells of.
    pub store: Arc<dyn Store>,
    /// What holds for all tokens.
    pub limits: Limits,
    /// How far back an access token can reach.
    pub horizon: AccessHorizon,
    /// Names streams.
    pub random: Arc<dyn Random>,
    /// Hears how long each acknowledgement took.
    pub applied_after: AppliedAfter,
}

/// Hears of each acknowledgement how long after its frame it came.
pub type AppliedAfter = Arc<dyn Fn(Duration) + Send + Sync>;

/// Whether what was read of the log reached its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// When it was read, nothing came after it.
    AtHead,
    /// There is more.
    Behind,
}

/// While one lives, events ask verifiers to acknowledge. Made before a revocation is written, so that its event already asks.
pub struct Expectation {
    hub: Arc<Hub>,
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.hub.expect_no_longer();
    }
}

impl Feed {
    /// A feed over this log.
    pub fn new(parts: FeedParts) -> Self {
        let FeedParts { store, limits, horizon, random, applied_after } = parts;
        let snapshots = Snapshots::new(Arc::clone(&store), limits.clone(), horizon);
        Self { store, limits, horizon, random, applied_after, hub: Arc::new(Hub::new()), snapshots }
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
    /// `from` is the place before the first entry; the cutoffs are those of the access horizon. `now` is from before the log
    /// was read. Without entries it says that the log has been looked at.
    pub fn publish(&self, from: Position, entries: &[(Position, Cutoff)], standing: Standing, now: UnixMs) {
        let frames = self.written(entries, standing, now);
        let position = entries.last().map_or(from, |(position, _)| *position);
        let is_next = self.hub.with(|state| {
            let Some(head) = state.head().filter(|head| head.position == from) else { return false };
            let as_of = if standing == Standing::AtHead { self.as_of(now) } else { head.as_of };
            state.pass_on(frames, Head { position, as_of });
            true
        });
        if !is_next {
            self.reset(position, now);
        }
    }

    /// Tells every stream where the head is and how fresh this node is.
    pub fn heartbeat(&self, now: UnixMs) {
        let ack = self.hub.ack();
        self.hub.with(|state| {
            state.members.expire(Instant::now());
            if let Some(head) = state.head() {
                state.repeat(frames::heartbeat(head, now, ack));
            }
        });
    }

    /// The log was loaded, is another one, or has a gap: every stream is told to load a snapshot, and ends.
    pub fn reset(&self, head: Position, now: UnixMs) {
        let text = frames::reset("the log of revocations was loaded anew: load a snapshot");
        let last = Live { text, place: Live::RESET, ack: Ack::NotAsked };
        let head = Head { position: head, as_of: self.as_of(now) };
        self.hub.with(|state| state.begin_anew(last, head));
    }

    /// Ends every stream: the node is going.
    pub fn close(&self) {
        self.hub.with(hub::State::close);
    }

    /// How long to leave between one frame and the next: what comes in the meantime shares a frame.
    pub fn pause(&self) -> Duration {
        let streams = u32::try_from(self.connected()).unwrap_or(u32::MAX);
        PAUSE_PER_STREAM.saturating_mul(streams).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The snapshot: begun after it was asked for, and shared by all who ask at a time. While one asks after the other, each
    /// waits: writing them takes a bounded share of the time.
    pub async fn snapshot(&self, now: UnixMs) -> Result<Arc<SnapshotBody>, StoreError> {
        self.snapshots.get(now).await
    }

    /// Notes that the verifier of a stream, which this client opened, has everything before a place in force.
    pub fn acknowledge(&self, client: &ClientId, stream_id: &str, cursor: &str) -> Result<(), AckError> {
        let position = Position::parse(cursor).ok_or(AckError::UnknownCursor)?;
        if let Some(lag) = self.hub.acknowledge(client, stream_id, &position)? {
            (self.applied_after)(lag);
        }
        Ok(())
    }

    /// Notes that a verifier vouches for nothing any more.
    pub fn leave(&self, client: &ClientId, stream_id: &str) -> Result<(), AckError> {
        let left = self.hub.with(|state| {
            let is_theirs = state.members.is_of(client, stream_id);
            is_theirs.then(|| state.members.leave(stream_id)).flatten()
        });
        left.ok_or(AckError::UnknownStream)
    }

    /// Makes events ask for acknowledgements until the guard goes.
    pub fn expect(&self) -> Expectation {
        self.hub.expect();
        Expectation { hub: Arc::clone(&self.hub) }
    }

    /// How many verifiers are connected, for the gauge.
    pub fn connected(&self) -> usize {
        self.hub.with(|state| state.members.connected())
    }

    /// The frames of these entries. Where an entry denies nothing there is nothing to send, unless somebody waits for it.
    fn written(&self, entries: &[(Position, Cutoff)], standing: Standing, now: UnixMs) -> Vec<Live> {
        let ack = self.hub.ack();
        let last = entries.len().div_ceil(FRAME_ENTRIES);
        let chunks = entries.chunks(FRAME_ENTRIES).zip(1..);
        let frames = chunks.filter_map(|(chunk, number)| {
            let (position, _) = chunk.last()?;
            let entries = frames::entries(chunk.iter().map(|(_, cutoff)| cutoff));
            if entries.is_empty() && ack == Ack::NotAsked {
                return None;
            }
            let is_head = standing == Standing::AtHead && number == last;
            let stamp = Stamp { as_of: is_head.then(|| self.as_of(now)), server_time: now, ack };
            Some(Live { text: frames::batch(position, entries, stamp), place: position.seq, ack })
        });
        frames.collect()
    }
}

#[cfg(test)]
mod tests;
