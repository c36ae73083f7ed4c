//! `signet serve` in an empty directory, by somebody who has read nothing.

use serde_json::Value;

use crate::program::Place;

/// The lines to paste, in order.
fn lines(welcome: &str) -> Vec<&str> {
    let pasted = |line: &&str| ["curl ", "PAIR="].iter().any(|start| line.starts_with(start));
    welcome.lines().map(str::trim).filter(pasted).collect()
}

/// JSON documents that stand one after the other.
fn documents(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().map(Result::unwrap).collect()
}

#[test]
fn every_printed_line_works_when_pasted_the_second_time_too() {
    let place = Place::new();
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let serving = place.serve();
        let lines = lines(&serving.welcome);
        assert_eq!(lines.len(), 6, "{}", serving.welcome);
        let answers = documents(&place.paste(&lines.join("\n")).worked());
        let [issued, refreshed, seen, revoked, gone] = answers.as_slice() else { panic!("{answers:?}") };
        assert!(issued["access_token"].is_string() && issued["refresh_token"].is_string(), "{issued}");
        assert!(refreshed["rotated"].is_boolean() && refreshed["access_token"].is_string(), "{refreshed}");
        assert_eq!((&seen["active"], &seen["sub"]), (&true.into(), &"user-1".into()));
        assert_eq!(seen["iss"], place.url(), "the issuer is where the service listens");
        assert_eq!(revoked["status"], "durable");
        assert_eq!(gone.to_string(), r#"{"active":false}"#);
        let secret = serving.welcome.lines().find_map(|line| line.trim().strip_prefix("secret ")).unwrap();
        secrets.push(secret.trim().to_owned());
        assert_eq!(serving.stop("-TERM"), Some(0));
    }
    assert_eq!(secrets[0], secrets[1], "the secret stays");
}

#[test]
fn the_welcome_names_every_url_and_each_of_them_answers() {
    let place = Place::new();
    let serving = place.serve();
    for path in ["/.well-known/jwks.json", "/openapi.yaml"] {
        assert!(serving.welcome.contains(&format!("{}{path}", place.url())), "{}", serving.welcome);
        place.paste(&format!("curl -sf {}{path} >/dev/null", place.url())).worked();
    }
}

#[test]
fn development_mode_serves_nobody_else() {
    let mut place = Place::new();
    place.set("SIGNET_SERVER__LISTEN", "0.0.0.0:1");
    place.set("SIGNET_SERVER__ALLOW_PLAIN_HTTP", "true");
    place.set("SIGNET_KEYS__ENCRYPTION_KEY", &"A".repeat(43));
    place.run(&["serve"]).refused(2, "server.listen");
}
