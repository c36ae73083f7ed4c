//! The running service, as commands that change something see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use reqwest::{Method, Response, Url};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Context;
use super::error::CliError;
use crate::app::{DEVELOPMENT_CLIENT, DevelopmentClient};
use crate::config::{Config, StoreUrl};

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The variable that may hold the client's secret. There is no argument for it: arguments are seen by everybody.
const SECRET: &str = "SIGNET_CLIENT_SECRET";

/// Where the service is, and who asks.
#[derive(Debug, Default, Args)]
pub(super) struct ApiArgs {
    /// Where the service listens; default: from the configuration.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The client to authenticate as; default: the development client, where there is no configuration file.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// A file with the client's secret; otherwise the variable SIGNET_CLIENT_SECRET.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// A client of the running service.
pub(super) struct Api {
    url: String,
    client: String,
    secret: Zeroizing<String>,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl ApiArgs {
    /// Finds out who and where; asks nothing yet.
    pub(super) fn connect(self, context: &Context) -> Result<Api, CliError> {
        let config = context.load()?.config;
        let development = context.file.is_none();
        let client = self.client.or_else(|| development.then(|| DEVELOPMENT_CLIENT.to_owned()));
        let client = client.ok_or_else(|| CliError::Usage("--client is required".into()))?;
        let secret = match (self.secret_file, context.environment.get(SECRET)) {
            (Some(path), _) => read_secret(&path)?,
            (None, Some(secret)) => Zeroizing::new(secret.to_owned()),
            (None, None) if development && client == DEVELOPMENT_CLIENT => {
                let StoreUrl::Redb(store) = &config.store.url;
                read_secret(&DevelopmentClient::secret_file(store))?
            }
            (None, None) => {
                return Err(CliError::Usage(format!("--secret-file or the variable {SECRET} is required")));
            }
        };
        let url = self.url.unwrap_or_else(|| nearest_url(&config));
        Api::new(&url, client, secret)
    }
}

/// A secret or a token in a file, `-` for standard input, without its line end.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map(Zeroizing::new).map_err(|source| CliError::File { path: path.into(), source })?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The listener itself: the public URL may lead through a proxy that does not let administration pass.
fn nearest_url(config: &Config) -> String {
    let mut address = config.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

impl Api {
    fn new(url: &str, client: String, secret: Zeroizing<String>) -> Result<Self, CliError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
        Ok(Self { url: check_url(url)?, client, secret, http: http_client(url)?, runtime })
    }

    /// Posts JSON and returns the answer's JSON.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        let url = format!("{}{path}", self.url);
        let request =
            self.http.request(Method::POST, url).basic_auth(&self.client, Some(self.secret.as_str()));
        let answer = self.runtime.block_on(async { read_answer(request.json(body).send().await?).await });
        answer.map_err(|source| self.unreachable(source)).and_then(Answer::accepted)
    }

    fn unreachable(&self, source: reqwest::Error) -> CliError {
        CliError::Unreachable { url: self.url.clone(), source: source.without_url() }
    }
}

/// Fetches a public document.
pub(super) fn fetch(url: &str) -> Result<Vec<u8>, CliError> {
    let unreachable =
        |source: reqwest::Error| CliError::Unreachable { url: url.into(), source: source.without_url() };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Runtime)?;
    let http = http_client(&check_url(url)?)?;
    let body = runtime.block_on(async { http.get(url).send().await?.error_for_status()?.bytes().await });
    body.map(Into::into).map_err(unreachable)
}

fn http_client(url: &str) -> Result<reqwest::Client, CliError> {
    let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    let built = builder.tls_backend_preconfigured(trusting_nobody()).build();
    built.map_err(|source| CliError::Unreachable { url: url.into(), source })
}

/// The HTTP client has to have a TLS of ours, or it looks for one of the whole process. Only `http` is spoken here.
#[expect(clippy::expect_used, reason = "either backend has what the default versions of TLS need")]
fn trusting_nobody() -> rustls::ClientConfig {
    #[cfg(feature = "aws-lc-rs")]
    use rustls::crypto::aws_lc_rs as backend;
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    use rustls::crypto::ring as backend;
    rustls::ClientConfig::builder_with_provider(Arc::new(backend::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("a backend of TLS 1.2 and 1.3")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// An `http` URL without the slash at its end.
fn check_url(url: &str) -> Result<String, CliError> {
    let parsed = Url::parse(url).map_err(|_| CliError::Usage(format!("{url}: not a URL")))?;
    match parsed.scheme() {
        "http" => Ok(url.trim_end_matches('/').to_owned()),
        "https" => Err(CliError::Usage(format!(
            "{url}: the command line speaks http in this version: give the listener itself, such as \
             http://127.0.0.1:8080, from the machine that it runs on"
        ))),
        _ => Err(CliError::Usage(format!("{url}: expected an http URL"))),
    }
}

/// What the service said.
struct Answer {
    status: u16,
    body: Value,
}

async fn read_answer(response: Response) -> Result<Answer, reqwest::Error> {
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
}

impl Answer {
    /// The body, or the problem (RFC 9457; RFC 6749 §5.2 under `/oauth2`) in one line.
    fn accepted(self) -> Result<Value, CliError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text =
            |names: [&str; 2]| names.iter().find_map(|name| self.body.get(name)?.as_str()).map(str::to_owned);
        Err(CliError::Refused {
            status: self.status,
            code: text(["code", "error"]).unwrap_or_else(|| "unknown".into()),
            detail: text(["detail", "error_description"])
                .or_else(|| text(["title", "title"]))
                .unwrap_or_else(|| "the service gave no reason".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_document_becomes_one_line() {
        let body = json!({"type": "about:blank", "title": "Forbidden", "status": 403,
            "detail": "this client lacks keys:manage", "code": "permission_missing"});
        let Err(error) = (Answer { status: 403, body }).accepted() else { panic!("accepted") };
        assert_eq!(
            error.to_string(),
            "refused: this client lacks keys:manage (permission_missing, HTTP 403)"
        );
        let Err(error) = (Answer { status: 502, body: Value::Null }).accepted() else { panic!("accepted") };
        assert_eq!(error.to_string(), "refused: the service gave no reason (unknown, HTTP 502)");
    }

    #[test]
    fn the_listener_is_asked_itself() {
        let variables = [
            ("SIGNET_SERVER__LISTEN", "0.0.0.0:9000"),
            ("SIGNET_SERVER__PUBLIC_URL", "https://auth.example"),
            ("SIGNET_KEYS__ENCRYPTION_KEY", "x"),
        ];
        let loaded = Config::load(None, &variables.into_iter().collect());
        assert_eq!(nearest_url(&loaded.ok().unwrap().config), "http://127.0.0.1:9000");
    }

    #[test]
    fn a_url_that_cannot_be_asked_is_refused_before_anything_is_sent() {
        assert_eq!(check_url("http://127.0.0.1:8080/").ok().as_deref(), Some("http://127.0.0.1:8080"));
        for bad in ["https://auth.example", "127.0.0.1:8080", "ftp://a", ""] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }
}
