//! Taking tokens back: scopes, effects, times, `keep`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events::Stream;
use crate::harness::{Answer, SECRET, TestApp, run};

async fn revoke(app: &TestApp, body: Value) -> Answer {
    let answer = app.post_as("app", "/v1/revocations", body).await;
    answer.expect(200);
    answer
}

#[test]
fn logging_out_ends_the_session_for_access_and_refresh() {
    run(async {
        let app = TestApp::start().await;
        let by_access = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.delete_bearer("/v1/sessions/current", &by_access.access_token()).await.expect(204);
        let by_refresh = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.delete_body("/v1/sessions/current", json!({"refresh_token": by_refresh.refresh_token()}))
            .await
            .expect(204);
        let by_admin = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let answer = app.delete_as("app", &format!("/v1/sessions/{}", by_admin.session_id())).await;
        answer.expect(200);
        assert_eq!(answer.json["status"], "durable");
        for session in [by_access, by_refresh, by_admin] {
            assert!(!app.is_active(&session.access_token()).await);
            app.refresh(&session.refresh_token()).await.expect_code(401, "session_revoked");
        }
        let other = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(app.is_active(&other.access_token()).await);
    });
}

#[test]
fn every_scope_denies_its_tokens_and_no_others() {
    run(async {
        let app = TestApp::start().await;
        let mine = json!({"sub": "mine", "aud": "api", "claims": {"tenant": "acme"}});
        let theirs = json!({"sub": "theirs", "aud": "files", "claims": {"tenant": "umbrella"}});
        for scope in ["jti", "sid", "sub", "client_id", "aud", "claim"] {
            let target = app.issue(mine.clone()).await;
            let bystander = app.post_as("ed", "/v1/sessions", theirs.clone()).await;
            let (_, claims) = target.access_token_parts();
            let named = match scope {
                "claim" => json!({"tenant": "acme"}),
                other => claims[other].clone(),
            };
            revoke(&app, json!({"scope": {scope: named}})).await;
            assert!(!app.is_active(&target.access_token()).await, "{scope}");
            assert!(app.is_active(&bystander.access_token()).await, "{scope}");
            let refreshed = app.refresh(&target.refresh_token()).await;
            refreshed.expect(if scope == "jti" { 200 } else { 401 });
            app.refresh(&bystander.refresh_token()).await.expect(200);
            app.clock.advance(Duration::from_secs(5));
        }
        let anyone = app.issue(theirs).await;
        revoke(&app, json!({"scope": {"all": true}})).await;
        assert!(!app.is_active(&anyone.access_token()).await);
        app.refresh(&anyone.refresh_token()).await.expect(401);
    });
}

#[test]
fn the_refresh_effect_denies_access_tokens_and_lets_sessions_go_on() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        revoke(&app, json!({"scope": {"sub": "u"}, "effect": "refresh"})).await;
        assert!(!app.is_active(&session.access_token()).await);
        let next = app.refresh(&session.refresh_token()).await;
        next.expect(200);
        assert!(app.is_active(&next.access_token()).await, "refreshed in the same millisecond as the cutoff");
    });
}

#[test]
fn signing_in_in_the_same_millisecond_as_revoke_everything_works() {
    run(async {
        let app = TestApp::start().await;
        let before = app.issue(json!({"sub": "u", "aud": "api"})).await;
        revoke(&app, json!({"scope": {"sub": "u"}})).await;
        let after = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(!app.is_active(&before.access_token()).await);
        assert!(app.is_active(&after.access_token()).await);
        assert_eq!(after.access_token_parts().1["iat"], app.now_secs(), "iat stays honest");
        app.refresh(&after.refresh_token()).await.expect(200);
        app.refresh(&before.refresh_token()).await.expect(401);
    });
}

