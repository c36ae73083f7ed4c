//! `POST /v1/keys/import`: a key made elsewhere.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Deserialize;
use signet_verifier::Algorithm;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{KeyList, change, record};
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Authorised, KeysManage, Now};
use crate::http::json::JsonBody;
use crate::http::openapi::{BodyRefusals, ClientRefusals, Conflict};
use crate::http::problem::Problem;
use crate::keys::SigningKey;

/// A private key. Does not print.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// PKCS#8 PEM (RFC 7468 §10).
    private_key_pem: String,
    /// Its algorithm, where the key itself leaves a choice: an RSA key is RS256 unless this says PS256.
    #[schema(schema_with = crate::http::openapi::algorithm)]
    alg: Option<Algorithm>,
}

/// Import a signing key
///
/// Takes the key in as the next standby of its algorithm.
#[utoipa::path(
    post, path = "/v1/keys/import", tag = "keys", operation_id = "importKey",
    request_body = ImportBody,
    security(("basic" = []), ("clientToken" = [])),
    responses((status = 201, description = "The key ring", body = KeyList), ClientRefusals, BodyRefusals, Conflict)
)]
pub(crate) async fn import(
    caller: Authorised<KeysManage>,
    services: Data<Services>,
    now: Now,
    body: JsonBody<ImportBody>,
) -> Result<HttpResponse, Problem> {
    let (keys, ImportBody { private_key_pem, alg }) = (Arc::clone(&services.keys), body.0);
    let pem = Zeroizing::new(private_key_pem);
    let entry = change(move || keys.import(SigningKey::from_pkcs8_pem(&pem, alg)?, now.0)).await?;
    record(&caller.client.id, Some(&entry.kid), "import", &[]);
    Ok(uncached(StatusCode::CREATED).json(KeyList::at(&services.keys.ring(), now.0)))
}
