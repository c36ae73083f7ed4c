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
    telemetry::init(context.environment.get(telemetry::WANTED));
    let mut config = context.load()?.config;
    let development = match context.file {
        Some(_) => None,
        None => Some(DevelopmentClient::prepare(&mut config, &SystemRandom::new())?),
    };
    let listen = config.server.listen;
    let (public_url, keys) = (config.server.public_url.clone(), config.keys.directory.clone());
    block_on(async {
        let shutdown = shutdown_signal()?;
        // First of all: where somebody listens already, no keys are made and no store is opened.
        let listener =
            TcpListener::bind(listen).map_err(|source| AppError::Listen { address: listen, source })?;
        let app = App::builder(config).build().await?;
        let address = listener.local_addr().map_err(AppError::Serve)?;
        tracing::info!("listening on http://{address}, known as {public_url}");
        if let Some(client) = &development {
            let welcome = Welcome { address, client, keys: &keys.display().to_string() };
            // Nobody reads it: no reason not to serve.
            drop(context.output.show(&welcome.to_text(), &welcome.to_json()));
        }
        app.run_until(listener, shutdown).await?;
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
        let url = format!("http://{}", self.address);
        let (keys, secret) = (self.keys, self.client.secret.reveal());
        let data =
            self.client.secret_file.parent().map(|path| path.display().to_string()).unwrap_or_default();
        let curl = format!("curl -s -u {DEVELOPMENT_CLIENT}:{secret}");
        let json = "-H 'Content-Type: application/json'";
        format!(
            r#"
  Signet {version}, in development mode: for this machine only.

    listening   {url}
    client      {DEVELOPMENT_CLIENT}, who may do everything
    secret      {secret}
    on disk     {keys}/ and {data}/ (remove both to start anew)

  To paste into another terminal, one after the other:

  1  Start a session. The client keeps both tokens; Signet stores nothing.

     {curl} {url}/v1/sessions {json} -d '{{"sub":"user-1"}}'

  2  Another one, kept in the shell's hands.

     PAIR=$({curl} {url}/v1/sessions {json} -d '{{"sub":"user-1"}}'); token() {{ echo "$PAIR" | tr -d '"{{}}' | tr , '\n' | sed -n "s/^$1://p"; }}

  3  Refresh it: a new access token, and the next refresh token.

     PAIR=$({curl} {url}/v1/sessions/refresh {json} -d '{{"refresh_token":"'$(token refresh_token)'"}}'); echo "$PAIR"

  4  Ask what the access token says.

     {curl} {url}/oauth2/introspect -d token=$(token access_token)

  5  Sign user-1 out everywhere, then ask again: inactive, at once.

     {curl} {url}/v1/revocations {json} -d '{{"scope":{{"sub":"user-1"}},"reason":"trying it out"}}'
     {curl} {url}/oauth2/introspect -d token=$(token access_token)

  The keys that verify tokens   {url}/.well-known/jwks.json
  All endpoints                 {url}/openapi.yaml
  Beyond trying it out          signet serve --config FILE (config/signet.toml shows every key)

  Stop with Ctrl-C.
"#
        )
    }
}
