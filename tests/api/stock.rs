//! Stock libraries verify our tokens from our JWKS over HTTP.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use signet_verifier::{Clock, SystemClock};

use crate::harness::{Options, TestApp, run};

/// Runs a checker on these tokens, one a line; it answers a line each.
fn check(program: &str, script: &str, jwks: &str, issuer: &str, tokens: &[String]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(program)
        .arg(root.join("tests/stock").join(script))
        .args([jwks, issuer, "api"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: `make tools` installs what this test needs"));
    child.stdin.take().unwrap().write_all(tokens.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn verified_by(program: &'static str, script: &'static str) {
    run(async move {
        let app = TestApp::with(Options { algorithms: &["ES256", "EdDSA"], ..Options::default() }).await;
        // The libraries read the machine's clock.
        app.clock.set(SystemClock.now());
        app.app.tick().await;
        let session = json!({"sub": "user-1", "aud": "api"});
        let good = app.issue(session.clone()).await.access_token();
        let eddsa = app.post_as("ed", "/v1/sessions", session).await.access_token();
        let foreign = app.issue(json!({"sub": "user-1", "aud": "files"})).await.access_token();
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        let forged = format!("{unsigned}.{}", "A".repeat(86));
        let tokens = vec![good, eddsa, foreign, forged];
        let (jwks, issuer) = (format!("{}/.well-known/jwks.json", app.url), app.issuer());
        let checking = tokio::task::spawn_blocking(move || check(program, script, &jwks, issuer, &tokens));
        let lines = checking.await.unwrap();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("ok user-1", "ok user-1"));
        assert!(lines[2].starts_with("error"), "{lines:?}");
        assert!(lines[3].starts_with("error"), "{lines:?}");
    });
}

#[test]
fn npm_jose_verifies_our_tokens() {
    verified_by("node", "verify.mjs");
}

#[test]
fn pyjwt_verifies_our_tokens() {
    verified_by(concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/venv/bin/python"), "verify.py");
}
