//! The command line: one file a subcommand.
//!
//! Commands that change a running service go through its API (`api.rs`), so that there is one door with one set of rules;
//! commands that only read need no service. Results go to standard output through `output.rs`, as text for people
//! or as JSON with `--json`; logs and errors go to standard error.

mod agent;
mod api;
mod client;
mod config;
mod error;
mod keys;
mod openapi;
mod output;
mod restore;
mod revoke;
mod serve;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Environment, Loaded};
use error::CliError;
use output::{Format, Output};

/// Signs sessions that the client holds, and takes them back.
#[derive(Debug, Parser)]
#[command(name = "signet", version, arg_required_else_help = true, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// The configuration file; without one, defaults and SIGNET_* variables.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service; without a configuration file, in development mode on this machine.
    Serve,
    /// Run a sidecar that verifies tokens for the programs of this machine.
    Agent,
    /// The key ring.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Registered clients.
    #[command(subcommand)]
    Client(client::Command),
    /// Access tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Take tokens and sessions back.
    Revoke(revoke::Revoke),
    /// After a node's volume was restored from a backup: end all sessions that are older than now.
    Restore(restore::Restore),
    /// The configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Print the HTTP contract (OpenAPI, YAML).
    Openapi,
}

/// What every command may use.
struct Context {
    environment: Environment,
    file: Option<PathBuf>,
    output: Output,
}

impl Context {
    /// The configuration, as `serve` would read it.
    fn load(&self) -> Result<Loaded, CliError> {
        Ok(Config::load(self.file.as_deref(), &self.environment)?)
    }
}

/// Runs the program with the process's arguments: 0, 1 if it failed, 2 if it was called or configured wrongly.
pub fn run() -> ExitCode {
    let Cli { command, config, json } = Cli::parse();
    let format = if json { Format::Json } else { Format::Human };
    let mut context =
        Context { environment: Environment::of_process(), file: config, output: Output::stdout(format) };
    match dispatch(command, &mut context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(format, &error);
            error.exit_code()
        }
    }
}

fn dispatch(command: Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::Serve => serve::run(context),
        Command::Agent => agent::run(context),
        Command::Keys(command) => command.run(context),
        Command::Client(command) => command.run(context),
        Command::Token(command) => command.run(context),
        Command::Revoke(command) => command.run(context),
        Command::Restore(command) => command.run(context),
        Command::Config(command) => command.run(context),
        Command::Openapi => openapi::run(context),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_documented_command_is_understood() {
        for line in [
            "serve",
            "serve --config signet.toml",
            "agent --config agent.toml",
            "keys list --json",
            "keys rotate",
            "keys rotate --alg ES256 --now",
            "keys revoke abc --reason leaked",
            "keys import key.pem --alg PS256",
            "keys reseal --new-key-file kek",
            "client new web --permission sessions:issue --permission sessions:revoke --audience api",
            "token issue --sub u1 --aud api --claim tenant=acme",
            "token inspect eyJ.x.y",
            "token verify - --jwks jwks.json --audience api",
            "revoke --sub u1 --reason left",
            "revoke --claim tenant=acme --effect refresh",
            "revoke --sub u1 --keep-file - --wait verifiers --timeout 500ms",
            "revoke --all --url http://127.0.0.1:1 --client ops --secret-file s",
            "restore",
            "config check",
            "config print --json",
            "openapi",
        ] {
            let words = std::iter::once("signet").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "keys",
            "revoke",
            "revoke --sub a --sid b",
            "revoke --all --effect maybe",
            "revoke --claim tenant",
            "revoke --all --keep-file token",
            "revoke --all --timeout 5s",
            "keys revoke",
            "keys rotate --alg HS256",
            "client new web",
            "client new web --permission everything",
            "token issue",
            "token issue --sub u --secret hunter2",
        ] {
            let words = std::iter::once("signet").chain(line.split(' ').filter(|word| !word.is_empty()));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
