//! `/v1/revocations`: taking back, and telling verifiers of it. The contract of the feed is docs/feed.md.

pub(crate) mod ack;
mod applied;
mod encoded;
mod event_stream;
mod negotiation;
pub(crate) mod revoke;
mod shared_body;
pub(crate) mod snapshot;
pub(crate) mod stream;

use std::error::Error;

pub(crate) use applied::{RevocationStatus, TimeoutMs, Wait, Waiting};
pub use encoded::EncodedSnapshots;

use crate::revocation::AckError;

/// Why the feed was not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedRefusal {
    /// An acknowledgement that was not taken.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// `Accept-Encoding` takes nothing that there is, not even the plain text.
    #[error("Accept-Encoding: zstd, gzip and identity are offered")]
    NotAcceptable,
    /// The store could not be asked.
    #[error("the store cannot be asked what has been revoked")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl FeedRefusal {
    fn unavailable(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(error))
    }
}
