//! What answers have in common.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, PRAGMA, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpResponse, HttpResponseBuilder};

use signet_verifier::UnixMs;

/// An answer that no cache may keep: it holds tokens, speaks of them, or is true only now (RFC 6749 §5.1).
pub(crate) fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    plain(&mut builder);
    builder
}

/// An answer that anyone may read, from any web page, and that caches may keep so long.
pub(crate) fn public(status: StatusCode, max_age: Duration) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((CACHE_CONTROL, format!("public, max-age={}", max_age.as_secs())))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    plain(&mut builder);
    builder
}

/// An answer to one client, which it may keep, and must ask about before each use.
pub(crate) fn revalidated(status: StatusCode) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((CACHE_CONTROL, "private, no-cache"));
    plain(&mut builder);
    builder
}

/// No browser takes it for anything else than its `Content-Type` says.
fn plain(builder: &mut HttpResponseBuilder) {
    builder.insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(at: UnixMs) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let time =
        chrono::DateTime::from_timestamp_millis(millis).unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(UnixMs::from_millis(1_795_000_000_123)), "2026-11-18T11:06:40.123Z");
        assert!(rfc3339(UnixMs::from_millis(u64::MAX)).ends_with('Z'));
    }
}