#[test]
fn cutoff_sign_in_cutoff_within_one_millisecond_denies_that_sign_in() {
    run(async {
        for second in [
            json!({"sub": "u"}),
            json!({"all": true}),
            json!({"claim": {"tenant": "acme"}}),
            json!({"aud": "api"}),
        ] {
            let app = TestApp::start().await;
            revoke(&app, json!({"scope": {"sub": "u"}})).await;
            let between = app.issue(json!({"sub": "u", "aud": "api", "claims": {"tenant": "acme"}})).await;
            assert!(app.is_active(&between.access_token()).await);
            revoke(&app, json!({"scope": second})).await;
            assert!(!app.is_active(&between.access_token()).await, "{second}");
            app.refresh(&between.refresh_token()).await.expect(401);
            let after = app.issue(json!({"sub": "u", "aud": "api", "claims": {"tenant": "acme"}})).await;
            assert!(app.is_active(&after.access_token()).await, "{second}");
        }
    });
}

#[test]
fn claims_patches_come_to_one_result_in_any_order_and_twice() {
    run(async {
        let patches = [
            json!({"scope": {"sub": "u"}, "effect": "refresh", "claims": {"role": "admin", "plan": null}}),
            json!({"scope": {"aud": "api"}, "effect": "refresh", "claims": {"role": "auditor", "seat": 3}}),
            json!({"scope": {"claim": {"tenant": "acme"}}, "effect": "refresh", "claims": {"seat": {"n": 4}}}),
        ];
        let mut results = Vec::new();
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1]] {
            let app = TestApp::start().await;
            let claims = json!({"tenant": "acme", "role": "member", "plan": "free"});
            let session = app.issue(json!({"sub": "u", "aud": "api", "claims": claims})).await;
            app.clock.advance(Duration::from_secs(1));
            let at = app.now_rfc3339();
            for _ in 0..2 {
                for index in order {
                    let mut body = patches[index].clone();
                    body["issued_before"] = json!(at);
                    revoke(&app, body).await;
                }
            }
            app.clock.advance(Duration::from_secs(10));
            let next = app.refresh(&session.refresh_token()).await;
            next.expect(200);
            let (_, claims) = next.access_token_parts();
            results.push(json!([claims["role"], claims.get("plan"), claims["seat"], claims["tenant"]]));
        }
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        assert_eq!(
            results[0],
            json!(["auditor", null, {"n": 4}, "acme"]),
            "greater canonical JSON wins a tie"
        );
    });
}

#[test]
fn a_session_begun_after_a_patch_is_not_patched() {
    run(async {
        let app = TestApp::start().await;
        revoke(&app, json!({"scope": {"sub": "u"}, "effect": "refresh", "claims": {"role": "admin"}})).await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "claims": {"role": "member"}})).await;
        assert!(app.is_active(&session.access_token()).await);
        let next = app.refresh(&session.refresh_token()).await;
        assert_eq!(next.access_token_parts().1["role"], "member");
    });
}

#[test]
fn signing_out_everywhere_else_keeps_one_session_and_loses_no_answer() {
    run(async {
        let app = TestApp::start().await;
        let auth_time = app.now_secs() - 5;
        let kept = app.issue(json!({"sub": "u", "aud": "api", "auth_time": auth_time})).await;
        let other = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(Duration::from_mins(1));
        let body = json!({"scope": {"sub": "u"}, "keep": kept.refresh_token()});
        let first = revoke(&app, body.clone()).await;
        let pair = &first.json["kept"];
        assert_ne!(pair["session_id"], kept.json["session_id"], "a new root under a new sid");
        assert!(!app.is_active(&other.access_token()).await);
        assert!(!app.is_active(&kept.access_token()).await, "its old access token goes, too");
        app.refresh(&other.refresh_token()).await.expect(401);

        app.clock.advance(Duration::from_secs(1));
        let again = revoke(&app, body).await;
        assert_eq!(
            again.json["kept"]["refresh_token"], pair["refresh_token"],
            "the answer was lost: the same pair"
        );
        assert_eq!(again.json["kept"]["session_id"], pair["session_id"]);
        let refreshed = app.refresh(&kept.refresh_token()).await;
        refreshed.expect(200);
        assert_eq!(refreshed.json["refresh_token"], pair["refresh_token"], "also where it is refreshed");

        let access = pair["access_token"].as_str().unwrap();
        assert!(app.is_active(access).await);
        let seen = app.introspect(access).await;
        assert_eq!(seen["auth_time"], auth_time);
        app.clock.advance(Duration::from_secs(280));
        let next = app.refresh(pair["refresh_token"].as_str().unwrap()).await;
        next.expect(200);
        assert_eq!(next.json["session_id"], pair["session_id"]);
    });
}

