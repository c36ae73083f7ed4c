//! `POST /v1/keys/{kid}/revoke`: a key is compromised.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use signet_verifier::Reason;
use tracing::Instrument;
use utoipa::ToSchema;

use super::{change, record};
use crate::http::Services;
use crate::http::extract::{Authorised, KeysManage, KidInPath, Now};
use crate::http::json::JsonBody;
use crate::http::openapi::{BodyRefusals, ClientRefusals, NotFound};
use crate::http::problem::Problem;
use crate::http::revocations::{RevocationStatus, TimeoutMs, Wait, Waiting};
use crate::telemetry::audit;

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"reason": "found in a backup"})))]
pub(crate) struct RevokeKeyBody {
    /// Why, for the record.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: Option<Reason>,
    /// Whom to wait for before answering.
    #[serde(default)]
    wait: Wait,
    /// How long to wait at most, in milliseconds; 5,000 unless said otherwise.
    #[schema(value_type = Option<u32>, maximum = 60_000)]
    timeout_ms: Option<TimeoutMs>,
}

/// Revoke a compromised key
///
/// The key leaves the JWKS at once, its standby is promoted, and every follower of the feed refuses its tokens.
#[utoipa::path(
    post, path = "/v1/keys/{kid}/revoke", tag = "keys", operation_id = "revokeKey",
    params(("kid" = String, Path, description = "The key", min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_-]+$", example = "Kp0Jc1m8mDqB5x1mFZz0mC8m0r0m6q0kz1m0n9bX2aE")),
    request_body = RevokeKeyBody,
    security(("basic" = []), ("clientToken" = [])),
    responses(
        (status = 200, description = "Durable", body = RevocationStatus),
        (status = 202, description = "In force here, delivery pending", body = RevocationStatus),
        ClientRefusals, BodyRefusals, NotFound
    )
)]
pub(crate) async fn revoke(
    caller: Authorised<KeysManage>,
    services: Data<Services>,
    now: Now,
    kid: KidInPath,
    body: JsonBody<RevokeKeyBody>,
) -> Result<HttpResponse, Problem> {
    let (keys, id) = (Arc::clone(&services.keys), kid.0.clone());
    // The ring first: while the cutoff spreads, nothing new is signed with the key.
    change(move || keys.compromise(&id, now.0)).await?;
    let client = &caller.client.id;
    record(client, Some(&kid.0), "compromise", &[]);
    let body = body.0;
    let waiting = Waiting::begin(&services, body.wait, body.timeout_ms);
    let revoking = services.revoker.revoke_key(&kid.0, body.reason, now.0);
    let revoked = revoking.instrument(audit::asked_by(client)).await?;
    Ok(waiting.answer(revoked).await)
}
