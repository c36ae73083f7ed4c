//! The service itself, as a process.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::client::{Answer, Request};
use crate::process::{Process, free_port, until};

/// `printf %s correcthorsebatterystaple0123456789 | sha256sum`
const SECRET_SHA256: &str = "9e99a7aec04130f89e7ae136c5f1745d583fe8074e1af59ff7fd8e25d50c75f2";
/// `printf %s app:correcthorsebatterystaple0123456789 | base64`
const BASIC: &str = "YXBwOmNvcnJlY3Rob3JzZWJhdHRlcnlzdGFwbGUwMTIzNDU2Nzg5";

/// A session.
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) token: String,
}

/// A running service; can be stopped and started again.
pub(crate) struct Service {
    pub(crate) port: u16,
    directory: PathBuf,
    process: Option<Process>,
}

impl Service {
    pub(crate) async fn start(directory: &Path) -> Self {
        let port = free_port();
        std::fs::write(directory.join("signet.toml"), configuration(port, directory)).unwrap();
        let mut service = Self { port, directory: directory.to_owned(), process: None };
        service.start_again().await;
        service
    }

    pub(crate) async fn start_again(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.args(["serve", "--config"]).arg(self.directory.join("signet.toml"));
        let mut process = Process::start(&mut command, &self.directory.join("signet.log"));
        let ready = Request::new(self.port, "GET", "/readyz").line("Connection", "close");
        until(&mut process, || async { ready.send().await.status == 200 }).await;
        self.process = Some(process);
    }

    pub(crate) fn stop(&mut self) {
        drop(self.process.take());
    }

    /// A session for the audience `api` with this scope.
    pub(crate) async fn issue(&self, subject: &str, scope: Option<&str>) -> Session {
        let body = json!({"sub": subject, "scope": scope, "claims": {"tenant": "acme"}});
        let (answer, pair) = self.post("/v1/sessions", &body).await;
        assert_eq!(answer.status, 201, "{pair}");
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        Session { sid: text("session_id"), token: text("access_token") }
    }

    pub(crate) async fn revoke(&self, session: &Session) {
        let (answer, body) = self.post("/v1/revocations", &json!({"scope": {"sid": session.sid}})).await;
        assert_eq!(answer.status, 200, "{body}");
    }

    async fn post(&self, path: &str, body: &Value) -> (Answer, Value) {
        let mut body = body.clone();
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let request = Request::new(self.port, "POST", path)
            .line("Authorization", &format!("Basic {BASIC}"))
            .line("Content-Type", "application/json")
            .line("Connection", "close")
            .body(body.to_string().as_bytes());
        let (answer, mut stream) = request.open().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        (answer, serde_json::from_str(&text).unwrap())
    }
}

/// `default` asks for a token for `api`, in a cookie, too; `admin` for the scope `admin` beside.
fn configuration(port: u16, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"
server.listen = "127.0.0.1:{port}"
server.public_url = "http://127.0.0.1:{port}"
keys.directory = "{directory}/keys"
store.url = "redb:{directory}/signet.redb"
store.journal = "{directory}/journal.redb"

[[clients]]
id = "app"
secret_sha256 = "{SECRET_SHA256}"
audiences = ["api"]
permissions = ["sessions:issue", "revocations:write"]

[[forward_auth]]
profile = "default"
audience = "api"
cookie = "access"

[[forward_auth]]
profile = "admin"
audience = "api"
scopes = ["admin"]
"#
    )
}
