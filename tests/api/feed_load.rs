//! Two thousand verifiers on one node, and what each of them costs it.

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

/// A connection that reads a stream.
struct Reader {
    socket: TcpStream,
    seen: String,
}

impl Reader {
    async fn open(address: &str, number: usize) -> Self {
        use base64::Engine;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("app:{SECRET}"));
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "GET /v1/revocations/stream?verifier=v{number} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Self { socket, seen: String::new() };
        reader.until("event: hello\n").await;
        reader
    }

    /// Reads until this has come.
    async fn until(&mut self, wanted: &str) {
        let mut buffer = [0; 4096];
        while !self.seen.contains(wanted) {
            let read = timeout(Duration::from_mins(1), self.socket.read(&mut buffer)).await;
            let length = read.expect("something comes").unwrap();
            assert!(length > 0, "the stream goes on");
            self.seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
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
            reader.until(r#""entries":[{"scope":{"sub":"mallory"}"#).await;
            assert_eq!(reader.seen.matches("mallory").count(), 1);
        }
        let after = resident(pid);
        let each = |kib: u64| kib.saturating_sub(before) * 1024 / STREAMS as u64;
        #[expect(clippy::print_stderr, reason = "the number is what this test is for")]
        {
            eprintln!(
                "{STREAMS} streams: {} bytes each when open, {} after an event ({before} → {open} → {after} KiB resident)",
                each(open),
                each(after)
            );
        }
        assert!(after - before < MOST_KIB_PER_STREAM * STREAMS as u64, "{before} → {after} KiB");
        process.kill();
    });
}
