//! The configuration of `signet agent`: the same three steps as the service's, over a file of its own.

mod raw;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{ClientId, IssuerUrl, StalenessPolicy, WhenStale};
use zeroize::Zeroizing;

use super::error::ConfigError;
use super::sources::{Environment, Secret, Sources};
use super::{clients, forward_auth, listen};
use crate::session::ForwardAuthProfile;
use raw::{RawAgent, RawAgentConfig};

/// Everything that an agent needs to know.
pub struct AgentConfig {
    /// Where it listens.
    pub listen: AgentListen,
    /// Whose tokens it verifies.
    pub issuer: IssuerUrl,
    /// Where the service is reached, if not under the issuer's URL.
    pub service_url: Option<String>,
    /// As which client it follows the service.
    pub client_id: ClientId,
    /// That client's secret.
    pub client_secret: Zeroizing<String>,
    /// For whom tokens must be: one of these.
    pub audiences: Vec<Arc<str>>,
    /// How far clocks may be apart; `None`: what the issuer allows.
    pub leeway: Option<Duration>,
    /// How stale it may be, and what it does past that.
    pub staleness: StalenessPolicy,
    /// Whether plain http to another machine is taken.
    pub clear_text: ClearText,
    /// What proxies' requests must bring; `default` is among them.
    pub forward_auth: Vec<ForwardAuthProfile>,
}

/// Where an agent listens: nowhere but on its own machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentListen {
    /// A loopback address.
    Loopback(SocketAddr),
    /// The file of a Unix socket.
    Socket(PathBuf),
}

/// Whether credentials and revocations may cross a network in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearText {
    /// They may not.
    Refused,
    /// They may: something below encrypts, or nobody else is on that network.
    Allowed,
}

impl AgentConfig {
    /// Reads the layers (defaults, the file if there is one, the environment) and parses them.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let sources = Sources::read::<RawAgentConfig>(file, environment)?;
        let raw: RawAgentConfig = sources.raw()?;
        let section = Section { raw: &raw.agent, sources: &sources };
        Ok(Self {
            listen: section.listen()?,
            issuer: section.issuer()?,
            service_url: section.service_url()?,
            client_id: section.client_id()?,
            client_secret: section.client_secret()?,
            audiences: section.audiences()?,
            leeway: raw.agent.leeway.map(|leeway| leeway.0),
            staleness: section.staleness()?,
            clear_text: if raw.agent.allow_plain_http { ClearText::Allowed } else { ClearText::Refused },
            forward_auth: forward_auth::parse(&raw.forward_auth, &sources)?,
        })
    }
}

/// `[agent]`.
struct Section<'a> {
    raw: &'a RawAgent,
    sources: &'a Sources,
}

/// The most that a verifier may say of itself: what the service believes of `max_staleness_ms` (docs/feed.md).
const LONGEST_STALENESS: Duration = Duration::from_hours(24);

impl Section<'_> {
    fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        self.sources.error(&format!("agent.{key}"), problem)
    }

    fn listen(&self) -> Result<AgentListen, ConfigError> {
        if let Some(path) = self.raw.listen.strip_prefix("unix:") {
            let named = !path.is_empty() && !path.ends_with('/');
            let socket = named.then(|| AgentListen::Socket(path.into()));
            return socket.ok_or_else(|| self.error("listen", "expected the path of a socket after unix:"));
        }
        let address = listen::address(&self.raw.listen).ok_or_else(|| {
            let problem = "expected \"unix:\" and a path, or a loopback address with its port, such as \"127.0.0.1:8081\"";
            self.error("listen", problem)
        })?;
        if address.ip().is_loopback() {
            return Ok(AgentListen::Loopback(address));
        }
        let problem = "an agent is for its own machine: a loopback address, or \"unix:\" and a path";
        Err(self.error("listen", problem))
    }

    /// Byte for byte what tokens say, so it is not tidied up.
    fn issuer(&self) -> Result<IssuerUrl, ConfigError> {
        let text = &self.raw.issuer;
        let parsed = listen::url(text).and_then(|_| IssuerUrl::parse(text).ok());
        parsed.ok_or_else(|| {
            self.error("issuer", "expected an http or https URL without query, fragment or password")
        })
    }

    fn service_url(&self) -> Result<Option<String>, ConfigError> {
        let parse = |text: &String| {
            listen::url(text).map(str::to_owned).ok_or_else(|| {
                let problem = "expected an http or https URL without query, fragment or password";
                self.error("service_url", problem)
            })
        };
        self.raw.service_url.as_ref().map(parse).transpose()
    }

    fn client_id(&self) -> Result<ClientId, ConfigError> {
        ClientId::parse(&self.raw.client_id).map_err(|error| self.error("client_id", error.to_string()))
    }

    fn client_secret(&self) -> Result<Zeroizing<String>, ConfigError> {
        let file_is_default = self.sources.is_default("agent.client_secret_file");
        match self.sources.secret(Secret::ClientSecret) {
            Some(secret) if file_is_default && !secret.is_empty() => Ok(secret),
            Some(_) if file_is_default => Err(self.error("client_secret", "the variable is empty")),
            Some(_) => {
                let problem = format!("{} holds one, too: give one of them", Secret::ClientSecret.variable());
                Err(self.error("client_secret_file", problem))
            }
            None => self.secret_file(),
        }
    }

    /// The file's text without the line end that editors add.
    fn secret_file(&self) -> Result<Zeroizing<String>, ConfigError> {
        let path = &self.raw.client_secret_file;
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
            let variable = Secret::ClientSecret.variable();
            self.error("client_secret_file", format!("{path}: cannot be read: {error}; or set {variable}"))
        })?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(self.error("client_secret_file", format!("{path} is empty")));
        }
        Ok(Zeroizing::new(secret.to_owned()))
    }

    fn audiences(&self) -> Result<Vec<Arc<str>>, ConfigError> {
        if self.raw.audiences.is_empty() {
            return Err(self.error("audiences", "at least one: tokens for others are not for this service"));
        }
        clients::audiences(&self.raw.audiences).map_err(|problem| self.error("audiences", problem))
    }

    fn staleness(&self) -> Result<StalenessPolicy, ConfigError> {
        let max_staleness = self.raw.max_staleness;
        if max_staleness.0.is_zero() || max_staleness.0 > LONGEST_STALENESS {
            return Err(self.error("max_staleness", format!("{max_staleness} is not within 1ms and 1d")));
        }
        let when_stale = match self.raw.when_stale.as_str() {
            "refuse" => WhenStale::Refuse,
            "introspect" => WhenStale::Introspect,
            "accept_younger_than" => WhenStale::AcceptYoungerThan(self.raw.younger_than.0),
            "accept" => WhenStale::Accept,
            _ => {
                let problem = "expected one of: refuse, introspect, accept_younger_than, accept";
                return Err(self.error("when_stale", problem));
            }
        };
        Ok(StalenessPolicy { max_staleness: max_staleness.0, when_stale })
    }
}

#[cfg(test)]
mod tests;
