//! `signet config`: what a service would be started with.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::error::CliError;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether it can hold.
    Check,
    /// Print what is in force, as TOML, secrets masked.
    Print,
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        let loaded = context.load()?;
        match self {
            Self::Check => {
                let warnings = loaded.config.warnings;
                let lines = warnings.iter().map(|warning| format!("warning: {warning}\n"));
                let text = format!("{}The configuration is valid.", lines.collect::<String>());
                context.output.show(&text, &json!({"valid": true, "warnings": warnings}))
            }
            Self::Print => {
                let printed = loaded.raw.to_toml();
                let text =
                    printed.map_err(|error| CliError::Usage(format!("not expressible as TOML: {error}")))?;
                let json = serde_json::to_value(loaded.raw.masked()).unwrap_or_default();
                context.output.show(&text, &json)
            }
        }
    }
}
