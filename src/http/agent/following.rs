//! A verifier that follows the service, as the one that verifies for proxies.

use std::sync::Arc;

use signet_verifier::{AudienceRule, Check, LiveVerifier, Refusal, Verified};

use crate::http::forward_auth::Authority;

/// Verifies by what it has heard from the service, within its bound on staleness.
pub struct Following(pub LiveVerifier);

impl Authority for Following {
    type Expected = Check;

    /// A profile without an audience takes the verifier's own.
    fn expects(&self, audience: Option<&Arc<str>>) -> Check {
        let audience = audience.map(|one| AudienceRule::AnyOf(vec![Arc::clone(one)]));
        Check { audience, ..Check::default() }
    }

    async fn verify(&self, token: &str, expected: &Check) -> Result<Verified, Refusal> {
        self.0.check_with(token, expected).await
    }
}
