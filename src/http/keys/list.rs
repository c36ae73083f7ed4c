//! `GET /v1/keys`: the ring.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::KeyList;
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Authorised, KeysManage, Now};
use crate::http::openapi::ClientRefusals;
use crate::http::problem::Problem;

/// List keys
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", operation_id = "listKeys",
    security(("basic" = []), ("clientToken" = [])),
    responses((status = 200, description = "The key ring", body = KeyList), ClientRefusals)
)]
pub(crate) async fn list(
    _caller: Authorised<KeysManage>,
    services: Data<Services>,
    now: Now,
) -> Result<HttpResponse, Problem> {
    Ok(uncached(StatusCode::OK).json(KeyList::at(&services.keys.ring(), now.0)))
}
