//! The only room that knows the web server: routes, extractors, wire types, and the one table of refusals.
//!
//! A request falls through [`routes`] to one handler per file. What a handler needs is in its signature: who asks and
//! whether they may (`Authorised<P>`, `ClientForm<A>`, `Presenter`, `Bearer`), what they ask (`JsonBody<T>`, a form), and
//! when (`Now`). What it refuses is a domain error; `error.rs` alone knows which status that is.

mod answer;
mod credentials;
mod error;
mod extract;
mod form;
mod gate;
mod health;
mod introspection;
mod json;
mod jwks;
mod keys;
mod metadata;
mod openapi;
mod peer;
mod problem;
mod readiness;
mod revocation;
mod revocations;
mod routes;
mod row;
mod sessions;
mod token;

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{AudienceRule, Clock, Expected, ExpiryRule, Verifier};

use crate::keys::Keys;
use crate::session::{ClientRegistry, Introspector, Issuer, Refresher, Revoker, TokenPolicy};

pub use gate::Gate;
pub use openapi::openapi;
pub use peer::{ProxyRange, ProxyRangeError};
pub use readiness::{Readiness, Requirement};
pub use routes::routes;

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
    /// Counts failed client authentication.
    pub gate: Gate,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ProxyRange>,
}

impl Services {
    /// What is expected of an access token presented here.
    fn expected(&self, audience: AudienceRule) -> Expected {
        Expected {
            issuer: self.tokens.issuer.clone(),
            audience,
            typ: "at+jwt",
            leeway: self.tokens.leeway,
            max_lifetime: Some(self.tokens.longest_access_ttl),
            expiry: ExpiryRule::Enforced,
        }
    }
}
