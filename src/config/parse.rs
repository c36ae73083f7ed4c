//! Raw values to the domain's words, once; and what has to fit together.

use std::time::Duration;

use signet_verifier::{Algorithm, CompactJws, IssuerUrl, RESERVED_CLAIMS};

use super::duration::Span;
use super::error::ConfigError;
use super::raw::RawConfig;
use super::sources::{Secret, Sources};
use super::{Config, EncryptionKey, KeysConfig, ServerConfig, clients, forward_auth, listen, store};
use crate::keys::SchedulePolicy;
use crate::session::{Client, OnTheft, RefreshPolicy, RevocationPolicy, TokenPolicy, WhenStoreDown};

/// An access token lives at least so many windows, or the owner would have to refresh while the rule still counts the
/// last refresh as one of several tabs.
const WINDOWS_PER_ACCESS_TTL: u32 = 12;

/// Parses everything.
pub(super) fn parse(raw: &RawConfig, sources: &Sources) -> Result<Config, ConfigError> {
    let server = listen::parse(raw, sources)?;
    let refresh = refresh_policy(raw, sources)?;
    let algorithms = algorithms(raw, sources)?;
    let clients = clients::parse(raw, &algorithms, sources)?;
    let tokens = token_policy(raw, &server, &algorithms, &clients, sources)?;
    let schedule = schedule(raw, algorithms, &tokens, &refresh, sources)?;
    let keys = KeysConfig {
        directory: path(&raw.keys.directory, "keys.directory", sources)?,
        encryption_key: encryption_key(raw, &server, sources)?,
        schedule,
    };
    let forward_auth = forward_auth::parse(&raw.forward_auth, sources)?;
    let mut warnings = warnings(&tokens, &server, raw);
    warnings.extend(forward_auth::warnings(&forward_auth, &clients, &tokens));
    let revocation = revocation_policy(raw, sources)?;
    Ok(Config {
        server,
        tokens,
        refresh,
        revocation,
        keys,
        store: store::parse(raw, sources)?,
        clients,
        forward_auth,
        warnings,
    })
}

/// The shortest life of an access token that the window allows.
pub(super) fn shortest_access_ttl(raw: &RawConfig) -> Span {
    Span(raw.refresh.window.0.saturating_mul(WINDOWS_PER_ACCESS_TTL))
}

fn refresh_policy(raw: &RawConfig, sources: &Sources) -> Result<RefreshPolicy, ConfigError> {
    let refresh = &raw.refresh;
    if refresh.window < Span::secs(1) {
        return Err(sources.error("refresh.window", format!("{} is under 1s", refresh.window)));
    }
    if refresh.absolute_ttl < refresh.idle_ttl {
        let problem = format!("{} is under refresh.idle_ttl ({})", refresh.absolute_ttl, refresh.idle_ttl);
        return Err(sources.error("refresh.absolute_ttl", problem));
    }
    if refresh.idle_ttl < raw.tokens.access_ttl {
        let problem = format!(
            "{} is under tokens.access_ttl ({}): a session would end before its access token does",
            refresh.idle_ttl, raw.tokens.access_ttl
        );
        return Err(sources.error("refresh.idle_ttl", problem));
    }
    if refresh.max_degraded > refresh.idle_ttl {
        let problem = format!(
            "{} is over refresh.idle_ttl ({}): without the store a session could outlive its idle time",
            refresh.max_degraded, refresh.idle_ttl
        );
        return Err(sources.error("refresh.max_degraded", problem));
    }
    Ok(RefreshPolicy {
        idle_ttl: refresh.idle_ttl.0,
        absolute_ttl: refresh.absolute_ttl.0,
        window: refresh.window.0,
        on_theft: on_theft(&refresh.on_theft, sources)?,
        when_store_down: when_store_down(&refresh.when_store_down, sources)?,
        max_degraded: refresh.max_degraded.0,
    })
}

fn on_theft(text: &str, sources: &Sources) -> Result<OnTheft, ConfigError> {
    match text {
        "revoke_session" => Ok(OnTheft::RevokeSession),
        "revoke_subject" => Ok(OnTheft::RevokeSubject),
        "report" => Ok(OnTheft::Report),
        _ => {
            Err(sources.error("refresh.on_theft", "expected one of: revoke_session, revoke_subject, report"))
        }
    }
}

