//! `GET /metrics`: what Prometheus reads.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;

use super::Services;
use super::answer::uncached;
use crate::telemetry::Metrics;

/// Metrics
///
/// OpenMetrics text, for anyone who reaches this address: counts only, no names of clients, subjects or verifiers.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", operation_id = "metrics", security(()),
    responses((status = 200, description = "What has been counted", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
        example = "# HELP signet_denylist_entries Revocations in force in memory.\n# TYPE signet_denylist_entries gauge\nsignet_denylist_entries 3\n# EOF\n"))
)]
pub(crate) async fn metrics(services: Data<Services>) -> HttpResponse {
    let metrics = &services.metrics;
    metrics.verifiers_connected(services.feed.connected());
    metrics.denylist_entries(services.verifier.denylist().len());
    uncached(StatusCode::OK).content_type(Metrics::CONTENT_TYPE).body(metrics.encode())
}
