//! Forward-auth: a proxy asks about each request, and gets 200 with what the token says, or a refusal.
//!
//! nginx's `auth_request`, Caddy's `forward_auth`, Traefik's `ForwardAuth` and Envoy's `ext_authz` differ in method, path and
//! headers of what they ask. So nothing of a question matters but the profile in its path, `Authorization`, and the
//! profile's cookie; what the profile requires stands in the configuration. Every answer has all of the `X-Auth-*` headers,
//! empty where there is nothing to say, so that a proxy which copies them overwrites what a client sent.
//!
//! Who verifies is an [`Authority`]: this node, or in the sidecar a verifier that follows one. Both mount the same handler:
//!
//! ```text
//! let forward_auth = Data::new(ForwardAuth::new(authority, profiles));      // once
//! App::new().configure(mount("/forward-auth", forward_auth.clone()))        // in each worker
//! ```

mod answer;
mod authority;
mod refusal;
mod this_node;
mod token;

use std::collections::HashMap;

use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use signet_verifier::{Claims, ScopeTokens};

pub use authority::Authority;
pub(crate) use refusal::ForwardAuthError;
pub use this_node::ThisNode;

use crate::session::{CookieName, ForwardAuthProfile, ProfileName};

/// The profiles, and who verifies for them. Built once, outside the worker closure.
pub struct ForwardAuth<A: Authority> {
    authority: A,
    profiles: HashMap<ProfileName, Requirement<A::Expected>>,
}

/// What a profile requires, as it is needed for each request.
struct Requirement<E> {
    expected: E,
    scopes: Option<RequiredScopes>,
    cookie: Option<CookieName>,
}

struct RequiredScopes {
    scopes: ScopeTokens,
    /// `WWW-Authenticate` for whoever lacks one of them (RFC 6750 §3).
    challenge: HeaderValue,
}

/// Mounts the endpoint: `{prefix}/{profile}` and everything below it, any method.
pub fn mount<A: Authority>(
    prefix: &'static str,
    forward_auth: Data<ForwardAuth<A>>,
) -> impl FnOnce(&mut ServiceConfig) {
    let ask = move |request: HttpRequest| {
        let forward_auth = forward_auth.clone();
        // The body, if there is one, is nobody's business: it is not even read.
        async move { forward_auth.answer(request.match_info().unprocessed(), request.headers()).await }
    };
    move |config| {
        config.service(web::scope(prefix).default_service(web::to(ask)));
    }
}

impl<A: Authority> ForwardAuth<A> {
    /// Answers for these profiles; of two with one name for the later.
    pub fn new(authority: A, profiles: impl IntoIterator<Item = ForwardAuthProfile>) -> Self {
        let prepare = |profile: ForwardAuthProfile| {
            let expected = authority.expects(profile.audience.as_ref());
            let scopes = profile.scopes.map(RequiredScopes::new);
            (profile.name, Requirement { expected, scopes, cookie: profile.cookie })
        };
        let profiles = profiles.into_iter().map(prepare).collect();
        Self { authority, profiles }
    }

    /// Decides about a request with these headers; `rest` is what its path has after the prefix.
    async fn answer(&self, rest: &str, headers: &HeaderMap) -> HttpResponse {
        self.decide(rest, headers).await.unwrap_or_else(answer::refused)
    }

    async fn decide(&self, rest: &str, headers: &HeaderMap) -> Result<HttpResponse, ForwardAuthError> {
        let required = self.profiles.get(profile_in(rest)).ok_or(ForwardAuthError::UnknownProfile)?;
        let token = token::presented(headers, required.cookie.as_ref())?;
        let verified = self.authority.verify(token, &required.expected).await?;
        required.check_scope(verified.claims())?;
        Ok(answer::allowed(token, verified.claims())?)
    }
}

impl<E> Requirement<E> {
    fn check_scope(&self, claims: &Claims) -> Result<(), ForwardAuthError> {
        let Some(required) = &self.scopes else { return Ok(()) };
        if claims.scope.as_ref().is_some_and(|scope| required.scopes.is_within(scope)) {
            return Ok(());
        }
        Err(ForwardAuthError::InsufficientScope {
            needed: required.scopes.clone(),
            challenge: required.challenge.clone(),
        })
    }
}

/// The segment after the prefix. What follows it is the path of the client's own request, where a proxy appends it.
fn profile_in(rest: &str) -> &str {
    let rest = rest.strip_prefix('/').unwrap_or_default();
    rest.split_once('/').map_or(rest, |(profile, _)| profile)
}
