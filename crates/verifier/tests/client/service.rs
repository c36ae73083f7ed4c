//! A service that says what the test tells it to: HTTP/1.1 by hand, so that it can lie, stall and break off anywhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::UnixMs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";
pub(crate) const KEYS: &str = "/keys";
pub(crate) const SNAPSHOT: &str = "/v1/revocations";
pub(crate) const STREAM: &str = "/v1/revocations/stream";
pub(crate) const ACK: &str = "/v1/revocations/ack";
pub(crate) const INTROSPECT: &str = "/ask";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What to do with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer in good order.
    Answer { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, and then nothing for ever.
    Hang(Vec<u8>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn body(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status: 200, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::body(body.to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let Self::Answer { headers, .. } = &mut self else { panic!("only an answer has headers") };
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Answer { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head = format!("{head}{name}: {value}\r\n");
                }
                [head.as_bytes(), b"\r\n", body].concat()
            }
            Self::Raw(bytes) | Self::Hang(bytes) => bytes.clone(),
        }
    }
}

/// One open stream, seen from the service.
pub(crate) struct Stream {
    pub(crate) request: Request,
    socket: TcpStream,
}

impl Stream {
    pub(crate) async fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        // Who has had enough hangs up in the middle.
        let _ = self.socket.write_all(bytes).await;
    }

    /// Sends an event of this name, with the members that every event has.
    pub(crate) async fn event(&mut self, name: &str, data: &Value) {
        self.send(&event(name, data)).await;
    }

    /// Ends the connection in the rudest way.
    #[expect(deprecated, reason = "a linger of zero blocks nobody: it resets the connection")]
    pub(crate) fn break_off(self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Waits until the other side has hung up.
    pub(crate) async fn hung_up(mut self) {
        let mut rest = [0; 64];
        while self.socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

pub(crate) fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

struct Inner {
    now: UnixMs,
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<Request>>,
    asked: Notify,
    opened: mpsc::UnboundedSender<Stream>,
    streams: AtomicU64,
}

/// The service. Paths without a reply of the test's answer 404; the stream is opened for the test to speak on.
pub(crate) struct Service {
    pub(crate) url: String,
    inner: Arc<Inner>,
    opened: tokio::sync::Mutex<mpsc::UnboundedReceiver<Stream>>,
}

impl Service {
    /// A service in good order: no revocations, this key set, instants of `now`.
    pub(crate) async fn start(now: UnixMs, jwks: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (opened, streams) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            now,
            replies: Mutex::default(),
            requests: Mutex::default(),
            asked: Notify::new(),
            opened,
            streams: AtomicU64::new(0),
        });
        let service = Self { url: url.clone(), inner: Arc::clone(&inner), opened: streams.into() };
        service.reply(METADATA, Reply::json(&metadata(&url)));
        service.reply(KEYS, Reply::body(jwks).with("etag", "\"keys-1\""));
        service.reply(SNAPSHOT, Reply::json(&snapshot(now, "c0", &[])).with("etag", "W/\"snapshot-1\""));
        service.reply(ACK, Reply::status(204));
        service.reply(INTROSPECT, Reply::json(&json!({"active": false})));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&inner)));
            }
        });
        service
    }

    /// From now on, this is the answer there.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        self.inner.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// From now on, the stream is opened again.
    pub(crate) fn open_streams(&self) {
        self.inner.replies.lock().unwrap().remove(STREAM);
    }

    /// The next stream that is opened, `hello` not yet said.
    pub(crate) async fn silent_stream(&self) -> Stream {
        let next = async { self.opened.lock().await.recv().await.unwrap() };
        tokio::time::timeout(Duration::from_secs(15), next).await.expect("nobody opened a stream")
    }

    /// The next stream that is opened, `hello` said.
    pub(crate) async fn stream(&self) -> Stream {
        let mut stream = self.silent_stream().await;
        let hello = self.hello(&stream.request.query["cursor"]);
        stream.event("hello", &hello).await;
        stream
    }

    pub(crate) fn hello(&self, cursor: &str) -> Value {
        let number = self.inner.streams.fetch_add(1, Ordering::Relaxed);
        let mut hello = snapshot(self.inner.now, cursor, &[]);
        hello["stream_id"] = format!("stream-{number}").into();
        hello["heartbeat_ms"] = 5_000.into();
        hello
    }

    /// All requests to this path so far.
    pub(crate) fn requests(&self, path: &str) -> Vec<Request> {
        let requests = self.inner.requests.lock().unwrap();
        requests.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Waits until there have been so many requests to this path.
    pub(crate) async fn asked(&self, path: &str, times: usize) -> Vec<Request> {
        let asked = async {
            loop {
                let more = self.inner.asked.notified();
                let requests = self.requests(path);
                if requests.len() >= times {
                    return requests;
                }
                more.await;
            }
        };
        let asked = tokio::time::timeout(Duration::from_secs(15), asked).await;
        asked.unwrap_or_else(|_| panic!("{path} was not asked {times} times: {:?}", self.requests(path)))
    }
}

pub(crate) fn metadata(url: &str) -> Value {
    json!({
        "issuer": url,
        "jwks_uri": format!("{url}{KEYS}"),
        "introspection_endpoint": format!("{url}{INTROSPECT}"),
        "revocation_feed_uri": format!("{url}{SNAPSHOT}"),
    })
}

pub(crate) fn snapshot(now: UnixMs, cursor: &str, entries: &[Value]) -> Value {
    json!({
        "version": 1,
        "cursor": cursor,
        "as_of": now,
        "server_time": now,
        "limits": {"longest_access_ttl_ms": 300_000, "leeway_ms": 30_000, "revocable_claims": ["tenant"]},
        "entries": entries,
    })
}

pub(crate) fn batch(now: UnixMs, cursor: &str, entries: &[Value]) -> Value {
    json!({"cursor": cursor, "as_of": now, "server_time": now, "entries": entries})
}

/// An entry that denies what began before `now` and two seconds.
pub(crate) fn entry(now: UnixMs, scope: &Value) -> Value {
    json!({
        "scope": scope, "effect": "logout",
        "issued_before": now.after(Duration::from_secs(2)), "expires_at": now.after(Duration::from_mins(6)),
    })
}

async fn serve(mut socket: TcpStream, inner: Arc<Inner>) {
    while let Some(request) = read(&mut socket).await {
        let reply = inner.replies.lock().unwrap().get(&request.path).cloned();
        inner.requests.lock().unwrap().push(request.clone());
        inner.asked.notify_waiters();
        match reply {
            None if request.path == STREAM => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(head.as_bytes()).await;
                let _ = inner.opened.send(Stream { request, socket });
                return;
            }
            reply => {
                let reply = reply.unwrap_or_else(|| Reply::status(404));
                if socket.write_all(&reply.bytes()).await.is_err() || matches!(reply, Reply::Raw(_)) {
                    return;
                }
                if matches!(reply, Reply::Hang(_)) {
                    let mut rest = [0; 64];
                    while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                    return;
                }
            }
        }
    }
}

async fn read(socket: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Request { path: path.to_owned(), query, headers, body })
}
