//! `signet revoke`: takes tokens and sessions back.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::Context;
use super::api::{ApiArgs, read_secret};
use super::error::CliError;

/// What to take back, and how.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    #[command(flatten)]
    scope: ScopeArgs,
    /// What it does.
    #[arg(long, value_enum, default_value_t = EffectArg::Logout)]
    effect: EffectArg,
    /// Why, for the audit trail.
    #[arg(long)]
    reason: Option<String>,
    /// Sessions begun before this (RFC 3339). Default: until now.
    #[arg(long, value_name = "TIME")]
    issued_before: Option<String>,
    /// Sign out everywhere else: a file with a refresh token whose session goes on, `-` for standard input. With --sub.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sid", "jti", "client_id", "aud", "claim", "kid", "all"])]
    keep_file: Option<PathBuf>,
    /// Whom to wait for.
    #[arg(long, value_enum)]
    wait: Option<WaitArg>,
    /// How long to wait at most, such as 500ms or 5s.
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    api: ApiArgs,
}

/// Exactly one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ScopeArgs {
    /// Everything of one subject.
    #[arg(long)]
    sub: Option<String>,
    /// One session.
    #[arg(long)]
    sid: Option<String>,
    /// One access token.
    #[arg(long)]
    jti: Option<String>,
    /// Everything that one client asked for.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Everything for one audience.
    #[arg(long)]
    aud: Option<String>,
    /// Everything with this value of a claim named in tokens.revocable_claims.
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Option<(String, String)>,
    /// Everything signed by one key; the key leaves the ring.
    #[arg(long)]
    kid: Option<String>,
    /// Everything.
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EffectArg {
    /// Ends sessions.
    Logout,
    /// Ends access tokens only: their holders refresh and go on.
    Refresh,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WaitArg {
    /// Nobody.
    None,
    /// Every connected node.
    Nodes,
    /// Every connected node and verifier.
    Verifiers,
}

fn claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected name=value")?;
    if name.is_empty() { Err("expected name=value".into()) } else { Ok((name.into(), value.into())) }
}

impl Revoke {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        // A token is never an argument: arguments are seen by everybody.
        let keep = self.keep_file.as_deref().map(read_secret).transpose()?;
        let body = self.body(keep.as_deref().map(String::as_str));
        let answer = self.api.connect(context)?.post("/v1/revocations", &body)?;
        let kept = answer
            .get("kept")
            .map(|pair| format!("\n\nThe kept session goes on with these tokens:\n{pair:#}"));
        context.output.show(&format!("{}{}", describe(&answer), kept.unwrap_or_default()), &answer)
    }

    fn body(&self, keep: Option<&str>) -> Value {
        let effect = match self.effect {
            EffectArg::Logout => "logout",
            EffectArg::Refresh => "refresh",
        };
        let wait = self.wait.map(|wait| match wait {
            WaitArg::None => "none",
            WaitArg::Nodes => "nodes",
            WaitArg::Verifiers => "verifiers",
        });
        let mut body = Map::from_iter([
            ("scope".to_owned(), self.scope.to_json()),
            ("effect".to_owned(), json!(effect)),
        ]);
        let given = [
            ("reason", self.reason.as_ref().map(|reason| json!(reason))),
            ("issued_before", self.issued_before.as_ref().map(|time| json!(time))),
            ("keep", keep.map(|token| json!(token))),
            ("wait", wait.map(|wait| json!(wait))),
            ("timeout_ms", self.timeout.map(|timeout| json!(timeout.as_millis()))),
        ];
        body.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(body)
    }
}

impl ScopeArgs {
    fn to_json(&self) -> Value {
        let one = [
            ("sub", &self.sub),
            ("sid", &self.sid),
            ("jti", &self.jti),
            ("client_id", &self.client_id),
            ("aud", &self.aud),
            ("kid", &self.kid),
        ];
        if let Some((name, value)) = one.into_iter().find_map(|(name, value)| Some((name, value.as_ref()?))) {
            return json!({ name: value });
        }
        self.claim
            .as_ref()
            .map_or_else(|| json!({"all": true}), |(name, value)| json!({"claim": {name: value}}))
    }
}

/// The answer in a sentence.
pub(super) fn describe(answer: &Value) -> &'static str {
    match answer.get("status").and_then(Value::as_str) {
        Some("pending") => {
            "Revoked on this node and kept in its journal; the shared store is away, the rest will be told when it is back."
        }
        _ => "Revoked: durable, and on its way to everybody.",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        revoke: Revoke,
    }

    fn body(line: &str) -> Value {
        Line::try_parse_from(std::iter::once("revoke").chain(line.split(' '))).ok().unwrap().revoke.body(None)
    }

    #[test]
    fn the_request_says_what_the_line_says() {
        assert_eq!(body("--sub u1"), json!({"scope": {"sub": "u1"}, "effect": "logout"}));
        assert_eq!(
            body("--all --reason drill"),
            json!({"scope": {"all": true}, "effect": "logout", "reason": "drill"})
        );
        assert_eq!(
            body("--claim tenant=a=b --effect refresh"),
            json!({"scope": {"claim": {"tenant": "a=b"}}, "effect": "refresh"})
        );
        assert_eq!(
            body("--jti x --wait nodes --timeout 2s --issued-before 2026-11-18T11:06:40Z"),
            json!({"scope": {"jti": "x"}, "effect": "logout", "wait": "nodes", "timeout_ms": 2000,
                "issued_before": "2026-11-18T11:06:40Z"})
        );
    }
}
