//! Lifetimes that are changed while sessions live.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Options, TestApp, run};

const DAY: Duration = Duration::from_hours(24);
const SHORT: &str = "refresh.idle_ttl = \"1d\"\nrefresh.absolute_ttl = \"1d\"";

fn with(extra: &'static str) -> Options {
    Options { extra, ..Options::default() }
}

#[test]
fn a_session_issued_under_a_higher_ceiling_goes_on_under_the_lower_one() {
    run(async {
        let app = TestApp::with(with("tokens.access_ttl = \"20m\"")).await;
        let session = app.post_as("ed", "/v1/sessions", json!({"sub": "u", "aud": "api"})).await;
        session.expect(201);
        let app = app.restart_with(with("tokens.access_ttl = \"5m\"")).await;
        let next = app.refresh(&session.refresh_token()).await;
        next.expect(200);
        assert!(next.json["expires_in"].as_u64().unwrap() <= 300, "{}", next.text);
        assert!(
            app.is_active(&next.access_token()).await,
            "verifiers refuse what lives longer than the ceiling"
        );
    });
}

#[test]
fn a_logout_made_while_sessions_were_to_live_shorter_is_not_forgotten_when_they_live_longer_again() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let app = app.restart_with(with(SHORT)).await;
        app.delete_as("app", &format!("/v1/sessions/{}", session.session_id())).await.expect(200);
        app.clock.advance(DAY * 3);
        app.app.tick().await;
        app.refresh(&session.refresh_token()).await.expect_code(401, "session_revoked");
        let app = app.restart_with(Options::default()).await;
        app.refresh(&session.refresh_token()).await.expect_code(401, "session_revoked");
    });
}

#[test]
fn a_copy_from_when_sessions_idled_longer_is_still_known_for_old() {
    run(async {
        let app = TestApp::start().await;
        let stolen = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        let mut newest = stolen.clone();
        for _ in 0..3 {
            app.clock.advance(Duration::from_secs(280));
            newest = app.refresh(&newest).await.refresh_token();
        }
        let app = app.restart_with(with("refresh.idle_ttl = \"1d\"")).await;
        for _ in 0..2 {
            app.clock.advance(Duration::from_secs(280));
            newest = app.refresh(&newest).await.refresh_token();
        }
        app.clock.advance(DAY * 2);
        app.app.tick().await;
        app.refresh(&newest).await.expect_code(401, "refresh_expired");
        app.refresh(&stolen).await.expect_code(401, "refresh_reused");
    });
}

#[test]
fn logging_out_again_and_again_adds_nothing_to_the_log() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let body = json!({"refresh_token": session.refresh_token()});
        app.delete_body("/v1/sessions/current", body.clone()).await.expect(204);
        let head = app.app.store().head().await.unwrap();
        for _ in 0..3 {
            app.delete_body("/v1/sessions/current", body.clone()).await.expect(204);
        }
        let path = format!("/v1/sessions/{}", session.session_id());
        let again = app.delete_as("app", &path).await;
        assert_eq!(again.json["status"], "durable");
        assert_eq!(app.app.store().head().await.unwrap(), head);
    });
}

#[test]
fn a_bulk_of_subjects_within_one_millisecond_does_not_run_ahead_of_the_clock() {
    run(async {
        let app = TestApp::start().await;
        let revocations = (0..1_000)
            .map(|n| app.post_as("app", "/v1/revocations", json!({"scope": {"sub": format!("u{n}")}})));
        for answer in futures_util::future::join_all(revocations).await {
            answer.expect(200);
        }
        let now = signet_verifier::Clock::now(&*app.clock);
        let (_, cutoffs) = app.app.store().snapshot(signet_verifier::UnixMs::default(), now).await.unwrap();
        assert_eq!(cutoffs.len(), 1_000);
        for cutoff in cutoffs {
            assert_eq!(cutoff.issued_before, now.after(Duration::from_secs(2)));
        }
    });
}

#[test]
fn a_session_ends_in_the_very_millisecond_in_which_it_expires() {
    run(async {
        let app = TestApp::start().await;
        let ms = Duration::from_millis(1);
        let idle = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        app.clock.advance(Duration::from_millis(14 * 24 * 3_600_000 - 1));
        let next = app.refresh(&idle).await;
        next.expect(200);
        assert!(app.is_active(&next.access_token()).await);
        app.clock.advance(ms);
        app.refresh(&idle).await.expect_code(401, "refresh_expired");
        app.clock.advance(Duration::from_millis(14 * 24 * 3_600_000 - 2));
        let last = app.refresh(&next.refresh_token()).await;
        last.expect(200);
        app.clock.advance(DAY * 2);
        let absolute = app.refresh(&last.refresh_token()).await;
        absolute.expect(200);
        assert_eq!(absolute.json["refresh_expires_in"], 0, "two milliseconds are left");
        app.clock.advance(ms);
        app.refresh(&last.refresh_token()).await.expect(200);
        app.clock.advance(ms);
        app.refresh(&last.refresh_token()).await.expect_code(401, "refresh_expired");
    });
}

#[test]
fn an_outage_is_counted_from_its_first_failure_and_anew_after_each_answer() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        for _ in 0..3 {
            app.store_goes_away();
            app.refresh(&token).await.expect(200);
            app.clock.advance(Duration::from_millis(3_599_999));
            app.refresh(&token).await.expect(200);
            app.store_comes_back();
            app.refresh(&token).await.expect(200);
        }
        app.store_goes_away();
        app.refresh(&token).await.expect(200);
        app.clock.advance(Duration::from_hours(1));
        app.refresh(&token).await.expect(503);
    });
}
