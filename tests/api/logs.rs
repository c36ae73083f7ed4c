//! What is logged: one audit event for each thing that happened, and never a token, a secret or a key.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, SECRET, TestApp, run};

/// What was logged, line by line.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Takes in everything that this process logs from now on.
    fn collect() -> Self {
        let lines = Lines::default();
        let sink = lines.clone();
        // The server's workers are threads of their own: the subscriber is the process's.
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || sink.clone());
        tracing::subscriber::set_global_default(subscriber.finish())
            .expect("each test is a process under nextest");
        lines
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every secret that came by: whole tokens and their parts.
fn secrets(answers: &[Answer]) -> Vec<String> {
    let mut secrets = vec![SECRET.to_owned()];
    for answer in answers {
        for member in ["access_token", "refresh_token"] {
            let Some(token) = answer.json[member].as_str() else { continue };
            secrets.extend(token.split('.').filter(|part| part.len() > 30).map(str::to_owned));
        }
    }
    secrets
}

#[test]
fn everything_that_happens_is_audited_and_nothing_secret_is_logged() {
    let lines = Lines::collect();
    let mut seen = Vec::new();
    run(async {
        let app = TestApp::start().await;
        let pem = include_str!("fixtures/es256.pem");
        let first =
            app.issue(json!({"sub": "u", "aud": "api", "claims": {"email": "someone@example.org"}})).await;
        app.clock.advance(Duration::from_secs(280));
        let second = app.refresh(&first.refresh_token()).await;
        app.clock.advance(Duration::from_secs(280));
        let third = app.refresh(&second.refresh_token()).await;
        app.clock.advance(Duration::from_secs(280));
        app.refresh(&first.refresh_token()).await.expect(401);
        app.refresh(&format!("{}x", third.refresh_token())).await.expect(401);
        app.introspect(&third.access_token()).await;
        app.post_as("app", "/v1/revocations", json!({"scope": {"sub": "u"}, "reason": "left the company"}))
            .await
            .expect(200);
        app.post_as("app", "/v1/keys/import", json!({"private_key_pem": pem})).await.expect(201);
        app.post_as("app", "/v1/keys/rotate", json!({})).await.expect(200);
        Answer::of(
            app.request("POST", "/v1/sessions")
                .basic_auth("app", Some("wrong-secret-of-a-guesser"))
                .json(&json!({})),
        )
        .await
        .expect(401);
        app.form_as("app", "/oauth2/revoke", &[("token", &third.access_token())]).await.expect(200);
        app.delete_bearer("/v1/sessions/current", &third.access_token()).await;
        seen.extend([first, second, third]);
        app.restart().await;
    });
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let mut hidden = secrets(&seen);
    hidden.extend(["wrong-secret-of-a-guesser".into(), "someone@example.org".into(), "PRIVATE KEY".into()]);
    hidden.extend(
        include_str!("fixtures/es256.pem").lines().filter(|line| !line.starts_with('-')).map(str::to_owned),
    );
    for secret in &hidden {
        assert!(!logged.contains(secret.as_str()), "a secret was logged: {secret:.12}…");
    }
    assert_audited(&logged);
}

fn assert_audited(logged: &str) {
    let events: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let audited = |event: &str| {
        events.iter().filter(|line| line["target"] == "audit" && line["event"] == event).count()
    };
    assert_eq!(audited("session.issued"), 1);
    assert_eq!(audited("session.refreshed"), 2);
    assert_eq!(audited("session.theft"), 1);
    assert_eq!(
        audited("revocation.accepted"),
        2,
        "the theft's and the administrator's; the rest was revoked already"
    );
    assert_eq!(audited("client.refused"), 1);
    let key_step = |step: &str| {
        events.iter().find(|line| line["event"] == "key.changed" && line["key.step"] == step).cloned()
    };
    assert!(key_step("create").is_some());
    for step in ["import", "rotate"] {
        assert_eq!(key_step(step).unwrap()["span"]["client.id"], "app", "who did it");
    }
    let by_admin =
        |line: &&Value| line["event"] == "revocation.accepted" && line["span"]["client.id"] == "app";
    assert_eq!(events.iter().filter(by_admin).count(), 1, "the theft's was nobody's request");
}