#[test]
fn a_token_that_would_be_refused_is_not_kept_and_nothing_is_written() {
    run(async {
        let app = TestApp::start().await;
        let stale = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let mut newest = stale.clone();
        for _ in 0..3 {
            app.clock.advance(Duration::from_secs(280));
            newest = app.refresh(&newest).await.refresh_token();
        }
        app.clock.advance(Duration::from_secs(280));
        let other = app.issue(json!({"sub": "u", "aud": "api"})).await;
        for (keep, scope) in [
            (stale, json!({"sub": "u"})),
            ("sgr_x".into(), json!({"sub": "u"})),
            (newest.clone(), json!({"sub": "v"})),
            (newest.clone(), json!({"all": true})),
        ] {
            let answer = app.post_as("app", "/v1/revocations", json!({"scope": scope, "keep": keep})).await;
            answer.expect_problem(400, "keep");
        }
        assert!(app.is_active(&other.access_token()).await);
        app.refresh(&newest).await.expect(200);
    });
}

#[test]
fn with_the_store_away_nothing_is_kept_and_nothing_is_applied() {
    run(async {
        let app = TestApp::start().await;
        let kept = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let other = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.store_goes_away();
        let body = json!({"scope": {"sub": "u"}, "keep": kept.refresh_token()});
        app.post_as("app", "/v1/revocations", body).await.expect(503);
        app.store_comes_back();
        assert!(app.is_active(&other.access_token()).await);
        app.refresh(&kept.refresh_token()).await.expect(200);
    });
}

#[test]
fn what_is_wrong_with_a_revocation_is_named() {
    run(async {
        let app = TestApp::start().await;
        let jti = app.issue(json!({"sub": "u", "aud": "api"})).await.access_token_parts().1["jti"].clone();
        for (body, name) in [
            (json!({}), "scope"),
            (json!({"scope": {}}), "scope"),
            (json!({"scope": {"sub": "u", "all": true}}), "scope"),
            (json!({"scope": {"all": false}}), "all"),
            (json!({"scope": {"sid": "x"}}), "sid"),
            (json!({"scope": {"planet": "x"}}), "planet"),
            (json!({"scope": {"claim": {"color": "red"}}}), "color"),
            (json!({"scope": {"claim": {"tenant": "a", "device": "b"}}}), "claim"),
            (json!({"scope": {"kid": "nobody"}}), "kid"),
            (json!({"scope": {"jti": jti}, "effect": "refresh"}), "effect"),
            (json!({"scope": {"sub": "u"}, "effect": "sleep"}), "effect"),
            (json!({"scope": {"sub": "u"}, "claims": {"a": 1}}), "claims"),
            (json!({"scope": {"sub": "u"}, "effect": "refresh", "claims": {"sub": "x"}}), "sub"),
            (
                json!({"scope": {"sub": "u"}, "effect": "refresh", "claims": {"a": "x".repeat(2000)}}),
                "claims",
            ),
            (json!({"scope": {"sub": "u"}, "issued_before": "2999-01-01T00:00:00Z"}), "issued_before"),
            (json!({"scope": {"sub": "u"}, "issued_before": 17}), "issued_before"),
            (json!({"scope": {"sub": "u"}, "reason": "x".repeat(300)}), "reason"),
            (json!({"scope": {"sub": "u"}, "wait": "forever"}), "wait"),
            (json!({"scope": {"sub": "u"}, "color": "red"}), "color"),
        ] {
            app.post_as("app", "/v1/revocations", body.clone()).await.expect_problem(400, name);
        }
    });
}

