//! The program itself, as a process that is killed, stopped and started again.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{SECRET, SECRET_SHA256, http, run};

/// A signet process on a directory of its own.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Process {
    pub(crate) fn start(directory: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let file = directory.join("signet.toml");
        std::fs::write(
            &file,
            format!(
                "server.listen = \"127.0.0.1:{port}\"\nserver.public_url = \"{url}\"\nissuer.url = \"http://signet.test\"\n\
                 keys.directory = \"{}\"\nstore.url = \"redb:{}\"\nstore.journal = \"{}\"\n[[clients]]\nid = \"app\"\n\
                 secret_sha256 = \"{SECRET_SHA256}\"\naudiences = [\"api\"]\n\
                 permissions = [\"sessions:issue\", \"sessions:revoke\", \"revocations:write\", \"revocations:read\", \"tokens:introspect\"]\n",
                directory.join("keys").display(),
                directory.join("signet.redb").display(),
                directory.join("journal.redb").display(),
            ),
        )
        .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_signet"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, url, http: http().build().unwrap() }
    }

    pub(crate) async fn ready(self) -> Self {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        while !self.http.get(format!("{}/readyz", self.url)).send().await.is_ok_and(|r| r.status() == 200) {
            assert!(tokio::time::Instant::now() < deadline, "not ready in 30 s");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap(); // SIGKILL
        self.child.wait().unwrap();
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request =
            self.http.post(format!("{}{path}", self.url)).basic_auth("app", Some(SECRET)).json(&body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn issue(&self, sub: &str) -> Value {
        let (status, pair) = self.post("/v1/sessions", json!({"sub": sub})).await;
        assert_eq!(status, 201, "{pair}");
        pair
    }

    async fn is_active(&self, pair: &Value) -> bool {
        let token = pair["access_token"].as_str().unwrap();
        let form = self.http.post(format!("{}/oauth2/introspect", self.url)).basic_auth("app", Some(SECRET));
        let form =
            form.header("content-type", "application/x-www-form-urlencoded").body(format!("token={token}"));
        form.send().await.unwrap().json::<Value>().await.unwrap()["active"].as_bool().unwrap()
    }
}

#[test]
fn a_revocation_survives_a_kill_right_after_its_200() {
    run(async {
        let directory = TempDir::new().unwrap();
        let process = Process::start(directory.path()).ready().await;
        let revoked = process.issue("u").await;
        let bystander = process.issue("v").await;
        let (status, answer) =
            process.post("/v1/revocations", json!({"scope": {"sid": revoked["session_id"]}})).await;
        process.kill();
        assert_eq!((status, &answer["status"]), (200, &json!("durable")));
        let process = Process::start(directory.path()).ready().await;
        assert!(!process.is_active(&revoked).await);
        let (status, _) =
            process.post("/v1/sessions/refresh", json!({"refresh_token": revoked["refresh_token"]})).await;
        assert_eq!(status, 401);
        assert!(process.is_active(&bystander).await, "the keys are the same, too");
        process.kill();
    });
}

#[test]
fn of_ten_thousand_revocations_under_load_none_is_missing_after_a_kill() {
    run(async {
        let directory = TempDir::new().unwrap();
        let process = Process::start(directory.path()).ready().await;
        let mut sessions: Vec<Value> = Vec::new();
        let mut issuing = FuturesUnordered::new();
        for user in 0..10_000 {
            if issuing.len() == 64 {
                sessions.extend(issuing.next().await);
            }
            let process = &process;
            issuing.push(async move { process.issue(&format!("user-{user}")).await });
        }
        sessions.extend(issuing.collect::<Vec<_>>().await);
        let mut revoking = FuturesUnordered::new();
        let mut acknowledged = 0;
        for session in &sessions {
            if revoking.len() == 64 {
                assert_eq!(revoking.next().await, Some(200));
                acknowledged += 1;
            }
            let (process, sid) = (&process, &session["session_id"]);
            revoking
                .push(async move { process.post("/v1/revocations", json!({"scope": {"sid": sid}})).await.0 });
        }
        while let Some(status) = revoking.next().await {
            assert_eq!(status, 200);
            acknowledged += 1;
        }
        drop(revoking);
        process.kill();
        assert_eq!(acknowledged, 10_000);
        let process = Process::start(directory.path()).ready().await;
        let mut missing = 0;
        for chunk in sessions.chunks(64) {
            let checks =
                futures_util::future::join_all(chunk.iter().map(|session| process.is_active(session))).await;
            missing += checks.into_iter().filter(|active| *active).count();
        }
        assert_eq!(missing, 0, "acknowledged revocations that were forgotten");
        process.kill();
    });
}

#[test]
fn a_polite_stop_finishes_requests_and_closes_the_store() {
    run(async {
        let directory = TempDir::new().unwrap();
        let mut process = Process::start(directory.path()).ready().await;
        let session = process.issue("u").await;
        let stop = Command::new("kill").arg("-TERM").arg(process.child.id().to_string()).status().unwrap();
        assert!(stop.success());
        assert!(process.child.wait().unwrap().success(), "exit code 0 after SIGTERM");
        let process = Process::start(directory.path()).ready().await;
        assert!(process.is_active(&session).await);
        process.kill();
    });
}

/// The README's shell lines, one block after the other, against a service of their own.
#[test]
fn the_readmes_lines_give_what_the_readme_shows() {
    run(async {
        let directory = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(env!("CARGO_BIN_EXE_signet"))
            .arg("serve")
            .current_dir(directory.path())
            .env("SIGNET_SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("SIGNET_SERVER__PUBLIC_URL", format!("http://127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}/readyz");
        let http = http().build().unwrap();
        while !http.get(&url).send().await.is_ok_and(|answer| answer.status() == 200) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let blocks: Vec<&str> = shell_blocks(include_str!("../../README.md")).collect();
        let script = blocks.join("\necho\n").replace("127.0.0.1:8080", &format!("127.0.0.1:{port}"));
        let pasted =
            Command::new("sh").arg("-c").arg(&script).current_dir(directory.path()).output().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let shown = String::from_utf8(pasted.stdout).unwrap().replace("}{", "}\n{");
        let answers: Vec<Value> = shown.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let [issued, refreshed, active, revoked, inactive] = answers.as_slice() else {
            panic!("{script}\n{shown}")
        };
        assert!(issued["refresh_token"].is_string());
        assert_eq!((&refreshed["session_id"], &refreshed["rotated"]), (&issued["session_id"], &json!(true)));
        assert_eq!((&active["active"], &active["tenant"]), (&json!(true), &json!("acme")));
        assert_eq!(revoked["status"], "durable");
        assert_eq!(*inactive, json!({"active": false}));
    });
}

/// The text of each fenced block of shell lines.
fn shell_blocks(markdown: &str) -> impl Iterator<Item = &str> {
    markdown.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next())
}
