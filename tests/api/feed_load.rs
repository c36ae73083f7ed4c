//! Two thousand verifiers on one node, and what each of them costs it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::harness::{SECRET, run};
use crate::process::Process;

const STREAMS: usize = 2_000;
/// What a stream may cost at most: generous, and far from a leak.
const MOST_KIB_PER_STREAM: u64 = 64;

/// A connection that reads a stream, with as little as possible of its own.
struct Reader {
    socket: TcpStream,
    /// What has come and is not a whole chunk yet.
    raw: Vec<u8>,
    /// The body so far.
    seen: String,
}

impl Reader {
    async fn open(address: &str, number: usize) -> Self {
        let credentials = STANDARD.encode(format!("app:{SECRET}"));
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /v1/revocations/stream?verifier=v{number} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Self { socket, raw: Vec::new(), seen: String::new() };
        let head = loop {
            reader.receive().await;
            if let Some(end) = reader.raw.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break reader.raw.drain(..end + 4).collect::<Vec<u8>>();
            }
        };
        assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
        reader.until("event: hello\n", 1).await;
        reader
    }

    /// Reads until this has come so many times.
    async fn until(&mut self, wanted: &str, times: usize) {
        self.take_chunks();
        while self.seen.matches(wanted).count() < times {
            self.receive().await;
            self.take_chunks();
        }
        assert_eq!(self.seen.matches(wanted).count(), times, "{wanted}");
    }

    async fn receive(&mut self) {
        let read = timeout(Duration::from_mins(1), self.socket.read_buf(&mut self.raw)).await;
        assert!(read.expect("something comes").unwrap() > 0, "the stream goes on");
    }

    /// A length in hexadecimal, a line's end, so many bytes, a line's end (RFC 9112 §7.1).
    fn take_chunks(&mut self) {
        while let Some(line) = self.raw.windows(2).position(|bytes| bytes == b"\r\n") {
            let length = std::str::from_utf8(&self.raw[..line]).unwrap();
            let length = usize::from_str_radix(length, 16).unwrap();
            let (start, end) = (line + 2, line + 2 + length);
            if self.raw.len() < end + 2 {
                return;
            }
            self.seen.push_str(std::str::from_utf8(&self.raw[start..end]).unwrap());
            self.raw.drain(..end + 2);
        }
    }
}

/// What a process holds in memory, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn two_thousand_streams_on_one_node_each_get_the_revocation() {
    run(async {
        let directory = TempDir::new().unwrap();
        let process = Process::start(directory.path()).ready().await;
        let address = process.url.trim_start_matches("http://").to_owned();
        let pid = process.child.id();
        // The first few make the process reach its working size.
        let warm: Vec<Reader> = iter(0..50).then(|n| Reader::open(&address, n)).collect().await;
        let before = resident(pid);
        let opening = iter(50..STREAMS + 50).map(|n| Reader::open(&address, n));
        let mut readers: Vec<Reader> = opening.buffer_unordered(64).collect().await;
        let open = resident(pid);
        readers.extend(warm);

        let (status, answer) = process.post("/v1/revocations", json!({"scope": {"sub": "mallory"}})).await;
        assert_eq!((status, &answer["applied"]["verifiers"]["total"]), (200, &json!(STREAMS + 50)));
        for reader in &mut readers {
            reader.until(r#""entries":[{"scope":{"sub":"mallory"}"#, 1).await;
        }
        let told = resident(pid);
        // A burst: 400 sessions end at once, which is some 60 KiB for each reader.
        let bursting = iter(0..400).map(|n| {
            let body = json!({"scope": {"sub": format!("burst-{n}")}});
            process.post("/v1/revocations", body)
        });
        let statuses: Vec<u16> = bursting.buffer_unordered(64).map(|(status, _)| status).collect().await;
        assert!(statuses.iter().all(|status| *status == 200));
        for reader in &mut readers {
            reader.until(r#""sub":"burst-"#, 400).await;
        }
        let after = resident(pid);
        let each = |kib: u64| kib.saturating_sub(before) * 1024 / STREAMS as u64;
        #[expect(clippy::print_stderr, reason = "the number is what this test is for")]
        {
            eprintln!(
                "{STREAMS} streams: {} bytes each when open, {} after an event, {} after a burst \
                 ({before} → {open} → {told} → {after} KiB resident)",
                each(open),
                each(told),
                each(after)
            );
        }
        assert!(after - before < MOST_KIB_PER_STREAM * STREAMS as u64, "{before} → {after} KiB");
        process.kill();
    });
}
