//! The snapshot, written once for all who ask.

use std::sync::Arc;

use signet_verifier::{Cursor, UnixMs};

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
