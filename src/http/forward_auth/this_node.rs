//! This node as the one that verifies: by its own keys and denylist, as long as it knows enough.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use signet_verifier::{AudienceRule, Clock, Expected, Refusal, StalenessPolicy, UnixMs, Verified, Verifier};

use super::Authority;
use crate::http::readiness::Readiness;
use crate::http::services::expected_of_access_tokens;
use crate::revocation::Feed;
use crate::session::TokenPolicy;
use crate::telemetry::{ForwardAuthOutcome, Metrics};

/// When it is worth asking again after this node could not vouch.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Verifies by what this node holds in memory.
pub struct ThisNode {
    /// The one path.
    pub verifier: Arc<Verifier>,
    /// Up to when this node knows of every revocation.
    pub feed: Arc<Feed>,
    /// Whether keys and revocations have been loaded at all.
    pub readiness: Arc<Readiness>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// What tokens are like.
    pub tokens: Arc<TokenPolicy>,
    /// Every audience that tokens are issued for.
    pub audiences: Vec<Arc<str>>,
    /// Where answers are counted.
    pub metrics: Arc<Metrics>,
}

impl Authority for ThisNode {
    type Expected = Expected;

    fn expects(&self, audience: Option<&Arc<str>>) -> Expected {
        let audiences = audience.map_or_else(|| self.audiences.clone(), |one| vec![Arc::clone(one)]);
        expected_of_access_tokens(&self.tokens, AudienceRule::AnyOf(audiences))
    }

    async fn verify(&self, token: &str, expected: &Expected) -> Result<Verified, Refusal> {
        let now = self.clock.now();
        if !self.readiness.is_loaded() {
            return Err(Refusal::Stale { staleness: None, retry_after: RETRY_AFTER });
        }
        fresh(self.feed.as_of(now), now)?;
        Ok(self.verifier.verify_at(token, expected, now)?)
    }

    fn answered(&self, status: StatusCode) {
        let outcome = match status {
            StatusCode::OK => ForwardAuthOutcome::Allowed,
            StatusCode::FORBIDDEN => ForwardAuthOutcome::Forbidden,
            StatusCode::SERVICE_UNAVAILABLE => ForwardAuthOutcome::Unavailable,
            StatusCode::UNAUTHORIZED => ForwardAuthOutcome::Unauthenticated,
            // Not a request that was asked about: the proxy names a profile that is not configured.
            _ => return,
        };
        self.metrics.forward_auth(outcome);
    }
}

/// A node that is cut off from the others vouches no longer than a verifier that is cut off from its node.
fn fresh(as_of: UnixMs, now: UnixMs) -> Result<(), Refusal> {
    let staleness = now.since(as_of);
    if staleness > StalenessPolicy::default().max_staleness {
        return Err(Refusal::Stale { staleness: Some(staleness), retry_after: RETRY_AFTER });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_was_cut_off_for_longer_than_the_bound_does_not_vouch() {
        let now = UnixMs::from_secs(1_795_000_000);
        let bound = StalenessPolicy::default().max_staleness;
        assert_eq!(fresh(now, now), Ok(()));
        assert_eq!(fresh(now.before(bound), now), Ok(()));
        let past = bound + Duration::from_millis(1);
        let stale = Refusal::Stale { staleness: Some(past), retry_after: RETRY_AFTER };
        assert_eq!(fresh(now.before(past), now), Err(stale));
        assert_eq!(fresh(now.after(bound), now), Ok(()), "a clock that stepped back is not staleness");
    }
}
