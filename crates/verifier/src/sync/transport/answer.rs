//! Answers of the service: their status, what of their headers is of use, and bodies that are read no further than allowed.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode};

use crate::UnixMs;
use crate::feed::{EventReader, FeedError, Frame};

/// How long a body may stand still.
const STALL: Duration = Duration::from_secs(10);
/// How long keys are good for where the answer does not say.
const DEFAULT_MAX_AGE: Duration = Duration::from_mins(5);
const SHORTEST_MAX_AGE: Duration = Duration::from_secs(10);
const LONGEST_MAX_AGE: Duration = Duration::from_hours(1);

/// Why the service could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::sync) enum TransportError {
    /// No connection, or one that broke.
    #[error("{0}")]
    Unreachable(String),
    /// 401 or 403.
    #[error("the answer is {0}")]
    Refused(StatusCode),
    /// Another status than the one asked for.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// Not what it should be.
    #[error("{0}")]
    Malformed(&'static str),
    /// A part of the feed that is not taken.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Metadata of another issuer.
    #[error("the metadata is that of {0}")]
    Issuer(String),
    /// More than is read.
    #[error("the answer is too large")]
    TooLarge,
}

impl TransportError {
    pub(super) fn slow() -> Self {
        Self::Unreachable("the answer took too long".to_owned())
    }

    /// Nothing came for longer than was promised.
    pub(in crate::sync) fn silent() -> Self {
        Self::Unreachable("the stream fell silent".to_owned())
    }

    /// Whether no waiting would mend it.
    pub(in crate::sync) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Issuer(_) | Self::Feed(FeedError::Version(_)))
    }

    /// Whether the service finds fault with what was asked, and not with who asks or when.
    pub(in crate::sync) fn blames_the_request(&self) -> bool {
        let Self::Status(status) = self else { return false };
        let comes_right = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        status.is_client_error() && !comes_right.contains(status)
    }
}

impl From<&reqwest::Error> for TransportError {
    fn from(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::slow();
        }
        if error.is_decode() {
            return Self::Malformed("the answer cannot be decompressed");
        }
        Self::Unreachable(in_words(error))
    }
}

/// The whole chain in one line: reqwest's own first line says only that something went wrong. It names neither headers nor
/// bodies; URLs are left to those who know whether they may be shown.
pub(super) fn in_words(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause: &&dyn Error| (*cause).source());
    let words: Vec<String> = causes.map(ToString::to_string).collect();
    if words.is_empty() { "the request failed".to_owned() } else { words.join(": ") }
}

/// Something fetched on condition that it is another than before.
#[derive(Debug)]
pub(in crate::sync) enum Fetched<T> {
    /// 304.
    Unchanged,
    /// The thing, and the tag to ask with next time.
    New(T, Option<HeaderValue>),
}

/// A key set as bytes, and how long it is good for.
#[derive(Debug)]
pub(in crate::sync) struct FetchedKeys {
    pub(in crate::sync) keys: Fetched<Vec<u8>>,
    pub(in crate::sync) max_age: Duration,
}

impl FetchedKeys {
    pub(super) async fn read(response: Response, limit: usize) -> Result<Self, TransportError> {
        let max_age = max_age(response.headers());
        Ok(Self { keys: fetched(response, limit).await?, max_age })
    }
}

/// How fresh the service says that something is: headers of every snapshot, and all that a 304 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) struct Freshness {
    pub(in crate::sync) as_of: UnixMs,
    pub(in crate::sync) server_time: UnixMs,
}

/// A snapshot as bytes, or how fresh the one is that is known.
#[derive(Debug)]
pub(in crate::sync) enum FetchedSnapshot {
    /// 304.
    Unchanged(Freshness),
    /// The bytes, and the tag to ask with next time.
    New(Vec<u8>, Option<HeaderValue>),
}

impl FetchedSnapshot {
    pub(super) async fn read(response: Response, limit: usize) -> Result<Self, TransportError> {
        let freshness = freshness(response.headers());
        match fetched(response, limit).await? {
            Fetched::New(bytes, tag) => Ok(Self::New(bytes, tag)),
            Fetched::Unchanged => {
                let missing = TransportError::Malformed("a 304 does not say how fresh the snapshot is");
                freshness.map(Self::Unchanged).ok_or(missing)
            }
        }
    }
}

/// An open stream of events.
pub(in crate::sync) struct EventStream {
    response: Response,
    reader: EventReader,
}

impl EventStream {
    pub(super) fn read(response: Response, limit: usize) -> Result<Self, TransportError> {
        let response = success(response)?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("text/event-stream") {
            return Err(TransportError::Malformed("the stream is none of events"));
        }
        Ok(Self { response, reader: EventReader::new(limit) })
    }

