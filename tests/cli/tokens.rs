//! `signet token`, `signet revoke`, `signet restore`.

use serde_json::{Value, json};

use crate::program::Place;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_token_is_issued_shown_and_verified_from_the_directory_a_file_and_a_url() {
    let place = Place::new();
    let serving = place.serve();
    let claims = ["--claim", "tenant=acme", "--claim", "level=3"];
    let issued = place.json(&[&["token", "issue", "--sub", "u", "--aud", "api"][..], &claims].concat());
    let token = text(&issued["access_token"]);
    let seen = place.json(&["token", "inspect", token]);
    assert_eq!((&seen["verified"], &seen["claims"]["level"]), (&json!(false), &json!(3)));
    let jwks = format!("{}/.well-known/jwks.json", place.url());
    let verified = place.json(&["token", "verify", token, "--audience", "api", "--jwks", &jwks]);
    assert_eq!((&verified["verified"], &verified["claims"]["tenant"]), (&json!(true), &json!("acme")));
    place.paste(&format!("curl -s {jwks} > jwks.json")).worked();
    drop(serving);
    place.run_with(&format!("{token}\n"), &["token", "verify", "-", "--jwks", "jwks.json"]).worked();
    place.run(&["token", "verify", token]).worked();
    place.run(&["token", "verify", token, "--audience", "other"]).refused(1, "not valid");
    place.run(&["token", "verify", token, "--issuer", "https://other.example"]).refused(1, "not valid");
    place.run(&["token", "verify", &format!("{token}A")]).refused(1, "not valid");
    place.run(&["token", "verify", token, "--jwks", &jwks]).refused(1, "did not answer");
    place.run(&["token", "verify", token, "--jwks", "nothing.json"]).refused(1, "nothing.json");
    place.run(&["token", "inspect", "x"]).refused(1, "segments");
    place.run(&["token", "inspect", text(&issued["refresh_token"])]).refused(1, "sealed");
    place.run(&["token", "issue", "--sub", "u"]).refused(1, &place.url());
}

#[test]
fn sessions_are_taken_back_one_may_be_kept_and_a_restore_ends_all() {
    let place = Place::new();
    let _serving = place.serve();
    let issue = || place.json(&["token", "issue", "--sub", "u"]);
    let refresh = |token: &str| {
        let body = json!({"refresh_token": token});
        let line = format!("curl -s {}/v1/sessions/refresh --json '{body}'", place.url());
        let line = line.replace("--json", "-H 'Content-Type: application/json' -d");
        serde_json::from_str::<Value>(&place.paste(&line).worked()).unwrap()
    };
    let (kept, other) = (issue(), issue());
    place.write("token", &format!("{}\n", text(&kept["refresh_token"])));
    let revoked = place.json(&[
        "revoke",
        "--sub",
        "u",
        "--keep-file",
        "token",
        "--wait",
        "nodes",
        "--timeout",
        "2s",
        "--reason",
        "lost phone",
    ]);
    assert_eq!(revoked["applied"]["nodes"], json!({"applied": 1, "total": 1}));
    let goes_on = text(&revoked["kept"]["refresh_token"]).to_owned();
    assert_eq!(refresh(text(&other["refresh_token"]))["code"], "session_revoked");
    let next = refresh(&goes_on);
    assert!(next["access_token"].is_string(), "{next}");
    // From standard input, for people.
    let newest = next["refresh_token"].as_str().unwrap_or(&goes_on);
    let said = place.run_with(newest, &["revoke", "--sub", "u", "--keep-file", "-"]).worked();
    assert!(said.contains("durable") && said.contains("sgr_"), "{said}");

    let session = issue();
    let again = issue();
    let sid = text(&session["session_id"]);
    assert_eq!(place.json(&["revoke", "--sid", sid])["status"], "durable");
    assert_eq!(refresh(text(&session["refresh_token"]))["code"], "session_revoked");
    place.run(&["revoke", "--sid", "nonsense"]).refused(1, "scope.sid");
    place.run(&["revoke", "--sub", "u", "--keep-file", "nothing"]).refused(1, "nothing");
    assert!(place.run(&["restore"]).worked().contains("All sessions"));
    assert_eq!(refresh(text(&again["refresh_token"]))["code"], "session_revoked");
}

#[test]
fn a_refusal_carries_the_services_code() {
    let place = Place::new();
    place.run(&["revoke", "--all"]).refused(1, "data/dev-client-secret");
    let _serving = place.serve();
    place.write("wrong", "not-the-secret-of-anybody\n");
    place.run(&["revoke", "--all", "--secret-file", "wrong"]).refused(1, "invalid_client, HTTP 401");
    let json = place.run(&["revoke", "--all", "--secret-file", "wrong", "--json"]);
    let error: Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["status"]), (&json!("invalid_client"), &json!(401)));
    place.run(&["revoke", "--all", "--url", "ftp://auth.example"]).refused(2, "ftp://auth.example");
}
