//! `signet token`: issues, shows and verifies access tokens.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use signet_verifier::{
    AudienceRule, Clock, CompactJws, Denylist, Expected, ExpiryRule, IssuerUrl, StaticKeys, SystemClock,
    Verifier, strict_from_slice,
};

use super::Context;
use super::api::{ApiArgs, fetch};
use super::error::CliError;
use super::keys::read_ring;
use crate::config::Config;

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start a session through the running service.
    Issue(Issue),
    /// Show what a token says, without believing it.
    Inspect {
        /// The token; `-` reads it from standard input.
        token: String,
    },
    /// Check a token as a service would, except for revocations.
    Verify(Verify),
}

/// A session to be started.
#[derive(Debug, Args)]
pub(super) struct Issue {
    /// Whom it is for.
    #[arg(long)]
    sub: String,
    /// A service that may take its tokens; repeat for several. Default: all that the client may ask for.
    #[arg(long)]
    aud: Vec<String>,
    /// What it allows, scope tokens separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// A custom claim; repeat for several. The value is read as JSON where it is JSON, else as text.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, Value)>,
    /// The life of its access tokens, such as 5m.
    #[arg(long, value_name = "DURATION")]
    access_ttl: Option<String>,
    /// Without a refresh token.
    #[arg(long)]
    no_refresh: bool,
    #[command(flatten)]
    api: ApiArgs,
}

/// A token to be checked.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The token; `-` reads it from standard input.
    token: String,
    /// The keys: a file or an http URL. Default: the configured key directory.
    #[arg(long, value_name = "FILE|URL")]
    jwks: Option<String>,
    /// The audience that must be among the token's. Default: any.
    #[arg(long)]
    audience: Option<String>,
    /// `iss`. Default: from the configuration.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) =
        text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("expected name=value")?;
    Ok((name.into(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

impl Command {
    pub(super) fn run(self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Issue(issue) => issue.run(context),
            Self::Inspect { token } => inspect(&read_token(token)?, context),
            Self::Verify(verify) => verify.run(context),
        }
    }
}

impl Issue {
    fn run(self, context: &mut Context) -> Result<(), CliError> {
        let body = self.body();
        let answer = self.api.connect(context)?.post("/v1/sessions", &body)?;
        let rows = answer.as_object().into_iter().flatten();
        let lines = rows.map(|(name, value)| {
            format!("{name}: {}\n", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
        context.output.show(&lines.collect::<String>(), &answer)
    }

    fn body(&self) -> Value {
        let mut body = Map::from_iter([
            ("sub".to_owned(), json!(self.sub)),
            ("refresh".to_owned(), json!(!self.no_refresh)),
        ]);
        let claims: Map<String, Value> = self.claims.iter().cloned().collect();
        let given = [
            ("aud", (!self.aud.is_empty()).then(|| json!(self.aud))),
            ("scope", self.scope.as_ref().map(|scope| json!(scope))),
            ("claims", (!claims.is_empty()).then_some(Value::Object(claims))),
            ("access_ttl", self.access_ttl.as_ref().map(|ttl| json!(ttl))),
        ];
        body.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(body)
    }
}

fn inspect(token: &str, context: &mut Context) -> Result<(), CliError> {
    if token.starts_with("sgr_") {
        return Err(CliError::Token("a refresh token is sealed: only the service can open it".into()));
    }
    let parts = CompactJws::split(token).map_err(|error| CliError::Token(error.to_string()))?;
    let json = |bytes: &[u8]| {
        strict_from_slice(bytes).map_err(|_| CliError::Token("not a JSON object inside".into()))
    };
    let (header, claims) = (json(&parts.header)?, json(&parts.payload)?);
    let text = format!(
        "NOT VERIFIED: anybody can write this. `signet token verify` checks it.\n\nheader {header:#}\nclaims {claims:#}"
    );
    context.output.show(&text, &json!({"verified": false, "header": header, "claims": claims}))
}

impl Verify {
    fn run(self, context: &mut Context) -> Result<(), CliError> {
        let config = context.load()?.config;
        let keys = StaticKeys::from_jwks(&self.jwks(&config)?);
        let keys = keys.map_err(|error| CliError::Usage(format!("--jwks: {error}")))?;
        let expected = self.expected(&config)?;
        let verifier = Verifier::new(Arc::new(keys), Arc::new(Denylist::default()));
        let verified = verifier.verify_at(&read_token(self.token)?, &expected, SystemClock.now());
        let verified = verified.map_err(|error| CliError::Token(format!("not valid: {error}")))?;
        let claims = serde_json::to_value(verified.claims()).unwrap_or_default();
        let text =
            format!("Valid. Whether it has been revoked, only the service knows.\n\nclaims {claims:#}");
        context
            .output
            .show(&text, &json!({"verified": true, "revocations": "not consulted", "claims": claims}))
    }

    fn jwks(&self, config: &Config) -> Result<Vec<u8>, CliError> {
        match self.jwks.as_deref() {
            Some(url) if url.contains("://") => fetch(url),
            Some(path) => {
                std::fs::read(path).map_err(|source| CliError::File { path: Path::new(path).into(), source })
            }
            None => Ok(serde_json::to_vec(&read_ring(config)?.jwks(SystemClock.now())).unwrap_or_default()),
        }
    }

    fn expected(&self, config: &Config) -> Result<Expected, CliError> {
        let issuer = match &self.issuer {
            Some(url) => {
                IssuerUrl::parse(url).map_err(|error| CliError::Usage(format!("--issuer: {error}")))?
            }
            None => config.tokens.issuer.clone(),
        };
        Ok(Expected {
            issuer,
            audience: self
                .audience
                .as_deref()
                .map_or(AudienceRule::Any, |aud| AudienceRule::AnyOf(vec![aud.into()])),
            typ: "at+jwt",
            leeway: config.tokens.leeway,
            max_lifetime: None,
            expiry: ExpiryRule::Enforced,
        })
    }
}

/// The token itself, or standard input for `-`.
fn read_token(argument: String) -> Result<String, CliError> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    let read = std::io::stdin().take(64 * 1024).read_to_string(&mut text);
    read.map_err(|source| CliError::File { path: "standard input".into(), source })?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        issue: Issue,
    }

    #[test]
    fn claims_are_json_where_they_are_json() {
        let line = "issue --sub u1 --aud a --aud b --claim tenant=acme --claim level=3 --claim roles=[\"x\"] --no-refresh";
        let issue = Line::try_parse_from(line.split(' ')).ok().unwrap().issue;
        assert_eq!(
            issue.body(),
            json!({"sub": "u1", "aud": ["a", "b"], "refresh": false,
                "claims": {"tenant": "acme", "level": 3, "roles": ["x"]}})
        );
    }
}
