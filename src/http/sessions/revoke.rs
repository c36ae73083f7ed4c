//! `DELETE /v1/sessions/{sid}`: an administrator ends a session.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use tracing::Instrument;

use crate::http::Services;
use crate::http::extract::{Authorised, Now, SessionsRevoke, SidInPath};
use crate::http::openapi::ClientRefusals;
use crate::http::problem::Problem;
use crate::http::revocations::{RevocationStatus, Wait, Waiting};
use crate::telemetry::audit;

/// Revoke a session
///
/// Ends one session, whether or not it exists: nothing is stored per session. 202: in force here, delivery to the other
/// nodes pending.
#[utoipa::path(
    delete, path = "/v1/sessions/{sid}", tag = "sessions", operation_id = "revokeSession",
    params(("sid" = String, Path, description = "The session: a UUIDv7 in lower case", pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", example = "019a6b3c-7f00-7abc-8def-0123456789ab"),
        ("wait" = Option<Wait>, Query, description = "Whom to wait for before answering"),
        ("timeout_ms" = Option<u32>, Query, description = "How long to wait at most, in milliseconds; 5,000 unless said otherwise", maximum = 60_000)),
    security(("basic" = []), ("clientToken" = [])),
    responses(
        (status = 200, description = "Durable", body = RevocationStatus),
        (status = 202, description = "In force here, delivery pending", body = RevocationStatus),
        ClientRefusals
    )
)]
pub(crate) async fn revoke(
    caller: Authorised<SessionsRevoke>,
    services: Data<Services>,
    now: Now,
    sid: SidInPath,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let waiting = Waiting::of_query(&services, request.query_string())?;
    let revoking = services.revoker.revoke_session(sid.0, None, now.0);
    let revoked = revoking.instrument(audit::asked_by(&caller.client.id)).await?;
    Ok(waiting.answer(revoked).await)
}
