//! `signet agent`: verifies tokens for programs in any language on the same machine.

use super::Context;
use super::error::CliError;
use crate::app::{Agent, AgentListener, block_on, shutdown_signal};
use crate::config::AgentConfig;
use crate::telemetry;

/// Runs until it is told to stop.
pub(super) fn run(context: &Context) -> Result<(), CliError> {
    telemetry::init(context.environment.get(telemetry::WANTED));
    let config = AgentConfig::load(context.file.as_deref(), &context.environment)?;
    block_on(async {
        let shutdown = shutdown_signal()?;
        let listener = AgentListener::bind(&config.listen)?;
        let issuer = config.issuer.clone();
        let agent = Agent::start(config)?;
        tracing::info!("listening on {listener}, following {issuer}");
        agent.run_until(listener, shutdown).await?;
        Ok(())
    })
}
