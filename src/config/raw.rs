//! The shape of the configuration file: names, kinds and defaults. What the values mean comes later.

use serde::{Deserialize, Serialize};

use super::duration::Span;
use super::lenient;
use super::sources::Shape;

/// All of it. The names are a contract: deployments depend on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    pub(super) server: RawServer,
    pub(super) issuer: RawIssuer,
    pub(super) tokens: RawTokens,
    pub(super) refresh: RawRefresh,
    pub(super) keys: RawKeys,
    pub(super) store: RawStore,
    pub(super) revocation: RawRevocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forward_auth: Vec<RawForwardAuth>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) clients: Vec<RawClient>,
}

impl Shape for RawConfig {
    const FOREIGN: &[&str] = &["agent"];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: String,
    pub(super) public_url: String,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::optional_number")]
    pub(super) workers: Option<usize>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) trusted_proxies: Vec<String>,
    #[serde(deserialize_with = "lenient::switch")]
    pub(super) allow_plain_http: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<RawTls>,
}

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            public_url: "http://127.0.0.1:8080".into(),
            workers: None,
            trusted_proxies: Vec::new(),
            allow_plain_http: false,
            tls: None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) private_key: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawIssuer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTokens {
    pub(super) access_ttl: Span,
    pub(super) leeway: Span,
    #[serde(deserialize_with = "lenient::number")]
    pub(super) max_bytes: usize,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) audiences: Vec<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) revocable_claims: Vec<String>,
}

impl Default for RawTokens {
    fn default() -> Self {
        Self {
            access_ttl: Span::mins(5),
            leeway: Span::secs(30),
            max_bytes: 3800,
            audiences: Vec::new(),
            revocable_claims: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRefresh {
    pub(super) idle_ttl: Span,
    pub(super) absolute_ttl: Span,
    pub(super) window: Span,
    pub(super) on_theft: String,
    pub(super) when_store_down: String,
    pub(super) max_degraded: Span,
}

impl Default for RawRefresh {
    fn default() -> Self {
        Self {
            idle_ttl: Span::days(14),
            absolute_ttl: Span::days(30),
            window: Span::secs(10),
            on_theft: "revoke_session".into(),
            when_store_down: "degrade".into(),
            max_degraded: Span::mins(60),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawKeys {
    pub(super) directory: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encryption_key_file: Option<String>,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) algorithms: Vec<String>,
    pub(super) rotate_every: Span,
    pub(super) publish_ahead: Span,
    pub(super) jwks_max_age: Span,
}

impl Default for RawKeys {
    fn default() -> Self {
        Self {
            directory: "keys".into(),
            encryption_key_file: None,
            algorithms: vec!["ES256".into()],
            rotate_every: Span::days(30),
            publish_ahead: Span::mins(30),
            jwks_max_age: Span::mins(5),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStore {
    pub(super) url: String,
    pub(super) journal: String,
    #[serde(deserialize_with = "lenient::number")]
    pub(super) replicas: u32,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) allow: Vec<String>,
}

impl Default for RawStore {
    fn default() -> Self {
        Self {
            url: "redb:data/signet.redb".into(),
            journal: "data/journal.redb".into(),
            replicas: 1,
            allow: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRevocation {
    pub(super) max_skew: Span,
}

impl Default for RawRevocation {
    fn default() -> Self {
        Self { max_skew: Span::secs(2) }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForwardAuth {
    pub(super) profile: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) audience: Option<String>,
    #[serde(default)]
    pub(super) scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cookie: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClient {
    pub(super) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret_file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jwks: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) public: Option<bool>,
    #[serde(default)]
    pub(super) permissions: Vec<String>,
    #[serde(default)]
    pub(super) audiences: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scopes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_access_ttl: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
}

impl RawConfig {
    /// Takes the listener for the public URL: on a loopback address nobody else can be meant.
    pub(super) fn follow_listener(&mut self) {
        if super::listen::address(&self.server.listen).is_some_and(|address| address.ip().is_loopback()) {
            self.server.public_url = format!("http://{}", self.server.listen);
        }
    }

    /// The effective configuration as TOML, secrets masked.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string_pretty(&self.masked())
    }

    /// The same values without secrets, and without what stands for one.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mut masked = self.clone();
        for client in &mut masked.clients {
            client.secret_sha256 = client.secret_sha256.take().map(|_| "(hidden)".into());
        }
        if let Some((scheme, address)) = self.store.url.split_once("://")
            && let Some((_, host)) = address.rsplit_once('@')
        {
            masked.store.url = format!("{scheme}://(hidden)@{host}");
        }
        masked
    }
}
