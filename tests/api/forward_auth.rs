//! `/v1/forward-auth/{profile}`: what a proxy hears, whatever its client sends.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answer, Options, TestApp, run};

const PROFILES: &str = r#"
[[forward_auth]]
profile = "files"
audience = "files"
scopes = ["write", "read"]

[[forward_auth]]
profile = "web"
audience = "api"
cookie = "access"
"#;

const NAMES: [&str; 4] = ["x-auth-subject", "x-auth-session", "x-auth-scope", "x-auth-claims"];

async fn start() -> TestApp {
    TestApp::with(Options { extra: PROFILES, ..Options::default() }).await
}

async fn ask(app: &TestApp, path: &str, token: &str) -> Answer {
    Answer::of(app.request("GET", path).bearer_auth(token)).await
}

async fn token(app: &TestApp, session: Value) -> String {
    let issued = app.issue(session).await;
    issued.expect(201);
    issued.access_token()
}

/// Every header of an identity is there exactly once, and empty.
#[track_caller]
fn names_nobody(answer: &Answer) {
    for name in NAMES {
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [""], "{name}: {answer:?}");
    }
}

/// A request as these bytes say, on a connection of its own; status and head of the answer.
async fn raw(app: &TestApp, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    // The service may close before it has read all of a request that is too long.
    drop(stream.write_all(request).await);
    let mut answer = Vec::new();
    let reading = async {
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            if !stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.to_ascii_lowercase())
}

async fn raw_path(app: &TestApp, path: &str, token: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: signet\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    raw(app, request.as_bytes()).await.0
}

#[test]
fn a_good_token_passes_and_its_claims_stand_in_headers() {
    run(async {
        let app = start().await;
        let issued = app
            .issue(json!({"sub": "søren / 1", "aud": "api", "scope": "read write", "claims": {"tenant": "acme", "n": [1, "é"]}}))
            .await;
        let answer = ask(&app, "/v1/forward-auth/default", &issued.access_token()).await;
        answer.expect(200);
        assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", "no-store"));
        assert_eq!(answer.header("x-auth-subject"), "s%C3%B8ren%20/%201");
        assert_eq!(answer.header("x-auth-session"), issued.session_id());
        assert_eq!(answer.header("x-auth-scope"), "read write");
        let claims = URL_SAFE_NO_PAD.decode(answer.header("x-auth-claims")).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims, issued.access_token_parts().1);
        assert_eq!(
            (&claims["sub"], &claims["tenant"], &claims["n"]),
            (&json!("søren / 1"), &json!("acme"), &json!([1, "é"]))
        );
    });
}

#[test]
fn what_a_token_does_not_say_is_an_empty_header_and_not_a_missing_one() {
    run(async {
        let app = start().await;
        let form = [("grant_type", "client_credentials"), ("audience", "api")];
        let machine = app.form_as("app", "/oauth2/token", &form).await.access_token();
        let answer = ask(&app, "/v1/forward-auth/default", &machine).await;
        answer.expect(200);
        assert_eq!(answer.header("x-auth-subject"), "app");
        for name in ["x-auth-session", "x-auth-scope"] {
            assert_eq!(answer.headers.get(name).unwrap(), "", "{name}");
        }
    });
}

#[test]
fn refusals_say_why_ask_for_what_would_help_and_name_nobody() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "api", "scope": "read"})).await;
        let challenge = |error: &str| format!(r#"Bearer realm="signet"{error}"#);
        let default = "/v1/forward-auth/default";
        let none = app.get(default).await;
        none.expect_code(401, "authentication_required");
        assert_eq!(none.header("www-authenticate"), challenge(""));
        let forged = ask(&app, default, &format!("{}AAAA", &good[..good.len() - 4])).await;
        forged.expect_code(401, "invalid_token");
        assert_eq!(forged.header("www-authenticate"), challenge(r#", error="invalid_token""#));
        let foreign = ask(&app, "/v1/forward-auth/files", &good).await;
        foreign.expect_code(401, "invalid_token");
        let files = token(&app, json!({"sub": "u", "aud": ["api", "files"], "scope": "read"})).await;
        let narrow = ask(&app, "/v1/forward-auth/files", &files).await;
        narrow.expect_code(403, "insufficient_scope");
        let needed = r#", error="insufficient_scope", scope="write read""#;
        assert_eq!(narrow.header("www-authenticate"), challenge(needed));
        let scopeless = token(&app, json!({"sub": "u", "aud": "files"})).await;
        let scopeless = ask(&app, "/v1/forward-auth/files", &scopeless).await;
        scopeless.expect_code(403, "insufficient_scope");
        app.clock.advance(Duration::from_mins(20));
        let expired = ask(&app, default, &good).await;
        expired.expect_code(401, "token_expired");
        for answer in [none, forged, foreign, narrow, scopeless, expired] {
            names_nobody(&answer);
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    });
}

#[test]
fn the_very_next_request_after_a_revocation_is_refused() {
    run(async {
        let app = start().await;
        let issued = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let calls = app.store_calls();
        for _ in 0..3 {
            ask(&app, "/v1/forward-auth/default", &issued.access_token()).await.expect(200);
        }
        assert_eq!(app.store_calls(), calls, "P1: verifying never touches the store");
        app.delete_as("app", &format!("/v1/sessions/{}", issued.session_id())).await.expect(200);
        let refused = ask(&app, "/v1/forward-auth/default", &issued.access_token()).await;
        refused.expect_code(401, "invalid_token");
        names_nobody(&refused);
    });
}

#[test]
fn a_node_that_has_not_loaded_its_revocations_vouches_for_nobody_and_says_so() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "api"})).await;
        // Or the next tick would load them.
        app.store_goes_away();
        app.app.services().readiness.lost(signet::http::Requirement::StoreLoaded);
        let refused = ask(&app, "/v1/forward-auth/default", &good).await;
        refused.expect_code(503, "stale");
        assert_eq!(refused.header("retry-after"), "1");
        names_nobody(&refused);
        app.app.services().readiness.reached(signet::http::Requirement::StoreLoaded);
        ask(&app, "/v1/forward-auth/default", &good).await.expect(200);
    });
}

