//! `POST /v1/keys/rotate`: the next keys.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Deserialize;
use signet_verifier::Algorithm;
use utoipa::ToSchema;

use super::{KeyList, change, record};
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Authorised, KeysManage, Now};
use crate::http::json::JsonBody;
use crate::http::openapi::{BodyRefusals, ClientRefusals, Conflict};
use crate::http::problem::Problem;
use crate::keys::Activate;

/// Which keys, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"alg": "ES256", "activate": "scheduled"})))]
pub(crate) struct RotateBody {
    /// One algorithm; omitted: all keys, the sealing key included.
    #[schema(schema_with = crate::http::openapi::algorithm)]
    alg: Option<Algorithm>,
    /// Whether to keep the publish-ahead time.
    #[serde(default)]
    activate: ActivateBody,
}

/// When a rotation takes effect.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ActivateBody {
    /// The standby signs after the publish-ahead time.
    #[default]
    Scheduled,
    /// The standby, long published, signs at once.
    Now,
}

/// Rotate keys
#[utoipa::path(
    post, path = "/v1/keys/rotate", tag = "keys", operation_id = "rotateKeys",
    request_body = RotateBody,
    security(("basic" = []), ("clientToken" = [])),
    responses((status = 200, description = "The key ring", body = KeyList), ClientRefusals, BodyRefusals, Conflict)
)]
pub(crate) async fn rotate(
    caller: Authorised<KeysManage>,
    services: Data<Services>,
    now: Now,
    body: JsonBody<RotateBody>,
) -> Result<HttpResponse, Problem> {
    let (keys, RotateBody { alg, activate }) = (Arc::clone(&services.keys), body.0);
    let activate = match activate {
        ActivateBody::Scheduled => Activate::Scheduled,
        ActivateBody::Now => Activate::Now,
    };
    let steps = change(move || keys.rotate(alg, activate, now.0)).await?;
    record(&caller.client.id, None, "rotate", &steps);
    Ok(uncached(StatusCode::OK).json(KeyList::at(&services.keys.ring(), now.0)))
}
