//! A real service, in a directory of its own.

use std::path::PathBuf;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answer::{Answer, http};
use crate::process::{Process, free_port};
use crate::until;

/// The secret of its one client.
pub(crate) const SECRET: &str = "correcthorsebatterystaple0123456789";
/// `printf %s "$SECRET" | sha256sum`
const SECRET_SHA256: &str = "9e99a7aec04130f89e7ae136c5f1745d583fe8074e1af59ff7fd8e25d50c75f2";

pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) directory: TempDir,
    http: Client,
    process: Option<Process>,
}

impl Service {
    /// Its files; it does not run yet.
    pub(crate) fn prepared() -> Self {
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let path = |name: &str| directory.path().join(name).display().to_string();
        let text = format!(
            "server.listen = \"127.0.0.1:{port}\"\nserver.public_url = \"{url}\"\nserver.workers = 1\n\
             keys.directory = \"{}\"\nstore.url = \"redb:{}\"\nstore.journal = \"{}\"\n[[clients]]\nid = \"app\"\n\
             secret_sha256 = \"{SECRET_SHA256}\"\naudiences = [\"api\", \"files\"]\npermissions = [\"sessions:issue\", \
             \"revocations:write\", \"revocations:read\", \"tokens:introspect\"]\n",
            path("keys"),
            path("signet.redb"),
            path("journal.redb"),
        );
        std::fs::write(directory.path().join("signet.toml"), text).unwrap();
        Self { url, directory, http: http().build().unwrap(), process: None }
    }

    pub(crate) async fn started() -> Self {
        let mut service = Self::prepared();
        service.start().await;
        service
    }

    pub(crate) async fn start(&mut self) {
        self.process = Some(Process::start(&["serve"], &self.path("signet.toml")));
        let ready = || Answer::attempt(self.http.get(format!("{}/readyz", self.url)));
        until("the service", ready, |answer| answer.as_ref().is_some_and(|answer| answer.status == 200))
            .await;
    }

    /// As a machine that loses power.
    pub(crate) fn dies(&mut self) {
        self.process.take().unwrap().kill();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// An access token and its session.
    pub(crate) async fn issue(&self, body: Value) -> (String, Value) {
        let answer = Answer::of(self.ask("/v1/sessions").json(&body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let pair = answer.json();
        (pair["access_token"].as_str().unwrap().to_owned(), pair["session_id"].clone())
    }

    /// Revokes a session, and comes back when every verifier that is connected refuses it.
    pub(crate) async fn revoke(&self, session: &Value) {
        let body = json!({"scope": {"sid": session}, "wait": "verifiers", "timeout_ms": 10_000});
        let answer = Answer::of(self.ask("/v1/revocations").json(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let verifiers = &answer.json()["applied"]["verifiers"];
        assert!(verifiers["total"].as_u64() > Some(0), "nobody follows: {answer:?}");
        assert_eq!(verifiers["applied"], verifiers["total"], "{answer:?}");
    }

    fn ask(&self, path: &str) -> RequestBuilder {
        self.http.request(Method::POST, format!("{}{path}", self.url)).basic_auth("app", Some(SECRET))
    }
}