#[test]
fn a_profile_without_an_audience_takes_those_that_tokens_are_issued_for_but_not_the_services_own() {
    run(async {
        let app = start().await;
        for audience in ["api", "files"] {
            let good = token(&app, json!({"sub": "u", "aud": audience})).await;
            ask(&app, "/v1/forward-auth/default", &good).await.expect(200);
        }
        let form = [("grant_type", "client_credentials"), ("audience", app.issuer())];
        let own = app.form_as("app", "/oauth2/token", &form).await.access_token();
        ask(&app, "/v1/forward-auth/default", &own).await.expect_code(401, "invalid_token");
    });
}

#[test]
fn the_cookie_counts_only_in_a_profile_that_names_it_and_only_without_authorization() {
    run(async {
        let app = start().await;
        let (alice, bob) = (
            token(&app, json!({"sub": "alice", "aud": "api"})).await,
            token(&app, json!({"sub": "bob", "aud": "api"})).await,
        );
        let with = |path: &str, cookie: String| app.request("GET", path).header("cookie", cookie);
        let web = "/v1/forward-auth/web";
        let by_cookie = Answer::of(with(web, format!("theme=dark; access={alice}; x"))).await;
        by_cookie.expect(200);
        assert_eq!(by_cookie.header("x-auth-subject"), "alice");
        let both = Answer::of(with(web, format!("access={alice}")).bearer_auth(&bob)).await;
        assert_eq!(both.header("x-auth-subject"), "bob");
        let basic = Answer::of(with(web, format!("access={alice}")).basic_auth("u", Some("p"))).await;
        basic.expect_code(401, "authentication_required");
        for (path, cookie) in [
            ("/v1/forward-auth/default", format!("access={alice}")),
            (web, format!("Access={alice}")),
            (web, "access".to_owned()),
            (web, String::new()),
        ] {
            let refused = Answer::of(with(path, cookie.clone())).await;
            refused.expect_code(401, "authentication_required");
            assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="signet""#);
            names_nobody(&refused);
        }
        for cookie in [
            format!("access={alice}; access={bob}"),
            format!("access={alice}; access={alice}"),
            "access=".into(),
            "access=\"".into(),
            "access=;".into(),
        ] {
            let refused = Answer::of(with(web, cookie.clone())).await;
            refused.expect_code(401, "invalid_token");
            names_nobody(&refused);
        }
    });
}

#[test]
fn every_method_and_every_path_below_a_profile_are_answered_alike() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "api"})).await;
        let deep =
            format!("/v1/forward-auth/default/{}?scope=admin&audience=x&profile=web", "a/".repeat(2000));
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"]
        {
            for path in [
                "/v1/forward-auth/default",
                "/v1/forward-auth/default/",
                "/v1/forward-auth/default//x",
                &deep,
            ] {
                let passed = Answer::of(app.request(method, path).bearer_auth(&good)).await;
                passed.expect(200);
                assert_eq!(
                    (passed.header("x-auth-subject"), passed.text.as_str()),
                    ("u", ""),
                    "{method} {path}"
                );
                let refused = Answer::of(app.request(method, path)).await;
                refused.expect(401);
                names_nobody(&refused);
            }
        }
    });
}

#[test]
fn a_body_is_left_unread_whatever_it_is() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "api"})).await;
        let head = |length: &str| {
            format!(
                "PUT /v1/forward-auth/default/upload HTTP/1.1\r\nHost: s\r\nAuthorization: Bearer {good}\r\n{length}\r\n\r\n"
            )
        };
        // A gigabyte is announced, a few bytes come: the answer does not wait for the rest.
        let (status, _) = raw(&app, format!("{}abc", head("Content-Length: 1000000000")).as_bytes()).await;
        assert_eq!(status, 200);
        let (status, _) =
            raw(&app, format!("{}5\r\nab", head("Transfer-Encoding: chunked")).as_bytes()).await;
        assert_eq!(status, 200);
    });
}

