//! `POST /oauth2/revoke` (RFC 7009): a client takes back a token of its own.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use signet_verifier::Effect;
use tracing::Instrument;

use super::Services;
use super::answer::uncached;
use super::extract::{AnyClient, ClientForm};
use super::introspection::TokenInQuestion;
use super::openapi::OAuthRefusals;
use super::problem::OAuthRefusal;
use crate::session::RevocationRequest;
use crate::telemetry::audit;

/// Revoke a token
///
/// A refresh token takes its session along. Tokens that are unknown, invalid or another client's are answered alike.
/// 503: the token is still good, try again.
#[utoipa::path(
    post, path = "/oauth2/revoke", tag = "oauth2", operation_id = "revokeToken",
    request_body(content = TokenInQuestion, content_type = "application/x-www-form-urlencoded"),
    security((), ("basic" = [])),
    responses((status = 200, description = "It is no longer good, if it ever was"), OAuthRefusals)
)]
pub(crate) async fn revoke(
    request: ClientForm<AnyClient>,
    services: Data<Services>,
) -> Result<HttpResponse, OAuthRefusal> {
    // Read once the form is here, which may take its time: what is refreshed meanwhile is revoked too.
    let now = services.clock.now();
    let token = request.form.require("token")?;
    if let Some(scope) = services.introspector.revocable(token, &request.client, now) {
        let effect = Effect::Logout;
        let (claims, issued_before, reason, keep) = (BTreeMap::new(), None, None, None);
        let revocation = RevocationRequest { scope, effect, claims, issued_before, reason, keep };
        let revoking = services.revoker.revoke(revocation, now);
        revoking.instrument(audit::asked_by(&request.client.id)).await?;
    }
    Ok(uncached(StatusCode::OK).finish())
}
