//! `POST /v1/sessions/refresh`: the next tokens of a session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::SessionTokens;
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Now, Presenter, Sender};
use crate::http::json::JsonBody;
use crate::http::openapi::{BodyRefusals, ClientRefusals};
use crate::http::problem::Problem;
use crate::session::{CustomClaims, RefreshRequest};

/// A refresh token, and what is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"refresh_token": "sgr_AAEC"})))]
pub(crate) struct RefreshBody {
    /// The newest refresh token of the session.
    refresh_token: String,
    /// New custom claims, each replaced whole, null taking it away. Only from a client with `sessions:issue`.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
}

/// Refresh a session
///
/// Without `Authorization` the holder of the token asks; with it, the client. `rotated` false means: keep the refresh
/// token that you have. A 401 tells by its `code` whether the session was revoked, has expired or was copied.
#[utoipa::path(
    post, path = "/v1/sessions/refresh", tag = "sessions", operation_id = "refreshSession",
    request_body = RefreshBody,
    security((), ("basic" = []), ("clientToken" = [])),
    responses((status = 200, description = "The session's next tokens", body = SessionTokens), ClientRefusals, BodyRefusals)
)]
pub(crate) async fn refresh(
    presenter: Presenter,
    sender: Sender,
    services: Data<Services>,
    now: Now,
    body: JsonBody<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let RefreshBody { refresh_token, claims } = body.0;
    let request = RefreshRequest {
        token: &refresh_token,
        caller: presenter.0,
        claims: claims.map(CustomClaims::new).transpose()?,
        scope: None,
        seen: sender.0,
    };
    let pair = services.refresher.refresh(request, now.0).await?;
    Ok(uncached(StatusCode::OK).json(SessionTokens::from(pair)))
}
