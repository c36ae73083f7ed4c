//! The snapshot, written once for all who ask at a time.
//!
//! Whoever asks gets one that was begun after that: its `server_time` is not before the request, as verifiers count on, and
//! it holds what was revoked before. So a snapshot is never passed on to later askers; they wait a moment and share the next.

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Cursor, Cutoff, FEED_VERSION, Limits, Snapshot, UnixMs};
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::{self, Instant};

use super::frames;
use crate::crypto::digest;
use crate::revocation::follower::AccessHorizon;
use crate::store::{Position, Store, StoreError};

/// After a snapshot was written none is for so many times as long as it took: at most a sixth of a core.
const REST: u32 = 5;
/// But at least for so long: who asks meanwhile shares the next one, and what compresses it has to rest too.
const SHORTEST_REST: Duration = Duration::from_millis(50);
/// And no longer: somebody waits.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// A snapshot as it goes over the wire, in the encodings that were asked for so far.
pub struct SnapshotBody {
    /// Its place.
    pub cursor: Cursor,
    /// Up to when it is complete.
    pub as_of: UnixMs,
    /// When it was begun, which is not before anybody asked who gets it.
    pub server_time: UnixMs,
    /// A weak entity tag, quotes and `W/` included: the place and the limits.
    pub etag: String,
    /// JSON.
    pub plain: Arc<[u8]>,
}

/// Writes snapshots, one at a time.
pub(super) struct Snapshots(Arc<Scribe>);

struct Scribe {
    store: Arc<dyn Store>,
    limits: Limits,
    horizon: AccessHorizon,
    /// Locked while one is written: whoever else asks has it when it is there.
    last: Mutex<Option<Written>>,
}

struct Written {
    body: Arc<SnapshotBody>,
    begun: Instant,
    /// When another one may be begun.
    next: Instant,
}

impl Snapshots {
    pub(super) fn new(store: Arc<dyn Store>, limits: Limits, horizon: AccessHorizon) -> Self {
        Self(Arc::new(Scribe { store, limits, horizon, last: Mutex::new(None) }))
    }

    pub(super) async fn get(&self, now: UnixMs) -> Result<Arc<SnapshotBody>, StoreError> {
        let scribe = Arc::clone(&self.0);
        // A task of its own: whoever began it may go away, and the others wait for it all the same.
        let written = task::spawn(async move { scribe.get(now).await }).await;
        written.unwrap_or_else(|died| Err(StoreError::Unavailable(Some(Box::new(died)))))
    }
}

impl Scribe {
    async fn get(&self, now: UnixMs) -> Result<Arc<SnapshotBody>, StoreError> {
        let asked = Instant::now();
        // Held over the rest and the reading: that is the point of it.
        let mut last = self.last.lock().await;
        if let Some(known) = &*last {
            if known.begun > asked {
                return Ok(Arc::clone(&known.body));
            }
            time::sleep_until(known.next).await;
        }
        let written = self.write(now, asked).await?;
        Ok(Arc::clone(&last.insert(written).body))
    }

    /// `now` is what time it was when it was asked for.
    async fn write(&self, now: UnixMs, asked: Instant) -> Result<Written, StoreError> {
        let begun = Instant::now();
        let server_time = now.after(begun - asked);
        let since = self.horizon.reaches_back_to(server_time);
        let (position, cutoffs) = self.store.snapshot(since, server_time).await?;
        let (limits, horizon) = (self.limits.clone(), self.horizon);
        let place = Place { position, as_of: now, server_time };
        // A million entries take a second, which no request should have to wait for.
        let body = task::spawn_blocking(move || written(place, &cutoffs, limits, horizon)).await;
        let body = body.map_err(|died| StoreError::Unavailable(Some(Box::new(died))))?;
        let took = begun.elapsed();
        let rest = (took * REST).clamp(SHORTEST_REST, LONGEST_REST);
        Ok(Written { body: Arc::new(body), begun, next: begun + took + rest })
    }
}

/// Where in the log a snapshot was taken, and when. On one node, whose own log it was read from, it is complete up to when it
/// was asked for.
#[derive(Clone, Copy)]
struct Place {
    position: Position,
    as_of: UnixMs,
    server_time: UnixMs,
}

/// The only place where a body is made.
fn written(place: Place, cutoffs: &[Cutoff], limits: Limits, horizon: AccessHorizon) -> SnapshotBody {
    let Place { position, as_of, server_time } = place;
    let cursor = frames::cursor_of(&position);
    let within = |cutoff| horizon.made_within(cutoff, server_time);
    let access: Vec<Cutoff> = cutoffs.iter().filter_map(within).collect();
    let etag = etag(&cursor, &limits);
    let snapshot = Snapshot {
        version: FEED_VERSION,
        cursor: cursor.clone(),
        as_of,
        server_time,
        limits,
        entries: frames::entries(&access),
    };
    // Strings, numbers and lists of them: JSON can always say that.
    let plain = serde_json::to_vec(&snapshot).unwrap_or_default().into();
    SnapshotBody { cursor, as_of, server_time, etag, plain }
}

pub(super) fn etag(cursor: &Cursor, limits: &Limits) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(cursor.as_str().as_bytes());
    hash.update(&serde_json::to_vec(limits).unwrap_or_default());
    let hash = hash.finish();
    let half = hash.as_ref().get(..16).unwrap_or_default();
    format!("W/\"{}\"", hex::encode(half))
}
