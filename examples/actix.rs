//! A service that verifies by itself, in actix-web: no request of its users goes to Signet, and a revoked session ends at once.
//!
//! In one directory, each in a terminal of its own:
//!
//! ```text
//! cargo run -- serve
//! cargo run --example actix
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

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use signet_verifier::actix::{RequireSession, Session};
use signet_verifier::{LiveVerifier, Verified, Verifier};

/// The custom claims that this service reads.
#[derive(Clone, Debug, Deserialize)]
struct Custom {
    tenant: Option<String>,
}

/// The routes; what they need of Signet is the verifier.
pub(crate) fn routes(verifier: LiveVerifier) -> impl Fn(&mut ServiceConfig) + Clone {
    move |config: &mut ServiceConfig| {
        let readers = RequireSession::new(verifier.clone()).realm("orders").scope("orders:read");
        config
            .app_data(Data::new(verifier.clone()))
            .route("/me", web::get().to(me))
            .route("/events", web::get().to(events))
            .service(web::resource("/orders").wrap(readers).route(web::get().to(orders)));
    }
}

/// Whoever has a good token.
async fn me(session: Session<Custom>) -> String {
    let tenant = session.custom().tenant.as_deref().unwrap_or("nobody in particular");
    format!("You are {} of {tenant}.\n", session.claims().sub)
}

/// Whoever has the scope `orders:read`: the middleware saw to it, and verified the token.
async fn orders(session: Session) -> String {
    format!("The orders of {}.\n", session.claims().sub)
}

/// A response that goes on for as long as the session does.
async fn events(session: Session, verifier: Data<LiveVerifier>) -> HttpResponse {
    let verifier = LiveVerifier::clone(&verifier);
    HttpResponse::Ok().content_type("text/event-stream").streaming(ticks(verifier, session.into_verified()))
}

/// A tick a second; the last event says why the session ended.
fn ticks(verifier: LiveVerifier, session: Verified) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let ended = Box::pin(async move { verifier.ended(&session).await });
    let timer = tokio::time::interval(Duration::from_secs(1));
    stream::unfold(Some((ended, timer)), async |open| {
        let (mut ended, mut timer) = open?;
        let (event, next) = tokio::select! {
            why = &mut ended => (format!("event: end\ndata: {why:?}\n\n"), None),
            _ = timer.tick() => ("event: tick\ndata: still here\n\n".to_owned(), Some((ended, timer))),
        };
        Some((Ok(Bytes::from(event)), next))
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(async {
        let verifier = connect()?.start().await?;
        let listen = setting("LISTEN", "127.0.0.1:3000");
        println!("listening on http://{listen}: /me, /orders, /events");
        let routes = routes(verifier.clone());
        HttpServer::new(move || App::new().configure(routes.clone())).bind(listen)?.run().await?;
        verifier.close().await;
        Ok(())
    })
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
        .name("actix-example"))
}

#[expect(clippy::disallowed_methods, reason = "an example has no configuration file")]
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
