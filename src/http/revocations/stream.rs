//! `GET /v1/revocations/stream`: what is revoked, as it happens.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use signet_verifier::{ClientId, Cursor};

use super::FeedRefusal;
use super::event_stream::EventStream;
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::extract::{Authorised, Now, RevocationsRead};
use crate::http::json::BodyError;
use crate::http::openapi::ClientRefusals;
use crate::http::problem::Problem;
use crate::http::query::{Query, digits};
use crate::revocation::{Subscriber, VerifierId};

/// How long a verifier vouches without news unless it says so.
const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(30);
/// The most that it may say: a day.
const LARGEST_MAX_STALENESS_MS: u32 = 86_400_000;
/// The longest name of a verifier, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// Follow the revocations
///
/// Server-sent events: `hello` first, `revocations` when something is taken back, `heartbeat` every five seconds, `reset` if
/// the place cannot be served. The stream goes on until one of the two sides ends it.
#[utoipa::path(
    get, path = "/v1/revocations/stream", tag = "revocations", operation_id = "followRevocations",
    params(
        ("cursor" = Option<String>, Query, description = "Go on after this place; without one, from now", min_length = 1, max_length = 128, pattern = "^[!-~]+$"),
        ("verifier" = Option<String>, Query, description = "Who listens: unique to the process, the same across its reconnects", min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$"),
        ("max_staleness_ms" = Option<u32>, Query, description = "How long this verifier vouches without news (default 30000)", maximum = 86_400_000),
        ("Last-Event-ID" = Option<String>, Header, description = "The same as `cursor`, and wins", min_length = 1, max_length = 128, pattern = "^[!-~]+$")
    ),
    security(("basic" = []), ("clientToken" = [])),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream",
            example = "id: q83vEjRWeJoAAAAAAAAAKpw\nevent: heartbeat\ndata: {\"cursor\":\"q83vEjRWeJoAAAAAAAAAKpw\",\"as_of\":1795262400250,\"server_time\":1795262400251}\n\n"),
        ClientRefusals
    )
)]
pub(crate) async fn follow(
    caller: Authorised<RevocationsRead>,
    services: Data<Services>,
    now: Now,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let subscriber = subscriber(&caller.client.id, request.query_string(), request.headers())?;
    let metrics = Arc::clone(&services.metrics);
    let body = if request.method() == Method::HEAD {
        // What a stream would answer with, and nobody who listens.
        EventStream::over(metrics)
    } else {
        let opened = services.feed.subscribe(subscriber, now.0).await;
        EventStream::of(opened.map_err(FeedRefusal::unavailable)?, metrics)
    };
    let mut builder = uncached(StatusCode::OK);
    // nginx would keep events back until it has a bufferful of them.
    builder.insert_header(("x-accel-buffering", "no")).content_type("text/event-stream");
    Ok(builder.body(body))
}

/// Who listens, and from where.
fn subscriber(client: &ClientId, query: &str, headers: &HeaderMap) -> Result<Subscriber, BodyError> {
    let query = Query::parse(query, &["cursor", "verifier", "max_staleness_ms"])?;
    let from_query = query.get("cursor").map(|text| cursor("cursor", text)).transpose()?;
    let cursor = last_event_id(headers)?.or(from_query);
    let name = query.get("verifier").map(name).transpose()?;
    let max_staleness = query.get("max_staleness_ms").map(max_staleness).transpose()?;
    Ok(Subscriber {
        verifier: VerifierId { client: client.clone(), name },
        cursor: cursor.map(|cursor| cursor.as_str().to_owned()),
        max_staleness: max_staleness.unwrap_or(DEFAULT_MAX_STALENESS),
    })
}

/// Where a reconnecting reader was (WHATWG HTML §9.2.4).
fn last_event_id(headers: &HeaderMap) -> Result<Option<Cursor>, BodyError> {
    const NAME: &str = "Last-Event-ID";
    let mut lines = headers.get_all(NAME);
    let first = lines.next();
    if lines.next().is_some() {
        return Err(BodyError::Repeated(NAME));
    }
    first.map(|line| cursor(NAME, line.to_str().unwrap_or_default())).transpose()
}

