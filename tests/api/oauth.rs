//! The standard endpoints: RFC 6749, 7009, 7662, 8414, 7517.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::{Answer, SECRET, TestApp, run};

fn oauth_error(answer: &Answer, status: u16, error: &str) {
    answer.expect(status);
    assert_eq!(answer.json["error"], error, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let text = answer.json["error_description"].as_str().unwrap_or("x");
    assert!(text.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text}");
}

#[test]
fn client_credentials_give_a_token_of_the_client_for_itself_and_no_refresh_token() {
    run(async {
        let app = TestApp::start().await;
        let answer = app.form_as("plain", "/oauth2/token", &[("grant_type", "client_credentials")]).await;
        answer.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.json.get("refresh_token").is_none());
        assert_eq!(answer.json["token_type"], "Bearer");
        let (header, claims) = answer.access_token_parts();
        assert_eq!(header["typ"], "at+jwt");
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("plain"), &json!("plain")));
        assert!(claims.get("sid").is_none());
        assert!(app.is_active(&answer.access_token()).await);
    });
}

#[test]
fn the_api_takes_a_bearer_token_for_this_service_and_no_other() {
    run(async {
        let app = TestApp::start().await;
        let grant = [("grant_type", "client_credentials"), ("resource", app.issuer())];
        let for_us = app.form_as("app", "/oauth2/token", &grant).await.access_token();
        let for_api = app
            .form_as("app", "/oauth2/token", &[("grant_type", "client_credentials"), ("resource", "api")])
            .await;
        let session = app.issue(json!({"sub": "app", "aud": "api"})).await.access_token();
        let body = json!({"sub": "u", "aud": "api"});
        let issue = async |token: &str| {
            Answer::of(app.request("POST", "/v1/sessions").bearer_auth(token).json(&body)).await
        };
        issue(&for_us).await.expect(201);
        issue(&for_api.access_token()).await.expect(401);
        issue(&session).await.expect(401);
        let weak = app.form_as("plain", "/oauth2/token", &grant).await.access_token();
        issue(&weak).await.expect(403);
        app.clock.advance(Duration::from_secs(400));
        let expired = issue(&for_us).await;
        expired.expect(401);
        assert!(
            expired.header("www-authenticate").contains("invalid_token"),
            "{}",
            expired.header("www-authenticate")
        );
    });
}

#[test]
fn a_session_refreshes_at_the_token_endpoint_too() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "scope": "read write"})).await;
        app.clock.advance(Duration::from_secs(280));
        let token = session.refresh_token();
        let grant = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", "read")];
        oauth_error(&app.form_as("ed", "/oauth2/token", &grant).await, 400, "invalid_grant");
        let next = app.form_as("app", "/oauth2/token", &grant).await;
        next.expect(200);
        assert_eq!(next.json["scope"], "read");
        assert_eq!(next.access_token_parts().1["scope"], "read");
        app.clock.advance(Duration::from_secs(280));
        let newest = next.refresh_token();
        let grant = [("grant_type", "refresh_token"), ("refresh_token", newest.as_str())];
        let whole = app.form_as("app", "/oauth2/token", &grant).await;
        assert_eq!(
            whole.access_token_parts().1["scope"],
            "read write",
            "narrowing does not shrink the grant"
        );
        let wider = app.form_as("app", "/oauth2/token", &[grant[0], grant[1], ("scope", "read admin")]).await;
        oauth_error(&wider, 400, "invalid_scope");
    });
}

