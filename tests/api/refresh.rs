//! `POST /v1/sessions/refresh`: owners go on, thieves do not.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::harness::{Options, TestApp, run};

const LATER: Duration = Duration::from_secs(280);

#[test]
fn a_refresh_gives_the_next_pair_of_the_same_session() {
    run(async {
        let app = TestApp::start().await;
        let first = app.issue(json!({"sub": "u", "aud": "api", "scope": "read write", "claims": {"tenant": "acme"}, "amr": ["pwd"]})).await;
        app.clock.advance(LATER);
        let second = app.refresh(&first.refresh_token()).await;
        second.expect(200);
        assert_eq!(second.json["rotated"], true);
        assert_eq!(second.json["session_id"], first.json["session_id"]);
        assert_ne!(second.refresh_token(), first.refresh_token());
        let ((_, before), (_, after)) = (first.access_token_parts(), second.access_token_parts());
        for same in ["iss", "sub", "aud", "sid", "client_id", "scope", "tenant", "amr"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert_ne!(before["jti"], after["jti"]);
        assert_eq!(after["iat"], app.now_secs());
        assert!(app.is_active(&second.access_token()).await);
    });
}

#[test]
fn a_thousand_parallel_refreshes_of_one_token_give_one_successor() {
    run(async {
        let app = TestApp::start().await;
        let first = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(LATER);
        let token = first.refresh_token();
        let answers = join_all((0..1_000).map(|_| app.refresh(&token))).await;
        for answer in &answers {
            answer.expect(200);
        }
        let successors: HashSet<String> = answers.iter().map(|answer| answer.refresh_token()).collect();
        assert_eq!(successors.len(), 1, "one successor, byte for byte");
        let ids: HashSet<String> =
            answers.iter().map(|a| a.access_token_parts().1["jti"].to_string()).collect();
        assert_eq!(ids.len(), 1, "and one access token");
        app.clock.advance(LATER);
        app.refresh(successors.iter().next().unwrap()).await.expect(200);
    });
}

#[test]
fn a_lost_answer_loses_nobody_minutes_or_days_later() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        for wait in [5, 300, 3 * 24 * 3600] {
            app.refresh(&token).await.expect(200);
            app.clock.advance(Duration::from_secs(wait));
        }
        let next = app.refresh(&token).await;
        next.expect(200);
        app.clock.advance(LATER);
        app.refresh(&next.refresh_token()).await.expect(200);
    });
}

#[test]
fn refreshing_again_at_once_keeps_the_refresh_token() {
    run(async {
        let app = TestApp::start().await;
        let first = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(LATER);
        let second = app.refresh(&first.refresh_token()).await;
        app.clock.advance(Duration::from_secs(2));
        let third = app.refresh(&second.refresh_token()).await;
        third.expect(200);
        assert_eq!(third.json["rotated"], false);
        assert_eq!(third.refresh_token(), second.refresh_token());
        assert_ne!(third.access_token(), second.access_token());
    });
}

#[test]
fn an_old_token_is_a_theft_and_ends_the_session_at_once() {
    run(async {
        let app = TestApp::start().await;
        let stolen = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let mut newest = app.refresh(&stolen).await;
        for _ in 0..2 {
            app.clock.advance(LATER);
            newest = app.refresh(&newest.refresh_token()).await;
            newest.expect(200);
        }
        app.clock.advance(LATER);
        let refused = app.refresh(&stolen).await;
        refused.expect_code(401, "refresh_reused");
        assert_eq!(refused.json["action"], "reauthenticate");
        assert!(!app.is_active(&newest.access_token()).await, "the access token is denied at once");
        app.refresh(&newest.refresh_token()).await.expect_code(401, "session_revoked");
    });
}

