//! `signet agent`, running.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::answer::{Answer, http};
use crate::process::{Process, free_port};
use crate::service::{SECRET, Service};
use crate::until;

/// Longer than two heartbeats are apart.
pub(crate) const BOUND: Duration = Duration::from_secs(8);

pub(crate) struct Agent {
    http: Client,
    url: String,
    process: Process,
}

/// Its configuration file, in the service's directory.
pub(crate) fn configuration(service: &Service, listen: &str) -> PathBuf {
    let secret = service.path("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let text = format!(
        "[agent]\nlisten = \"{listen}\"\nissuer = \"{}\"\nclient_id = \"app\"\nclient_secret_file = \"{}\"\n\
         audiences = [\"api\"]\nmax_staleness = \"{}s\"\n[[forward_auth]]\nprofile = \"readers\"\nscopes = [\"read\"]\n\
         cookie = \"token\"\n[[forward_auth]]\nprofile = \"files\"\naudience = \"files\"\n",
        service.url,
        secret.display(),
        BOUND.as_secs(),
    );
    let file = service.path("agent.toml");
    std::fs::write(&file, text).unwrap();
    file
}

impl Agent {
    /// On a port; it may not have heard from the service yet.
    pub(crate) async fn begin(service: &Service) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let process = Process::start(&["agent"], &configuration(service, &address));
        Self::there(http().build().unwrap(), format!("http://{address}"), process).await
    }

    /// On a port, following the service.
    pub(crate) async fn start(service: &Service) -> Self {
        Self::begin(service).await.ready().await
    }

    /// On a socket, following the service.
    pub(crate) async fn on_socket(service: &Service, socket: &std::path::Path) -> Self {
        let process =
            Process::start(&["agent"], &configuration(service, &format!("unix:{}", socket.display())));
        let http = http().unix_socket(socket).build().unwrap();
        Self::there(http, "http://agent".to_owned(), process).await.ready().await
    }

    async fn there(http: Client, url: String, process: Process) -> Self {
        let alive = || Answer::attempt(http.get(format!("{url}/livez")));
        until("the agent", alive, |answer| answer.as_ref().is_some_and(|answer| answer.status == 200)).await;
        Self { http, url, process }
    }

    pub(crate) async fn ready(self) -> Self {
        until("the agent is ready", || self.get("/readyz"), |answer| answer.status == 200).await;
        self
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn verify(&self, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, "/verify").json(body)).await
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn into_process(self) -> Process {
        self.process
    }
}