#[test]
fn every_error_of_the_token_endpoint_is_the_rfcs() {
    run(async {
        let app = TestApp::start().await;
        let path = "/oauth2/token";
        oauth_error(&app.form_as("app", path, &[]).await, 400, "invalid_request");
        oauth_error(&app.form_as("app", path, &[("grant_type", "")]).await, 400, "invalid_request");
        oauth_error(
            &app.form_as("app", path, &[("grant_type", "password")]).await,
            400,
            "unsupported_grant_type",
        );
        let twice = [("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
        oauth_error(&app.form_as("app", path, &twice).await, 400, "invalid_request");
        let scope = [("grant_type", "client_credentials"), ("scope", "admin")];
        oauth_error(&app.form_as("app", path, &scope).await, 400, "invalid_scope");
        let target = [("grant_type", "client_credentials"), ("resource", "https://elsewhere")];
        oauth_error(&app.form_as("app", path, &target).await, 400, "invalid_target");
        oauth_error(
            &app.form_as("app", path, &[("grant_type", "refresh_token")]).await,
            400,
            "invalid_request",
        );
        let bad = [("grant_type", "refresh_token"), ("refresh_token", "sgr_x")];
        oauth_error(&app.form_as("app", path, &bad).await, 400, "invalid_grant");
        let wrong = app.request("POST", path).basic_auth("app", Some("wrong"));
        let wrong = Answer::of(
            wrong
                .header("content-type", "application/x-www-form-urlencoded")
                .body("grant_type=client_credentials"),
        )
        .await;
        oauth_error(&wrong, 401, "invalid_client");
        assert!(wrong.header("www-authenticate").starts_with("Basic"));
        oauth_error(
            &app.form("/oauth2/token", &[("grant_type", "client_credentials")]).await,
            401,
            "invalid_client",
        );
        let public = [("grant_type", "client_credentials"), ("client_id", "spa")];
        let answer = app.form(path, &public).await;
        assert!(
            matches!(answer.json["error"].as_str(), Some("unauthorized_client" | "invalid_client")),
            "{}",
            answer.text
        );
        let json_body = app.post_as("app", path, json!({"grant_type": "client_credentials"})).await;
        assert!(matches!(json_body.status, 400 | 415), "{}", json_body.status);
        let get = app.get_as("app", path).await;
        get.expect(405);
        assert_eq!(get.header("allow"), "POST");
    });
}

#[test]
fn basic_halves_are_form_decoded_and_two_methods_at_once_are_refused() {
    run(async {
        let app = TestApp::start().await;
        let body = "grant_type=client_credentials";
        let basic = |text: String| {
            let request = app
                .request("POST", "/oauth2/token")
                .header("authorization", format!("Basic {}", STANDARD.encode(text)));
            request.header("content-type", "application/x-www-form-urlencoded")
        };
        Answer::of(basic(format!("%70lain:{}", SECRET.replace('c', "%63"))).body(body)).await.expect(200);
        Answer::of(basic(format!("plain:{SECRET}")).body(body)).await.expect(200);
        let post = [("grant_type", "client_credentials"), ("client_id", "plain"), ("client_secret", SECRET)];
        app.form("/oauth2/token", &post).await.expect(200);
        oauth_error(&app.form_as("plain", "/oauth2/token", &post).await, 400, "invalid_request");
        for garbage in ["plain", "", ":", "pl:ain:x"] {
            oauth_error(&Answer::of(basic(garbage.into()).body(body)).await, 401, "invalid_client");
        }
    });
}

#[test]
fn introspection_tells_what_is_believed_and_nothing_of_the_rest() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api", "scope": "read"})).await;
        let seen = app.introspect(&session.access_token()).await;
        assert_eq!(seen["active"], true);
        assert_eq!(seen["token_type"], "Bearer");
        for member in ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "client_id", "scope"] {
            assert!(!seen[member].is_null(), "{member}");
        }
        let refresh = app.introspect(&session.refresh_token()).await;
        assert_eq!((&refresh["active"], &refresh["sub"]), (&json!(true), &json!("u")));
        let token = session.access_token();
        for hint in ["access_token", "refresh_token", "nonsense"] {
            let answer = app
                .form_as("rs", "/oauth2/introspect", &[("token", &token), ("token_type_hint", hint)])
                .await;
            assert_eq!(answer.json["active"], true, "a hint is only a hint");
        }
        for dead in ["", "x", "a.b.c", &format!("{token}x"), "sgr_AAAA"] {
            let answer = app.form_as("rs", "/oauth2/introspect", &[("token", dead)]).await;
            if dead.is_empty() {
                oauth_error(&answer, 400, "invalid_request");
            } else {
                assert_eq!((answer.status, &answer.json), (200, &json!({"active": false})), "{dead}");
            }
        }
        let own = app.form_as("app", "/oauth2/introspect", &[("token", &token)]).await;
        assert_eq!(own.json["active"], true, "a client sees its own");
        let strangers = app.form_as("plain", "/oauth2/introspect", &[("token", &token)]).await;
        assert_eq!(strangers.json, json!({"active": false}), "and not those of others");
        oauth_error(&app.form("/oauth2/introspect", &[("token", &token)]).await, 401, "invalid_client");
        oauth_error(
            &app.form("/oauth2/introspect", &[("token", &token), ("client_id", "spa")]).await,
            401,
            "invalid_client",
        );
        app.clock.advance(Duration::from_secs(331));
        assert!(!app.is_active(&token).await, "expired");
    });
}

