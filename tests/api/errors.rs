//! What is refused, and how: statuses, headers, limits, guessers.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Answer, SECRET, TestApp, run};

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    run(async {
        let app = TestApp::start().await;
        let unknown = app.get("/v1/nothing").await;
        unknown.expect(404);
        assert_eq!(unknown.header("content-type"), "application/problem+json");
        for (method, path, allow) in [
            ("GET", "/v1/sessions", "POST"),
            ("PUT", "/v1/sessions/refresh", "POST"),
            ("POST", "/v1/sessions/current", "DELETE"),
            ("DELETE", "/v1/revocations", "GET, HEAD, POST"),
            ("POST", "/v1/keys", "GET, HEAD"),
            ("POST", "/.well-known/jwks.json", "GET, HEAD"),
            ("PATCH", "/oauth2/introspect", "POST"),
            ("POST", "/livez", "GET, HEAD"),
        ] {
            let answer = Answer::of(app.request(method, path)).await;
            answer.expect(405);
            assert_eq!(answer.header("allow"), allow, "{method} {path}");
        }
    });
}

#[test]
fn bodies_have_a_type_a_size_and_one_meaning() {
    run(async {
        let app = TestApp::start().await;
        let send = async |content_type: &str, body: String| {
            let request = app.request_as("app", "POST", "/v1/sessions").header("content-type", content_type);
            Answer::of(request.body(body)).await
        };
        send("application/json", r#"{"sub":"u"}"#.into()).await.expect(201);
        send("application/json; charset=utf-8", r#"{"sub":"u"}"#.into()).await.expect(201);
        send("text/plain", r#"{"sub":"u"}"#.into()).await.expect(415);
        send("application/json", format!(r#"{{"sub":"{}"}}"#, "x".repeat(70_000))).await.expect(413);
        for bad in [
            "",
            "{",
            "[]",
            "null",
            "7",
            r#"{"sub":"u"}x"#,
            r#"{"sub":"u","sub":"v"}"#,
            r#"{"sub":"u","claims":{"a":1,"a":2}}"#,
            "\u{0}",
        ] {
            send("application/json", bad.into()).await.expect(400);
        }
        send("application/json", "[".repeat(60_000)).await.expect(400);
        send(
            "application/json",
            format!(r#"{{"sub":"u","claims":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000)),
        )
        .await
        .expect(400);
        let latin = app.request_as("app", "POST", "/v1/sessions").header("content-type", "application/json");
        Answer::of(latin.body(b"{\"sub\":\"\xe9\"}".to_vec())).await.expect(400);
    });
}

#[test]
fn no_credentials_bad_credentials_and_too_few_permissions_are_told_apart() {
    run(async {
        let app = TestApp::start().await;
        let none = app.post("/v1/sessions", json!({"sub": "u"})).await;
        none.expect(401);
        let challenge = none.header("www-authenticate");
        assert!(
            !challenge.is_empty() && !challenge.contains("error="),
            "no error where no credentials came: {challenge}"
        );
        let wrong = Answer::of(
            app.request("POST", "/v1/sessions").basic_auth("app", Some("no")).json(&json!({"sub": "u"})),
        )
        .await;
        wrong.expect(401);
        let unknown = Answer::of(
            app.request("POST", "/v1/sessions").basic_auth("nobody", Some("no")).json(&json!({"sub": "u"})),
        )
        .await;
        assert_eq!(
            (unknown.status, &unknown.text),
            (wrong.status, &wrong.text),
            "an unknown client is a wrong secret"
        );
        app.post_as("plain", "/v1/sessions", json!({"sub": "u"})).await.expect_problem(403, "sessions:issue");
        app.post_as("plain", "/v1/revocations", json!({"scope": {"all": true}}))
            .await
            .expect_problem(403, "revocations:write");
        let public = Answer::of(
            app.request("POST", "/v1/sessions").basic_auth("spa", Some("")).json(&json!({"sub": "u"})),
        )
        .await;
        public.expect(401);
        for garbage in ["Basic", "Basic %%%", "Bearer", "Bearer x", "Digest x", "Basic Og=="] {
            let request = app
                .request("POST", "/v1/sessions")
                .header("authorization", garbage)
                .json(&json!({"sub": "u"}));
            Answer::of(request).await.expect(401);
        }
    });
}

#[test]
fn a_guesser_is_slowed_down_and_the_owner_comes_back_in_a_minute() {
    run(async {
        let app = TestApp::start().await;
        let attempt = async |secret: &str| {
            Answer::of(
                app.request("POST", "/v1/sessions")
                    .basic_auth("app", Some(secret))
                    .json(&json!({"sub": "u"})),
            )
            .await
        };
        attempt(SECRET).await.expect(201);
        let mut statuses = Vec::new();
        for guess in 0..25 {
            statuses.push(attempt(&format!("guess-{guess}")).await.status);
        }
        assert_eq!(statuses.first(), Some(&401));
        assert_eq!(statuses.last(), Some(&429));
        let blocked = attempt(SECRET).await;
        blocked.expect(429);
        assert!(blocked.header("retry-after").parse::<u64>().is_ok_and(|secs| (1..=60).contains(&secs)));
        assert_eq!(blocked.json["action"], "retry");
        app.post_as("plain", "/v1/keys/rotate", json!({})).await.expect(403);
        app.clock.advance(Duration::from_secs(61));
        attempt(SECRET).await.expect(201);
    });
}

#[test]
fn a_client_without_failures_is_not_limited() {
    run(async {
        let app = TestApp::start().await;
        for _ in 0..300 {
            app.issue(json!({"sub": "u"})).await.expect(201);
        }
    });
}

#[test]
fn the_service_says_whether_it_lives_and_is_ready() {
    run(async {
        let app = TestApp::start().await;
        app.get("/livez").await.expect(200);
        app.get("/readyz").await.expect(200);
        let contract = app.get("/openapi.yaml").await;
        contract.expect(200);
        assert!(contract.text.contains("openapi: 3.1"));
    });
}

#[test]
fn session_ids_in_paths_are_checked() {
    run(async {
        let app = TestApp::start().await;
        for bad in ["x", "01900000-0000-4000-8000-000000000000", "..%2f..%2fetc", "CURRENT"] {
            app.delete_as("app", &format!("/v1/sessions/{bad}")).await.expect(400);
        }
        app.delete_as("plain", "/v1/sessions/01900000-0000-7000-8000-000000000000").await.expect(403);
        app.delete_as("app", "/v1/sessions/01900000-0000-7000-8000-000000000000").await.expect(200);
        Answer::of(app.request("DELETE", "/v1/sessions/current")).await.expect(401);
        app.delete_bearer("/v1/sessions/current", "nonsense").await.expect(401);
        app.delete_body("/v1/sessions/current", json!({"refresh_token": "sgr_x"})).await.expect(401);
    });
}
