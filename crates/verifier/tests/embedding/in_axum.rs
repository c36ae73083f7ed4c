//! The questions, put to an axum router.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;
use signet_verifier::tower::VerifierLayer;
use signet_verifier::{Refusal, Rejection, Verified};
use tower_service::Service;

use crate::scene::{Answer, Scene, for_files};

#[derive(Deserialize)]
struct Custom {
    tenant: String,
}

async fn me(Extension(session): Extension<Verified>) -> Response {
    match session.typed::<Custom>() {
        Ok(session) => format!("{} of {}", session.claims().sub, session.custom().tenant).into_response(),
        // What the layer would have said.
        Err(error) => rejected(&Rejection::new(Refusal::Token(error))),
    }
}

async fn count(State(counter): State<Arc<AtomicUsize>>) -> &'static str {
    counter.fetch_add(1, Ordering::SeqCst);
    "counted"
}

async fn welcome(Extension(session): Extension<Verified>) -> String {
    session.claims().sub.to_string()
}

fn rejected(rejection: &Rejection) -> Response {
    let mut response = Response::builder().status(rejection.status());
    for (name, value) in rejection.headers() {
        response = response.header(name, value);
    }
    response.body(Body::from(rejection.body())).unwrap()
}

pub(crate) async fn ask(scene: &Scene, path: &str, authorization: &[&str]) -> Answer {
    let door = || VerifierLayer::new(scene.verifier());
    let guarded = |path, door| Router::new().route(path, get(welcome)).route_layer(door);
    let mut app: Router = Router::new()
        .route("/me", get(me))
        .route("/count", get(count))
        .with_state(scene.counter())
        .route_layer(door())
        .merge(guarded("/both", door().realm("orders").scope("read").scope("write")))
        .merge(guarded("/empty", door().scope("")))
        .merge(guarded("/quote", door().scope("read\"")))
        .merge(guarded("/files", door().check(for_files())));
    let mut request = Request::builder().uri(path);
    for line in authorization {
        request = request.header("authorization", *line);
    }
    let response = Service::call(&mut app, request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let shown = |name: &str| !["content-length"].contains(&name);
    let headers = parts.headers.iter().filter(|(name, _)| shown(name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let body = to_bytes(body, 65_536).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