    /// The next frame; `None` once the service has closed the stream. Safe to cancel: nothing that was read is lost.
    pub(in crate::sync) async fn next(&mut self) -> Result<Option<Frame>, TransportError> {
        loop {
            if let Some(frame) = self.reader.next_frame()? {
                return Ok(Some(frame));
            }
            match self.response.chunk().await.map_err(|error| TransportError::from(&error))? {
                Some(bytes) => self.reader.push(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// Refuses every status but those of success.
pub(super) fn success(response: Response) -> Result<Response, TransportError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(TransportError::Refused(status)),
        status => Err(TransportError::Status(status)),
    }
}

/// Reads a body up to the limit. What is over it is not read.
pub(super) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, TransportError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = tokio::time::timeout(STALL, response.chunk()).await;
        let chunk = chunk.map_err(|_| TransportError::slow())?;
        let Some(chunk) = chunk.map_err(|error| TransportError::from(&error))? else { return Ok(bytes) };
        if bytes.len() + chunk.len() > limit {
            return Err(TransportError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// Whether the answer of an introspection endpoint says that the token is active. It must say so or deny it.
pub(super) async fn active(response: Response, limit: usize) -> Result<bool, TransportError> {
    #[derive(serde::Deserialize)]
    struct Answer {
        active: bool,
    }
    let bytes = body(success(response)?, limit).await?;
    let answer = serde_json::from_slice::<Answer>(&bytes);
    answer
        .map(|answer| answer.active)
        .map_err(|_| TransportError::Malformed("the answer is no introspection"))
}

async fn fetched(response: Response, limit: usize) -> Result<Fetched<Vec<u8>>, TransportError> {
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(Fetched::Unchanged);
    }
    let response = success(response)?;
    let tag = response.headers().get(ETAG).cloned();
    Ok(Fetched::New(body(response, limit).await?, tag))
}

/// How much longer the answer is good for (RFC 9111 §4.2): between ten seconds and an hour, whatever it says, so that neither a
/// slip of the configuration nor a cache in between makes a busy loop or an eternal key.
fn max_age(headers: &HeaderMap) -> Duration {
    let text =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let directives: Vec<&str> = text(CACHE_CONTROL).split(',').map(str::trim).collect();
    if directives.iter().any(|name| ["no-cache", "no-store"].iter().any(|no| name.eq_ignore_ascii_case(no))) {
        return SHORTEST_MAX_AGE;
    }
    let seconds = directives.iter().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        if !name.eq_ignore_ascii_case("max-age") {
            return None;
        }
        value.trim_matches('"').parse().ok()
    });
    let age = Duration::from_secs(text(AGE).parse().unwrap_or_default());
    let stated = seconds.map_or(DEFAULT_MAX_AGE, Duration::from_secs);
    stated.saturating_sub(age).clamp(SHORTEST_MAX_AGE, LONGEST_MAX_AGE)
}

fn freshness(headers: &HeaderMap) -> Option<Freshness> {
    let instant = |name| headers.get(name)?.to_str().ok()?.parse().ok().map(UnixMs::from_millis);
    Some(Freshness { as_of: instant("signet-as-of")?, server_time: instant("signet-server-time")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn keys_are_good_for_as_long_as_the_answer_says_within_bounds() {
        let secs = |pairs: &[_]| max_age(&headers(pairs)).as_secs();
        assert_eq!(secs(&[("cache-control", "public, max-age=120")]), 120);
        assert_eq!(secs(&[("cache-control", "public, Max-Age=\"120\"")]), 120);
        assert_eq!(secs(&[("cache-control", "max-age=120"), ("age", "50")]), 70);
        assert_eq!(secs(&[("cache-control", "max-age=120"), ("age", "500")]), 10);
        assert_eq!(secs(&[("cache-control", "max-age=0")]), 10);
        assert_eq!(secs(&[("cache-control", "no-store, max-age=120")]), 10);
        assert_eq!(secs(&[("cache-control", "max-age=999999999")]), 3600);
        assert_eq!(secs(&[("cache-control", "max-age=soon")]), 300);
        assert_eq!(secs(&[]), 300);
    }

    #[test]
    fn freshness_is_there_whole_or_not_at_all() {
        let both = [("signet-as-of", "5"), ("signet-server-time", "7")];
        let known = Freshness { as_of: UnixMs::from_millis(5), server_time: UnixMs::from_millis(7) };
        assert_eq!(freshness(&headers(&both)), Some(known));
        assert_eq!(freshness(&headers(&both[..1])), None);
        assert_eq!(freshness(&headers(&[("signet-as-of", "-5"), ("signet-server-time", "7")])), None);
    }
}
