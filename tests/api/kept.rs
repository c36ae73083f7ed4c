//! "Sign out everywhere else": the session that goes on, and the token from which it does.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, run};

const LATER: Duration = Duration::from_secs(280);

/// A session of "u", and the answer to keeping it.
async fn keep(app: &TestApp, claims: Value) -> (String, Answer) {
    let session = app.issue(json!({"sub": "u", "aud": "api", "scope": "read write", "claims": claims})).await;
    app.clock.advance(Duration::from_mins(1));
    let old = session.refresh_token();
    let answer = keep_again(app, &old).await;
    answer.expect(200);
    (old, answer)
}

async fn keep_again(app: &TestApp, token: &str) -> Answer {
    app.post_as("app", "/v1/revocations", json!({"scope": {"sub": "u"}, "keep": token})).await
}

fn member(answer: &Answer, name: &str) -> String {
    answer.json["kept"][name].as_str().unwrap().to_owned()
}

fn claims_of(pair: &Value) -> Value {
    let answer = Answer {
        status: 200,
        headers: reqwest::header::HeaderMap::default(),
        text: pair.to_string(),
        json: pair.clone(),
    };
    answer.access_token_parts().1
}

#[test]
fn its_first_access_token_is_dated_now_and_lives_no_longer_than_others() {
    run(async {
        let app = TestApp::start().await;
        let (_, kept) = keep(&app, json!({})).await;
        let claims = claims_of(&kept.json["kept"]);
        assert_eq!(claims["iat"], app.now_secs(), "PyJWT and others refuse a future one");
        let life = claims["exp"].as_u64().unwrap() - app.now_secs();
        assert!(life <= 300, "{life}");
        assert_eq!(kept.json["kept"]["expires_in"], life);
    });
}

#[test]
fn many_requests_at_once_keep_one_session() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        app.clock.advance(LATER);
        let answers = join_all((0..100).map(|_| keep_again(&app, &token))).await;
        for answer in &answers {
            answer.expect(200);
        }
        // ECDSA signatures differ from one to the next: what is signed must not.
        let pair = |answer: &Answer| {
            format!("{} {}", member(answer, "refresh_token"), claims_of(&answer.json["kept"]))
        };
        let pairs: HashSet<String> = answers.iter().map(pair).collect();
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        app.clock.advance(LATER);
        app.refresh(&member(&answers[0], "refresh_token")).await.expect(200);
    });
}

#[test]
fn once_logged_out_it_is_not_brought_back_by_the_old_token() {
    run(async {
        let app = TestApp::start().await;
        let (old, kept) = keep(&app, json!({})).await;
        app.delete_bearer("/v1/sessions/current", &member(&kept, "access_token")).await.expect(204);
        // Past the horizon of the denylist in memory.
        app.clock.advance(Duration::from_hours(1));
        app.app.tick().await;
        app.refresh(&old).await.expect_code(401, "session_revoked");
        keep_again(&app, &old).await.expect_problem(400, "keep");
    });
}

#[test]
fn the_old_token_is_a_copy_once_the_session_has_gone_on_without_it() {
    run(async {
        let app = TestApp::start().await;
        let (old, kept) = keep(&app, json!({})).await;
        app.clock.advance(LATER);
        let next = app.refresh(&member(&kept, "refresh_token")).await;
        next.expect(200);
        app.clock.advance(Duration::from_secs(10));
        let late = app.refresh(&old).await;
        late.expect(200);
        assert_eq!(late.refresh_token(), member(&kept, "refresh_token"), "still within the window");
        app.clock.advance(Duration::from_millis(1));
        keep_again(&app, &old).await.expect_problem(400, "keep");
        assert!(app.is_active(&next.access_token()).await, "asking to keep it ends nothing");
        app.refresh(&old).await.expect_code(401, "refresh_reused");
        assert!(!app.is_active(&next.access_token()).await);
        app.refresh(&next.refresh_token()).await.expect_code(401, "session_revoked");
    });
}

#[test]
fn the_old_token_gives_what_the_session_says_now() {
    run(async {
        let app = TestApp::start().await;
        let (old, _) = keep(&app, json!({"role": "admin"})).await;
        let patch = json!({"scope": {"sub": "u"}, "effect": "refresh", "claims": {"role": "member"}});
        app.post_as("app", "/v1/revocations", patch).await.expect(200);
        let again = app.refresh(&old).await;
        again.expect(200);
        assert_eq!(again.access_token_parts().1["role"], "member");
        assert!(app.is_active(&again.access_token()).await);
        assert_eq!(claims_of(&keep_again(&app, &old).await.json["kept"])["role"], "member");
        let body = json!({"refresh_token": old, "claims": {"role": "auditor"}});
        let set = app.post_as("app", "/v1/sessions/refresh", body).await;
        assert_eq!(set.access_token_parts().1["role"], "auditor");
        app.clock.advance(LATER);
        let next = app.refresh(&set.refresh_token()).await;
        assert_eq!(next.access_token_parts().1["role"], "auditor");
    });
}

#[test]
fn a_patch_that_moved_the_session_goes_with_it() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "claims": {"tenant": "acme"}})).await;
        let merger = json!({"scope": {"claim": {"tenant": "acme"}}, "effect": "refresh", "claims": {"tenant": "globex"}});
        app.post_as("app", "/v1/revocations", merger).await.expect(200);
        app.clock.advance(LATER);
        let kept = keep_again(&app, &session.refresh_token()).await;
        kept.expect(200);
        assert_eq!(claims_of(&kept.json["kept"])["tenant"], "globex");
        app.clock.advance(LATER);
        let next = app.refresh(&member(&kept, "refresh_token")).await;
        assert_eq!(next.access_token_parts().1["tenant"], "globex");
    });
}

#[test]
fn the_old_token_gives_no_wider_scope_than_asked_for() {
    run(async {
        let app = TestApp::start().await;
        let (old, _) = keep(&app, json!({})).await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", old.as_str()), ("scope", "read")];
        let narrowed = app.form_as("app", "/oauth2/token", &form).await;
        narrowed.expect(200);
        assert_eq!(narrowed.json["scope"], "read");
        assert_eq!(narrowed.access_token_parts().1["scope"], "read");
    });
}

#[test]
fn keeping_what_was_kept_goes_on_from_there_and_a_later_logout_ends_it() {
    run(async {
        let app = TestApp::start().await;
        let (old, first) = keep(&app, json!({})).await;
        let root = member(&first, "refresh_token");
        let second = keep_again(&app, &root).await;
        second.expect(200);
        assert_ne!(second.json["kept"]["session_id"], first.json["kept"]["session_id"]);
        app.refresh(&old).await.expect_code(401, "session_revoked");
        assert_eq!(app.refresh(&root).await.refresh_token(), member(&second, "refresh_token"));
        assert!(app.is_active(&member(&second, "access_token")).await);
        app.post_as("app", "/v1/revocations", json!({"scope": {"all": true}})).await.expect(200);
        for token in [old, root, member(&second, "refresh_token")] {
            app.refresh(&token).await.expect_code(401, "session_revoked");
        }
    });
}

#[test]
fn with_the_store_away_the_old_token_still_gives_an_access_token() {
    run(async {
        let app = TestApp::start().await;
        let (old, kept) = keep(&app, json!({})).await;
        app.clock.advance(LATER);
        app.store_goes_away();
        let degraded = app.refresh(&old).await;
        degraded.expect(200);
        assert!(degraded.json.get("refresh_token").is_none());
        assert_eq!(degraded.json["session_id"], kept.json["kept"]["session_id"]);
        assert!(app.is_active(&degraded.access_token()).await);
    });
}
