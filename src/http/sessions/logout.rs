//! `DELETE /v1/sessions/current`: the holder of a token ends its session.

use std::collections::BTreeMap;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Deserialize;
use signet_verifier::{AudienceRule, Effect, Scope, UnixMs};
use utoipa::ToSchema;

use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::credentials::AccessError;
use crate::http::error::ApiError;
use crate::http::extract::{Bearer, Now};
use crate::http::json::{BodyError, JsonBody};
use crate::http::openapi::{BodyRefusals, HolderRefusals};
use crate::http::problem::Problem;
use crate::session::{RefreshError, RevocationRequest};

/// The refresh token of the session to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"refresh_token": "sgr_AAEC"})))]
pub(crate) struct LogoutBody {
    /// Any refresh token of the session that has not expired.
    refresh_token: String,
}

/// Log out
///
/// Ends the session of the presented token: the access token in `Authorization` or, if there is no such header, the
/// refresh token in the body. A token without a session is itself revoked.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "sessions", operation_id = "logOut",
    request_body(content = LogoutBody, content_type = "application/json"),
    security((), ("accessToken" = [])),
    responses((status = 204, description = "The session has ended"), HolderRefusals, BodyRefusals)
)]
pub(crate) async fn logout(
    bearer: Bearer,
    services: Data<Services>,
    now: Now,
    request: HttpRequest,
    body: actix_web::web::Payload,
) -> Result<HttpResponse, Problem> {
    let scope = match bearer.0 {
        Some(token) => scope_of_access_token(&token, &services, now.0)?,
        None => scope_of_refresh_token(&request, &mut body.into_inner(), &services, now.0).await?,
    };
    let effect = Effect::Logout;
    let (claims, issued_before, reason, keep) = (BTreeMap::new(), None, None, None);
    let revocation = RevocationRequest { scope, effect, claims, issued_before, reason, keep };
    // Read again: the body may have taken its time, and what is refreshed meanwhile is revoked too.
    services.revoker.revoke(revocation, services.clock.now()).await?;
    Ok(uncached(StatusCode::NO_CONTENT).finish())
}

fn scope_of_access_token(token: &str, services: &Services, now: UnixMs) -> Result<Scope, ApiError> {
    let expected = services.expected(AudienceRule::Any);
    let verified = services.verifier.verify_at(token, &expected, now).map_err(AccessError::InvalidToken)?;
    let claims = verified.claims();
    Ok(claims.sid.map_or(Scope::Jti(claims.jti), Scope::Sid))
}

async fn scope_of_refresh_token(
    request: &HttpRequest,
    body: &mut Payload,
    services: &Services,
    now: UnixMs,
) -> Result<Scope, ApiError> {
    let body = JsonBody::<LogoutBody>::from_request(request, body).await.map_err(|Problem(error)| {
        // Nothing at all was presented: that is a matter of credentials, not of syntax.
        let nothing = matches!(error, ApiError::Body(BodyError::Empty));
        if nothing { ApiError::from(AccessError::NoToken) } else { error }
    })?;
    let scope = services.introspector.sealed_session(&body.0.refresh_token, now);
    scope.ok_or_else(|| RefreshError::Invalid.into())
}