#[test]
fn whoever_of_thief_and_owner_comes_second_with_a_sibling_is_caught() {
    run(async {
        let app = TestApp::start().await;
        let stolen = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        app.clock.advance(LATER);
        let thiefs = app.refresh(&stolen).await;
        app.clock.advance(Duration::from_mins(1));
        let owners = app.refresh(&stolen).await;
        assert_ne!(thiefs.refresh_token(), owners.refresh_token(), "two children");
        app.clock.advance(LATER);
        app.refresh(&thiefs.refresh_token()).await.expect(200);
        app.clock.advance(Duration::from_mins(1));
        app.refresh(&owners.refresh_token()).await.expect_code(401, "refresh_reused");
    });
}

#[test]
fn report_only_refuses_the_copy_and_leaves_the_session() {
    run(async {
        let app =
            TestApp::with(Options { extra: "refresh.on_theft = \"report\"", ..Options::default() }).await;
        let (stolen, newest) = two_steps(&app).await;
        app.refresh(&stolen).await.expect_code(401, "refresh_reused");
        app.refresh(&newest).await.expect(200);
    });
}

#[test]
fn revoke_subject_ends_every_session_of_the_subject() {
    run(async {
        let app =
            TestApp::with(Options { extra: "refresh.on_theft = \"revoke_subject\"", ..Options::default() })
                .await;
        let (stolen, _) = two_steps(&app).await;
        let elsewhere = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let stranger = app.issue(json!({"sub": "v", "aud": "api"})).await;
        app.refresh(&stolen).await.expect_code(401, "refresh_reused");
        assert!(!app.is_active(&elsewhere.access_token()).await);
        assert!(app.is_active(&stranger.access_token()).await);
    });
}

/// A session of "u" two steps on: the token that is stale by now, and the newest.
async fn two_steps(app: &TestApp) -> (String, String) {
    let first = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
    let mut newest = first.clone();
    for _ in 0..3 {
        app.clock.advance(LATER);
        newest = app.refresh(&newest).await.refresh_token();
    }
    app.clock.advance(LATER);
    (first, newest)
}

#[test]
fn idle_lifetime_slides_and_absolute_lifetime_never_does() {
    run(async {
        let app = TestApp::start().await;
        let day = Duration::from_hours(24);
        let idle = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let mut used = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(day * 13);
        used = app.refresh(&used.refresh_token()).await;
        used.expect(200);
        app.clock.advance(day);
        app.refresh(&idle).await.expect_code(401, "refresh_expired");
        app.clock.advance(day * 12);
        used = app.refresh(&used.refresh_token()).await;
        used.expect(200);
        assert_eq!(used.json["refresh_expires_in"], 4 * 24 * 3600, "day 26 of 30: absolute, not idle");
        app.clock.advance(day * 4);
        app.refresh(&used.refresh_token()).await.expect_code(401, "refresh_expired");
    });
}

#[test]
fn a_register_survives_a_restart() {
    run(async {
        let app = TestApp::start().await;
        let (stolen, newest) = two_steps(&app).await;
        let app = app.restart().await;
        let next = app.refresh(&newest).await;
        next.expect(200);
        app.clock.advance(LATER);
        app.refresh(&stolen).await.expect_code(401, "refresh_reused");
    });
}

#[test]
fn a_successor_made_again_after_a_restart_is_the_same_text() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let once = app.refresh(&token).await;
        let app = app.restart().await;
        app.clock.advance(Duration::from_secs(3));
        let again = app.refresh(&token).await;
        assert_eq!(once.refresh_token(), again.refresh_token());
        assert_eq!(once.access_token_parts().1["jti"], again.access_token_parts().1["jti"]);
    });
}

#[test]
fn a_session_bound_to_its_client_is_refreshed_by_that_client_only() {
    run(async {
        let app = TestApp::start().await;
        let token =
            app.issue(json!({"sub": "u", "aud": "api", "refresh_by": "client"})).await.refresh_token();
        app.refresh(&token).await.expect(401);
        app.post_as("ed", "/v1/sessions/refresh", json!({"refresh_token": token})).await.expect(401);
        app.post_as("app", "/v1/sessions/refresh", json!({"refresh_token": token})).await.expect(200);
    });
}

