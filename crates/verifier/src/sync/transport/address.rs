//! Where the service is: which URLs will do, and the addresses below them.

use std::net::IpAddr;

use reqwest::Url;
use serde::Deserialize;

use super::TransportError;
use crate::id::IssuerUrl;
use crate::sync::connect::ConnectError;

/// Where plain http may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sync) enum PlainHttp {
    /// To this machine only.
    Loopback,
    /// To any machine: the caller vouches for the network.
    Anywhere,
}

/// A URL under which the service is reached: http or https, a host, and nothing after the path.
#[derive(Clone, Debug)]
pub(in crate::sync) struct Base {
    url: Url,
    plain: PlainHttp,
}

impl Base {
    /// Takes a URL, or says why it will not do.
    pub(in crate::sync) fn parse(text: &str, plain: PlainHttp) -> Result<Self, ConnectError> {
        let url = Url::parse(text).map_err(|_| ConnectError::Url(shown(text)))?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_bare || !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(ConnectError::Url(shown(text)));
        }
        if url.scheme() == "http" && plain == PlainHttp::Loopback && !is_loopback(&url) {
            return Err(ConnectError::PlainHttp(shown(text)));
        }
        Ok(Self { url, plain })
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// An address below this one.
    fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }

    /// The metadata of the issuer of this URL: the well-known part goes between host and path (RFC 8414 §3.1).
    fn metadata_of_issuer(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{METADATA_PATH}{}", self.url.path().trim_end_matches('/')));
        url
    }

    /// An address that the metadata names: held to the same rules, and never less secure than the metadata was.
    fn named(&self, text: &str) -> Result<Url, TransportError> {
        let named = Self::parse(text, self.plain).map_err(|_| TransportError::Malformed(BAD_ADDRESS))?;
        if self.url.scheme() == "https" && named.url.scheme() != "https" {
            return Err(TransportError::Malformed(BAD_ADDRESS));
        }
        Ok(named.url)
    }
}

const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
const BAD_ADDRESS: &str = "the metadata names an address that is no https URL";

/// Where the metadata is, and what it is believed for.
#[derive(Clone, Debug)]
pub(in crate::sync) enum Place {
    /// Under the issuer's own URL: the metadata says where everything else is.
    Issuer(Base),
    /// Under another: everything is there, and the metadata only says whose it is.
    At(Base),
}

impl Place {
    pub(super) fn base(&self) -> &Base {
        let (Self::Issuer(base) | Self::At(base)) = self;
        base
    }

    pub(super) fn metadata(&self) -> Url {
        match self {
            Self::Issuer(base) => base.metadata_of_issuer(),
            Self::At(base) => base.below(METADATA_PATH),
        }
    }
}

/// What of the metadata (RFC 8414 §2) is of use here.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
    introspection_endpoint: Option<String>,
    revocation_feed_uri: Option<String>,
}

/// The addresses that are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub(super) jwks: Url,
    pub(super) feed: Url,
    pub(super) stream: Url,
    pub(super) ack: Url,
    /// Not every issuer answers questions.
    pub(super) introspection: Option<Url>,
}

impl Endpoints {
    /// Reads the metadata, which must be that of this issuer, byte for byte (RFC 8414 §3.3).
    pub(super) fn read(metadata: &[u8], issuer: &str, place: &Place) -> Result<Self, TransportError> {
        let metadata: Metadata = serde_json::from_slice(metadata)
            .map_err(|_| TransportError::Malformed("the metadata is not understood"))?;
        if metadata.issuer != issuer {
            // Others' words end up in logs: not all that they could say.
            return Err(TransportError::Issuer(metadata.issuer.chars().take(IssuerUrl::MAX_BYTES).collect()));
        }
        match place {
            Place::At(base) => Ok(Self::below(
                base.below("/v1/revocations"),
                base.below("/.well-known/jwks.json"),
                Some(base.below("/oauth2/introspect")),
            )),
            Place::Issuer(base) => {
                let named = |text: Option<&str>, missing| {
                    text.ok_or(TransportError::Malformed(missing)).and_then(|text| base.named(text))
                };
                let feed =
                    named(metadata.revocation_feed_uri.as_deref(), "the metadata names no revocation feed")?;
                let jwks = named(metadata.jwks_uri.as_deref(), "the metadata names no keys")?;
                let introspection = metadata.introspection_endpoint.as_deref().map(|text| base.named(text));
                Ok(Self::below(feed, jwks, introspection.transpose()?))
            }
        }
    }

    fn below(feed: Url, jwks: Url, introspection: Option<Url>) -> Self {
        let at = |path: &str| {
            let mut url = feed.clone();
            url.set_path(&format!("{}{path}", feed.path().trim_end_matches('/')));
            url
        };
        Self { stream: at("/stream"), ack: at("/ack"), feed, jwks, introspection }
    }
}

