//! A service as a process of its own, in development mode, for measurements from outside.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each bench takes what it needs, measures time, and fails by panicking"
)]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A running service. Its process ends with it.
pub(crate) struct Service {
    child: Child,
    directory: TempDir,
    /// Where it is, and what it issues as.
    pub(crate) url: String,
    /// The secret of the client `dev`.
    pub(crate) secret: String,
    http: reqwest::Client,
}

impl Service {
    /// Starts one with so many workers and waits until it is ready.
    pub(crate) async fn start(workers: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_signet"))
            .arg("serve")
            .current_dir(directory.path())
            .env("SIGNET_SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("SIGNET_SERVER__PUBLIC_URL", &url)
            .env("SIGNET_SERVER__WORKERS", workers.to_string())
            .env("RUST_LOG", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let tls = signet_verifier::tls_client_config(&[]).unwrap();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
        let mut service = Self { child, directory, url, secret: String::new(), http };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !service
            .http
            .get(format!("{}/readyz", service.url))
            .send()
            .await
            .is_ok_and(|r| r.status() == 200)
        {
            assert!(Instant::now() < deadline, "not ready in 30 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let secret = std::fs::read_to_string(service.directory.path().join("data/dev-client-secret"));
        secret.unwrap().trim().clone_into(&mut service.secret);
        service
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A call to its API that must succeed.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let call =
            self.http.post(format!("{}{path}", self.url)).basic_auth("dev", Some(&self.secret)).json(body);
        let answer = call.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// A new session: its id and access token.
    pub(crate) async fn issue(&self, subject: &str) -> (String, String) {
        let pair = self.post("/v1/sessions", &json!({"sub": subject, "refresh": false})).await;
        let text = |name: &str| pair.get(name).and_then(Value::as_str).unwrap().to_owned();
        (text("session_id"), text("access_token"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
