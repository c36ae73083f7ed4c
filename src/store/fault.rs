//! Why something in the embedded file could not be done.

use std::error::Error;
use std::sync::Arc;

use super::StoreError;
use super::codec::Unreadable;
use super::file::OpenError;

/// Not yet a caller's answer: a whole batch may have to hear of it, hence the shared cause.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The engine failed, or the file could not be opened again.
    Engine(Arc<dyn Error + Send + Sync>),
    /// The file holds what Signet did not write.
    Unreadable(&'static str),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    #[expect(clippy::wildcard_enum_match_arm, reason = "redb's errors are open-ended; what is not damage is an outage")]
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
            Fault::Unreadable(what) => Self::Corrupt(what),
        }
    }
}

impl From<Unreadable> for StoreError {
    fn from(Unreadable(what): Unreadable) -> Self {
        Self::Corrupt(what)
    }
}
