//! `GET /v1/revocations`: everything that an access token could still run into.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::FeedRefusal;
use super::negotiation::Coding;
use super::shared_body::SharedBody;
use crate::http::Services;
use crate::http::answer::revalidated;
use crate::http::entity_tag::is_known;
use crate::http::extract::{Authorised, Now, RevocationsRead};
use crate::http::openapi::{ClientRefusals, FeedSnapshot, NotAcceptable};
use crate::http::problem::Problem;
use crate::telemetry::SnapshotAnswer;

/// The revocations in force
///
/// What a verifier loads before it vouches for anything; `cursor` is where it goes on with the stream. The answer is
/// compressed with zstd or gzip as `Accept-Encoding` says.
#[utoipa::path(
    get, path = "/v1/revocations", tag = "revocations", operation_id = "revocations",
    params(("If-None-Match" = Option<String>, Header, description = "Entity tags of snapshots that the client has")),
    security(("basic" = []), ("clientToken" = [])),
    responses(
        (status = 200, description = "The snapshot", body = FeedSnapshot, content_type = "application/json", headers(
            ("ETag" = String), ("Signet-As-Of" = u64, description = "As in the snapshot"),
            ("Signet-Server-Time" = u64, description = "When this answer was made: not before the request was sent"),
            ("Content-Encoding" = String)
        )),
        (status = 304, description = "The client has it already: it is as fresh as the headers say", headers(
            ("ETag" = String), ("Signet-As-Of" = u64, description = "What was promised by then is in it"),
            ("Signet-Server-Time" = u64, description = "When this answer was made: not before the request was sent")
        )),
        ClientRefusals, NotAcceptable
    )
)]
pub(crate) async fn snapshot(
    _caller: Authorised<RevocationsRead>,
    services: Data<Services>,
    now: Now,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let snapshot = services.feed.snapshot(now.0).await.map_err(FeedRefusal::unavailable)?;
    let (status, counted) = if is_known(request.headers(), &snapshot.etag) {
        (StatusCode::NOT_MODIFIED, SnapshotAnswer::NotModified)
    } else {
        (StatusCode::OK, SnapshotAnswer::Full)
    };
    let mut builder = revalidated(status);
    builder
        .insert_header((VARY, "Accept-Encoding, Authorization"))
        .insert_header((ETAG, snapshot.etag.as_str()))
        .insert_header(("signet-as-of", snapshot.as_of.as_millis()))
        // Not the snapshot's own, which others may have asked for before this request was sent.
        .insert_header(("signet-server-time", now.0.as_millis()));
    if counted == SnapshotAnswer::NotModified {
        services.metrics.snapshot_served(counted);
        return Ok(builder.finish());
    }
    let coding = Coding::negotiate(request.headers()).ok_or(FeedRefusal::NotAcceptable)?;
    let body = services.encoded_snapshots.encode(&snapshot, coding).await?;
    if let Some(name) = coding.name() {
        builder.insert_header((CONTENT_ENCODING, name));
    }
    services.metrics.snapshot_served(counted);
    Ok(builder.insert_header((CONTENT_TYPE, "application/json")).body(SharedBody::new(body)))
}
