//! A client that sends exactly what it is told to, which no HTTP library would.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0: the connection was closed without an answer.
    pub(crate) status: u16,
    head: String,
}

impl Answer {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }
}

/// A request being written.
#[derive(Clone)]
pub(crate) struct Request {
    port: u16,
    method: String,
    target: String,
    lines: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(port: u16, method: &str, target: &str) -> Self {
        Self { port, method: method.into(), target: target.into(), lines: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.line("Authorization", &format!("Bearer {token}"))
    }

    /// One more header line, also of a name that is there.
    pub(crate) fn line(mut self, name: &str, value: &str) -> Self {
        self.lines.push(format!("{name}: {value}\r\n"));
        self
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.line("Content-Length", &body.len().to_string())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: app.example\r\n", self.method, self.target).into_bytes();
        bytes.extend(self.lines.concat().into_bytes());
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    /// Sends it on a connection of its own, and reads the head of the answer.
    pub(crate) async fn send(&self) -> Answer {
        self.open().await.map_or(Answer { status: 0, head: String::new() }, |(answer, _)| answer)
    }

    /// The same; the connection stays open.
    pub(crate) async fn open(&self) -> Option<(Answer, TcpStream)> {
        let exchange = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
            stream.write_all(&self.bytes()).await.ok()?;
            loop {
                let answer = read_head(&mut stream).await?;
                // 100: the answer is still to come.
                if answer.status != 100 {
                    return Some((answer, stream));
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("an answer within 20 s")
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let status = head.split(' ').nth(1)?.trim().parse().ok()?;
    Some(Answer { status, head })
}
