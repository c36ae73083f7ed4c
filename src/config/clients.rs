//! The registered clients: who may ask for what.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use signet_verifier::{Algorithm, Audience, ClientId, ScopeTokens};

use super::duration::Span;
use super::error::ConfigError;
use super::raw::{RawClient, RawConfig};
use super::sources::Sources;
use crate::crypto::digest;
use crate::session::{Client, Credential, Permission};

/// The shortest secret that a `secret_file` may hold: shorter ones can be guessed.
const SHORTEST_SECRET: usize = 16;

/// Parses `[[clients]]`.
pub(super) fn parse(
    raw: &RawConfig,
    algorithms: &[Algorithm],
    sources: &Sources,
) -> Result<Vec<Client>, ConfigError> {
    let mut seen = HashSet::new();
    let mut clients = Vec::with_capacity(raw.clients.len());
    for (index, entry) in raw.clients.iter().enumerate() {
        let id = ClientId::parse(&entry.id)
            .map_err(|error| sources.list_error("clients", &format!("{index}.id"), error.to_string()))?;
        if !seen.insert(id.clone()) {
            return Err(sources.list_error("clients", &id.to_string(), "this id is there twice"));
        }
        let section = Section { entry, sources };
        clients.push(section.parse(id, algorithms, raw)?);
    }
    Ok(clients)
}

/// One table of the list.
struct Section<'a> {
    entry: &'a RawClient,
    sources: &'a Sources,
}

impl Section<'_> {
    fn parse(&self, id: ClientId, algorithms: &[Algorithm], raw: &RawConfig) -> Result<Client, ConfigError> {
        Ok(Client {
            credential: self.credential()?,
            permissions: self.permissions()?,
            audiences: self.audiences()?,
            scopes: self.scopes()?,
            max_access_ttl: self.max_access_ttl(raw)?,
            algorithm: self.algorithm(algorithms)?,
            id,
        })
    }

    fn error(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        self.sources.list_error("clients", &format!("{}.{key}", self.entry.id), problem)
    }

    fn credential(&self) -> Result<Credential, ConfigError> {
        let entry = self.entry;
        if entry.jwks.is_some() {
            let problem =
                "authentication by key is not available in this version: use secret_sha256 or secret_file";
            return Err(self.error("jwks", problem));
        }
        match (&entry.secret_sha256, &entry.secret_file, entry.public) {
            (Some(hash), None, None | Some(false)) => self.hash(hash),
            (None, Some(path), None | Some(false)) => self.secret_file(path),
            (None, None, Some(true)) => Ok(Credential::Public),
            _ => {
                Err(self
                    .error("secret_sha256", "exactly one of secret_sha256, secret_file and public = true"))
            }
        }
    }

    fn hash(&self, text: &str) -> Result<Credential, ConfigError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).map_err(|_| {
            self.error("secret_sha256", "expected the SHA-256 of the secret: 64 hexadecimal digits")
        })?;
        Ok(Credential::SecretSha256(hash))
    }

    /// The file's text without the line end that editors add.
    fn secret_file(&self, path: &str) -> Result<Credential, ConfigError> {
        let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
        let text =
            text.map_err(|error| self.error("secret_file", format!("{path}: cannot be read: {error}")))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.len() < SHORTEST_SECRET {
            let problem = format!("{path}: the secret needs at least {SHORTEST_SECRET} characters");
            return Err(self.error("secret_file", problem));
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        Ok(Credential::SecretSha256(hash))
    }

    fn permissions(&self) -> Result<BTreeSet<Permission>, ConfigError> {
        let known = |name: &String| {
            Permission::from_name(name).ok_or_else(|| {
                let all = Permission::ALL.map(Permission::name).join(", ");
                self.error("permissions", format!("{name:?} is none; there are {all}"))
            })
        };
        let permissions = self.entry.permissions.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        if self.entry.public == Some(true) && !permissions.is_empty() {
            return Err(
                self.error("permissions", "a public client cannot prove who it is, so it may have none")
            );
        }
        Ok(permissions)
    }

    fn audiences(&self) -> Result<Vec<Arc<str>>, ConfigError> {
        audiences(&self.entry.audiences).map_err(|problem| self.error("audiences", problem))
    }

    fn scopes(&self) -> Result<Option<ScopeTokens>, ConfigError> {
        let parse = |scopes: &Vec<String>| {
            ScopeTokens::parse(&scopes.join(" "))
                .map_err(|_| self.error("scopes", "expected one or more scope tokens (RFC 6749 §3.3)"))
        };
        self.entry.scopes.as_ref().map(parse).transpose()
    }

    fn max_access_ttl(&self, raw: &RawConfig) -> Result<Option<std::time::Duration>, ConfigError> {
        let Some(ceiling) = self.entry.max_access_ttl else { return Ok(None) };
        let floor = super::parse::shortest_access_ttl(raw);
        if ceiling < floor {
            let window = raw.refresh.window;
            let problem = format!("{ceiling} is under 12 times refresh.window ({window}), which is {floor}");
            return Err(self.error("max_access_ttl", problem));
        }
        if ceiling.0 > raw.refresh.absolute_ttl.0 {
            let problem = format!("{ceiling} is over refresh.absolute_ttl ({})", raw.refresh.absolute_ttl);
            return Err(self.error("max_access_ttl", problem));
        }
        let Span(ceiling) = ceiling;
        Ok(Some(ceiling))
    }

    fn algorithm(&self, configured: &[Algorithm]) -> Result<Option<Algorithm>, ConfigError> {
        let Some(name) = &self.entry.algorithm else { return Ok(None) };
        match Algorithm::from_name(name).filter(|algorithm| configured.contains(algorithm)) {
            Some(algorithm) => Ok(Some(algorithm)),
            None => Err(self.error("algorithm", "not among keys.algorithms")),
        }
    }
}

/// A list of audiences, each once.
pub(super) fn audiences(list: &[String]) -> Result<Vec<Arc<str>>, String> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let audience = Audience::new(list).map_err(|_| {
        format!("expected up to {} different audiences of 1 to {} bytes", Audience::MAX, Audience::MAX_BYTES)
    })?;
    Ok(audience.iter().cloned().collect())
}
