//! Keys that were compromised, and a process that died before it could say so; sealing keys; rotation inside a window.

use std::time::Duration;

use serde_json::json;
use signet_verifier::{Clock, KeyId};

use crate::harness::{TestApp, run};

async fn sealing_key(app: &TestApp) -> String {
    let keys = app.get_as("app", "/v1/keys").await;
    let active = keys.json["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["use"] == "seal" && key["state"] == "active");
    active.unwrap()["kid"].as_str().unwrap().to_owned()
}

#[test]
fn what_the_process_could_not_say_before_it_died_it_says_when_it_starts() {
    run(async {
        for sealing in [false, true] {
            let app = TestApp::start().await;
            let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
            let signing = session.access_token_parts().0["kid"].as_str().unwrap().to_owned();
            let kid = if sealing { sealing_key(&app).await } else { signing };
            app.clock.advance(Duration::from_secs(1));
            app.app.keys().compromise(&KeyId::parse(&kid).unwrap(), app.clock.now()).unwrap();
            let app = app.restart().await;
            assert!(!app.is_active(&session.access_token()).await, "sealing: {sealing}");
            let said = app.app.store().head().await.unwrap().seq;
            assert_eq!(said, 1);
            let app = app.restart().await;
            assert_eq!(app.app.store().head().await.unwrap().seq, said, "once is enough");
        }
    });
}

#[test]
fn sessions_sealed_under_a_compromised_key_end_and_new_ones_do_not() {
    run(async {
        let app = TestApp::start().await;
        let old = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(Duration::from_mins(1));
        let kid = sealing_key(&app).await;
        app.post_as("app", &format!("/v1/keys/{kid}/revoke"), json!({})).await.expect(200);
        assert!(!app.is_active(&old.access_token()).await);
        app.refresh(&old.refresh_token()).await.expect_code(401, "refresh_invalid");
        let new = app.issue(json!({"sub": "u", "aud": "api"})).await;
        assert!(app.is_active(&new.access_token()).await);
        let app = app.restart().await;
        assert!(!app.is_active(&old.access_token()).await);
        app.refresh(&old.refresh_token()).await.expect_code(401, "refresh_invalid");
        app.refresh(&new.refresh_token()).await.expect(200);
    });
}

#[test]
fn a_rotation_inside_the_window_changes_no_successor() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.refresh_token();
        app.clock.advance(Duration::from_hours(1));
        app.app.tick().await;
        let once = app.refresh(&token).await;
        app.post_as("app", "/v1/keys/rotate", json!({"activate": "now"})).await.expect(200);
        for _ in 0..5 {
            app.clock.advance(Duration::from_secs(2));
            app.app.tick().await;
            let again = app.refresh(&token).await;
            again.expect(200);
            assert_eq!(again.refresh_token(), once.refresh_token());
            assert!(app.is_active(&again.access_token()).await);
        }
        app.clock.advance(Duration::from_secs(280));
        app.refresh(&once.refresh_token()).await.expect(200);
    });
}
