//! The examples' applications, as they are in `examples/`.

use std::time::Duration;

use actix_web::{App, HttpServer};
use reqwest::{Client, RequestBuilder};
use serde_json::json;
use signet_verifier::{LiveVerifier, Verifier};

use crate::answer::{Answer, http};
use crate::service::{SECRET, Service};
use crate::{run, until};

#[path = "../../examples/actix.rs"]
#[allow(dead_code, unfulfilled_lint_expectations, reason = "the test has a `main` of its own")]
mod in_actix;
#[path = "../../examples/axum.rs"]
#[allow(dead_code, unfulfilled_lint_expectations, reason = "the test has a `main` of its own")]
mod in_axum;

/// Longer than two heartbeats are apart, so that it holds only while the service is there.
const BOUND: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, Debug)]
enum Server {
    Actix,
    Axum,
}

/// One of the applications, running.
struct Application {
    url: String,
    http: Client,
}

impl Application {
    /// Follows the service, and serves for as long as the test runs.
    async fn start(server: Server, service: &Service) -> Self {
        let connect = Verifier::connect(&service.url).audience("api").credentials("app", SECRET);
        let verifier = connect.max_staleness(BOUND).start().await.unwrap();
        let url = match server {
            Server::Actix => serve_actix(verifier),
            Server::Axum => serve_axum(verifier).await,
        };
        Self { url, http: http().build().unwrap() }
    }

    fn request(&self, path: &str, token: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(token)
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request(path, token)).await
    }
}

fn serve_actix(verifier: LiveVerifier) -> String {
    let routes = in_actix::routes(verifier);
    let server = HttpServer::new(move || App::new().configure(routes.clone())).workers(1).disable_signals();
    let server = server.bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0];
    actix_web::rt::spawn(server.run());
    format!("http://{address}")
}

async fn serve_axum(verifier: LiveVerifier) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = in_axum::router(verifier);
    actix_web::rt::spawn(async move { ::axum::serve(listener, app).await.unwrap() });
    format!("http://{address}")
}

/// Each scenario with each application: a test each.
macro_rules! with_each_application {
    ($($scenario:ident)*) => {
        mod actix {
            $(#[test] fn $scenario() { super::run(super::$scenario(super::Server::Actix)); })*
        }
        mod axum {
            $(#[test] fn $scenario() { super::run(super::$scenario(super::Server::Axum)); })*
        }
    };
}

with_each_application! {
    a_token_opens_what_it_allows_until_its_session_is_revoked
    a_long_lived_response_ends_with_its_session
    without_the_service_it_vouches_up_to_its_bound_and_then_says_that_it_cannot
}

async fn a_token_opens_what_it_allows_until_its_session_is_revoked(server: Server) {
    let service = Service::started().await;
    let application = Application::start(server, &service).await;
    let body = json!({"sub": "user-1", "aud": "api", "scope": "orders:read", "claims": {"tenant": "acme"}});
    let (reader, session) = service.issue(body).await;
    let (other, _) = service.issue(json!({"sub": "user-2", "aud": "api", "scope": "orders"})).await;
    let (elsewhere, _) = service.issue(json!({"sub": "user-1", "aud": "files"})).await;
    let nobody = Answer::of(application.http.get(format!("{}/me", application.url))).await;
    nobody.expect(401, "authentication_required", None);
    assert_eq!(application.get("/me", &reader).await.text, "You are user-1 of acme.\n");
    assert_eq!(application.get("/orders", &reader).await.text, "The orders of user-1.\n");
    assert_eq!(application.get("/me", &other).await.status, 200);
    application.get("/orders", &other).await.expect(403, "insufficient_scope", None);
    application.get("/me", &elsewhere).await.expect(401, "invalid_token", Some("audience"));
    service.revoke(&session).await;
    application.get("/me", &reader).await.expect(401, "invalid_token", Some("revoked"));
    application.get("/orders", &reader).await.expect(401, "invalid_token", Some("revoked"));
    assert_eq!(application.get("/me", &other).await.status, 200, "nobody else is concerned");
}

async fn a_long_lived_response_ends_with_its_session(server: Server) {
    let service = Service::started().await;
    let application = Application::start(server, &service).await;
    let (token, session) = service.issue(json!({"sub": "user-1", "aud": "api"})).await;
    let mut response = application.request("/events", &token).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: tick"), "{first:?}");
    service.revoke(&session).await;
    let mut rest = String::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let last = rest.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: end\n") && last.contains("Revoked"), "{rest}");
}

async fn without_the_service_it_vouches_up_to_its_bound_and_then_says_that_it_cannot(server: Server) {
    let mut service = Service::started().await;
    let application = Application::start(server, &service).await;
    let (token, session) = service.issue(json!({"sub": "user-1", "aud": "api"})).await;
    service.dies();
    assert_eq!(application.get("/me", &token).await.status, 200, "the service is not asked");
    let ask = || application.get("/me", &token);
    let stale = until("past the bound", ask, |answer| answer.status != 200).await;
    stale.expect(503, "stale", Some("stale"));
    assert!(stale.header("retry-after").parse::<u64>().unwrap() >= 1);
    service.start().await;
    until("the service is back", ask, |answer| answer.status == 200).await;
    service.revoke(&session).await;
    application.get("/me", &token).await.expect(401, "invalid_token", Some("revoked"));
}
