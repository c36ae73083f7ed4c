//! `signet restore`: a node's volume came back from a backup, and revocations since the backup may be missing in it. Ending
//! every older session makes up for them: whoever had been signed out stays signed out, everybody else signs in again.

use clap::Args;
use serde_json::json;

use super::Context;
use super::api::ApiArgs;
use super::error::CliError;
use super::revoke::describe;

/// Which service.
#[derive(Debug, Args)]
pub(super) struct Restore {
    #[command(flatten)]
    api: ApiArgs,
}

impl Restore {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        let body = json!({"scope": {"all": true}, "effect": "logout", "reason": "restored from a backup"});
        let answer = self.api.connect(context)?.post("/v1/revocations", &body)?;
        let text = format!("All sessions that began before now have ended. {}", describe(&answer));
        context.output.show(&text, &answer)
    }
}
