//! Verifiers in processes of their own, as far as the service can tell: what was revoked here is refused there.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use signet_verifier::{LiveVerifier, ManualBootClock, Refusal, ScopeKind, Verifier, VerifyError, WhenStale};

use crate::harness::{Answer, SECRET, TestApp, run};

/// As many as the promise speaks of.
const VERIFIERS: usize = 50;

/// A verifier on the service's own clock, and the boot clock that its staleness is counted by.
async fn connect(app: &TestApp, number: usize) -> (LiveVerifier, Arc<ManualBootClock>) {
    let boot = Arc::new(ManualBootClock::default());
    let connect = Verifier::connect(app.issuer()).at(&app.url).audience("api").credentials("app", SECRET);
    let connect = connect.name(&format!("verifier-{number}")).clocks(app.clock.clone(), boot.clone());
    (connect.start().await.unwrap(), boot)
}

async fn issue(app: &TestApp, sub: &str) -> Answer {
    let answer = app.issue(json!({"sub": sub, "aud": "api"})).await;
    answer.expect(201);
    answer
}

fn refused(verifier: &LiveVerifier, token: &str) -> Option<&'static str> {
    verifier.verify(token).err().map(|refusal| refusal.code())
}

#[test]
fn each_of_fifty_verifiers_refuses_at_the_moment_that_the_answer_to_wait_arrives() {
    run(async {
        let app = TestApp::start().await;
        let verifiers = join_all((0..VERIFIERS).map(|number| connect(&app, number))).await;
        for round in 0..20 {
            let session = issue(&app, &format!("user-{round}")).await;
            let (sid, token) = (session.session_id(), session.access_token());
            assert!(verifiers.iter().all(|(verifier, _)| refused(verifier, &token).is_none()));
            let body = json!({"scope": {"sid": sid}, "wait": "verifiers", "timeout_ms": 30_000});
            let answer = app.post_as("app", "/v1/revocations", body).await;
            let late = verifiers.iter().filter(|(verifier, _)| refused(verifier, &token) != Some("revoked"));
            assert_eq!(late.count(), 0, "round {round}: not all refuse it yet");
            answer.expect(200);
            let applied = &answer.json["applied"]["verifiers"];
            assert_eq!(*applied, json!({"applied": VERIFIERS, "total": VERIFIERS}));
        }
    });
}

#[test]
fn a_verifier_that_has_started_is_one_of_those_who_are_waited_for() {
    run(async {
        let app = TestApp::start().await;
        for number in 1..=10 {
            let (verifier, _boot) = connect(&app, number).await;
            let body = json!({"scope": {"sub": "nobody"}, "wait": "verifiers", "timeout_ms": 30_000});
            let answer = app.post_as("app", "/v1/revocations", body).await;
            assert_eq!(answer.json["applied"]["verifiers"]["total"], 1, "{}", answer.text);
            // Whoever says goodbye is not.
            verifier.close().await;
        }
    });
}

#[test]
fn a_connection_that_lives_long_hears_of_the_end_of_its_session_and_of_no_other() {
    run(async {
        let app = TestApp::start().await;
        let (verifier, _boot) = connect(&app, 0).await;
        let mut watched = Vec::new();
        for subject in ["gone", "stays"] {
            let session = issue(&app, subject).await;
            let verified = verifier.verify(&session.access_token()).unwrap();
            watched.push(tokio::spawn(async move { verified.revoked().await }));
        }
        app.post_as("app", "/v1/revocations", json!({"scope": {"sub": "gone"}, "wait": "verifiers"}))
            .await
            .expect(200);
        let stays = watched.pop().unwrap();
        let heard = watched.pop().unwrap().await.unwrap();
        assert_eq!(heard.by, ScopeKind::Sub);
        assert!(!stays.is_finished());
    });
}

#[test]
fn a_compromised_key_is_refused_by_followers_as_fast_as_a_logout_and_its_successor_is_taken() {
    run(async {
        let app = TestApp::start().await;
        let (verifier, _boot) = connect(&app, 0).await;
        let before = issue(&app, "user-1").await;
        let (header, _) = before.access_token_parts();
        assert_eq!(refused(&verifier, &before.access_token()), None);
        let path = format!("/v1/keys/{}/revoke", header["kid"].as_str().unwrap());
        let answer = app.post_as("app", &path, json!({"reason": "leaked", "wait": "verifiers"})).await;
        answer.expect(200);
        assert_eq!(answer.json["applied"]["verifiers"], json!({"applied": 1, "total": 1}), "{}", answer.text);
        let refusal = verifier.verify(&before.access_token()).unwrap_err();
        let key_is_out = [VerifyError::KeyUnknown, VerifyError::Revoked { by: ScopeKind::Kid }];
        assert!(key_is_out.map(Refusal::Token).contains(&refusal), "{refusal:?}");
        let after = issue(&app, "user-1").await;
        assert_eq!(verifier.verify(&after.access_token()).err(), None, "the standby was published long ago");
    });
}

#[test]
fn past_its_bound_a_verifier_says_stale_and_not_revoked_and_vouches_again_when_it_has_heard() {
    run(async {
        let app = TestApp::start().await;
        let (verifier, boot) = connect(&app, 0).await;
        let session = issue(&app, "user-1").await;
        let gone = issue(&app, "user-2").await;
        let body = json!({"scope": {"sub": "user-2"}, "wait": "verifiers"});
        app.post_as("app", "/v1/revocations", body).await.expect(200);
        // The machine slept: no time has passed for the service.
        boot.advance(Duration::from_secs(31));
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(refused(&verifier, &session.access_token()), Some("stale"));
        assert_eq!(refused(&verifier, &gone.access_token()), Some("revoked"), "a denial does not go stale");
        let mut bound = verifier.policy().clone();
        bound.when_stale = WhenStale::Accept;
        let check = signet_verifier::Check { staleness: Some(bound), ..Default::default() };
        assert!(
            verifier.verify_with(&session.access_token(), &check).is_ok(),
            "the caller may see it otherwise"
        );
        assert_eq!(verifier.counters().stale_refused, 1);
        // Whatever it hears next, a heartbeat or a stream opened anew, makes it good.
        while refused(&verifier, &session.access_token()).is_some() {
            tokio::task::yield_now().await;
        }
        assert_eq!(refused(&verifier, &gone.access_token()), Some("revoked"));
    });
}

#[test]
fn past_its_bound_a_verifier_may_ask_the_service() {
    run(async {
        let app = TestApp::start().await;
        let (verifier, boot) = connect(&app, 0).await;
        let session = issue(&app, "user-1").await;
        let mut bound = verifier.policy().clone();
        bound.when_stale = WhenStale::Introspect;
        let check = signet_verifier::Check { staleness: Some(bound), ..Default::default() };
        boot.advance(Duration::from_secs(31));
        assert!(verifier.check_with(&session.access_token(), &check).await.is_ok());
        assert!(verifier.counters().introspected <= 1);
        let revoked: Value =
            app.post_as("app", "/v1/revocations", json!({"scope": {"sub": "user-1"}})).await.json;
        assert_eq!(revoked["status"], "durable");
        // What was answered a moment ago is remembered for three seconds of the boot clock.
        boot.advance(Duration::from_secs(31));
        let refusal = verifier.check_with(&session.access_token(), &check).await.unwrap_err();
        assert!(["inactive", "revoked"].contains(&refusal.code()), "{refusal:?}");
    });
}
