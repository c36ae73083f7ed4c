//! Key administration, and what verifiers notice of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Options, TestApp, run};

async fn keys(app: &TestApp) -> Vec<Value> {
    let answer = app.get_as("app", "/v1/keys").await;
    answer.expect(200);
    answer.json["keys"].as_array().unwrap().clone()
}

fn in_state(keys: &[Value], usage: &str, state: &str) -> Vec<String> {
    let matching = keys.iter().filter(|key| key["use"] == usage && key["state"] == state);
    matching.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn published(app: &TestApp) -> Vec<String> {
    let jwks = app.get("/.well-known/jwks.json").await;
    jwks.json["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_ring_shows_states_and_times_and_no_secrets() {
    run(async {
        let app = TestApp::start().await;
        let keys = keys(&app).await;
        for usage in ["sig", "seal"] {
            assert_eq!(in_state(&keys, usage, "active").len(), 1, "{keys:?}");
            assert_eq!(in_state(&keys, usage, "pending").len(), 1, "{keys:?}");
        }
        for key in &keys {
            for member in ["created_at", "activates_at", "retires_at", "expires_at"] {
                let text = key[member].as_str().unwrap();
                assert!(
                    chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z'),
                    "{member}: {text}"
                );
            }
            let members: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
            assert!(
                members.iter().all(|name| [
                    "kid",
                    "alg",
                    "use",
                    "state",
                    "created_at",
                    "activates_at",
                    "retires_at",
                    "expires_at"
                ]
                .contains(&name.as_str())),
                "{members:?}"
            );
        }
    });
}

#[test]
fn a_sudden_rotation_promotes_a_key_that_was_already_published() {
    run(async {
        let app = TestApp::start().await;
        let early = app.post_as("app", "/v1/keys/rotate", json!({"activate": "now"})).await;
        early.expect(409);
        app.clock.advance(Duration::from_mins(31));
        let before = published(&app).await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.post_as("app", "/v1/keys/rotate", json!({"alg": "ES256", "activate": "now"})).await.expect(200);
        let next = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let (old, new) =
            (token.access_token_parts().0["kid"].clone(), next.access_token_parts().0["kid"].clone());
        assert_ne!(old, new);
        assert!(before.contains(&new.as_str().unwrap().to_owned()), "verifiers have long seen it");
        assert!(app.is_active(&token.access_token()).await, "what the old key signed stays good");
        assert!(published(&app).await.contains(&old.as_str().unwrap().to_owned()));
    });
}

#[test]
fn a_compromised_key_is_out_at_once_and_for_good() {
    run(async {
        let app = TestApp::start().await;
        app.clock.advance(Duration::from_mins(31));
        let before = published(&app).await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let kid = token.access_token_parts().0["kid"].as_str().unwrap().to_owned();
        let answer =
            app.post_as("app", &format!("/v1/keys/{kid}/revoke"), json!({"reason": "laptop lost"})).await;
        answer.expect(200);
        assert_eq!(answer.json["status"], "durable");
        assert!(!app.is_active(&token.access_token()).await);
        assert!(!published(&app).await.contains(&kid));
        let next = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let promoted = next.access_token_parts().0["kid"].as_str().unwrap().to_owned();
        assert!(before.contains(&promoted));
        assert!(app.is_active(&next.access_token()).await);
        app.refresh(&token.refresh_token()).await.expect(200);
        let app = app.restart().await;
        assert!(!app.is_active(&token.access_token()).await);
        assert_eq!(in_state(&keys(&app).await, "sig", "compromised"), vec![kid.clone()]);
        app.post_as("app", "/v1/keys/nobody/revoke", json!({"reason": "x"})).await.expect(404);
    });
}

#[test]
fn a_compromised_sealing_key_ends_the_sessions_sealed_under_it() {
    run(async {
        let app = TestApp::start().await;
        app.clock.advance(Duration::from_mins(31));
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let kid = in_state(&keys(&app).await, "seal", "active")[0].clone();
        app.post_as("app", &format!("/v1/keys/{kid}/revoke"), json!({"reason": "leak"})).await.expect(200);
        assert!(!app.is_active(&session.access_token()).await);
        app.refresh(&session.refresh_token()).await.expect(401);
        let next = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(app.is_active(&next.access_token()).await);
        app.refresh(&next.refresh_token()).await.expect(200);
    });
}

#[test]
fn keys_rotate_by_themselves_and_no_token_is_refused_on_the_way() {
    run(async {
        let app = TestApp::start().await;
        let mut signed_by = std::collections::BTreeSet::new();
        for _ in 0..70 {
            app.app.tick().await;
            let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
            signed_by.insert(session.access_token_parts().0["kid"].to_string());
            app.clock.advance(Duration::from_secs(280));
            app.app.tick().await;
            assert!(app.is_active(&session.access_token()).await);
            app.clock.advance(Duration::from_hours(24));
        }
        assert!((3..=4).contains(&signed_by.len()), "70 days of 30-day keys: {}", signed_by.len());
    });
}

#[test]
fn several_algorithms_are_served_at_once() {
    run(async {
        let app = TestApp::with(Options { algorithms: &["ES256", "EdDSA"], ..Options::default() }).await;
        let jwks = app.get("/.well-known/jwks.json").await;
        let algorithms: Vec<_> =
            jwks.json["keys"].as_array().unwrap().iter().map(|key| key["alg"].clone()).collect();
        for algorithm in ["ES256", "EdDSA"] {
            assert_eq!(algorithms.iter().filter(|known| **known == algorithm).count(), 2, "{algorithms:?}");
        }
        let token = app.post_as("ed", "/v1/sessions", json!({"sub": "u", "aud": "api"})).await.access_token();
        assert!(app.is_active(&token).await);
    });
}

#[test]
fn a_private_key_is_imported_and_becomes_the_standby() {
    run(async {
        let app = TestApp::start().await;
        let pem = include_str!("fixtures/es256.pem");
        let answer = app.post_as("app", "/v1/keys/import", json!({"private_key_pem": pem})).await;
        answer.expect(201);
        assert!(!answer.text.contains("PRIVATE"), "{}", answer.text);
        app.post_as("app", "/v1/keys/import", json!({"private_key_pem": pem})).await.expect(409);
        app.post_as("app", "/v1/keys/import", json!({"private_key_pem": "nonsense"}))
            .await
            .expect_problem(400, "private_key_pem");
        app.post_as("app", "/v1/keys/import", json!({"private_key_pem": pem, "alg": "EdDSA"}))
            .await
            .expect_problem(400, "alg");
        app.clock.advance(Duration::from_mins(31));
        app.post_as("app", "/v1/keys/rotate", json!({"alg": "ES256", "activate": "now"})).await.expect(200);
        let kid = app.issue(json!({"sub": "u", "aud": "api"})).await.access_token_parts().0["kid"].clone();
        assert_eq!(kid, "iqPogphPsSYBzoCQVqQjSPcwxQaEsXJymARo8ZsCQm4");
    });
}

#[test]
fn only_a_key_manager_sees_or_moves_keys() {
    run(async {
        let app = TestApp::start().await;
        app.get("/v1/keys").await.expect(401);
        app.get_as("plain", "/v1/keys").await.expect(403);
        app.post_as("plain", "/v1/keys/rotate", json!({})).await.expect(403);
        app.post("/v1/keys/rotate", json!({})).await.expect(401);
        app.post_as("app", "/v1/keys/rotate", json!({"alg": "HS256"})).await.expect_problem(400, "alg");
        app.post_as("app", "/v1/keys/rotate", json!({"alg": "RS256"})).await.expect_problem(400, "RS256");
        app.post_as("app", "/v1/keys/rotate", json!({"activate": "later"}))
            .await
            .expect_problem(400, "activate");
    });
}
