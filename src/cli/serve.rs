//! `signet serve`: runs the service.

use std::net::{SocketAddr, TcpListener};

use serde_json::json;

use super::Context;
use super::error::CliError;
use crate::app::{App, AppError, DEVELOPMENT_CLIENT, DevelopmentClient, block_on, shutdown_signal};
use crate::random::SystemRandom;
use crate::telemetry;

/// Runs until it is told to stop.
pub(super) fn run(context: &mut Context) -> Result<(), CliError> {
    telemetry::init();
    let mut config = context.load()?.config;
    let development = match context.file {
        Some(_) => None,
        None => Some(DevelopmentClient::prepare(&mut config, &SystemRandom::new())?),
    };
    let listen = config.server.listen;
    let (public_url, keys) = (config.server.public_url.clone(), config.keys.directory.clone());
    block_on(async {
        let app = App::builder(config).build().await?;
        let listener = TcpListener::bind(listen).map_err(AppError::Serve)?;
        let address = listener.local_addr().map_err(AppError::Serve)?;
        tracing::info!("listening on http://{address}, known as {public_url}");
        if let Some(client) = &development {
            let welcome = Welcome { address, client, keys: &keys.display().to_string() };
            context.output.show(&welcome.to_text(), &welcome.to_json())?;
        }
        app.run_until(listener, shutdown_signal()).await?;
        Ok(())
    })
}

/// The first contact: what runs, and lines to paste.
struct Welcome<'a> {
    address: SocketAddr,
    client: &'a DevelopmentClient,
    keys: &'a str,
}

impl Welcome<'_> {
    fn to_json(&self) -> serde_json::Value {
        json!({
            "mode": "development",
            "url": format!("http://{}", self.address),
            "client_id": DEVELOPMENT_CLIENT,
            "client_secret": self.client.secret.reveal(),
            "client_secret_file": self.client.secret_file,
        })
    }

    fn to_text(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let (address, keys) = (self.address, self.keys);
        let secret = self.client.secret.reveal();
        let data =
            self.client.secret_file.parent().map(|path| path.display().to_string()).unwrap_or_default();
        format!(
            r#"
  Signet {version}, development mode: this machine only, no TLS.

    listening   http://{address}
    client      {DEVELOPMENT_CLIENT}, with every permission
    secret      {secret}
    on disk     {keys}/ and {data}/ (remove both to start anew)

  Paste these into another terminal, one after the other.

  # Who asks, and whom.
  SIGNET=http://{address} CLIENT={DEVELOPMENT_CLIENT}:{secret}
  field() {{ sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }}

  # Start a session for user-1. Both tokens are the client's to keep; Signet stores nothing.
  PAIR=$(curl -s -u $CLIENT $SIGNET/v1/sessions --json '{{"sub":"user-1","refresh":true}}'); echo "$PAIR"

  # Refresh it: a new access token and the next refresh token.
  PAIR=$(curl -s -u $CLIENT $SIGNET/v1/sessions/refresh --json "{{\"refresh_token\":\"$(echo "$PAIR" | field refresh_token)\"}}"); echo "$PAIR"

  # Ask what the access token says.
  curl -s -u $CLIENT $SIGNET/oauth2/introspect -d token=$(echo "$PAIR" | field access_token); echo

  # Sign user-1 out everywhere, then ask again: inactive, at once.
  curl -s -u $CLIENT $SIGNET/v1/revocations --json '{{"scope":{{"sub":"user-1"}},"reason":"trying it out"}}'; echo
  curl -s -u $CLIENT $SIGNET/oauth2/introspect -d token=$(echo "$PAIR" | field access_token); echo

  The keys that verify tokens: http://{address}/.well-known/jwks.json    All endpoints: http://{address}/docs
  For anything but trying it out: signet serve --config FILE (config/signet.toml shows every key). Stop with Ctrl-C.
"#
        )
    }
}
