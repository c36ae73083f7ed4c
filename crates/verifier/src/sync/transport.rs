//! The HTTP client: what is asked of the service, and how much of an answer is read.
//!
//! Every answer has a limit on its size, counted after decompression and while it is read, and a limit on the time that it
//! may take. Redirects are not followed: they would carry credentials elsewhere. Errors say what happened in words of ours;
//! nothing of a secret or a token is in them.

mod address;
mod answer;
mod tls;

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use super::introspection::{Asking, Introspects, Unanswered};
use crate::feed::{Acknowledgement, Cursor};
use address::Endpoints;

pub use tls::tls_client_config;

pub(super) use address::{Base, Place, PlainHttp, shown};
pub(super) use answer::{EventStream, Fetched, FetchedKeys, FetchedSnapshot, TransportError};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long small requests may take, and the head of a large or endless answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a snapshot may take in all.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_mins(2);

const METADATA_BYTES: usize = 64 * 1024;
const KEYS_BYTES: usize = 256 * 1024;
const SNAPSHOT_BYTES: usize = 512 * 1024 * 1024;
const INTROSPECTION_BYTES: usize = 64 * 1024;
/// The most that a line or an event of the stream may have.
const EVENT_BYTES: usize = 16 * 1024 * 1024;

/// How the verifier shows who it is. Neither printed nor cloned.
pub(super) struct Credentials(HeaderValue);

impl Credentials {
    /// HTTP Basic, both halves form-encoded first (RFC 6749 §2.3.1).
    pub(super) fn basic(client_id: &str, secret: &str) -> Option<Self> {
        let pair = format!("{}:{}", form_encoded(client_id), form_encoded(secret));
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
        value.set_sensitive(true);
        Some(Self(value))
    }
}

/// Whom to ask, and as whom.
pub(super) struct Service {
    /// The issuer, byte for byte as its metadata and tokens spell it.
    pub(super) issuer: String,
    pub(super) place: Place,
    pub(super) credentials: Option<Credentials>,
    /// Certificate authorities to trust beside the system's, as PEM.
    pub(super) trusted_pem: Vec<Vec<u8>>,
}

/// The way to the service.
pub(super) struct Transport {
    client: Client,
    issuer: String,
    place: Place,
    credentials: Option<Credentials>,
    /// Known once the metadata has been read.
    endpoints: OnceLock<Endpoints>,
}

impl Transport {
    /// A client for this service. Asks nothing yet.
    pub(super) fn new(service: Service) -> Result<Self, String> {
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls_client_config(&service.trusted_pem)?)
            .user_agent(concat!("signet-verifier/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT);
        if service.place.base().is_loopback() {
            // What is on this machine is not reached through a proxy, whatever the environment says of others.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| answer::in_words(&error))?;
        let Service { issuer, place, credentials, .. } = service;
        Ok(Self { client, issuer, place, credentials, endpoints: OnceLock::new() })
    }

    /// `GET` of the key set; of a set that is still the one with this entity tag only how long it is good for.
    pub(super) async fn keys(&self, known: Option<&HeaderValue>) -> Result<FetchedKeys, TransportError> {
        let url = self.endpoints().await?.jwks.clone();
        let request = conditional(self.client.get(url), known).timeout(REQUEST_TIMEOUT);
        FetchedKeys::read(send(request).await?, KEYS_BYTES).await
    }

    /// `GET` of the snapshot, or of how fresh the one with this entity tag is.
    pub(super) async fn snapshot(
        &self,
        known: Option<&HeaderValue>,
    ) -> Result<FetchedSnapshot, TransportError> {
        let url = self.endpoints().await?.feed.clone();
        let request = conditional(self.authenticated(self.client.get(url)), known).timeout(SNAPSHOT_TIMEOUT);
        FetchedSnapshot::read(head(request).await?, SNAPSHOT_BYTES).await
    }

    /// Opens the stream after a place.
    pub(super) async fn stream(
        &self,
        cursor: &Cursor,
        verifier: &str,
        max_staleness: Duration,
    ) -> Result<EventStream, TransportError> {
        let mut url = self.endpoints().await?.stream.clone();
        url.query_pairs_mut()
            .append_pair("cursor", cursor.as_str())
            .append_pair("verifier", verifier)
            .append_pair("max_staleness_ms", &max_staleness.as_millis().min(DAY.as_millis()).to_string());
        let request = self.authenticated(self.client.get(url)).header(ACCEPT, "text/event-stream");
        // A compressor in between would hold events back.
        EventStream::read(head(request.header(ACCEPT_ENCODING, "identity")).await?, EVENT_BYTES)
    }

    /// Says what is in force here, or that the verifier is leaving.
    pub(super) async fn acknowledge(&self, what: &Acknowledgement) -> Result<(), TransportError> {
        let url = self.endpoints().await?.ack.clone();
        let request = self.authenticated(self.client.post(url)).json(what).timeout(REQUEST_TIMEOUT);
        send(request).await.and_then(answer::success).map(drop)
    }

    /// Asks whether a token is active (RFC 7662).
    pub(super) async fn introspect(&self, token: &str) -> Result<bool, TransportError> {
        let url = self.endpoints().await?.introspection.clone();
        let url = url.ok_or(TransportError::Malformed("the metadata names no introspection endpoint"))?;
        let request = self
            .authenticated(self.client.post(url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={}", form_encoded(token)))
            .timeout(REQUEST_TIMEOUT);
        answer::active(send(request).await?, INTROSPECTION_BYTES).await
    }

    /// The addresses, from the metadata, which is read until it has been understood once.
    async fn endpoints(&self) -> Result<&Endpoints, TransportError> {
        if let Some(known) = self.endpoints.get() {
            return Ok(known);
        }
        let request = self.client.get(self.place.metadata()).timeout(REQUEST_TIMEOUT);
        let response = answer::success(send(request).await?)?;
        let metadata = answer::body(response, METADATA_BYTES).await?;
        let read = Endpoints::read(&metadata, &self.issuer, &self.place)?;
        Ok(self.endpoints.get_or_init(|| read))
    }

    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.credentials {
            Some(Credentials(value)) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }
}

impl Introspects for Transport {
    fn is_active<'a>(&'a self, token: &'a str) -> Asking<'a> {
        Box::pin(async move { self.introspect(token).await.map_err(|_| Unanswered) })
    }
}

const DAY: Duration = Duration::from_hours(24);

fn conditional(request: RequestBuilder, known: Option<&HeaderValue>) -> RequestBuilder {
    match known {
        Some(tag) => request.header(IF_NONE_MATCH, tag),
        None => request,
    }
}

async fn send(request: RequestBuilder) -> Result<Response, TransportError> {
    request.send().await.map_err(|error| TransportError::from(&error))
}

/// Sends a request whose answer may go on for long: its head may not.
async fn head(request: RequestBuilder) -> Result<Response, TransportError> {
    tokio::time::timeout(REQUEST_TIMEOUT, send(request)).await.map_err(|_| TransportError::slow())?
}

/// `application/x-www-form-urlencoded`, with whatever is not unreserved escaped.
fn form_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_of_basic_credentials_are_form_encoded() {
        let Credentials(value) = Credentials::basic("my:id", "s+é/ %").unwrap();
        let pair = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(pair, b"my%3Aid:s%2B%C3%A9%2F%20%25");
    }

    #[test]
    fn credentials_do_not_print() {
        let Credentials(value) = Credentials::basic("id", "hunter2").unwrap();
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
