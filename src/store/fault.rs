//! Why something in the embedded file could not be done.

use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::StoreError;
use super::codec::Unreadable;
use super::file::OpenError;

/// Not yet a caller's answer: a whole batch may have to hear of it, hence the shared cause.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The engine failed, or the file could not be opened again.
    Engine(Arc<dyn Error + Send + Sync>),
    /// The file is not open: it was closed, or could not be opened again yet.
    Closed,
    /// The file holds what Signet did not write.
    Unreadable(&'static str),
}

impl Fault {
    /// Runs something on the file, and takes a panic of the engine for what it is: redb checks a page's contents by
    /// assertion, so a damaged one would otherwise end the writer, or a request that had nothing to do with it.
    pub(super) fn catch<T>(run: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        // Nothing of ours is left half-done: what is in memory is made anew for each transaction.
        panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Self::Unreadable("a damaged page")))
    }
}

impl<E: Into<redb::Error>> From<E> for Fault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "redb's errors are open-ended; what is not damage is an outage"
    )]
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::Corrupted(_) => Self::Unreadable("a damaged page"),
            redb::Error::TableTypeMismatch { .. } => Self::Unreadable("a table of another type"),
            other => Self::Engine(Arc::new(other)),
        }
    }
}

impl From<OpenError> for Fault {
    fn from(error: OpenError) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<Unreadable> for Fault {
    fn from(Unreadable(what): Unreadable) -> Self {
        Self::Unreadable(what)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Engine(cause) => Self::Unavailable(Some(Box::new(cause))),
            Fault::Closed => Self::Unavailable(None),
            Fault::Unreadable(what) => Self::Corrupt(what),
        }
    }
}

impl From<Unreadable> for StoreError {
    fn from(Unreadable(what): Unreadable) -> Self {
        Self::Corrupt(what)
    }
}
