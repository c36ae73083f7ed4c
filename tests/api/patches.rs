//! Changed claims: what a session says from when on, and what that has to do with its being revoked.

use std::time::Duration;

use futures_util::future::join;
use serde_json::{Value, json};

use crate::harness::{TestApp, run};

const LATER: Duration = Duration::from_secs(280);

async fn revoke(app: &TestApp, body: Value) {
    app.post_as("app", "/v1/revocations", body).await.expect(200);
}

async fn patch(app: &TestApp, scope: Value, claims: Value) {
    revoke(app, json!({"scope": scope, "effect": "refresh", "claims": claims})).await;
}

#[test]
fn a_patch_that_lands_during_a_refresh_is_not_escaped_by_the_token_made_without_it() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "claims": {"role": "admin"}})).await;
        app.clock.advance(LATER);
        let held = app.hold_swaps().await;
        let (token, calls) = (session.refresh_token(), app.store_calls());
        let demote = async {
            // The refresh has read the journal once it has asked for the register and is about to move it.
            while app.store_calls() < calls + 2 {
                tokio::task::yield_now().await;
            }
            patch(&app, json!({"sub": "u"}), json!({"role": "member"})).await;
            drop(held);
        };
        let (early, ()) = join(app.refresh(&token), demote).await;
        early.expect(200);
        let says = early.access_token_parts().1["role"].clone();
        assert!(says == "member" || !app.is_active(&early.access_token()).await, "{says} is still believed");
        let again = app.refresh(&token).await;
        assert_eq!(again.access_token_parts().1["role"], "member");
        assert!(app.is_active(&again.access_token()).await);
    });
}

#[test]
fn a_revocation_that_lands_during_refreshes_leaves_nobody_a_token() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(LATER);
        let token = session.refresh_token();
        let refreshes = futures_util::future::join_all((0..500).map(|_| app.refresh(&token)));
        let path = format!("/v1/sessions/{}", session.session_id());
        let (answers, ended) = join(refreshes, app.delete_as("app", &path)).await;
        ended.expect(200);
        for answer in answers {
            if answer.status == 200 {
                assert!(!app.is_active(&answer.access_token()).await);
                app.refresh(&answer.refresh_token()).await.expect_code(401, "session_revoked");
            } else {
                answer.expect_code(401, "session_revoked");
            }
        }
    });
}

#[test]
fn the_callers_claims_win_over_an_earlier_patch_of_a_wider_scope() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "claims": {"role": "guest"}})).await;
        patch(&app, json!({"sub": "u"}), json!({"role": "member"})).await;
        app.clock.advance(Duration::from_secs(1));
        let body = json!({"refresh_token": session.refresh_token(), "claims": {"role": "admin"}});
        let next = app.post_as("app", "/v1/sessions/refresh", body).await;
        assert_eq!(next.access_token_parts().1["role"], "admin");
        app.clock.advance(LATER);
        patch(&app, json!({"sub": "u"}), json!({"role": "auditor"})).await;
        let last = app.refresh(&next.refresh_token()).await;
        assert_eq!(last.access_token_parts().1["role"], "auditor", "and a later one over them");
    });
}

#[test]
fn moving_to_another_tenant_brings_no_ended_session_back() {
    run(async {
        let app = TestApp::start().await;
        for moved in [json!("globex"), json!(["globex", "initech"]), Value::Null] {
            let subject = format!("u {moved}");
            let claims = json!({"tenant": "acme"});
            let session = app.issue(json!({"sub": subject, "aud": "api", "claims": claims})).await;
            app.clock.advance(LATER);
            revoke(&app, json!({"scope": {"claim": {"tenant": "acme"}}})).await;
            app.clock.advance(LATER);
            patch(&app, json!({"sub": subject}), json!({"tenant": moved})).await;
            app.clock.advance(LATER);
            app.refresh(&session.refresh_token()).await.expect_code(401, "session_revoked");
        }
    });
}

#[test]
fn a_moved_session_answers_to_its_new_tenant_only() {
    run(async {
        let app = TestApp::start().await;
        for (moved, stays) in [(json!("globex"), false), (Value::Null, true)] {
            let claims = json!({"tenant": "acme"});
            let session = app.issue(json!({"sub": "u", "aud": "api", "claims": claims})).await;
            app.clock.advance(LATER);
            patch(&app, json!({"sub": "u"}), json!({"tenant": moved})).await;
            app.clock.advance(LATER);
            revoke(&app, json!({"scope": {"claim": {"tenant": "acme"}}})).await;
            let next = app.refresh(&session.refresh_token()).await;
            next.expect(200);
            assert!(app.is_active(&next.access_token()).await, "its old tenant is nobody to it");
            revoke(&app, json!({"scope": {"claim": {"tenant": "globex"}}, "effect": "refresh"})).await;
            app.clock.advance(LATER);
            let next = app.refresh(&next.refresh_token()).await;
            assert!(
                app.is_active(&next.access_token()).await,
                "a refreshed token steps over its new tenant's cutoff"
            );
            revoke(&app, json!({"scope": {"claim": {"tenant": "globex"}}})).await;
            assert_eq!(app.is_active(&next.access_token()).await, stays);
            app.clock.advance(LATER);
            assert_eq!(app.refresh(&next.refresh_token()).await.status == 200, stays);
        }
    });
}

#[test]
fn a_patch_that_makes_tokens_too_large_logs_nobody_out() {
    run(async {
        let app = TestApp::start().await;
        let claims = json!({"notes": "n".repeat(2_000)});
        let session = app.issue(json!({"sub": "u", "aud": "api", "claims": claims})).await;
        app.clock.advance(LATER);
        let own = json!({"refresh_token": session.refresh_token(), "claims": {"more": "m".repeat(1_000)}});
        let refused = app.post_as("app", "/v1/sessions/refresh", own).await;
        refused.expect_code(400, "token_too_large");
        app.refresh(&session.refresh_token()).await.expect(200);
        patch(&app, json!({"sub": "u"}), json!({"more": "m".repeat(1_000)})).await;
        for _ in 0..60 {
            app.clock.advance(Duration::from_secs(11));
            let refused = app.refresh(&session.refresh_token()).await;
            refused.expect_code(400, "token_too_large");
            assert!(refused.text.contains("notes"), "{}", refused.text);
        }
        patch(&app, json!({"sub": "u"}), json!({"more": null})).await;
        app.refresh(&session.refresh_token()).await.expect(200);
    });
}
