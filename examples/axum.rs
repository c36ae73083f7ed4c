//! A service that verifies by itself, in axum: no request of its users goes to Signet, and a revoked session ends at once.
//!
//! In one directory, each in a terminal of its own:
//!
//! ```text
//! cargo run -- serve
//! cargo run --example axum
//!
//! SECRET=$(cat data/dev-client-secret)
//! PAIR=$(curl -s -u dev:$SECRET 127.0.0.1:8080/v1/sessions -H 'Content-Type: application/json' \
//!        -d '{"sub":"user-1","scope":"orders:read","claims":{"tenant":"acme"}}')
//! TOKEN=$(echo "$PAIR" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
//! curl -i 127.0.0.1:3000/me     -H "Authorization: Bearer $TOKEN"
//! curl -i 127.0.0.1:3000/orders -H "Authorization: Bearer $TOKEN"
//! curl -N 127.0.0.1:3000/events -H "Authorization: Bearer $TOKEN"   # ends when the next line, elsewhere, is run
//! curl -s -u dev:$SECRET 127.0.0.1:8080/v1/revocations -H 'Content-Type: application/json' -d '{"scope":{"sub":"user-1"}}'
//! ```
//!
//! Another Signet: `SIGNET_ISSUER`, `SIGNET_CLIENT_ID`, `SIGNET_CLIENT_SECRET`, `SIGNET_AUDIENCE`; another address: `LISTEN`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use signet_verifier::tower::VerifierLayer;
use signet_verifier::{LiveVerifier, Verified, Verifier};

/// The custom claims that this service reads.
#[derive(Clone, Debug, Deserialize)]
struct Custom {
    tenant: Option<String>,
}

/// The routes; what they need of Signet is the verifier.
pub(crate) fn router(verifier: LiveVerifier) -> Router {
    let anyone = VerifierLayer::new(verifier.clone());
    let readers = anyone.clone().realm("orders").scope("orders:read");
    let for_anyone = Router::new().route("/me", get(me)).route("/events", get(events)).route_layer(anyone);
    let for_readers = Router::new().route("/orders", get(orders)).route_layer(readers);
    for_anyone.merge(for_readers).with_state(verifier)
}

/// Whoever has a good token.
async fn me(Extension(session): Extension<Verified>) -> Result<String, StatusCode> {
    let session: Verified<Custom> = session.typed().map_err(|_| StatusCode::UNAUTHORIZED)?;
    let tenant = session.custom().tenant.as_deref().unwrap_or("nobody in particular");
    Ok(format!("You are {} of {tenant}.\n", session.claims().sub))
}

/// Whoever has the scope `orders:read`: the layer saw to it.
async fn orders(Extension(session): Extension<Verified>) -> String {
    format!("The orders of {}.\n", session.claims().sub)
}

/// A response that goes on for as long as the session does.
async fn events(
    State(verifier): State<LiveVerifier>,
    Extension(session): Extension<Verified>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(ticks(verifier, session))
}

/// A tick a second; the last event says why the session ended.
fn ticks(verifier: LiveVerifier, session: Verified) -> impl Stream<Item = Result<Event, Infallible>> {
    let ended = Box::pin(async move { verifier.ended(&session).await });
    let timer = tokio::time::interval(Duration::from_secs(1));
    stream::unfold(Some((ended, timer)), async |open| {
        let (mut ended, mut timer) = open?;
        let (event, next) = tokio::select! {
            why = &mut ended => (Event::default().event("end").data(format!("{why:?}")), None),
            _ = timer.tick() => (Event::default().event("tick").data("still here"), Some((ended, timer))),
        };
        Some((Ok(event), next))
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let verifier = connect()?.start().await?;
    let listener = tokio::net::TcpListener::bind(setting("LISTEN", "127.0.0.1:3000")).await?;
    println!("listening on http://{}: /me, /orders, /events", listener.local_addr()?);
    let shutdown = async { drop(tokio::signal::ctrl_c().await) };
    // Long-lived responses have until the process ends; the verifier says good-bye in any case.
    let app = router(verifier.clone());
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        () = shutdown => {}
    }
    verifier.close().await;
    Ok(())
}

/// By default: the development service of this directory.
fn connect() -> Result<signet_verifier::Connect, Box<dyn Error>> {
    let secret = match setting("SIGNET_CLIENT_SECRET", "") {
        given if !given.is_empty() => given,
        _ => std::fs::read_to_string("data/dev-client-secret")
            .map_err(|_| "run `cargo run -- serve` in this directory first, or set SIGNET_CLIENT_SECRET")?,
    };
    Ok(Verifier::connect(&setting("SIGNET_ISSUER", "http://127.0.0.1:8080"))
        .audience(&setting("SIGNET_AUDIENCE", "api"))
        .credentials(&setting("SIGNET_CLIENT_ID", "dev"), secret.trim())
        .name("axum-example"))
}

#[expect(clippy::disallowed_methods, reason = "an example has no configuration file")]
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
