//! Why a request was not let through.

use std::time::Duration;

use actix_web::http::header::{HeaderValue, InvalidHeaderValue};
use signet_verifier::{Refusal, ScopeTokens, VerifyError};

/// Why a request was not let through. The table of refusals says what a proxy hears.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardAuthError {
    /// The proxy asks for a profile that is not configured.
    #[error("there is no profile of this name")]
    UnknownProfile,
    /// No token where the profile looks for one.
    #[error("an access token is needed")]
    NoToken,
    /// Two headers, or two cookies, of which each could be meant.
    #[error("more than one token, or one that cannot be read")]
    Ambiguous,
    /// The token is not good.
    #[error("{0}")]
    Token(VerifyError),
    /// The service was asked, and does not believe the token.
    #[error("the token is not active")]
    Inactive,
    /// The token is good, and allows too little.
    #[error("the token needs the scope {}", .needed.as_str())]
    InsufficientScope {
        /// What it must have.
        needed: ScopeTokens,
        /// `WWW-Authenticate`, which names it.
        challenge: HeaderValue,
    },
    /// Not enough is known to vouch for any token.
    #[error("revocations are not known well enough to vouch for a token now")]
    Stale {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// What the token says does not fit a header.
    #[error("a claim cannot be written into a header")]
    Unwritable(#[from] InvalidHeaderValue),
}

impl From<Refusal> for ForwardAuthError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Token(error) => Self::Token(error),
            Refusal::Inactive => Self::Inactive,
            Refusal::Stale { retry_after, .. } => Self::Stale { retry_after },
            // The enum may grow: whatever it is then, nobody vouches.
            _ => Self::Stale { retry_after: Duration::from_secs(1) },
        }
    }
}
