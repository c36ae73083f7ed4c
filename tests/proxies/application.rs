//! The application behind the proxies: it remembers every request that reaches it.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::{CONNECTION, UPGRADE};
use actix_web::web::{self, Data, Payload, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

/// A request as it reached the application.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// All values under this name, however it is spelled: as an application sees it that cannot tell `_` from `-`.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let same = |key: &str| key.replace('_', "-").eq_ignore_ascii_case(name);
        self.headers.iter().filter(|(key, _)| same(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// Every name that begins like those of the identity, in lower case.
    pub(crate) fn names_of_identity(&self) -> Vec<String> {
        let names = self.headers.iter().map(|(key, _)| key.replace('_', "-").to_ascii_lowercase());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("x-auth")).collect();
        names.sort();
        names
    }
}

/// A running application.
pub(crate) struct Application {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Application {
    pub(crate) fn start() -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Data::from(Arc::clone(&seen));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(PayloadConfig::new(16 << 20))
                .default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let port = server.addrs()[0].port();
        actix_web::rt::spawn(server.run());
        Self { port, seen }
    }

    /// Every request since this was asked last.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// The one request since then.
    #[track_caller]
    pub(crate) fn take_one(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

/// Remembers the request. One that asks for an upgrade gets it, and hears what it says.
async fn answer(request: HttpRequest, payload: Payload, seen: Data<Mutex<Vec<Seen>>>) -> HttpResponse {
    let upgrade = request.headers().contains_key(UPGRADE) && request.headers().contains_key(CONNECTION);
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let mut this = Seen {
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    if upgrade {
        seen.lock().unwrap().push(this);
        return HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS).upgrade("websocket").streaming(payload);
    }
    this.body = payload.to_bytes().await.unwrap().to_vec();
    seen.lock().unwrap().push(this);
    // Failures of its own are the application's: no proxy may take them for the service's.
    let status = request.uri().path().strip_prefix("/status/").and_then(|status| status.parse().ok());
    HttpResponse::build(status.unwrap_or(StatusCode::OK)).insert_header(("x-from", "application")).finish()
}
