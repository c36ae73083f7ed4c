//! Forward-auth beside a bare handler of the same web server, in one run: CPU time of the server's process per request.
//!
//! The bare server is this program again, started with `bare`: one worker, a constant answer of the same headers. Requests are
//! sent by this process over a few connections, one at a time on each; how quick it is does not matter for the figure.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench measures time, and fails by panicking"
)]

mod service;
mod summary;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use service::{Service, free_port};
use summary::report;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 32;
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "bare").skip(1);
    if let Some(port) = arguments.next() {
        return bare(port.parse().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(compare());
}

/// The least that an answer of this shape costs: the header is looked at, the answer's headers are constants.
fn bare(port: u16) {
    async fn constant(request: HttpRequest) -> HttpResponse {
        let known = request.headers().contains_key("authorization");
        HttpResponse::Ok()
            .insert_header(("cache-control", "no-store"))
            .insert_header(("x-auth-subject", if known { "user-1" } else { "" }))
            .insert_header(("x-auth-session", "01a1fd55-b659-7901-8b00-bbfaf965f778"))
            .insert_header(("x-auth-scope", ""))
            .insert_header(("x-auth-claims", "e30"))
            .finish()
    }
    let server = HttpServer::new(|| App::new().default_service(web::to(constant))).workers(1);
    actix_web::rt::System::new().block_on(server.bind(("127.0.0.1", port)).unwrap().run()).unwrap();
}

struct Bare(Child);

impl Drop for Bare {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn compare() {
    let service = Service::start(1).await;
    let (_, token) = service.issue("user-1").await;
    let port = free_port();
    let program = std::env::current_exe().unwrap();
    let bare = Command::new(program).args(["bare", &port.to_string()]).stdout(Stdio::null()).spawn().unwrap();
    let bare = Bare(bare);
    let address = service.url.trim_start_matches("http://").to_owned();
    let request = |host: &str| {
        format!(
            "GET /v1/forward-auth/default HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             x-forwarded-method: GET\r\nx-forwarded-uri: /orders/17\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"
        )
    };
    let bare_address = format!("127.0.0.1:{port}");
    while TcpStream::connect(&bare_address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(round(bare.0.id(), &bare_address, &request(&bare_address)).await);
        ours.push(round(service.pid(), &address, &request(&address)).await);
    }
    let cpu = |rounds: &[Round]| median(rounds.iter().map(|round| round.cpu).collect());
    let (one, other) = (cpu(&ours), cpu(&floor));
    let measured = format!("{one:.1} / {other:.1} us = {:.2}", one / other);
    report("forward-auth / bare handler, server CPU a request", &measured, "1.3");
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.rate).collect());
    let (one, other) = (rate(&ours), rate(&floor));
    let measured = format!("{one:.0} / {other:.0} = {:.2}", one / other);
    report("forward-auth / bare handler, requests a second", &measured, "");
}

/// What one round was.
struct Round {
    /// Microseconds of user and system time of the server's process per request.
    cpu: f64,
    /// Requests a second.
    rate: f64,
}

async fn round(pid: u32, address: &str, request: &str) -> Round {
    let mut clients = Vec::new();
    let until = Instant::now() + ROUND;
    let before = cpu(pid);
    for _ in 0..CONNECTIONS {
        let (address, request) = (address.to_owned(), request.to_owned());
        clients.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let (mut answered, mut buffer) = (0_u32, vec![0; 8192]);
            while Instant::now() < until {
                stream.write_all(request.as_bytes()).await.unwrap();
                let read = stream.read(&mut buffer).await.unwrap();
                assert!(buffer.get(..read).unwrap().starts_with(b"HTTP/1.1 200"), "refused");
                answered += 1;
            }
            answered
        }));
    }
    let mut answered = 0;
    for client in clients {
        answered += client.await.unwrap();
    }
    let answered = f64::from(answered);
    Round { cpu: (cpu(pid) - before) / answered, rate: answered / ROUND.as_secs_f64() }
}

/// User and system time of a process so far, in microseconds.
fn cpu(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    // Nanoseconds on the CPU, by thread: finer than the clock ticks of /proc/PID/stat.
    let nanos: f64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .sum();
    nanos / 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
