//! A service on a port of its own, with a clock that the test moves and a store that the test can take away.

use std::future::Future;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use signet::app::App;
use signet::config::{Config, Environment};
use signet::random::SystemRandom;
use signet::session::register::Register;
use signet::store::{EmbeddedStore, Position, Store, StoreError, Swap, Tail};
use signet_verifier::{Clock, Cutoff, ManualClock, SessionId, UnixMs};
use tempfile::TempDir;
use tokio::sync::{RwLock, RwLockWriteGuard, oneshot};

/// 2026-11-21T12:00:00.250Z.
pub(crate) const START: UnixMs = UnixMs::from_millis(1_795_262_400_250);
/// The secret of every confidential client.
pub(crate) const SECRET: &str = "correcthorsebatterystaple0123456789";

/// `printf %s "$SECRET" | sha256sum`
pub(crate) const SECRET_SHA256: &str = "9e99a7aec04130f89e7ae136c5f1745d583fe8074e1af59ff7fd8e25d50c75f2";

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}

/// What builds HTTP clients: without a process-wide choice of TLS it has to be told one, though nothing here uses it.
pub(crate) fn http() -> reqwest::ClientBuilder {
    let tls = signet_verifier::tls_client_config(&[]).unwrap();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).tls_backend_preconfigured(tls)
}

/// How a service differs from the usual one.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// `keys.algorithms`.
    pub(crate) algorithms: &'static [&'static str],
    /// More lines of configuration, with dotted keys.
    pub(crate) extra: &'static str,
}

impl Default for Options {
    fn default() -> Self {
        Self { algorithms: &["ES256"], extra: "" }
    }
}

/// A running service.
pub(crate) struct TestApp {
    pub(crate) url: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
    pub(crate) app: Arc<App>,
    pub(crate) directory: TempDir,
    options: Options,
    store: Arc<WatchedStore>,
    stop: Option<oneshot::Sender<()>>,
    serving: actix_web::rt::task::JoinHandle<()>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        Self::launch(options, tempfile::tempdir().unwrap(), clock).await
    }

    /// Stops the service and starts it again on the same directory; the clock goes on.
    pub(crate) async fn restart(self) -> Self {
        let options = self.options;
        self.restart_with(options).await
    }

    /// The same with another configuration.
    pub(crate) async fn restart_with(mut self, options: Options) -> Self {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.await.unwrap();
        drop(self.app);
        drop(self.store);
        Self::launch(options, self.directory, self.clock).await
    }

    async fn launch(options: Options, directory: TempDir, clock: Arc<ManualClock>) -> Self {
        let file = directory.path().join("signet.toml");
        std::fs::write(&file, configuration(options, directory.path())).unwrap();
        let config = match Config::load(Some(&file), &Environment::default()) {
            Ok(loaded) => loaded.config,
            Err(error) => panic!("{error}"),
        };
        let random = Arc::new(SystemRandom::new());
        let embedded =
            Arc::new(EmbeddedStore::open(&directory.path().join("signet.redb"), &*random).unwrap());
        let store = Arc::new(WatchedStore {
            inner: Arc::clone(&embedded),
            calls: AtomicU64::new(0),
            away: AtomicBool::new(false),
            swaps: RwLock::default(),
        });
        let app = App::builder(config)
            .clock(clock.clone())
            .random(random)
            .store(store.clone(), embedded)
            .build()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let app = Arc::new(app);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let server = Arc::clone(&app);
        let serving = actix_web::rt::spawn(async move {
            let shutdown = async move { drop(stopped.await) };
            server.run_until(listener, shutdown).await.unwrap();
        });
        let http = http().build().unwrap();
        Self { url, clock, http, app, directory, options, store, stop: Some(stop), serving }
    }

    #[expect(clippy::unused_self, reason = "each app could have its own")]
    pub(crate) fn issuer(&self) -> &'static str {
        "http://signet.test"
    }

    pub(crate) fn now_secs(&self) -> u64 {
        self.clock.now().as_secs()
    }

    pub(crate) fn now_rfc3339(&self) -> String {
        let millis = i64::try_from(self.clock.now().as_millis()).unwrap();
        chrono::DateTime::from_timestamp_millis(millis)
            .unwrap()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    }

    pub(crate) fn store_calls(&self) -> u64 {
        self.store.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn store_goes_away(&self) {
        self.store.away.store(true, Ordering::SeqCst);
    }

    pub(crate) fn store_comes_back(&self) {
        self.store.away.store(false, Ordering::SeqCst);
    }

    /// Makes every refresh wait just before it moves a register, until the guard is dropped.
    pub(crate) async fn hold_swaps(&self) -> RwLockWriteGuard<'_, ()> {
        self.store.swaps.write().await
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.url))
    }

    pub(crate) fn request_as(&self, client: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).basic_auth(client, Some(SECRET))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request("GET", path)).await
    }

    pub(crate) async fn get_as(&self, client: &str, path: &str) -> Answer {
        Answer::of(self.request_as(client, "GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn post_as(&self, client: &str, path: &str, body: Value) -> Answer {
        Answer::of(self.request_as(client, "POST", path).json(&body)).await
    }

    pub(crate) async fn form_as(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(form_body(self.request_as(client, "POST", path), form)).await
    }

    pub(crate) async fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::of(form_body(self.request("POST", path), form)).await
    }

    pub(crate) async fn delete_as(&self, client: &str, path: &str) -> Answer {
        Answer::of(self.request_as(client, "DELETE", path)).await
    }

    pub(crate) async fn delete_bearer(&self, path: &str, token: &str) -> Answer {
        Answer::of(self.request("DELETE", path).bearer_auth(token)).await
    }

    pub(crate) async fn delete_body(&self, path: &str, body: Value) -> Answer {
        Answer::of(self.request("DELETE", path).json(&body)).await
    }

    pub(crate) async fn issue(&self, body: Value) -> Answer {
        self.post_as("app", "/v1/sessions", body).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post("/v1/sessions/refresh", json!({"refresh_token": token})).await
    }

    pub(crate) async fn introspect(&self, token: &str) -> Value {
        let answer = self.form_as("rs", "/oauth2/introspect", &[("token", token)]).await;
        answer.expect(200);
        answer.json
    }

    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let answer = self.introspect(token).await;
        let active = answer["active"].as_bool().unwrap();
        assert!(active || answer == json!({"active": false}), "inactive says nothing else: {answer}");
        active
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    /// The body, or null where it is not JSON.
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Self { status, headers, text, json }
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
    }

    /// A problem document whose detail speaks of `word`.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: u16, word: &str) {
        self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["status"], status);
        let detail = self.json["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word), "the detail should name {word}: {}", self.text);
    }

    /// A problem document with this code.
    #[track_caller]
    pub(crate) fn expect_code(&self, status: u16, code: &str) {
        self.expect(status);
        assert_eq!(self.json["code"], code, "{}", self.text);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn access_token(&self) -> String {
        self.json["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no access token: {}", self.text))
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn refresh_token(&self) -> String {
        self.json["refresh_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no refresh token: {}", self.text))
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn session_id(&self) -> String {
        self.json["session_id"].as_str().unwrap_or_else(|| panic!("no session: {}", self.text)).to_owned()
    }

    /// Header and claims of the access token, not believed.
    #[track_caller]
    pub(crate) fn access_token_parts(&self) -> (Value, Value) {
        let token = self.access_token();
        let part = |index: usize| {
            let segment = token.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
        };
        (part(0), part(1))
    }
}