#[test]
fn another_clients_attempt_does_not_move_the_register() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let before = app.store_calls();
        app.post_as("ed", "/v1/sessions/refresh", json!({"refresh_token": token})).await.expect(401);
        assert_eq!(app.store_calls(), before, "authentication comes before the rule");
    });
}

#[test]
fn a_client_may_set_claims_when_it_refreshes_for_a_user() {
    run(async {
        let app = TestApp::start().await;
        let token = app
            .issue(json!({"sub": "u", "aud": "api", "claims": {"role": "member", "tenant": "acme"}}))
            .await
            .refresh_token();
        let body = json!({"refresh_token": token, "claims": {"role": "admin", "tenant": null}});
        app.post("/v1/sessions/refresh", body.clone()).await.expect(403);
        let next = app.post_as("app", "/v1/sessions/refresh", body).await;
        next.expect(200);
        assert_eq!(next.access_token_parts().1["role"], "admin");
        assert!(next.access_token_parts().1.get("tenant").is_none(), "null takes a claim away");
        app.clock.advance(LATER);
        let later = app.refresh(&next.refresh_token()).await;
        assert_eq!(later.access_token_parts().1["role"], "admin", "and it stays so");
    });
}

#[test]
fn what_is_not_a_refresh_token_is_invalid_and_costs_no_store_call() {
    run(async {
        let app = TestApp::start().await;
        let good = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let refresh = good.refresh_token();
        let mut flipped = refresh.clone().into_bytes();
        let middle = flipped.len() / 2;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        let before = app.store_calls();
        for bad in [
            String::new(),
            "sgr_".into(),
            "x".into(),
            good.access_token(),
            refresh.replace("sgr_", ""),
            format!("{refresh}="),
            format!("{refresh}A"),
            refresh[..refresh.len() - 1].into(),
            String::from_utf8(flipped).unwrap(),
            "sgr_".repeat(8_000),
        ] {
            let answer = app.refresh(&bad).await;
            assert!(matches!(answer.status, 400 | 401), "{} for {bad:.40}", answer.status);
        }
        assert_eq!(app.store_calls(), before);
    });
}

#[test]
fn a_lost_store_degrades_refresh_and_logs_nobody_out() {
    run(async {
        let app = TestApp::start().await;
        let first = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let revoked = app.issue(json!({"sub": "gone", "aud": "api"})).await;
        app.delete_as("app", &format!("/v1/sessions/{}", revoked.session_id())).await.expect(200);
        app.clock.advance(LATER);
        app.store_goes_away();
        for _ in 0..3 {
            let degraded = app.refresh(&first.refresh_token()).await;
            degraded.expect(200);
            assert_eq!(degraded.json["rotated"], false);
            assert!(degraded.json.get("refresh_token").is_none(), "the client keeps the one that it has");
            assert!(app.is_active(&degraded.access_token()).await);
        }
        app.refresh(&revoked.refresh_token()).await.expect_code(401, "session_revoked");
        app.issue(json!({"sub": "u", "aud": "api"})).await.expect(201);
        app.clock.advance(Duration::from_secs(3599));
        app.refresh(&first.refresh_token()).await.expect(200);
        app.clock.advance(Duration::from_secs(1));
        let over = app.refresh(&first.refresh_token()).await;
        over.expect(503);
        assert!(!over.header("retry-after").is_empty());
        app.store_comes_back();
        let back = app.refresh(&first.refresh_token()).await;
        back.expect(200);
        assert_eq!(back.json["rotated"], true);
    });
}

#[test]
fn degradation_can_be_refused_instead() {
    run(async {
        let app =
            TestApp::with(Options { extra: "refresh.when_store_down = \"refuse\"", ..Options::default() })
                .await;
        let first = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.store_goes_away();
        let answer = app.refresh(&first.refresh_token()).await;
        answer.expect(503);
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(answer.json["action"], "retry");
    });
}
