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

use super::openapi::ProxyRefusals;
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
    move |config| {
        config.service(web::scope(prefix).app_data(forward_auth).default_service(web::to(ask::<A>)));
    }
}

/// Ask whether a request may pass
///
/// For proxies: nginx `auth_request`, Caddy `forward_auth`, Traefik `ForwardAuth`, Envoy `ext_authz`. Every method is answered
/// like this, and every path below this one. Nothing of the request matters but the profile, `Authorization` and, without
/// that, the cookie that the profile names; a body is not read. All `X-Auth-*` headers are in every answer, empty where
/// there is nothing to say.
#[utoipa::path(
    get, path = "/v1/forward-auth/{profile}", tag = "proxies", operation_id = "forwardAuth",
    params(("profile" = String, Path, description = "A profile of the configuration; `default` always exists",
        pattern = "^[A-Za-z0-9_-]{1,64}$", example = "default")),
    security((), ("accessToken" = [])),
    responses(
        (status = 200, description = "It may pass", headers(
            ("X-Auth-Subject" = String, description = "`sub`, percent-encoded where it is not visible ASCII"),
            ("X-Auth-Session" = String, description = "`sid`"),
            ("X-Auth-Scope" = String, description = "`scope`"),
            ("X-Auth-Claims" = String, description = "All claims: JSON in base64url"),
        )),
        ProxyRefusals
    )
)]
pub(crate) async fn ask<A: Authority>(
    request: HttpRequest,
    forward_auth: Data<ForwardAuth<A>>,
) -> HttpResponse {
    forward_auth.answer(request.match_info().unprocessed(), request.headers()).await
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