fn form_body(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

fn configuration(options: Options, directory: &std::path::Path) -> String {
    let secret = SECRET_SHA256;
    let own = if options.algorithms.contains(&"EdDSA") { "algorithm = \"EdDSA\"" } else { "" };
    let all = r#"["sessions:issue", "sessions:revoke", "revocations:write", "revocations:read", "keys:manage", "tokens:introspect"]"#;
    format!(
        r#"
server.public_url = "http://signet.test"
server.workers = 2
tokens.revocable_claims = ["tenant"]
keys.directory = "{keys}"
keys.algorithms = {algorithms:?}
{extra}

[[clients]]
id = "app"
secret_sha256 = "{secret}"
permissions = {all}
audiences = ["api", "files"]
scopes = ["read", "write"]
max_access_ttl = "10m"

[[clients]]
id = "ed"
secret_sha256 = "{secret}"
permissions = ["sessions:issue"]
audiences = ["api", "files"]
{own}

[[clients]]
id = "rs"
secret_sha256 = "{secret}"
permissions = ["tokens:introspect"]

[[clients]]
id = "reader"
secret_sha256 = "{secret}"
permissions = ["revocations:read"]

[[clients]]
id = "plain"
secret_sha256 = "{secret}"
audiences = ["api"]

[[clients]]
id = "spa"
public = true
audiences = ["api"]
"#,
        keys = directory.join("keys").display(),
        algorithms = options.algorithms,
        extra = options.extra,
    )
}

/// A store that counts its calls and can be away.
struct WatchedStore {
    inner: Arc<EmbeddedStore>,
    calls: AtomicU64,
    away: AtomicBool,
    /// Written to by a test that makes refreshes wait just before they move a register.
    swaps: RwLock<()>,
}

impl WatchedStore {
    fn call(&self) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) { Err(StoreError::Unavailable(None)) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        self.call()?;
        self.inner.load_register(sid).await
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        self.call()?;
        let _turn = self.swaps.read().await;
        self.inner.swap_register(sid, seen, new, expires_at).await
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        self.call()?;
        self.inner.append(cutoffs).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.call()?;
        self.inner.head().await
    }

    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        self.call()?;
        self.inner.snapshot(made_since, now).await
    }

    // The timer's own calls are not counted: they are not made for a request.
    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.inner.tail(after, limit).await
    }

    async fn changed(&self, after: &Position) {
        self.inner.changed(after).await;
    }

    fn head_of_sole_writer(&self) -> Option<Position> {
        self.inner.head_of_sole_writer()
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.inner.sweep(now).await
    }
}
