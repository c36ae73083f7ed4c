//! The verifier that embedders hold: verifies like [`Verifier`], and knows how stale it is.

use std::sync::Arc;
use std::time::Duration;

use super::counters::Counters;
use super::policy::StalenessPolicy;
use super::revoked::Ended;
use super::state::State;
use crate::error::VerifyError;
use crate::expected::AudienceRule;
use crate::verifier::Verified;

/// Why a token was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is the token's fault, or it has been revoked: 401.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// The verifier does not know enough to vouch: 503 with `Retry-After`, and not the token's fault.
    #[error("the verifier has not heard from the service for too long")]
    Stale {
        /// How long ago it knew everything; `None`: it never did.
        staleness: Option<Duration>,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The service was asked and does not believe the token: 401.
    #[error("the service does not believe the token")]
    Inactive,
}

impl Refusal {
    /// The name that all verifiers share: docs/feed.md, "Checks and their names".
    pub fn code(&self) -> &'static str {
        unimplemented!()
    }
}

/// What one call asks beyond the verifier's own settings.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// Other audiences than the verifier's.
    pub audience: Option<AudienceRule>,
    /// Another bound than the verifier's.
    pub staleness: Option<StalenessPolicy>,
}

/// A verifier that keeps itself up to date. Clones share everything; when the last one goes, its tasks end.
#[derive(Clone)]
pub struct LiveVerifier {
    pub(super) state: Arc<State>,
}

impl LiveVerifier {
    /// Verifies a token. Never touches the network, never waits.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        self.verify_with(token, &Check::default())
    }

    /// The same with settings for this call.
    pub fn verify_with(&self, token: &str, check: &Check) -> Result<Verified, Refusal> {
        let _ = (token, check);
        unimplemented!()
    }

    /// Verifies a token, and asks the service where that helps: for a key that is not known yet (one fetch for all who
    /// wait, with a cooldown), and past the bound where the policy is to introspect.
    pub async fn check(&self, token: &str) -> Result<Verified, Refusal> {
        self.check_with(token, &Check::default()).await
    }

    /// The same with settings for this call.
    pub async fn check_with(&self, token: &str, check: &Check) -> Result<Verified, Refusal> {
        let _ = (token, check);
        unimplemented!()
    }

    /// How long ago the verifier knew of every revocation; `None`: it never has, or must load a snapshot first.
    pub fn staleness(&self) -> Option<Duration> {
        unimplemented!()
    }

    /// Resolves when the session must end: revoked, expired, or no longer vouched for. For long-lived connections.
    pub async fn ended<C>(&self, verified: &Verified<C>) -> Ended {
        let _ = verified;
        unimplemented!()
    }

    /// What it has been through.
    pub fn counters(&self) -> Counters {
        unimplemented!()
    }

    /// How many revocations it holds.
    pub fn denylist_len(&self) -> usize {
        unimplemented!()
    }

    /// The bound that it was given.
    pub fn policy(&self) -> &StalenessPolicy {
        unimplemented!()
    }

    /// Tells the service that this verifier vouches for nothing any more, and ends its tasks.
    pub async fn close(self) {
        unimplemented!()
    }
}
