//! `POST /v1/sessions`.

use serde_json::{Value, json};

use crate::harness::{Options, TestApp, run};

#[test]
fn a_session_is_an_rfc_9068_access_token_and_a_sealed_refresh_token() {
    run(async {
        let app = TestApp::start().await;
        let answer = app
            .issue(json!({
                "sub": "user-1", "aud": "api", "scope": "read write", "claims": {"tenant": "acme", "roles": ["admin"]},
                "auth_time": app.now_secs() - 60, "amr": ["pwd", "otp"], "acr": "2"
            }))
            .await;
        answer.expect(201);
        assert_eq!(answer.header("cache-control"), "no-store");
        let (header, claims) = answer.access_token_parts();
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!(header["alg"], "ES256");
        assert_eq!(header.as_object().unwrap().len(), 3, "alg, kid, typ and nothing else");
        assert_eq!(claims["iss"], app.issuer());
        assert_eq!(claims["sub"], "user-1");
        assert_eq!(claims["aud"], "api", "one audience is a string");
        assert_eq!(claims["client_id"], "app");
        assert_eq!(claims["scope"], "read write");
        assert_eq!(claims["tenant"], "acme");
        assert_eq!(claims["roles"], json!(["admin"]));
        assert_eq!(claims["amr"], json!(["pwd", "otp"]));
        assert_eq!(claims["acr"], "2");
        assert_eq!(claims["iat"], app.now_secs());
        assert_eq!(claims["sid"], answer.json["session_id"]);
        let life = claims["exp"].as_u64().unwrap() - app.now_secs();
        assert!((285..=300).contains(&life), "five minutes less up to 5 % of jitter: {life}");
        assert_eq!(answer.json["expires_in"], life);
        assert_eq!(answer.json["token_type"], "Bearer");
        assert_eq!(answer.json["scope"], "read write");
        assert!(answer.json["refresh_token"].as_str().unwrap().starts_with("sgr_"));
        assert_eq!(answer.json["refresh_expires_in"], 14 * 24 * 3600);
    });
}

#[test]
fn issuing_touches_no_store() {
    run(async {
        let app = TestApp::start().await;
        let before = app.store_calls();
        for i in 0..1_000 {
            app.issue(json!({"sub": format!("user-{i}"), "aud": "api"})).await.expect(201);
        }
        assert_eq!(app.store_calls(), before, "calls to the store during 1,000 issues");
    });
}

#[test]
fn verifying_touches_no_store() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "user-1", "aud": "api"})).await.access_token();
        let before = app.store_calls();
        for _ in 0..100 {
            assert!(app.is_active(&token).await);
        }
        assert_eq!(app.store_calls(), before, "calls to the store during 100 introspections");
    });
}

#[test]
fn without_refresh_there_is_no_refresh_token() {
    run(async {
        let app = TestApp::start().await;
        let answer = app.issue(json!({"sub": "u", "aud": "api", "refresh": false})).await;
        answer.expect(201);
        assert!(answer.json.get("refresh_token").is_none());
        assert!(answer.json.get("refresh_expires_in").is_none());
    });
}

#[test]
fn without_an_audience_the_token_is_for_all_of_the_clients() {
    run(async {
        let app = TestApp::start().await;
        let (_, claims) = app.issue(json!({"sub": "u"})).await.access_token_parts();
        assert_eq!(claims["aud"], json!(["api", "files"]));
    });
}

#[test]
fn lifetimes_go_up_to_the_clients_ceiling() {
    run(async {
        let app = TestApp::start().await;
        let answer = app.issue(json!({"sub": "u", "aud": "api", "access_ttl": "10m"})).await;
        answer.expect(201);
        let (_, claims) = answer.access_token_parts();
        assert!((570..=600).contains(&(claims["exp"].as_u64().unwrap() - app.now_secs())));
        let answer = app.issue(json!({"sub": "u", "aud": "api", "access_ttl": "11m"})).await;
        answer.expect_problem(400, "access_ttl");
        let answer = app.issue(json!({"sub": "u", "aud": "api", "access_ttl": "119s"})).await;
        answer.expect_problem(400, "access_ttl");
    });
}

#[test]
fn a_client_may_have_an_algorithm_of_its_own() {
    run(async {
        let app = TestApp::with(Options { algorithms: &["ES256", "EdDSA"], ..Options::default() }).await;
        let answer = app.post_as("ed", "/v1/sessions", json!({"sub": "u", "aud": "api"})).await;
        answer.expect(201);
        assert_eq!(answer.access_token_parts().0["alg"], "EdDSA");
        assert_eq!(app.issue(json!({"sub": "u"})).await.access_token_parts().0["alg"], "ES256");
    });
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    run(async {
        let app = TestApp::start().await;
        let future = app.now_secs() + 3600;
        // What is well said but not granted to this client is 403; what cannot be meant is 400.
        for (body, name) in
            [(json!({"sub": "u", "aud": "other"}), "aud"), (json!({"sub": "u", "scope": "admin"}), "scope")]
        {
            app.issue(body).await.expect_problem(403, name);
        }
        for (body, name) in [
            (json!({}), "sub"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 7}), "sub"),
            (json!({"sub": "u", "aud": []}), "aud"),
            (json!({"sub": "u", "aud": [1]}), "aud"),
            (json!({"sub": "u", "scope": "read  write"}), "scope"),
            (json!({"sub": "u", "claims": []}), "claims"),
            (json!({"sub": "u", "claims": {"exp": 1}}), "exp"),
            (json!({"sub": "u", "claims": {"act": {}}}), "act"),
            (json!({"sub": "u", "auth_time": future}), "auth_time"),
            (json!({"sub": "u", "auth_time": "now"}), "auth_time"),
            (json!({"sub": "u", "amr": "pwd"}), "amr"),
            (json!({"sub": "u", "access_ttl": "soon"}), "access_ttl"),
            (json!({"sub": "u", "refresh": "yes"}), "refresh"),
            (json!({"sub": "u", "color": "red"}), "color"),
        ] {
            app.issue(body).await.expect_problem(400, name);
        }
    });
}

#[test]
fn a_token_over_the_byte_budget_is_refused_with_its_fattest_claims() {
    run(async {
        let app = TestApp::start().await;
        let claims = json!({"avatar": "x".repeat(2_500), "bio": "y".repeat(900), "name": "z"});
        let answer = app.issue(json!({"sub": "u", "aud": "api", "claims": claims})).await;
        answer.expect_problem(400, "avatar (2502 bytes), bio (902 bytes)");
        let fits = json!({"avatar": "x".repeat(2_000)});
        app.issue(json!({"sub": "u", "aud": "api", "claims": fits})).await.expect(201);
    });
}

#[test]
fn every_claim_that_is_given_comes_back_from_introspection() {
    run(async {
        let app = TestApp::start().await;
        let issued = app
            .issue(json!({"sub": "u", "aud": "api", "scope": "read", "claims": {"deep": {"a": [1, null]}}}))
            .await;
        let (_, claims) = issued.access_token_parts();
        let seen: Value = app.introspect(&issued.access_token()).await;
        assert_eq!(seen["active"], true);
        for (name, value) in claims.as_object().unwrap() {
            assert_eq!(&seen[name], value, "{name}");
        }
    });
}
