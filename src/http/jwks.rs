//! `GET /.well-known/jwks.json` (RFC 7517 §5): the public keys, with everything that a cache needs.
//!
//! `max-age` is a promise about emergencies: a revoked key is gone from every cache when it has passed. Nothing here lets
//! a cache go past it (no `stale-while-revalidate`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::Services;
use super::answer::public;
use super::entity_tag::is_known;

/// The public keys.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made in the keys room; this describes it")]
pub(crate) struct Jwks {
    /// JWKs (RFC 7517): `kty`, its parameters, `kid`, `use` and `alg`.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<()>,
}

/// Public keys
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "metadata", operation_id = "jwks", security(()),
    params(("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The keys that verify access tokens", body = Jwks, content_type = "application/json",
            headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304, description = "The client has them already")
    )
)]
pub(crate) async fn jwks(request: HttpRequest, services: Data<Services>) -> HttpResponse {
    let published = services.keys.jwks();
    let known = is_known(request.headers(), &published.etag);
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut builder = public(status, services.jwks_max_age);
    builder.insert_header((ETAG, published.etag.as_str()));
    if known {
        return builder.finish();
    }
    builder.insert_header((CONTENT_TYPE, "application/json")).body(published.body.clone())
}
