//! `signet openapi`: the HTTP contract.

use serde_json::json;

use super::Context;
use super::error::CliError;
use crate::app;

/// Prints it: YAML, or with `--json` one string of it.
pub(super) fn run(context: &mut Context) -> Result<(), CliError> {
    let yaml = app::openapi()?;
    context.output.show(&yaml, &json!({"openapi": yaml}))
}
