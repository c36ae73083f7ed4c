//! What an agent answers, on its port.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent_process::Agent;
use crate::answer::Answer;
use crate::service::Service;
use crate::{run, until};

#[test]
fn a_good_token_is_active_until_its_session_is_revoked() {
    run(async {
        let service = Service::started().await;
        let agent = Agent::start(&service).await;
        let body = json!({"sub": "user-1", "aud": "api", "scope": "read", "claims": {"tenant": "acme"}});
        let (token, session) = service.issue(body).await;
        let by_body = agent.verify(&json!({"token": token})).await;
        let by_header = Answer::of(agent.request(Method::POST, "/verify").bearer_auth(&token)).await;
        for answer in [&by_body, &by_header] {
            assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
            let answer = answer.json();
            assert_eq!(answer["active"], true);
            let claims = &answer["claims"];
            assert_eq!((&claims["sub"], &claims["tenant"]), (&json!("user-1"), &json!("acme")));
            assert_eq!((&claims["iss"], &claims["sid"]), (&json!(service.url), &session));
        }
        service.revoke(&session).await;
        agent.verify(&json!({"token": token})).await.expect(401, "invalid_token", Some("revoked"));
        let metrics = agent.get("/metrics").await.text;
        for line in [
            "signet_verifier_tokens_accepted_total 2",
            "signet_verifier_tokens_revoked_total 1",
            "signet_verifier_denylist_entries 1",
        ] {
            assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
        }
    });
}

