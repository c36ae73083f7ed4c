//! `signet keys`: the key ring. Reading looks into the directory; changes go through the running service. Another
//! key-encryption key needs the directory for itself, so the service is stopped for that.

use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use clap::Subcommand;
use serde_json::{Value, json};
use signet_verifier::{Algorithm, Clock, KeyId, SystemClock, UnixMs};
use zeroize::Zeroizing;

use super::Context;
use super::api::ApiArgs;
use super::error::CliError;
use super::output::table;
use crate::app::open_key_encryption_key;
use crate::config::{Config, EncryptionKey, KeysConfig};
use crate::keys::{Directory, KeyEncryptionKey, KeyRing, KeyState, KeyUse, RingEntry, SigningKey};
use crate::random::SystemRandom;

/// What to do with the ring.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys with their states and times.
    List,
    /// Let the standby take over.
    Rotate {
        /// Only the keys of this algorithm.
        #[arg(long, value_parser = algorithm)]
        alg: Option<Algorithm>,
        /// At once instead of after the publish-ahead time.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// A key is compromised: take it out at once.
    Revoke {
        /// Its name.
        #[arg(value_parser = |kid: &str| KeyId::parse(kid))]
        kid: KeyId,
        /// Why, for the audit trail.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Take in a PKCS#8 PEM key as the next standby of its algorithm.
    Import {
        /// The file.
        file: PathBuf,
        /// For an RSA key: RS256 (default) or PS256.
        #[arg(long, value_parser = algorithm)]
        alg: Option<Algorithm>,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Seal the ring under another key-encryption key. Not while the service runs.
    Reseal {
        /// The file with the new key: 32 bytes in base64.
        #[arg(long, value_name = "FILE")]
        new_key_file: PathBuf,
    },
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name)
        .ok_or_else(|| format!("there are {}", Algorithm::ALL.map(Algorithm::name).join(", ")))
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List => list(context),
            Self::Rotate { alg, now, api } => {
                rotate(alg, if now { "now" } else { "scheduled" }, api, context)
            }
            Self::Revoke { kid, reason, api } => revoke(&kid, reason.as_deref(), api, context),
            Self::Import { file, alg, api } => import(&file, alg, api, context),
            Self::Reseal { new_key_file } => reseal(&new_key_file, context),
        }
    }
}

fn list(context: &mut Context) -> Result<(), CliError> {
    let ring = read_ring(&context.load()?.config)?;
    let now = SystemClock.now();
    let keys: Vec<Value> = ring.entries().iter().map(|entry| describe(entry, now)).collect();
    context.output.show(&text(&keys), &json!({"keys": keys}))
}

fn rotate(
    alg: Option<Algorithm>,
    activate: &str,
    api: ApiArgs,
    context: &mut Context,
) -> Result<(), CliError> {
    let body = alg.map_or_else(
        || json!({"activate": activate}),
        |alg| json!({"alg": alg.name(), "activate": activate}),
    );
    show_keys(&api.connect(context)?.post("/v1/keys/rotate", &body)?, context)
}

fn revoke(kid: &KeyId, reason: Option<&str>, api: ApiArgs, context: &mut Context) -> Result<(), CliError> {
    let body = reason.map_or_else(|| json!({}), |reason| json!({"reason": reason}));
    let answer = api.connect(context)?.post(&format!("/v1/keys/{kid}/revoke"), &body)?;
    let text = format!("The key {kid} is out. {}", super::revoke::describe(&answer));
    context.output.show(&text, &answer)
}

fn import(file: &Path, alg: Option<Algorithm>, api: ApiArgs, context: &mut Context) -> Result<(), CliError> {
    let pem = std::fs::read_to_string(file).map(Zeroizing::new);
    let pem = pem.map_err(|source| CliError::File { path: file.into(), source })?;
    // Read here first: whoever sends a wrong file by mistake does not send it far.
    let key = SigningKey::from_pkcs8_pem(&pem, alg);
    let key = key.map_err(|source| CliError::Key { path: file.into(), source })?;
    let body = json!({"private_key_pem": *pem, "alg": key.algorithm().name()});
    show_keys(&api.connect(context)?.post("/v1/keys/import", &body)?, context)
}

