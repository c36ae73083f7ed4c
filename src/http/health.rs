//! `GET /livez`, `GET /readyz` and `GET /openapi.yaml`: for those who run the service.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use super::Services;
use super::answer::{public, uncached};
use super::openapi::NotReady;
use super::problem::Problem;
use super::routes::RouteError;

/// The contract, as committed.
pub(crate) const OPENAPI_YAML: &str = include_str!("../../openapi.yaml");

/// It changes with the program only.
const CONTRACT_MAX_AGE: Duration = Duration::from_mins(5);

/// How the service is.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({"status": "ready"})))]
pub(crate) struct Health {
    /// `live` or `ready`.
    #[schema(value_type = String, pattern = "^(live|ready)$")]
    status: &'static str,
}

/// Liveness
///
/// Answers while the process works at all; says nothing about the store.
#[utoipa::path(
    get, path = "/livez", tag = "operations", operation_id = "livez", security(()),
    responses((status = 200, description = "The process works", body = Health))
)]
pub(crate) async fn livez() -> HttpResponse {
    uncached(StatusCode::OK).json(Health { status: "live" })
}

/// Readiness
///
/// Whether requests should come to this node: keys and revocations are loaded, and it is not shutting down.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "readyz", security(()),
    responses((status = 200, description = "Requests are welcome", body = Health), NotReady)
)]
pub(crate) async fn readyz(services: Data<Services>) -> Result<HttpResponse, Problem> {
    let obstacles = services.readiness.obstacles();
    if !obstacles.is_empty() {
        return Err(RouteError::NotReady(obstacles.join("; ")).into());
    }
    Ok(uncached(StatusCode::OK).json(Health { status: "ready" }))
}

/// This document
#[utoipa::path(
    get, path = "/openapi.yaml", tag = "operations", operation_id = "openapi", security(()),
    responses((status = 200, description = "The contract", body = Object, content_type = "application/yaml"))
)]
pub(crate) async fn openapi_yaml() -> HttpResponse {
    public(StatusCode::OK, CONTRACT_MAX_AGE)
        .insert_header((CONTENT_TYPE, "application/yaml"))
        .body(OPENAPI_YAML)
}
