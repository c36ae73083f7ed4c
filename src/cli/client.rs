//! `signet client`: registers clients. The configuration is the register, so this prints what to put there.

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use signet_verifier::ClientId;

use super::Context;
use super::error::CliError;
use crate::app::ClientSecret;
use crate::random::SystemRandom;
use crate::session::Permission;

/// What to do with clients.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a client: prints its secret, once, and the TOML for the configuration file.
    New(New),
}

/// A client to be made.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// Its name.
    #[arg(value_parser = |id: &str| ClientId::parse(id))]
    id: ClientId,
    /// What it may do; repeat for several.
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_parser = permission)]
    permissions: Vec<Permission>,
    /// An audience that it may ask for; repeat for several. Default: tokens.audiences.
    #[arg(long = "audience", value_name = "AUDIENCE")]
    audiences: Vec<String>,
    /// A scope that it may ask for; repeat for several. Default: any.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
}

fn permission(name: &str) -> Result<Permission, String> {
    Permission::from_name(name)
        .ok_or_else(|| format!("there are {}", Permission::ALL.map(Permission::name).join(", ")))
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        let Self::New(new) = self;
        let secret = ClientSecret::generate(&SystemRandom::new());
        let toml = new.to_toml(&secret)?;
        let text = format!(
            "The secret of {}, shown this once (the configuration keeps its hash):\n\n    {}\n\nFor the configuration file:\n\n{toml}",
            new.id,
            secret.reveal()
        );
        context.output.show(&text, &json!({"id": new.id, "secret": secret.reveal(), "toml": toml}))
    }
}

/// A `[[clients]]` table, in the names of the configuration file.
#[derive(Serialize)]
struct Table<'a> {
    id: &'a ClientId,
    secret_sha256: String,
    permissions: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    audiences: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    scopes: &'a [String],
}

#[derive(Serialize)]
struct File<'a> {
    clients: [Table<'a>; 1],
}

impl New {
    fn to_toml(&self, secret: &ClientSecret) -> Result<String, CliError> {
        let table = Table {
            id: &self.id,
            secret_sha256: hex::encode(secret.sha256()),
            permissions: self.permissions.iter().map(|permission| permission.name()).collect(),
            audiences: &self.audiences,
            scopes: &self.scopes,
        };
        let text = toml::to_string(&File { clients: [table] });
        text.map_err(|error| CliError::Usage(format!("not expressible as TOML: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn the_printed_table_is_read_back_and_takes_the_printed_secret() {
        let new = New {
            id: ClientId::parse("web").unwrap(),
            permissions: vec![Permission::SessionsIssue, Permission::KeysManage],
            audiences: vec!["a \"quoted\" one".into(), "api".into()],
            scopes: vec!["read".into()],
        };
        let secret = ClientSecret::generate(&SystemRandom::new());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signet.toml");
        std::fs::write(&path, new.to_toml(&secret).ok().unwrap()).unwrap();
        let none = Environment::default();
        let loaded = Config::load(Some(&path), &none).unwrap_or_else(|error| panic!("{error}"));
        let [client] = loaded.config.clients.as_slice() else { panic!("one client") };
        assert!(client.credential.accepts(secret.reveal()));
        assert!(client.permissions.iter().eq([&Permission::SessionsIssue, &Permission::KeysManage]));
        assert!(client.audiences.iter().map(|a| &**a).eq(["a \"quoted\" one", "api"]));
    }
}