#[test]
fn only_sessions_begun_before_a_given_time_end() {
    run(async {
        let app = TestApp::start().await;
        let old = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(Duration::from_secs(100));
        let between = app.now_rfc3339();
        let young = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let refreshed = app.refresh(&old.refresh_token()).await;
        app.clock.advance(Duration::from_secs(100));
        revoke(&app, json!({"scope": {"sub": "u"}, "issued_before": between})).await;
        assert!(!app.is_active(&old.access_token()).await);
        assert!(
            !app.is_active(&refreshed.access_token()).await,
            "minted after the time, in a session begun before"
        );
        assert!(app.is_active(&young.access_token()).await);
        let app = app.restart().await;
        assert!(!app.is_active(&refreshed.access_token()).await, "also after a restart");
        assert!(app.is_active(&young.access_token()).await);
    });
}

#[test]
fn a_clock_that_was_set_back_logs_nobody_out() {
    run(async {
        let app = TestApp::start().await;
        let before = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(Duration::from_hours(1));
        revoke(&app, json!({"scope": {"sub": "u"}})).await;
        app.clock.set(crate::harness::START);
        let app = app.restart().await;
        let after = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(!app.is_active(&before.access_token()).await);
        assert!(app.is_active(&after.access_token()).await);
        app.refresh(&after.refresh_token()).await.expect(200);
        revoke(&app, json!({"scope": {"sub": "u"}})).await;
        assert!(!app.is_active(&after.access_token()).await, "and what was issued meanwhile can be revoked");
    });
}

/// A POST of client `app` whose body comes later than its head.
struct Slow<'a> {
    socket: TcpStream,
    body: &'a str,
    answer: Vec<u8>,
}

impl<'a> Slow<'a> {
    async fn begin(app: &TestApp, path: &str, body: &'a str) -> Self {
        let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
        let (credentials, length) = (STANDARD.encode(format!("app:{SECRET}")), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Authorization: Basic {credentials}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert_ne!(socket.read_buf(&mut answer).await.unwrap(), 0);
        }
        Self { socket, body, answer }
    }

    async fn finish(mut self) {
        self.socket.write_all(self.body.as_bytes()).await.unwrap();
        self.socket.read_to_end(&mut self.answer).await.unwrap();
        let answer = String::from_utf8_lossy(&self.answer);
        assert!(answer.contains("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn what_is_issued_while_the_body_of_a_revocation_is_on_its_way_is_revoked_too() {
    run(async {
        let app = TestApp::start().await;
        let slow = Slow::begin(&app, "/v1/revocations", r#"{"scope":{"sub":"u"}}"#).await;
        app.clock.advance(Duration::from_secs(8));
        let meanwhile = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(app.is_active(&meanwhile.access_token()).await);
        slow.finish().await;
        assert!(!app.is_active(&meanwhile.access_token()).await);
        app.refresh(&meanwhile.refresh_token()).await.expect_code(401, "session_revoked");
    });
}

#[test]
fn verifiers_are_asked_with_the_time_of_the_question_not_of_the_request() {
    run(async {
        let app = TestApp::start().await;
        let keys = app.get_as("app", "/v1/keys").await.json;
        let kid = keys["keys"][0]["kid"].as_str().unwrap();
        let path = format!("/v1/keys/{kid}/revoke");
        let slow = Slow::begin(&app, &path, r#"{"wait":"verifiers","timeout_ms":400}"#).await;
        app.clock.advance(Duration::from_secs(8));
        let mut stream = Stream::open(&app, &[("verifier", "mute")]).await;
        slow.finish().await;
        let question = loop {
            let event = stream.next_asking().await;
            if event.name == "heartbeat" {
                break event;
            }
        };
        assert_eq!(question.data["server_time"].as_u64().unwrap() / 1000, app.now_secs());
    });
}
