//! `POST /v1/revocations/ack`: a verifier says how far it has come.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use signet_verifier::Acknowledgement;

use super::FeedRefusal;
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Authorised, RevocationsRead};
use crate::http::json::JsonBody;
use crate::http::openapi::{AcknowledgementBody, BodyRefusals, ClientRefusals, NotFound};
use crate::http::problem::Problem;

/// Acknowledge
///
/// Says that everything up to a place in the feed is in force in the verifier that has this stream, or that it vouches for
/// nothing any more. 404 (`unknown_stream`): the stream has ended, or belongs to another client; the cursor of the next
/// connection says the same.
#[utoipa::path(
    post, path = "/v1/revocations/ack", tag = "revocations", operation_id = "acknowledge",
    request_body = AcknowledgementBody,
    security(("basic" = []), ("clientToken" = [])),
    responses((status = 204, description = "Noted"), ClientRefusals, BodyRefusals, NotFound)
)]
pub(crate) async fn acknowledge(
    caller: Authorised<RevocationsRead>,
    services: Data<Services>,
    body: JsonBody<Acknowledgement>,
) -> Result<HttpResponse, Problem> {
    let (said, feed, client) = (body.0, &services.feed, &caller.client.id);
    let noted = if said.leaving {
        feed.leave(client, &said.stream_id)
    } else {
        feed.acknowledge(client, &said.stream_id, said.cursor.as_str())
    };
    noted.map_err(FeedRefusal::from)?;
    Ok(uncached(StatusCode::NO_CONTENT).finish())
}