#[test]
fn the_profile_is_the_segment_after_the_prefix_and_no_path_leads_to_another() {
    run(async {
        let app = start().await;
        // Good for `default`, not for `files`.
        let good = token(&app, json!({"sub": "u", "aud": "api"})).await;
        for path in [
            "/v1/forward-auth/files/../default",
            "/v1/forward-auth/files/..%2fdefault",
            "/v1/forward-auth/files/%2e%2e/default",
            "/v1/forward-auth/files/%2E%2E%2Fdefault",
            "/v1/forward-auth/files/..;/default",
            "/v1/forward-auth/files//default",
            "/v1/forward-auth/files/../../forward-auth/default",
            "/v1/forward-auth/files?profile=default",
            "/v1/forward-auth/files/x?/../../default",
            "http://evil.example/v1/forward-auth/files/../default",
        ] {
            assert_eq!(raw_path(&app, path, &good).await, 401, "{path}");
        }
        for path in [
            "/v1/forward-auth",
            "/v1/forward-auth/",
            "/v1/forward-auth//default",
            "/v1/forward-auth/none",
            "/v1/forward-auth/defaul",
            "/v1/forward-auth/default2",
            "/v1/forward-auth/Default",
            "/v1/forward-auth/default%2f",
            "/v1/forward-auth/default%2ffiles",
            "/v1/forward-auth/default%00",
            "/v1/forward-auth/default;x",
            "/v1/forward-auth/default*",
            "/v1/forward-auth/..",
            "/v1/forward-auth/../forward-auth/default",
            "/v1/forward-auth/%2e%2e/forward-auth/default",
            "/v1/forward-authx/default",
            "/v1/%66orward-auth/%ff",
        ] {
            assert_eq!(raw_path(&app, path, &good).await, 404, "{path}");
        }
    });
}

#[test]
fn no_other_header_changes_what_is_required() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "files", "scope": "read"})).await;
        for (name, value) in [
            ("x-forwarded-uri", "/v1/forward-auth/default"),
            ("x-original-url", "/v1/forward-auth/default"),
            ("x-rewrite-url", "/v1/forward-auth/default"),
            ("x-original-uri", "/v1/forward-auth/default"),
            ("x-envoy-original-path", "/v1/forward-auth/default"),
            ("x-forwarded-prefix", "/v1/forward-auth/default"),
            ("x-forwarded-method", "OPTIONS"),
            ("x-http-method-override", "OPTIONS"),
            ("x-forwarded-host", "default"),
            ("x-auth-scope", "write read"),
            ("x-auth-subject", "admin"),
            ("x-auth-profile", "default"),
            ("forwarded", "for=127.0.0.1;host=default"),
            ("x-forwarded-for", "127.0.0.1"),
        ] {
            let asked = app.request("GET", "/v1/forward-auth/files").bearer_auth(&good).header(name, value);
            let refused = Answer::of(asked).await;
            refused.expect_code(403, "insufficient_scope");
            names_nobody(&refused);
        }
    });
}

#[test]
fn hostile_authorization_headers_are_refused_with_401_and_the_service_goes_on() {
    run(async {
        let app = start().await;
        let good = token(&app, json!({"sub": "u", "aud": "api"})).await;
        let lower =
            app.request("GET", "/v1/forward-auth/default").header("authorization", format!("bearer {good}"));
        Answer::of(lower).await.expect(200);
        let twice = format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}");
        let lines = [
            twice.clone(),
            twice.replacen("Bearer", "Basic", 1),
            format!("Authorization: Bearer {good},Bearer {good}"),
            format!("Authorization: Bearer {good} {good}"),
            format!("Authorization: {good}"),
            format!("Authorization: Bearer\t{good}"),
            format!("Authorization: Token {good}"),
            "Authorization: Bearer".to_owned(),
            "Authorization: Bearer ".to_owned(),
            "Authorization:".to_owned(),
            "Authorization: Bearer ..".to_owned(),
            "Authorization: Bearer \u{f8}.\u{f8}.\u{f8}".to_owned(),
            format!("Authorization: Bearer {}", "a".repeat(60_000)),
            format!("Authorization: Bearer {}", ".".repeat(60_000)),
        ];
        for line in &lines {
            let request = format!(
                "GET /v1/forward-auth/default HTTP/1.1\r\nHost: s\r\nConnection: close\r\n{line}\r\n\r\n"
            );
            let (status, head) = raw(&app, request.as_bytes()).await;
            assert_eq!(status, 401, "{line:.120}");
            assert!(head.contains("www-authenticate: bearer realm=\"signet\""), "{head}");
        }
        let flood = format!(
            "GET /v1/forward-auth/web HTTP/1.1\r\nHost: s\r\nConnection: close\r\n{}\r\n",
            "Cookie: a=b; c; =\r\n".repeat(90)
        );
        assert_eq!(raw(&app, flood.as_bytes()).await.0, 401);
        let (status, _) = raw(
            &app,
            format!("GET /v1/forward-auth/default HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)).as_bytes(),
        )
        .await;
        assert!(matches!(status, 0 | 400 | 413 | 431), "a head of a megabyte is not even read: {status}");
        ask(&app, "/v1/forward-auth/default", &good).await.expect(200);
    });
}
