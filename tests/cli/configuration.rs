//! `signet config`, `signet client`, and what a wrong configuration looks like.

use crate::program::Place;

#[test]
fn a_configuration_that_cannot_be_read_is_one_line_that_names_file_and_key() {
    let place = Place::new();
    place.write("port.toml", "[server]\nport = 1\n");
    place.write("syntax.toml", "[server\n");
    place.write("kind.toml", "[tokens]\naccess_ttl = 300\n");
    std::fs::create_dir(place.path("directory")).unwrap();
    std::fs::write(place.path("binary"), b"\xff\xfe").unwrap();
    for (file, name) in [
        ("nowhere.toml", "nowhere.toml"),
        ("directory", "directory"),
        ("binary", "binary"),
        ("syntax.toml", "syntax.toml, line 1"),
        ("port.toml", "server.port: unknown key"),
        ("kind.toml", "tokens.access_ttl"),
    ] {
        for command in [&["config", "check"][..], &["config", "print"], &["serve"], &["keys", "list"]] {
            place.run(&[command, &["--config", file]].concat()).refused(2, name);
        }
    }
    let json = place.run(&["config", "check", "--config", "port.toml", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert!(error["error"]["detail"].as_str().unwrap().starts_with("server.port"), "{error}");
}

#[test]
fn a_wrong_variable_is_named() {
    let mut place = Place::new();
    place.set("SIGNET_TOKENS__ACCESS_TTL", "300");
    place.run(&["config", "check"]).refused(2, "SIGNET_TOKENS__ACCESS_TTL");
}

#[test]
fn a_new_client_is_pasted_into_a_configuration_that_prints_without_its_secret() {
    let place = Place::new();
    let made = place.json(&["client", "new", "web", "--permission", "sessions:issue", "--audience", "api"]);
    let (toml, secret) = (made["toml"].as_str().unwrap(), made["secret"].as_str().unwrap());
    assert!(secret.len() >= 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    place.write("signet.toml", &format!("[refresh]\nwindow = \"5s\"\n\n{toml}"));
    assert_eq!(place.json(&["config", "check", "--config", "signet.toml"])["valid"], true);
    let hash = toml.split('"').find(|part| part.len() == 64).unwrap();
    let printed = place.run(&["config", "print", "--config", "signet.toml"]).worked();
    assert!(printed.contains("window = \"5s\"") && printed.contains(&place.url()), "{printed}");
    let json = place.json(&["config", "print", "--config", "signet.toml"]);
    assert_eq!(json["clients"][0]["id"], "web");
    for text in [printed, json.to_string()] {
        assert!(!text.contains(hash) && !text.contains(secret), "{text}");
    }
    let human = place.run(&["client", "new", "web", "--permission", "sessions:issue"]).worked();
    assert!(human.contains("[[clients]]") && human.contains("once"), "{human}");
}

#[test]
fn a_wrong_call_is_2_and_says_what_there_is() {
    let place = Place::new();
    for (arguments, name) in [
        (&["frob"][..], "frob"),
        (&["client", "new", "a b", "--permission", "sessions:issue"], "<ID>"),
        (&["client", "new", "web", "--permission", "everything"], "sessions:issue"),
        (&["keys", "rotate", "--alg", "HS256"], "ES256"),
        (&["revoke", "--sub", "a", "--all"], "--all"),
    ] {
        let done = place.run(arguments);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{arguments:?}");
        assert!(done.err.contains(name), "{arguments:?}: {}", done.err);
    }
    let contract = place.run(&["openapi"]).worked();
    assert_eq!(contract, include_str!("../../openapi.yaml"));
}
