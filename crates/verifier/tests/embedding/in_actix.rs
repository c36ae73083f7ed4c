//! The questions, put to an actix-web application.

use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::to_bytes;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::web::{self, Data};
use actix_web::{App, ResponseError};
use serde::Deserialize;
use signet_verifier::Rejection;
use signet_verifier::actix::{RequireSession, Session, SessionConfig};

use crate::scene::{Answer, Scene, for_files, run};

#[derive(Deserialize)]
struct Custom {
    tenant: String,
}

async fn me(session: Session<Custom>) -> String {
    format!("{} of {}", session.claims().sub, session.custom().tenant)
}

async fn count(counter: Data<AtomicUsize>) -> &'static str {
    counter.fetch_add(1, Ordering::SeqCst);
    "counted"
}

async fn welcome(session: Session) -> String {
    session.claims().sub.to_string()
}

pub(crate) async fn ask(scene: &Scene, path: &str, authorization: &[&str]) -> Answer {
    let door = || RequireSession::new(scene.verifier());
    let guarded = |path, door| web::resource(path).wrap(door).route(web::get().to(welcome));
    let app = App::new()
        .app_data(Data::new(scene.verifier()))
        .app_data(Data::from(scene.counter()))
        .route("/me", web::get().to(me))
        .service(guarded("/both", door().realm("orders").scope("read").scope("write")))
        .service(guarded("/empty", door().scope("")))
        .service(guarded("/quote", door().scope("read\"")))
        .service(guarded("/files", door().check(for_files())))
        .service(web::resource("/count").wrap(door()).route(web::get().to(count)));
    let service = init_service(app).await;
    let mut request = TestRequest::with_uri(path);
    for line in authorization {
        request = request.append_header(("authorization", *line));
    }
    let response = try_call_service(&service, request.to_request()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let body = to_bytes(response.into_body()).await.unwrap_or_default();
    Answer { status, headers: headers.collect(), body: String::from_utf8(body.to_vec()).unwrap() }
}

/// Status and body of an extractor within these settings, behind this middleware or none.
async fn extracted(
    scene: &Scene,
    config: SessionConfig,
    door: Option<RequireSession>,
) -> Result<String, Rejection> {
    let resource = web::resource("/").app_data(config).route(web::get().to(welcome));
    let app = App::new().app_data(Data::new(scene.verifier()));
    let request =
        TestRequest::with_uri("/").append_header(("authorization", format!("Bearer {}", scene.good())));
    let request = request.to_request();
    let response = if let Some(door) = door {
        let service = init_service(app.service(resource.wrap(door))).await;
        try_call_service(&service, request).await.unwrap().map_into_boxed_body()
    } else {
        let service = init_service(app.service(resource)).await;
        try_call_service(&service, request).await.unwrap().map_into_boxed_body()
    };
    if let Some(rejection) = response.response().error().and_then(|error| error.as_error::<Rejection>()) {
        return Err(rejection.clone());
    }
    let body = to_bytes(response.into_body()).await.unwrap_or_default();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn what_a_middleware_has_verified_is_not_verified_again() {
    run(async {
        let scene = Scene::new();
        let config = SessionConfig::default().scope("read");
        let door = RequireSession::new(scene.verifier());
        assert_eq!(extracted(&scene, config.clone(), Some(door)).await, Ok("user-1".to_owned()));
        assert_eq!(scene.verifier().counters().accepted, 1);
        assert_eq!(extracted(&scene, config, None).await, Ok("user-1".to_owned()));
        assert_eq!(scene.verifier().counters().accepted, 2, "without a middleware the extractor verifies");
    });
}

#[test]
fn an_extractors_own_settings_hold_behind_a_middleware_too() {
    run(async {
        let scene = Scene::new();
        let door = || Some(RequireSession::new(scene.verifier()));
        let admin = SessionConfig::default().realm("admin").scope("admin");
        for door in [door(), None] {
            let refused = extracted(&scene, admin.clone(), door).await.unwrap_err();
            assert_eq!(refused.status_code().as_u16(), 403);
            assert!(refused.challenge().unwrap().starts_with(r#"Bearer realm="admin""#));
        }
        let files = SessionConfig::default().check(for_files());
        assert_eq!(extracted(&scene, files, door()).await.unwrap_err().status_code().as_u16(), 401);
    });
}

#[test]
fn an_application_without_a_verifier_lets_nobody_in() {
    run(async {
        let scene = Scene::new();
        let service = init_service(App::new().route("/", web::get().to(welcome))).await;
        let request =
            TestRequest::with_uri("/").append_header(("authorization", format!("Bearer {}", scene.good())));
        let response = try_call_service(&service, request.to_request()).await.unwrap();
        assert_eq!(response.status().as_u16(), 500);
    });
}
