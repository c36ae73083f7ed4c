//! Traefik has no package here, so its part is played: what it asks with the file that ships, written down from its
//! documentation, is asked of the real service. That Traefik does as its documentation says is not tested.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::client::Request;
use crate::proxy::shipped;
use crate::run;
use crate::service::Service;

/// The question for a client's request: GET, no body, a fixed path, two of the client's headers, and where it came from.
fn question(service: &Service, method: &str, uri: &str) -> Request {
    Request::new(service.port, "GET", "/v1/forward-auth/admin")
        .line("X-Forwarded-Method", method)
        .line("X-Forwarded-Proto", "https")
        .line("X-Forwarded-Host", "app.example")
        .line("X-Forwarded-Uri", uri)
        .line("X-Forwarded-For", "203.0.113.7")
}

#[test]
fn the_questions_that_it_asks_are_answered_and_nothing_in_them_but_the_token_matters() {
    run(async {
        let directory = TempDir::new().unwrap();
        let service = Service::start(directory.path()).await;
        let admin = service.issue("boss", Some("admin")).await;
        let user = service.issue("user", Some("read")).await;
        for (method, uri) in
            [("GET", "/"), ("OPTIONS", "/v1/forward-auth/default"), ("POST", "/../default?scope=read")]
        {
            let asked = question(&service, method, uri);
            let passed = asked.clone().bearer(&admin.token).send().await;
            passed.expect(200);
            assert_eq!(passed.header("x-auth-subject"), ["boss"]);
            assert_eq!(passed.header("x-auth-session"), [admin.sid.as_str()]);
            assert_eq!(passed.header("x-auth-scope"), ["admin"]);
            asked.clone().bearer(&user.token).send().await.expect(403);
            let none = asked.send().await;
            none.expect(401);
            assert_eq!(none.header("www-authenticate"), [r#"Bearer realm="signet""#]);
            assert_eq!(none.header("x-auth-subject"), [""]);
        }
    });
}

/// Read by a parser of YAML; which of its words matter is said once more here, so that none is lost unseen.
#[test]
fn the_file_is_yaml_and_says_what_keeps_clients_from_speaking_for_the_service() {
    let file = shipped("traefik/dynamic.yaml");
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/venv/bin/python");
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let output = Command::new(python).args(["-c", script]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ask = &read["http"]["middlewares"]["signet"]["forwardAuth"];
    assert!(ask["address"].as_str().unwrap().ends_with("/v1/forward-auth/default"));
    assert_eq!(ask["trustForwardHeader"], false);
    assert_eq!(ask["authResponseHeadersRegex"], "(?i)^x[-_]auth[-_]");
    let router = &read["http"]["routers"]["application"];
    assert_eq!(router["middlewares"], serde_json::json!(["signet"]));
    assert!(router["rule"].as_str().unwrap().contains("!HeaderRegexp(`Connection`, `(?i)x[-_]auth`)"));
    assert!(!fs::read_to_string(file).unwrap().contains('\t'), "YAML knows no tabs");
}