fn when_store_down(text: &str, sources: &Sources) -> Result<WhenStoreDown, ConfigError> {
    match text {
        "degrade" => Ok(WhenStoreDown::Degrade),
        "refuse" => Ok(WhenStoreDown::Refuse),
        _ => Err(sources.error("refresh.when_store_down", "expected one of: degrade, refuse")),
    }
}

fn algorithms(raw: &RawConfig, sources: &Sources) -> Result<Vec<Algorithm>, ConfigError> {
    let key = "keys.algorithms";
    let mut algorithms = Vec::new();
    for name in &raw.keys.algorithms {
        let algorithm = Algorithm::from_name(name).ok_or_else(|| {
            let known = Algorithm::ALL.map(Algorithm::name).join(", ");
            sources.error(key, format!("{name:?} is none that Signet signs with; there are {known}"))
        })?;
        if algorithms.contains(&algorithm) {
            return Err(sources.error(key, format!("{name} is there twice")));
        }
        algorithms.push(algorithm);
    }
    if algorithms.is_empty() { Err(sources.error(key, "at least one is needed")) } else { Ok(algorithms) }
}

fn token_policy(
    raw: &RawConfig,
    server: &ServerConfig,
    algorithms: &[Algorithm],
    clients: &[Client],
    sources: &Sources,
) -> Result<TokenPolicy, ConfigError> {
    let access_ttl = raw.tokens.access_ttl;
    check_access_ttl(raw, sources)?;
    let default_algorithm = algorithms.first().copied();
    Ok(TokenPolicy {
        issuer: issuer(raw, server, sources)?,
        access_ttl: access_ttl.0,
        longest_access_ttl: clients
            .iter()
            .filter_map(|client| client.max_access_ttl)
            .fold(access_ttl.0, Duration::max),
        leeway: raw.tokens.leeway.0,
        max_bytes: raw.tokens.max_bytes,
        audiences: clients::audiences(&raw.tokens.audiences)
            .map_err(|problem| sources.error("tokens.audiences", problem))?,
        revocable_claims: revocable_claims(raw, sources)?,
        default_algorithm: default_algorithm.unwrap_or(Algorithm::Es256),
    })
}

fn check_access_ttl(raw: &RawConfig, sources: &Sources) -> Result<(), ConfigError> {
    let (access_ttl, leeway, max_bytes) = (raw.tokens.access_ttl, raw.tokens.leeway, raw.tokens.max_bytes);
    let floor = shortest_access_ttl(raw);
    if access_ttl < floor {
        let window = raw.refresh.window;
        let problem = format!(
            "{access_ttl} is under {WINDOWS_PER_ACCESS_TTL} times refresh.window ({window}), which is {floor}: \
             lengthen the token's life or shorten the window"
        );
        return Err(sources.error("tokens.access_ttl", problem));
    }
    if leeway > access_ttl {
        let problem = format!(
            "{leeway} is over tokens.access_ttl ({access_ttl}): it would more than double a token's life"
        );
        return Err(sources.error("tokens.leeway", problem));
    }
    if !(512..=CompactJws::MAX_BYTES).contains(&max_bytes) {
        let problem = format!("expected 512 to {}, which is what verifiers read", CompactJws::MAX_BYTES);
        return Err(sources.error("tokens.max_bytes", problem));
    }
    Ok(())
}

/// `iss`: byte for byte what verifiers expect, so a given one is not tidied up.
fn issuer(raw: &RawConfig, server: &ServerConfig, sources: &Sources) -> Result<IssuerUrl, ConfigError> {
    let (key, text) = match &raw.issuer.url {
        Some(url) => ("issuer.url", url.as_str()),
        None => ("server.public_url", server.public_url.as_str()),
    };
    let parsed = listen::url(text).and_then(|_| IssuerUrl::parse(text).ok());
    parsed.ok_or_else(|| {
        sources.error(key, "expected an http or https URL without query, fragment or password")
    })
}

