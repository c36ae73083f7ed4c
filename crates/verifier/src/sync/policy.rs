//! What to do with a token when the verifier has not heard from the service for too long.

use std::time::Duration;

/// How stale a verifier may be, and what it does past that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StalenessPolicy {
    /// Up to here it vouches.
    pub max_staleness: Duration,
    /// Past it, this.
    pub when_stale: WhenStale,
}

/// What to do with a token past the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenStale {
    /// Believe it: availability first. What was revoked meanwhile is let in.
    Accept,
    /// Believe it if it was issued (`jti`) within this time: what was revoked before that would not have been issued.
    AcceptYoungerThan(Duration),
    /// Ask the service about each token and remember the answer for a moment. [`LiveVerifier::verify`], which never touches
    /// the network, answers `Stale`; [`LiveVerifier::check`] asks.
    ///
    /// [`LiveVerifier::verify`]: super::LiveVerifier::verify
    /// [`LiveVerifier::check`]: super::LiveVerifier::check
    Introspect,
    /// Refuse it: revocation first.
    Refuse,
}

impl Default for StalenessPolicy {
    /// Thirty seconds, then refuse.
    fn default() -> Self {
        Self { max_staleness: Duration::from_secs(30), when_stale: WhenStale::Refuse }
    }
}