fn reseal(new_key_file: &Path, context: &mut Context) -> Result<(), CliError> {
    let config = context.load()?.config.keys;
    require_ring(&config)?;
    let new = KeyEncryptionKey::from_file(new_key_file)?;
    let random = SystemRandom::new();
    let mut directory = Directory::open(&config.directory, open_key_encryption_key(&config, &random)?)?;
    directory.reseal(new, &random)?;
    let file = new_key_file.display();
    let next = match config.encryption_key {
        EncryptionKey::BesideRing => {
            directory.keep_key_beside_ring()?;
            format!(", which lies beside it now. Nothing is to be changed; {file} is no longer needed.")
        }
        EncryptionKey::File(old) => format!(
            ". Before the service is started again: keys.encryption_key_file = {:?}, or its text into {}.",
            file.to_string(),
            old.display()
        ),
        EncryptionKey::Text(_) => {
            format!(
                ". Before the service is started again: the text of {file} into SIGNET_KEYS__ENCRYPTION_KEY."
            )
        }
    };
    let text = format!("The ring in {} is sealed under the new key{next}", config.directory.display());
    context.output.show(&text, &json!({"resealed": config.directory}))
}

fn show_keys(answer: &Value, context: &mut Context) -> Result<(), CliError> {
    let keys = answer.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    context.output.show(&text(&keys), answer)
}

/// The ring in the configured directory; nothing is created where there is none.
pub(super) fn read_ring(config: &Config) -> Result<KeyRing, CliError> {
    require_ring(&config.keys)?;
    let kek = open_key_encryption_key(&config.keys, &SystemRandom::new())?;
    Directory::open_read_only(&config.keys.directory, kek)?.load()?.ok_or_else(|| no_ring(&config.keys))
}

/// Refuses a directory that no service has ever used: opening it would make a key-encryption key there.
fn require_ring(config: &KeysConfig) -> Result<(), CliError> {
    let directory = &config.directory;
    if directory.is_dir() && !is_empty(directory) { Ok(()) } else { Err(no_ring(config)) }
}

fn no_ring(config: &KeysConfig) -> CliError {
    CliError::Usage(format!("{}: there is no key ring: the service makes it", config.directory.display()))
}

fn is_empty(directory: &Path) -> bool {
    directory.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// A key as `GET /v1/keys` shows it.
fn describe(entry: &RingEntry, now: UnixMs) -> Value {
    let (alg, usage) = match entry.usage() {
        KeyUse::Signing(algorithm) => (algorithm.name(), "sig"),
        KeyUse::Sealing => ("A256GCM", "seal"),
    };
    let state = match entry.times.state(now) {
        KeyState::Pending => "pending",
        KeyState::Active => "active",
        KeyState::Retiring => "retiring",
        KeyState::Retired => "retired",
        KeyState::Compromised => "compromised",
    };
    json!({
        "kid": entry.kid,
        "alg": alg,
        "use": usage,
        "state": state,
        "created_at": rfc3339(entry.times.created_at),
        "activates_at": rfc3339(entry.times.activates_at),
        "retires_at": rfc3339(entry.times.retires_at),
        "expires_at": rfc3339(entry.times.expires_at),
    })
}

fn rfc3339(at: UnixMs) -> Option<String> {
    let millis = i64::try_from(at.as_millis()).ok()?;
    Some(DateTime::from_timestamp_millis(millis)?.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn text(keys: &[Value]) -> String {
    const COLUMNS: [&str; 7] = ["kid", "alg", "use", "state", "activates_at", "retires_at", "expires_at"];
    let head = COLUMNS.map(|column| column.to_uppercase().replace('_', " ")).to_vec();
    let cell = |key: &Value, column| key.get(column).and_then(Value::as_str).unwrap_or("-").to_owned();
    let rows = keys.iter().map(|key| COLUMNS.map(|column| cell(key, column)).to_vec());
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(
            rfc3339(UnixMs::from_millis(1_795_000_000_123)).as_deref(),
            Some("2026-11-18T11:06:40.123Z")
        );
        assert_eq!(rfc3339(UnixMs::from_millis(u64::MAX)), None);
    }

    #[test]
    fn a_list_is_a_table_with_a_head() {
        let keys = [json!({"kid": "abc", "alg": "ES256", "use": "sig", "state": "active"})];
        let text = text(&keys);
        assert!(
            text.starts_with(
                "KID  ALG    USE  STATE   ACTIVATES AT  RETIRES AT  EXPIRES AT\nabc  ES256  sig  active  -"
            ),
            "{text}"
        );
    }
}
