//! The shape of the agent's configuration file: names, kinds and defaults.

use serde::{Deserialize, Serialize};

use crate::config::duration::Span;
use crate::config::lenient;
use crate::config::raw::RawForwardAuth;
use crate::config::sources::Shape;

/// All of it. The names are a contract: deployments depend on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAgentConfig {
    pub(super) agent: RawAgent,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forward_auth: Vec<RawForwardAuth>,
}

impl Shape for RawAgentConfig {
    const FOREIGN: &[&str] = &["server", "issuer", "tokens", "refresh", "keys", "store", "revocation"];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAgent {
    pub(super) listen: String,
    pub(super) issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_url: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret_file: String,
    #[serde(deserialize_with = "lenient::list")]
    pub(super) audiences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leeway: Option<Span>,
    pub(super) max_staleness: Span,
    pub(super) when_stale: String,
    pub(super) younger_than: Span,
    #[serde(deserialize_with = "lenient::switch")]
    pub(super) allow_plain_http: bool,
}

/// What follows a development service that was started in the same directory.
impl Default for RawAgent {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".into(),
            issuer: "http://127.0.0.1:8080".into(),
            service_url: None,
            client_id: "dev".into(),
            client_secret_file: "data/dev-client-secret".into(),
            audiences: vec!["api".into()],
            leeway: None,
            max_staleness: Span::secs(30),
            when_stale: "refuse".into(),
            younger_than: Span::mins(1),
            allow_plain_http: false,
        }
    }
}
