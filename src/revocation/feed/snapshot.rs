//! The snapshot, written once for all who ask.

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

/// How long a snapshot is passed on while nothing has been revoked.
const FRESH: Duration = Duration::from_secs(1);
/// After a snapshot the machine does other things for so many times as long as it took: at most a sixth of a core.
const REST: u32 = 5;
/// Whoever asks while it does waits so long for a new one; if that is not enough, the last one has to do. It is still right:
/// what it lacks comes after its cursor.
const PATIENCE: Duration = Duration::from_millis(50);

/// A snapshot as it goes over the wire, in the encodings that were asked for so far.
pub struct SnapshotBody {
    /// Its place.
    pub cursor: Cursor,
    /// Up to when it is complete.
    pub as_of: UnixMs,
    /// When it was written.
    pub server_time: UnixMs,
    /// A weak entity tag, quotes and `W/` included: the place and the limits.
    pub etag: String,
    /// JSON.
    pub plain: Arc<[u8]>,
}

/// Writes snapshots, and keeps the last.
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
    position: Position,
    begun: Instant,
    finished: Instant,
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
        // Held over the reading and the rest: that is the point of it.
        let mut last = self.last.lock().await;
        if let Some(known) = &*last {
            let has_moved = self.store.head().await? != known.position;
            let rest = known.rest();
            if known.begun > asked || (!has_moved && known.begun.elapsed() < FRESH) || rest > PATIENCE {
                return Ok(Arc::clone(&known.body));
            }
            time::sleep(rest).await;
        }
        let written = self.write(now).await?;
        Ok(Arc::clone(&last.insert(written).body))
    }

    async fn write(&self, now: UnixMs) -> Result<Written, StoreError> {
        let begun = Instant::now();
        let (position, cutoffs) = self.store.snapshot(self.horizon.reaches_back_to(now), now).await?;
        let (limits, horizon) = (self.limits.clone(), self.horizon);
        // A million entries take a second, which no request should have to wait for.
        let body = task::spawn_blocking(move || written(&position, &cutoffs, limits, horizon, now)).await;
        let body = body.map_err(|died| StoreError::Unavailable(Some(Box::new(died))))?;
        Ok(Written { body: Arc::new(body), position, begun, finished: Instant::now() })
    }
}

impl Written {
    /// How long until another one may be written.
    fn rest(&self) -> Duration {
        let took = self.finished - self.begun;
        (self.finished + took * REST).saturating_duration_since(Instant::now())
    }
}

/// The only place where a body is made. On one node, whose own log it was read from, it is complete up to now.
fn written(
    position: &Position,
    cutoffs: &[Cutoff],
    limits: Limits,
    horizon: AccessHorizon,
    now: UnixMs,
) -> SnapshotBody {
    let cursor = frames::cursor_of(position);
    let access: Vec<Cutoff> = cutoffs.iter().filter_map(|cutoff| horizon.made_within(cutoff, now)).collect();
    let etag = etag(&cursor, &limits);
    let snapshot = Snapshot {
        version: FEED_VERSION,
        cursor: cursor.clone(),
        as_of: now,
        server_time: now,
        limits,
        entries: frames::entries(&access),
    };
    // Strings, numbers and lists of them: JSON can always say that.
    let plain = serde_json::to_vec(&snapshot).unwrap_or_default().into();
    SnapshotBody { cursor, as_of: now, server_time: now, etag, plain }
}

pub(super) fn etag(cursor: &Cursor, limits: &Limits) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(cursor.as_str().as_bytes());
    hash.update(&serde_json::to_vec(limits).unwrap_or_default());
    let hash = hash.finish();
    let half = hash.as_ref().get(..16).unwrap_or_default();
    format!("W/\"{}\"", hex::encode(half))
}