#[test]
fn a_bad_token_is_refused_by_the_name_of_the_check_that_failed() {
    run(async {
        let service = Service::started().await;
        let agent = Agent::start(&service).await;
        let (good, _) = service.issue(json!({"sub": "user-1", "aud": "api", "scope": "read"})).await;
        let (elsewhere, _) = service.issue(json!({"sub": "user-1", "aud": "files"})).await;
        let mut parts: Vec<&str> = good.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode([7; 64]);
        parts[2] = &forged;
        let cases = [
            (parts.join("."), "signature"),
            (format!(" {good}"), "base64"),
            (elsewhere, "audience"),
            ("x".repeat(9_000), "too_long"),
            (String::new(), "segments"),
            ("..".to_owned(), "header_malformed"),
        ];
        for (token, reason) in cases {
            let answer = agent.verify(&json!({"token": token})).await;
            answer.expect(401, "invalid_token", Some(reason));
            assert!(answer.header("www-authenticate").contains(r#"error="invalid_token""#), "{answer:?}");
        }
        let lacking = agent.verify(&json!({"token": good, "scope": "read write"})).await;
        lacking.expect(403, "insufficient_scope", None);
        assert!(lacking.header("www-authenticate").ends_with(r#"scope="read write""#), "{lacking:?}");
        assert_eq!(agent.verify(&json!({"token": good, "scope": "read"})).await.status, 200);
    });
}

#[test]
fn what_is_no_question_is_a_clear_refusal() {
    run(async {
        let service = Service::prepared();
        let agent = Agent::begin(&service).await;
        for (body, status, named) in HOSTILE_BODIES {
            let request = agent.request(Method::POST, "/verify").header("content-type", "application/json");
            let answer = Answer::of(request.body(*body)).await;
            answer.expect(*status, "invalid_request", None);
            assert!(answer.json()["detail"].as_str().unwrap().contains(named), "{body}: {answer:?}");
        }
        let post = || agent.request(Method::POST, "/verify");
        let form = post().header("content-type", "application/x-www-form-urlencoded").body("token=a");
        Answer::of(form).await.expect(415, "unsupported_media_type", None);
        let long = post().json(&json!({"token": "x".repeat(70_000)}));
        Answer::of(long).await.expect(413, "body_too_large", None);
        for authorization in ["Basic dTpw", "Bearer", "Digest x"] {
            let answer = Answer::of(post().header("authorization", authorization)).await;
            answer.expect(401, "authentication_required", None);
            assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="signet""#);
        }
        assert_eq!(agent.get("/livez").await.status, 200, "none the worse for it");
    });
}

const HOSTILE_BODIES: &[(&str, u16, &str)] = &[
    ("", 400, "empty"),
    ("null", 400, "not a JSON object"),
    ("[\"token\"]", 400, "not a JSON object"),
    ("{\"token\":", 400, "not a JSON object"),
    ("{}", 400, "token: missing"),
    ("{\"token\":null}", 400, "token: missing"),
    ("{\"token\":1}", 400, "token: "),
    ("{\"token\":\"a\",\"token\":\"b\"}", 400, "duplicate"),
    ("{\"token\":\"a\",\"audience\":\"b\"}", 400, "audience: unknown"),
    ("{\"token\":\"a\",\"scope\":\"\"}", 400, "scope: "),
    ("{\"token\":\"a\",\"scope\":[\"a\"]}", 400, "scope: "),
];

#[test]
fn nothing_else_is_there() {
    run(async {
        let service = Service::prepared();
        let agent = Agent::begin(&service).await;
        for path in [
            "/",
            "/verify/",
            "/v1/sessions",
            "/v1/forward-auth/default",
            "/oauth2/introspect",
            "/openapi.yaml",
        ] {
            agent.get(path).await.expect(404, "not_found", None);
        }
        let answer = agent.get("/verify").await;
        answer.expect(405, "method_not_allowed", None);
        assert_eq!(answer.header("allow"), "POST");
        let answer = Answer::of(agent.request(Method::POST, "/metrics")).await;
        answer.expect(405, "method_not_allowed", None);
    });
}

#[test]
fn a_proxy_is_answered_by_profile() {
    run(async {
        let service = Service::started().await;
        let agent = Agent::start(&service).await;
        let (reader, session) = service.issue(json!({"sub": "user-1", "aud": "api", "scope": "read"})).await;
        let (writer, _) = service.issue(json!({"sub": "user-2", "aud": "api", "scope": "write"})).await;
        let (files, _) = service.issue(json!({"sub": "user-3", "aud": "files"})).await;
        let ask = |profile: &str, token: &str| {
            let request = agent.request(Method::GET, &format!("/forward-auth/{profile}/orders?id=7"));
            Answer::of(request.bearer_auth(token))
        };
        let allowed = ask("default", &reader).await;
        assert_eq!((allowed.status, allowed.header("x-auth-subject")), (200, "user-1"));
        assert_eq!(allowed.header("x-auth-session"), session.as_str().unwrap());
        let cookie = agent
            .request(Method::DELETE, "/forward-auth/readers")
            .header("cookie", format!("token={reader}"));
        assert_eq!(Answer::of(cookie).await.header("x-auth-scope"), "read");
        let refused = ask("readers", &writer).await;
        refused.expect(403, "insufficient_scope", None);
        assert_eq!(refused.headers["x-auth-subject"], "", "set, so that a copy says nothing");
        assert_eq!(ask("files", &files).await.status, 200);
        ask("files", &reader).await.expect(401, "invalid_token", None);
        ask("default", &files).await.expect(401, "invalid_token", None);
        ask("nobody", &reader).await.expect(404, "unknown_profile", None);
        service.revoke(&session).await;
        ask("default", &reader).await.expect(401, "invalid_token", None);
    });
}

#[test]
fn without_the_service_an_agent_vouches_up_to_its_bound_and_then_says_that_it_cannot() {
    run(async {
        let mut service = Service::prepared();
        let agent = Agent::begin(&service).await;
        let before = agent.get("/readyz").await;
        before.expect(503, "not_ready", None);
        assert_eq!(before.json()["staleness_ms"], Value::Null);
        service.start().await;
        let agent = agent.ready().await;
        assert!(agent.get("/readyz").await.json()["staleness_ms"].is_u64());
        let (token, session) = service.issue(json!({"sub": "user-1", "aud": "api"})).await;
        let question = json!({"token": token});
        let ask = || agent.verify(&question);
        until("the agent knows the keys", ask, |answer| answer.status == 200).await;
        service.dies();
        assert_eq!(ask().await.status, 200, "the service is not asked");
        let stale = until("past the bound", ask, |answer| answer.status != 200).await;
        stale.expect(503, "stale", Some("stale"));
        assert!(stale.header("retry-after").parse::<u64>().unwrap() >= 1);
        let unready = agent.get("/readyz").await;
        unready.expect(503, "not_ready", None);
        assert!(unready.json()["staleness_ms"].as_u64() > Some(0), "{unready:?}");
        let proxy = agent.request(Method::GET, "/forward-auth/default").bearer_auth(&token);
        Answer::of(proxy).await.expect(503, "stale", None);
        service.start().await;
        until("the service is back", ask, |answer| answer.status == 200).await;
        assert_eq!(agent.get("/readyz").await.status, 200);
        service.revoke(&session).await;
        ask().await.expect(401, "invalid_token", Some("revoked"));
    });
}

#[test]
fn an_agent_has_few_threads_and_ends_when_it_is_asked_to() {
    run(async {
        let service = Service::started().await;
        let agent = Agent::start(&service).await;
        let names: Vec<String> = std::fs::read_dir(format!("/proc/{}/task", agent.id()))
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .collect();
        // The runtime's own, the one that accepts, at most two that answer, and what looks up names.
        assert!(names.len() <= 6, "{names:?}");
        assert!(agent.into_process().stop().success());
    });
}