fn revocable_claims(raw: &RawConfig, sources: &Sources) -> Result<Vec<String>, ConfigError> {
    let key = "tokens.revocable_claims";
    let names = &raw.tokens.revocable_claims;
    for (index, name) in names.iter().enumerate() {
        if RESERVED_CLAIMS.contains(&name.as_str()) {
            return Err(sources.error(key, format!("{name} is reserved: it has a scope of its own or none")));
        }
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            return Err(sources.error(key, "a name has 1 to 128 bytes without control characters"));
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(sources.error(key, format!("{name} is there twice")));
        }
    }
    Ok(names.clone())
}

fn schedule(
    raw: &RawConfig,
    algorithms: Vec<Algorithm>,
    tokens: &TokenPolicy,
    refresh: &RefreshPolicy,
    sources: &Sources,
) -> Result<SchedulePolicy, ConfigError> {
    let policy = SchedulePolicy {
        algorithms,
        rotate_every: raw.keys.rotate_every.0,
        publish_ahead: raw.keys.publish_ahead.0,
        jwks_max_age: raw.keys.jwks_max_age.0,
        longest_access_ttl: tokens.longest_access_ttl,
        longest_refresh_ttl: refresh.absolute_ttl,
        leeway: tokens.leeway,
    };
    policy.check().map_err(|problem| sources.error("keys", problem.to_string()))?;
    Ok(policy)
}

fn encryption_key(
    raw: &RawConfig,
    server: &ServerConfig,
    sources: &Sources,
) -> Result<EncryptionKey, ConfigError> {
    if let (Some(_), Some(_)) = (&raw.keys.encryption_key_file, sources.secret(Secret::EncryptionKey)) {
        let problem = "SIGNET_KEYS__ENCRYPTION_KEY holds a key, too: give one of them";
        return Err(sources.error("keys.encryption_key_file", problem));
    }
    if let Some(file) = &raw.keys.encryption_key_file {
        return Ok(EncryptionKey::File(path(file, "keys.encryption_key_file", sources)?));
    }
    if let Some(text) = sources.secret(Secret::EncryptionKey) {
        return Ok(EncryptionKey::Text(text));
    }
    if server.listen.ip().is_loopback() {
        return Ok(EncryptionKey::BesideRing);
    }
    let problem = "required unless server.listen is a loopback address: a file with 32 random bytes in base64 \
                   (head -c 32 /dev/urandom | base64), or that text in SIGNET_KEYS__ENCRYPTION_KEY";
    Err(sources.error("keys.encryption_key_file", problem))
}

fn revocation_policy(raw: &RawConfig, sources: &Sources) -> Result<RevocationPolicy, ConfigError> {
    let max_skew = raw.revocation.max_skew;
    if !(Span(Duration::from_millis(10))..=Span::mins(1)).contains(&max_skew) {
        return Err(sources.error("revocation.max_skew", format!("{max_skew} is not within 10ms and 1m")));
    }
    Ok(RevocationPolicy { max_skew: max_skew.0 })
}

fn path(text: &str, key: &str, sources: &Sources) -> Result<std::path::PathBuf, ConfigError> {
    if text.is_empty() { Err(sources.error(key, "expected a path")) } else { Ok(text.into()) }
}

fn warnings(tokens: &TokenPolicy, server: &ServerConfig, raw: &RawConfig) -> Vec<String> {
    let mut warnings = Vec::new();
    let issuer = tokens.issuer.as_str();
    if issuer.starts_with("http://") && !server.listen.ip().is_loopback() {
        warnings.push(format!("The issuer is {issuer}: verifiers would fetch its keys in clear text."));
    } else if issuer.starts_with("http://") && raw.issuer.url.is_some() {
        warnings.push(format!("The issuer is {issuer}: use https for anything but development."));
    }
    if raw.server.allow_plain_http && !server.listen.ip().is_loopback() {
        warnings
            .push(format!("Listening on {} without TLS, as server.allow_plain_http says.", server.listen));
    }
    let secret_files = raw.clients.iter().filter_map(|client| client.secret_file.as_deref());
    let files = secret_files.chain(raw.keys.encryption_key_file.as_deref());
    warnings.extend(files.filter(|path| everybody_reads(path)).map(|path| {
        format!("{path} holds a secret and can be read by everybody on this machine: chmod 600 {path}.")
    }));
    warnings
}

fn everybody_reads(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