#[test]
fn revocation_believes_signatures_not_claims() {
    run(async {
        let app = TestApp::start().await;
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        let token = session.access_token();
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{unsigned}.{}", "A".repeat(86));
        let revoke = async |client: &str, token: &str| {
            let answer = app
                .form_as(client, "/oauth2/revoke", &[("token", token), ("token_type_hint", "nonsense")])
                .await;
            answer.expect(200);
            assert_eq!(answer.text, "");
        };
        revoke("app", &forged).await;
        revoke("app", "garbage").await;
        revoke("ed", &token).await;
        assert!(app.is_active(&token).await, "neither a forgery nor a stranger revokes it");
        revoke("app", &token).await;
        assert!(!app.is_active(&token).await);
        let next = app.refresh(&session.refresh_token()).await;
        next.expect(200);
        revoke("app", &next.refresh_token()).await;
        assert!(!app.is_active(&next.access_token()).await, "a refresh token takes its session with it");
        app.refresh(&next.refresh_token()).await.expect(401);
    });
}

#[test]
fn an_expired_access_token_may_still_be_revoked() {
    run(async {
        let app = TestApp::start().await;
        let token = app.issue(json!({"sub": "u", "aud": "api"})).await.access_token();
        app.clock.advance(Duration::from_mins(10));
        app.form_as("app", "/oauth2/revoke", &[("token", &token)]).await.expect(200);
    });
}

#[test]
fn metadata_is_the_same_under_both_names_and_true() {
    run(async {
        let app = TestApp::start().await;
        let oauth = app.get("/.well-known/oauth-authorization-server").await;
        oauth.expect(200);
        let openid = app.get("/.well-known/openid-configuration").await;
        assert_eq!(oauth.json, openid.json);
        assert_eq!(oauth.json["issuer"], app.issuer());
        assert_eq!(oauth.json["grant_types_supported"], json!(["client_credentials", "refresh_token"]));
        assert!(oauth.json["response_types_supported"].is_array());
        for (name, path) in [
            ("token_endpoint", "/oauth2/token"),
            ("introspection_endpoint", "/oauth2/introspect"),
            ("revocation_endpoint", "/oauth2/revoke"),
            ("jwks_uri", "/.well-known/jwks.json"),
        ] {
            assert_eq!(oauth.json[name], format!("{}{path}", app.issuer()), "{name}");
        }
        for (name, value) in oauth.json.as_object().unwrap() {
            assert!(
                value.as_array().is_none_or(|list| !list.is_empty()) || name == "response_types_supported",
                "{name}: RFC 8414 omits empty lists"
            );
        }
    });
}

#[test]
fn the_jwks_is_cached_by_its_entity_tag() {
    run(async {
        let app = TestApp::start().await;
        let whole = app.get("/.well-known/jwks.json").await;
        whole.expect(200);
        assert_eq!(whole.header("cache-control"), "public, max-age=300");
        assert_eq!(whole.header("content-type"), "application/json");
        let etag = whole.header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.len() > 10, "strong: {etag}");
        let keys = whole.json["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2, "the active key and its standby");
        for key in keys {
            assert_eq!(
                (&key["use"], &key["alg"], &key["kty"]),
                (&json!("sig"), &json!("ES256"), &json!("EC"))
            );
            assert!(key.get("d").is_none());
        }
        for sent in [etag.clone(), "*".into(), format!("\"x\", {etag}"), format!("W/{etag}")] {
            let answer =
                Answer::of(app.request("GET", "/.well-known/jwks.json").header("if-none-match", &sent)).await;
            assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{sent}");
            assert_eq!(answer.header("etag"), etag);
        }
        Answer::of(app.request("GET", "/.well-known/jwks.json").header("if-none-match", "\"x\""))
            .await
            .expect(200);
        app.post_as("app", "/v1/keys/rotate", json!({})).await.expect(200);
        app.clock.advance(Duration::from_mins(40));
        app.app.tick().await;
        let changed = app.get("/.well-known/jwks.json").await;
        assert_ne!(changed.header("etag"), etag);
    });
}
