//! What the handlers work with.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use signet_verifier::{AudienceRule, Clock, Expected, ExpiryRule, Verifier};

use super::forward_auth::{ForwardAuth, ThisNode};
use super::gate::Gate;
use super::peer::ProxyRange;
use super::readiness::Readiness;
use super::revocations::EncodedSnapshots;
use crate::keys::Keys;
use crate::revocation::Feed;
use crate::session::{ClientRegistry, Introspector, Issuer, Refresher, Revoker, TokenPolicy};
use crate::telemetry::Metrics;

/// What the handlers work with. Built once, outside the worker closure, and shared by all workers.
pub struct Services {
    /// Issues sessions.
    pub issuer: Arc<Issuer>,
    /// Refreshes them.
    pub refresher: Arc<Refresher>,
    /// Takes them back.
    pub revoker: Arc<Revoker>,
    /// Says what a token says.
    pub introspector: Arc<Introspector>,
    /// Verifies access tokens: those of callers, too.
    pub verifier: Arc<Verifier>,
    /// The key ring.
    pub keys: Arc<Keys>,
    /// Who may call.
    pub clients: Arc<ClientRegistry>,
    /// What tokens are like.
    pub tokens: Arc<TokenPolicy>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Where clients reach this service; no slash at the end. Never taken from a request.
    pub public_url: String,
    /// How long the JWKS may be cached.
    pub jwks_max_age: Duration,
    /// Whether requests should come here yet, or still.
    pub readiness: Arc<Readiness>,
    /// What verifiers follow.
    pub feed: Arc<Feed>,
    /// Its snapshot, compressed.
    pub encoded_snapshots: EncodedSnapshots,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Counts failed client authentication.
    pub gate: Gate,
    /// Answers proxies.
    pub forward_auth: Data<ForwardAuth<ThisNode>>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ProxyRange>,
}

impl Services {
    /// What is expected of an access token presented here.
    pub(crate) fn expected(&self, audience: AudienceRule) -> Expected {
        expected_of_access_tokens(&self.tokens, audience)
    }
}

/// What is expected of an access token of this issuer's.
pub(super) fn expected_of_access_tokens(tokens: &TokenPolicy, audience: AudienceRule) -> Expected {
    Expected {
        issuer: tokens.issuer.clone(),
        audience,
        typ: "at+jwt",
        leeway: tokens.leeway,
        max_lifetime: Some(tokens.longest_access_ttl),
        expiry: ExpiryRule::Enforced,
    }
}
