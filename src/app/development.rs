//! Development mode: `signet serve` without a configuration file, on this machine only.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use signet_verifier::ClientId;
use zeroize::Zeroizing;

use super::client_secret::ClientSecret;
use super::error::AppError;
use crate::config::{Config, StoreUrl};
use crate::random::Random;
use crate::session::{Client, Credential, Permission};

/// The name of the one client that development mode has.
pub const DEVELOPMENT_CLIENT: &str = "dev";

/// A client with every permission, whose secret lies beside the data so that it stays the same over restarts.
pub struct DevelopmentClient {
    /// The secret.
    pub secret: ClientSecret,
    /// The file that holds it.
    pub secret_file: PathBuf,
}

impl DevelopmentClient {
    /// Adds the client to the configuration; its secret is made where there is none yet. Refuses to serve others.
    pub fn prepare(config: &mut Config, random: &dyn Random) -> Result<Self, AppError> {
        if !config.server.listen.ip().is_loopback() {
            return Err(AppError::DevelopmentListen(config.server.listen));
        }
        let StoreUrl::Redb(store) = &config.store.url;
        let secret_file = Self::secret_file(store);
        let secret = keep(&secret_file, random)
            .map_err(|source| AppError::DevelopmentSecret { path: secret_file.clone(), source })?;
        config.clients.push(client(&secret));
        Ok(Self { secret, secret_file })
    }

    /// Where the secret lies: beside the store.
    pub fn secret_file(store: &Path) -> PathBuf {
        store.with_file_name("dev-client-secret")
    }
}

#[expect(clippy::expect_used, reason = "the constant is three letters")]
fn client(secret: &ClientSecret) -> Client {
    Client {
        id: ClientId::parse(DEVELOPMENT_CLIENT).expect("\"dev\" is a client id"),
        credential: Credential::SecretSha256(secret.sha256()),
        permissions: Permission::ALL.into_iter().collect(),
        audiences: vec!["api".into()],
        scopes: None,
        max_access_ttl: None,
        algorithm: None,
    }
}

/// The secret in the file; a new one, readable by its owner only, where there is none.
fn keep(path: &Path, random: &dyn Random) -> std::io::Result<ClientSecret> {
    match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) if text.trim().len() >= 32 => {
            return Ok(ClientSecret::remembered(Zeroizing::new(text.trim().to_owned())));
        }
        Ok(_) => return Err(std::io::Error::new(ErrorKind::InvalidData, "too short: remove the file")),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let secret = ClientSecret::generate(random);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", secret.reveal())?;
    file.sync_all()?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Environment;
    use crate::random::SystemRandom;

    fn config(listen: &str, data: &Path) -> Config {
        let store = format!("redb:{}", data.join("data/signet.redb").display());
        let variables: Environment = [
            ("SIGNET_SERVER__LISTEN", listen),
            ("SIGNET_SERVER__ALLOW_PLAIN_HTTP", "true"),
            ("SIGNET_KEYS__ENCRYPTION_KEY", "x"),
            ("SIGNET_STORE__URL", &store),
        ]
        .into_iter()
        .collect();
        Config::load(None, &variables).map_or_else(|error| panic!("{error}"), |loaded| loaded.config)
    }

    #[test]
    fn the_secret_stays_the_same_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut secrets = Vec::new();
        for _ in 0..2 {
            let mut config = config("127.0.0.1:0", directory.path());
            let client = DevelopmentClient::prepare(&mut config, &SystemRandom::new()).unwrap();
            let mode = std::fs::metadata(&client.secret_file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            assert!(config.clients.first().unwrap().credential.accepts(client.secret.reveal()));
            secrets.push(client.secret.reveal().to_owned());
        }
        assert_eq!(secrets.first(), secrets.last());
    }

    #[test]
    fn others_are_not_served() {
        let directory = tempfile::tempdir().unwrap();
        let mut config = config("0.0.0.0:0", directory.path());
        let refused = DevelopmentClient::prepare(&mut config, &SystemRandom::new());
        assert!(matches!(refused, Err(AppError::DevelopmentListen(_))));
        assert!(config.clients.is_empty());
    }
}
