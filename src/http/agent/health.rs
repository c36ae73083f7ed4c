//! `GET /readyz` and `GET /metrics` of the agent.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::web::Data;
use actix_web::{HttpResponse, http::header::HeaderValue};
use serde::Serialize;
use signet_verifier::{StalenessPolicy, WhenStale};

use super::AgentServices;
use crate::http::answer::uncached;
use crate::http::error::ApiError;
use crate::http::problem::ProblemDocument;
use crate::http::routes::RouteError;
use crate::telemetry::{Metrics, VerifierState};

/// How the agent is.
#[derive(Serialize)]
struct Ready {
    status: &'static str,
    staleness_ms: u64,
}

/// A problem document that says how stale the agent is.
#[derive(Serialize)]
struct Unready {
    #[serde(flatten)]
    problem: ProblemDocument,
    /// Null: it has never known everything, or must learn it anew.
    staleness_ms: Option<u64>,
}

/// Whether the agent can vouch for tokens.
pub(crate) async fn readyz(services: Data<AgentServices>) -> HttpResponse {
    let verifier = &services.verifier;
    let has_keys = verifier.counters().key_fetches > 0;
    match readiness(verifier.staleness().filter(|_| has_keys), verifier.policy()) {
        Ok(ready) => uncached(StatusCode::OK).json(ready),
        Err(unready) => uncached(StatusCode::SERVICE_UNAVAILABLE)
            .insert_header((RETRY_AFTER, 1))
            .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/problem+json")))
            .json(unready),
    }
}

/// Past its bound an agent is not ready, unless it is to believe tokens all the same: then it is of as much use as before.
fn readiness(staleness: Option<Duration>, policy: &StalenessPolicy) -> Result<Ready, Unready> {
    let Some(known) = staleness else {
        return Err(Unready::because("keys and revocations are not loaded yet".into(), None));
    };
    let bound = policy.max_staleness;
    if known <= bound {
        return Ok(Ready { status: "ready", staleness_ms: millis(known) });
    }
    if policy.when_stale == WhenStale::Accept {
        return Ok(Ready { status: "stale", staleness_ms: millis(known) });
    }
    let detail = format!(
        "the last word on revocations is {} ms old, and the bound is {} ms",
        known.as_millis(),
        bound.as_millis()
    );
    Err(Unready::because(detail, Some(known)))
}

impl Unready {
    fn because(obstacle: String, staleness: Option<Duration>) -> Self {
        let error = ApiError::from(RouteError::NotReady(obstacle));
        Self { problem: ProblemDocument::of(&error), staleness_ms: staleness.map(millis) }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the agent has been through, for Prometheus.
pub(crate) async fn metrics(services: Data<AgentServices>) -> HttpResponse {
    let verifier = &services.verifier;
    let state = VerifierState {
        counters: verifier.counters(),
        staleness: verifier.staleness(),
        denylist_entries: verifier.denylist_len(),
    };
    uncached(StatusCode::OK).insert_header((CONTENT_TYPE, Metrics::CONTENT_TYPE)).body(state.encode())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Status and body of a verifier that is so stale, with a bound of ten seconds.
    fn seen(staleness: Option<u64>, when_stale: WhenStale) -> (bool, Value) {
        let policy = StalenessPolicy { max_staleness: Duration::from_secs(10), when_stale };
        match readiness(staleness.map(Duration::from_millis), &policy) {
            Ok(ready) => (true, serde_json::to_value(ready).unwrap()),
            Err(unready) => (false, serde_json::to_value(unready).unwrap()),
        }
    }

    #[test]
    fn an_agent_is_ready_up_to_its_bound() {
        assert_eq!(seen(Some(0), WhenStale::Refuse).1, json!({"status": "ready", "staleness_ms": 0}));
        assert!(seen(Some(10_000), WhenStale::Refuse).0);
        let (ready, body) = seen(Some(10_001), WhenStale::Refuse);
        assert!(!ready);
        assert_eq!((&body["code"], &body["staleness_ms"]), (&json!("not_ready"), &json!(10_001)));
    }

    #[test]
    fn an_agent_that_has_never_known_everything_is_not_ready_whatever_its_policy() {
        for policy in [WhenStale::Refuse, WhenStale::Introspect, WhenStale::Accept] {
            let (ready, body) = seen(None, policy);
            assert!(!ready);
            assert_eq!((&body["status"], &body["staleness_ms"]), (&json!(503), &Value::Null));
        }
    }

    #[test]
    fn past_the_bound_only_who_believes_tokens_all_the_same_stays_ready() {
        assert!(!seen(Some(10_001), WhenStale::Introspect).0);
        assert!(!seen(Some(10_001), WhenStale::AcceptYoungerThan(Duration::from_secs(1))).0);
        let (ready, body) = seen(Some(10_001), WhenStale::Accept);
        assert!(ready);
        assert_eq!(body["status"], "stale");
    }
}