/// A URL as it may be shown: whatever could be a password in it is left out.
pub(in crate::sync) fn shown(text: &str) -> String {
    text.rsplit('@').next().unwrap_or_default().to_owned()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example/tenant/";

    fn base(text: &str) -> Base {
        Base::parse(text, PlainHttp::Loopback).unwrap()
    }

    fn refused(text: &str) -> String {
        Base::parse(text, PlainHttp::Loopback).unwrap_err().to_string()
    }

    fn metadata(member: &str, value: &str) -> Vec<u8> {
        let mut document = serde_json::json!({
            "issuer": ISSUER,
            "jwks_uri": "https://id.example/keys",
            "introspection_endpoint": "https://id.example/ask",
            "revocation_feed_uri": "https://feed.example/v1/revocations",
            "something": {"newer": 1}
        });
        document[member] = value.into();
        document.to_string().into_bytes()
    }

    #[test]
    fn only_bare_http_urls_will_do() {
        for bad in
            ["", "id.example", "ftp://id.example", "https://", "https://a/?q", "https://a/#f", "unix:/a"]
        {
            assert!(refused(bad).ends_with("is not a URL of an issuer"), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        for bad in [
            "https://me:hunter2@id.example",
            "https://me:hunter2@id.example:x",
            "http://me:hunter2@a.example",
        ] {
            assert!(!refused(bad).contains("hunter2"), "{}", refused(bad));
        }
    }

    #[test]
    fn plain_http_goes_to_this_machine_only_unless_it_is_allowed() {
        for near in ["http://127.0.0.1:1", "http://127.8.8.8", "http://[::1]:1/a", "http://localhost/"] {
            assert!(base(near).is_loopback(), "{near}");
        }
        for far in ["http://id.example", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0"] {
            assert!(refused(far).contains("plain http"), "{far}");
            assert!(Base::parse(far, PlainHttp::Anywhere).is_ok(), "{far}");
        }
    }

    #[test]
    fn the_well_known_part_goes_between_host_and_path_of_an_issuer() {
        let at = |place: Place| place.metadata().to_string();
        let plain = "https://id.example/.well-known/oauth-authorization-server";
        assert_eq!(at(Place::Issuer(base("https://id.example"))), plain);
        assert_eq!(at(Place::Issuer(base("https://id.example/"))), plain);
        assert_eq!(at(Place::Issuer(base(ISSUER))), format!("{plain}/tenant"));
        assert_eq!(at(Place::At(base("https://id.example/x/"))), plain.replace("/.well", "/x/.well"));
    }

    #[test]
    fn the_metadata_says_where_everything_is() {
        let place = Place::Issuer(base(ISSUER));
        let found = Endpoints::read(&metadata("more", "1"), ISSUER, &place).unwrap();
        assert_eq!(found.jwks.as_str(), "https://id.example/keys");
        assert_eq!(found.stream.as_str(), "https://feed.example/v1/revocations/stream");
        assert_eq!(found.ack.as_str(), "https://feed.example/v1/revocations/ack");
        assert_eq!(found.introspection.unwrap().as_str(), "https://id.example/ask");
    }

    #[test]
    fn under_another_address_everything_is_below_that() {
        let place = Place::At(base("http://127.0.0.1:8080/auth/"));
        let found = Endpoints::read(&metadata("more", "1"), ISSUER, &place).unwrap();
        assert_eq!(found.jwks.as_str(), "http://127.0.0.1:8080/auth/.well-known/jwks.json");
        assert_eq!(found.feed.as_str(), "http://127.0.0.1:8080/auth/v1/revocations");
        assert_eq!(found.introspection.unwrap().as_str(), "http://127.0.0.1:8080/auth/oauth2/introspect");
    }

    #[test]
    fn metadata_of_another_issuer_is_refused_however_little_it_differs() {
        let place = Place::At(base("https://id.example"));
        for other in ["https://id.example/tenant", "https://ID.example/tenant/", "https://evil.example"] {
            let refused = Endpoints::read(&metadata("issuer", other), ISSUER, &place).unwrap_err();
            assert_eq!(refused, TransportError::Issuer(other.to_owned()));
        }
    }

    #[test]
    fn metadata_cannot_send_credentials_over_plain_http() {
        let place = Place::Issuer(base(ISSUER));
        for member in ["jwks_uri", "introspection_endpoint", "revocation_feed_uri"] {
            for bad in ["http://feed.example/a", "http://127.0.0.1/a", "https://a:b@feed.example", "nowhere"]
            {
                let refused = Endpoints::read(&metadata(member, bad), ISSUER, &place);
                assert_eq!(refused, Err(TransportError::Malformed(BAD_ADDRESS)), "{member}: {bad}");
            }
        }
    }

    #[test]
    fn an_older_service_without_a_feed_is_told_from_a_broken_one() {
        let place = Place::Issuer(base(ISSUER));
        let older = br#"{"issuer":"https://id.example/tenant/","jwks_uri":"https://id.example/keys"}"#;
        let refused = Endpoints::read(older, ISSUER, &place).unwrap_err();
        assert_eq!(refused, TransportError::Malformed("the metadata names no revocation feed"));
    }
}
