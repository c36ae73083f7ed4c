//! `POST /oauth2/token` (RFC 6749 §3.2): `client_credentials` and `refresh_token`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;
use signet_verifier::{Audience, ScopeTokens, UnixMs};
use utoipa::ToSchema;

use super::Services;
use super::answer::uncached;
use super::credentials::AccessError;
use super::error::ApiError;
use super::extract::{AnyClient, ClientForm, Now, Sender};
use super::form::Form;
use super::openapi::OAuthRefusals;
use super::problem::OAuthRefusal;
use crate::session::{Client, RefreshCaller, RefreshRequest, Seen, TokenPair};

/// What is wrong with an OAuth request beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GrantError {
    /// A `grant_type` that is not offered.
    #[error("grant_type: client_credentials or refresh_token")]
    Unsupported,
    /// A `scope` that is not one.
    #[error("scope: not a list of scope tokens")]
    Scope,
    /// A `resource` or `audience` that cannot be one.
    #[error("audience, resource: not usable")]
    Target,
    /// A `resource` or `audience` at refresh.
    #[error("audience, resource: the session's audience is fixed")]
    TargetFixed,
}

/// The parameters of the token endpoint. A repeated one is refused, except `resource` and `audience`; an empty one
/// counts as omitted, an unknown one is ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form is read parameter by parameter; this describes it")]
#[schema(examples(json!({"grant_type": "client_credentials", "scope": "read"})))]
pub(crate) struct TokenForm {
    /// `client_credentials` or `refresh_token`.
    #[schema(pattern = "^(client_credentials|refresh_token)$")]
    grant_type: String,
    /// With `refresh_token`: the newest refresh token of the session.
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// The scope wanted; at refresh, not more than the session's.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// With `client_credentials`: a service that is to take the token (RFC 8707); may repeat.
    #[schema(nullable = false)]
    resource: Option<Vec<String>>,
    /// The same, by name; may repeat.
    #[schema(nullable = false)]
    audience: Option<Vec<String>>,
    /// The client, unless HTTP Basic says so.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Its secret, unless HTTP Basic says so.
    #[schema(nullable = false)]
    client_secret: Option<String>,
}

/// A successful answer of the token endpoint (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln", "token_type": "Bearer",
    "expires_in": 293, "scope": "read"
})))]
pub(crate) struct TokenResponse {
    /// The access token: a JWT (RFC 9068).
    access_token: String,
    /// Always `Bearer`.
    #[schema(value_type = String, pattern = "^Bearer$")]
    token_type: &'static str,
    /// Seconds until it expires.
    expires_in: u64,
    /// The refresh token to use next; absent: the one presented stays good, or the grant has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Seconds until the refresh token expires unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_expires_in: Option<u64>,
    /// What the access token allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
}

/// Get a token
///
/// Confidential clients authenticate by HTTP Basic or in the form, one of the two; public clients name themselves by
/// `client_id` and have only the grant `refresh_token`.
#[utoipa::path(
    post, path = "/oauth2/token", tag = "oauth2", operation_id = "token",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security((), ("basic" = [])),
    responses((status = 200, description = "The token", body = TokenResponse), OAuthRefusals)
)]
pub(crate) async fn token(
    request: ClientForm<AnyClient>,
    sender: Sender,
    services: Data<Services>,
    now: Now,
) -> Result<HttpResponse, OAuthRefusal> {
    let ClientForm { client, form, .. } = request;
    let pair = match form.require("grant_type")? {
        "client_credentials" => client_credentials(&client, &form, &services, now.0)?,
        "refresh_token" => refresh_token(client, &form, sender.0, &services, now.0).await?,
        _ => return Err(GrantError::Unsupported.into()),
    };
    Ok(uncached(StatusCode::OK).json(TokenResponse::from(pair)))
}

fn client_credentials(
    client: &Client,
    form: &Form,
    services: &Services,
    now: UnixMs,
) -> Result<TokenPair, ApiError> {
    if !client.credential.is_confidential() {
        return Err(AccessError::PublicClient.into());
    }
    Ok(services.issuer.issue_to_client(client, audience(form)?, scope(form)?, now)?)
}

async fn refresh_token(
    client: Arc<Client>,
    form: &Form,
    seen: Seen,
    services: &Services,
    now: UnixMs,
) -> Result<TokenPair, ApiError> {
    // Ignoring it would give a token that is good for more than was asked for.
    if audience(form)?.is_some() {
        return Err(GrantError::TargetFixed.into());
    }
    let (token, scope) = (form.require("refresh_token")?, scope(form)?);
    let request = RefreshRequest { token, caller: RefreshCaller::Client(client), claims: None, scope, seen };
    Ok(services.refresher.refresh(request, now).await?)
}

fn scope(form: &Form) -> Result<Option<ScopeTokens>, GrantError> {
    form.get("scope").map(ScopeTokens::parse).transpose().map_err(|_| GrantError::Scope)
}

/// `resource` and `audience` mean the same here; one named twice counts once.
fn audience(form: &Form) -> Result<Option<Audience>, GrantError> {
    let mut wanted: Vec<&str> = Vec::new();
    for value in form.all("resource").chain(form.all("audience")) {
        if !wanted.contains(&value) {
            wanted.push(value);
        }
    }
    let given = !wanted.is_empty();
    given.then(|| Audience::new(wanted)).transpose().map_err(|_| GrantError::Target)
}

impl From<TokenPair> for TokenResponse {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: "Bearer",
            expires_in: pair.expires_in,
            refresh_token: pair.refresh_token,
            refresh_expires_in: pair.refresh_expires_in,
            scope: pair.scope.map(|scope| scope.as_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

    use super::*;

    fn form(body: &str) -> Form {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Form::parse(&headers, body.as_bytes()).ok().unwrap()
    }

    #[test]
    fn resource_and_audience_together_are_the_audience() {
        let wanted = audience(&form("resource=https%3A%2F%2Fa.example&audience=b&audience=b"));
        assert_eq!(wanted, Ok(Audience::new(["https://a.example", "b"]).ok()));
        assert_eq!(audience(&form("resource=&x=y")), Ok(None));
        assert_eq!(audience(&form("audience=a%0Ab")), Err(GrantError::Target));
    }

    #[test]
    fn a_scope_that_is_none_is_invalid_scope() {
        assert_eq!(scope(&form("scope=a%20b")), Ok(ScopeTokens::parse("a b").ok()));
        assert_eq!(scope(&form("scope=a%20%20b")), Err(GrantError::Scope));
        assert_eq!(scope(&form("scope=&x=y")), Ok(None));
    }
}
