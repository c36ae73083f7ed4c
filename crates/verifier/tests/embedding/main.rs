//! The verifier within web servers: what is let in, what is refused, and how HTTP says it. Every question is put to actix-web
//! and to axum, and the answers are the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod in_actix;
mod in_axum;
mod scene;
#[path = "../signer/mod.rs"]
mod signer;

use std::time::Duration;

use serde_json::json;

use crate::scene::{Answer, Scene, run};

/// Asks both servers and holds them against each other.
async fn ask(scene: &Scene, path: &str, authorization: &[&str]) -> Answer {
    let actix = in_actix::ask(scene, path, authorization).await;
    let axum = in_axum::ask(scene, path, authorization).await;
    assert_eq!(actix, axum, "{path} {authorization:?}");
    actix
}

/// With this token.
async fn ask_with(scene: &Scene, path: &str, token: &str) -> Answer {
    ask(scene, path, &[&format!("Bearer {token}")]).await
}

#[test]
fn a_good_token_is_let_in_and_its_claims_are_there() {
    run(async {
        let scene = Scene::new();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = ask(&scene, "/me", &[&format!("{scheme} {}", scene.good())]).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "user-1 of acme"));
        }
    });
}

#[test]
fn a_request_without_a_token_is_asked_for_one_and_accused_of_nothing() {
    run(async {
        let scene = Scene::new();
        let good = format!("Bearer {}", scene.good());
        for lines in [&[][..], &["Basic dTpw"], &["Bearer"], &[good.as_str(), good.as_str()]] {
            let answer = ask(&scene, "/me", lines).await;
            assert_eq!(answer.status, 401, "{lines:?}");
            assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="signet""#);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.problem()["code"], "authentication_required");
        }
    });
}

#[test]
fn a_bad_token_is_refused_by_the_name_of_the_check_that_failed() {
    run(async {
        let scene = Scene::new();
        let good = scene.good();
        let elsewhere = scene.with_claims(|claims| drop(claims.insert("aud".into(), json!("files"))));
        let cases = [
            (" ".to_owned() + &good, "base64"),
            (good.clone() + "=", "base64"),
            ("a.b".to_owned(), "segments"),
            (good.clone() + " x", "base64"),
            (scene.signed_by_a_stranger(), "signature"),
            (elsewhere, "audience"),
        ];
        for (token, reason) in cases {
            let answer = ask_with(&scene, "/me", &token).await;
            assert_eq!((answer.status, &answer.problem()["reason"]), (401, &json!(reason)), "{token}");
            assert_eq!(answer.problem()["code"], "invalid_token");
            let challenge = answer.header("www-authenticate").to_owned();
            assert!(
                challenge.starts_with(r#"Bearer realm="signet", error="invalid_token", "#),
                "{challenge}"
            );
        }
    });
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    run(async {
        let scene = Scene::new();
        let token = scene.good();
        assert_eq!(ask_with(&scene, "/me", &token).await.status, 200);
        scene.revoke_session();
        let answer = ask_with(&scene, "/me", &token).await;
        assert_eq!(answer.status, 401);
        let problem = answer.problem();
        assert_eq!((&problem["reason"], &problem["action"]), (&json!("revoked"), &json!("reauthenticate")));
    });
}

#[test]
fn an_expired_token_is_to_be_refreshed() {
    run(async {
        let scene = Scene::new();
        let token = scene.good();
        scene.goes_on(Duration::from_secs(331));
        scene.hears_from_the_service();
        let problem = ask_with(&scene, "/me", &token).await.problem();
        assert_eq!((&problem["code"], &problem["action"]), (&json!("token_expired"), &json!("refresh")));
    });
}

#[test]
fn a_stale_verifier_blames_itself() {
    run(async {
        let scene = Scene::new();
        let token = scene.good();
        scene.goes_on(Duration::from_secs(31));
        let answer = ask_with(&scene, "/me", &token).await;
        assert_eq!((answer.status, &answer.problem()["code"]), (503, &json!("stale")));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!(wait >= 1 && answer.header("www-authenticate").is_empty());
        scene.hears_from_the_service();
        assert_eq!(ask_with(&scene, "/me", &token).await.status, 200, "and is well again");
    });
}

#[test]
fn a_scope_is_there_whole_or_not_at_all() {
    run(async {
        let scene = Scene::new();
        for (scope, status) in [
            ("read write", 200),
            ("write read", 200),
            ("read", 403),
            ("reader write", 403),
            ("READ WRITE", 403),
            ("read-write", 403),
        ] {
            let answer = ask_with(&scene, "/both", &scene.with_scope(scope)).await;
            assert_eq!(answer.status, status, "{scope}");
        }
        let none = scene.with_claims(|claims| drop(claims.remove("scope")));
        let answer = ask_with(&scene, "/both", &none).await;
        assert_eq!((answer.status, &answer.problem()["code"]), (403, &json!("insufficient_scope")));
        let challenge = answer.header("www-authenticate").to_owned();
        assert!(challenge.starts_with(r#"Bearer realm="orders", error="insufficient_scope""#), "{challenge}");
        assert!(challenge.ends_with(r#"scope="read write""#), "{challenge}");
        assert_eq!(answer.problem()["scope"], "read write");
    });
}

#[test]
fn a_scope_that_no_token_can_have_lets_nobody_in() {
    run(async {
        let scene = Scene::new();
        for path in ["/empty", "/quote"] {
            assert_eq!(ask_with(&scene, path, &scene.good()).await.status, 403, "{path}");
        }
    });
}

#[test]
fn custom_claims_that_do_not_fit_are_refused() {
    run(async {
        let scene = Scene::new();
        let odd = scene.with_claims(|claims| drop(claims.insert("tenant".into(), json!(["acme"]))));
        let answer = ask_with(&scene, "/me", &odd).await;
        assert_eq!((answer.status, &answer.problem()["reason"]), (401, &json!("claims_malformed")));
    });
}

#[test]
fn one_place_may_ask_for_another_audience_and_another_bound() {
    run(async {
        let scene = Scene::new();
        let files = scene.with_claims(|claims| drop(claims.insert("aud".into(), json!("files"))));
        assert_eq!(ask_with(&scene, "/files", &files).await.status, 200);
        assert_eq!(ask_with(&scene, "/files", &scene.good()).await.problem()["reason"], "audience");
        scene.goes_on(Duration::from_secs(11));
        assert_eq!(ask_with(&scene, "/me", &scene.good()).await.status, 200);
        assert_eq!(ask_with(&scene, "/files", &files).await.status, 503);
    });
}

#[test]
fn what_is_refused_is_not_run() {
    run(async {
        let scene = Scene::new();
        assert_eq!(ask(&scene, "/count", &[]).await.status, 401);
        assert_eq!(scene.runs(), 0);
        assert_eq!(ask_with(&scene, "/count", &scene.good()).await.status, 200);
        assert_eq!(scene.runs(), 2, "once in each server");
    });
}