fn cursor(parameter: &str, text: &str) -> Result<Cursor, BodyError> {
    Cursor::parse(text).ok_or_else(|| BodyError::invalid(parameter, "1 to 128 visible ASCII characters"))
}

fn name(text: &str) -> Result<Arc<str>, BodyError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let valid = plain && (1..=MAX_NAME_BYTES).contains(&text.len());
    let invalid = || BodyError::invalid("verifier", "1 to 64 characters of A-Z a-z 0-9 . _ -");
    valid.then(|| text.into()).ok_or_else(invalid)
}

fn max_staleness(text: &str) -> Result<Duration, BodyError> {
    let millis = digits(text).filter(|millis| *millis <= LARGEST_MAX_STALENESS_MS);
    let invalid = || BodyError::invalid("max_staleness_ms", "a whole number, at most 86400000");
    millis.map(|millis| Duration::from_millis(millis.into())).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn read(query: &str, last_event_ids: &[&str]) -> Result<Subscriber, String> {
        let request = last_event_ids
            .iter()
            .fold(TestRequest::default(), |request, id| request.append_header(("Last-Event-ID", *id)));
        let client = ClientId::parse("app").unwrap();
        subscriber(&client, query, request.to_http_request().headers()).map_err(|error| error.to_string())
    }

    fn refusal(query: &str, last_event_ids: &[&str]) -> String {
        read(query, last_event_ids).unwrap_err()
    }

    #[test]
    fn a_stream_without_parameters_begins_now_for_a_verifier_without_a_name() {
        let subscriber = read("", &[]).unwrap();
        assert_eq!((subscriber.cursor, subscriber.verifier.name), (None, None));
        assert_eq!(subscriber.max_staleness, Duration::from_secs(30));
    }

    #[test]
    fn parameters_are_read_and_the_header_wins() {
        let subscriber = read("cursor=a&verifier=orders-7.f_9&max_staleness_ms=86400000", &[]).unwrap();
        assert_eq!(subscriber.cursor.as_deref(), Some("a"));
        assert_eq!(subscriber.verifier.name.as_deref(), Some("orders-7.f_9"));
        assert_eq!(subscriber.max_staleness, Duration::from_hours(24));
        assert_eq!(read("cursor=a", &["b"]).unwrap().cursor.as_deref(), Some("b"));
        assert_eq!(read("max_staleness_ms=0", &[]).unwrap().max_staleness, Duration::ZERO);
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        let long = "a".repeat(129);
        for (query, name) in [
            ("cursor=", "cursor"),
            ("cursor", "cursor"),
            ("cursor=a%20b", "cursor"),
            ("cursor=a+b", "cursor"),
            ("cursor=%ff", "cursor"),
            ("cursor=a%0ab", "cursor"),
            (&format!("cursor={long}"), "cursor"),
            ("verifier=", "verifier"),
            ("verifier=a%2Fb", "verifier"),
            (&format!("verifier={}", &long[..65]), "verifier"),
            ("max_staleness_ms=86400001", "max_staleness_ms"),
            ("max_staleness_ms=-1", "max_staleness_ms"),
            ("max_staleness_ms=", "max_staleness_ms"),
            ("max_staleness=1", "max_staleness"),
            ("cursor=a&cursor=a", "cursor"),
        ] {
            assert!(
                refusal(query, &[]).starts_with(&format!("{name}: ")),
                "{query}: {}",
                refusal(query, &[])
            );
        }
        assert!(refusal("cursor=a%20b", &["fine"]).starts_with("cursor: "), "also where it does not count");
        for ids in [&[""] as &[&str], &["a b"], &["a", "a"], &[&long]] {
            assert!(refusal("cursor=fine", ids).starts_with("Last-Event-ID: "), "{ids:?}");
        }
    }
}
