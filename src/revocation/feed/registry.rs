//! Who listens, and how far each has come: the words for it.

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::ClientId;

use crate::store::Position;

/// Who listens: a name that is unique within the client's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierId {
    /// Whose credentials it has.
    pub client: ClientId,
    /// What it calls itself: 1 to 64 of `A-Z a-z 0-9 . _ -`; `None`: nothing, and each stream is another verifier.
    pub name: Option<Arc<str>>,
}

/// Why an acknowledgement was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// No stream of this name is open here.
    #[error("stream_id: no such stream is open")]
    UnknownStream,
    /// Not a cursor of this log.
    #[error("cursor: not one of this feed")]
    UnknownCursor,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Awaited {
    /// Everything before it.
    pub position: Position,
    /// At most so long.
    pub timeout: Duration,
}

/// How far the verifiers have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// So many have applied it.
    pub applied: u32,
    /// Of so many.
    pub total: u32,
    /// Some of those that have not: at most [`Applied::MAX_LISTED`].
    pub waiting_for: Vec<Waiting>,
}

impl Applied {
    /// How many are listed at most.
    pub const MAX_LISTED: usize = 100;
}

/// A verifier that has not applied it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// What it calls itself, or its stream.
    pub verifier: Arc<str>,
    /// Whether its stream is open; if not, it counts until its own bound on staleness has passed.
    pub connected: bool,
}
