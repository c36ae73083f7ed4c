//! `POST /oauth2/introspect` (RFC 7662): what a token says, if it is believed now.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use utoipa::ToSchema;

use super::Services;
use super::answer::uncached;
use super::extract::{ClientForm, Confidential, Now};
use super::openapi::OAuthRefusals;
use super::problem::OAuthRefusal;

/// The parameters of the introspection and the revocation endpoint.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the form is read parameter by parameter; this describes it")]
#[schema(examples(json!({"token": "sgr_AAEC"})))]
pub(crate) struct TokenInQuestion {
    /// An access token or a refresh token.
    #[schema(min_length = 1)]
    token: String,
    /// Only a hint, and not needed: the two kinds of tokens cannot be mistaken for each other.
    #[schema(nullable = false)]
    token_type_hint: Option<String>,
    /// The client, unless HTTP Basic says so.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Its secret, unless HTTP Basic says so.
    #[schema(nullable = false)]
    client_secret: Option<String>,
}

/// What a token says. Of one that is not believed, for whatever reason, exactly `{"active":false}`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the answer is made in the session room; this describes it")]
#[schema(examples(json!({"active": false})))]
pub(crate) struct Introspection {
    /// Whether the token is believed now.
    active: bool,
    /// `Bearer` or `refresh_token`.
    #[schema(nullable = false)]
    token_type: Option<String>,
    /// What it allows.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// Which client asked for it.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Whom it is for.
    #[schema(nullable = false)]
    sub: Option<String>,
    /// Which services may take it.
    #[schema(schema_with = super::openapi::audience)]
    aud: Option<String>,
    /// Who issued it.
    #[schema(nullable = false)]
    iss: Option<String>,
    /// When it expires, in seconds since the epoch.
    #[schema(nullable = false)]
    exp: Option<u64>,
    /// When it was issued, in seconds since the epoch.
    #[schema(nullable = false)]
    iat: Option<u64>,
    /// Its name.
    #[schema(nullable = false)]
    jti: Option<String>,
    /// Its session.
    #[schema(nullable = false)]
    sid: Option<String>,
}

/// Introspect a token
#[utoipa::path(
    post, path = "/oauth2/introspect", tag = "oauth2", operation_id = "introspect",
    request_body(content = TokenInQuestion, content_type = "application/x-www-form-urlencoded"),
    security((), ("basic" = [])),
    responses((status = 200, description = "What it says", body = Introspection), OAuthRefusals)
)]
pub(crate) async fn introspect(
    request: ClientForm<Confidential>,
    services: Data<Services>,
    now: Now,
) -> Result<HttpResponse, OAuthRefusal> {
    let token = request.form.require("token")?;
    let answer = services.introspector.introspect(token, &request.client, now.0);
    Ok(uncached(StatusCode::OK).json(answer))
}
