//! The revocation feed from end to end: a service in a process of its own, fifty verifiers here.
//!
//! How long after a revocation is asked for does the last verifier refuse; how long does `wait` take; and what does
//! verifying cost while a thousand revocations a second arrive.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench measures time, and fails by panicking"
)]

mod service;
mod summary;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use service::Service;
use signet_verifier::{LiveVerifier, Verifier};
use summary::report;

const VERIFIERS: usize = 50;
const REVOCATIONS: usize = 400;
/// How many are under way at a time when a thousand a second are asked for.
const REVOKERS: usize = 8;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let service = Arc::new(Service::start(2).await);
        let mut verifiers = Vec::new();
        for number in 0..VERIFIERS {
            verifiers.push(connect(&service, number).await);
        }
        propagation(&service, &verifiers).await;
        waiting(&service).await;
        verifiers.truncate(1);
        under_load(&service, verifiers.first().unwrap()).await;
    });
}

async fn connect(service: &Service, number: usize) -> LiveVerifier {
    let connect = Verifier::connect(&service.url).audience("api").credentials("dev", &service.secret);
    connect.name(&format!("bench-{number}")).start().await.unwrap()
}

/// From the moment that a revocation is asked for until each verifier knows.
async fn propagation(service: &Service, verifiers: &[LiveVerifier]) {
    let (mut each, mut last) = (Vec::new(), Vec::new());
    for number in 0..REVOCATIONS {
        let (sid, token) = service.issue(&format!("user-{number}")).await;
        let watching: Vec<_> = verifiers
            .iter()
            .map(|verifier| {
                let verified = verifier.verify(&token).unwrap();
                tokio::spawn(async move {
                    verified.revoked().await;
                    Instant::now()
                })
            })
            .collect();
        let asked = Instant::now();
        service.post("/v1/revocations", &json!({"scope": {"sid": sid}})).await;
        let mut slowest = Duration::ZERO;
        for watch in watching {
            let took = watch.await.unwrap().saturating_duration_since(asked);
            each.push(took);
            slowest = slowest.max(took);
        }
        last.push(slowest);
    }
    report("revoke until a verifier refuses, p50 / p99", &percentiles(&mut each), "p99 10 ms");
    report("revoke until the last of 50 refuses, p50 / p99", &percentiles(&mut last), "");
}

/// A revocation that waits for all verifiers.
async fn waiting(service: &Service) {
    let mut took = Vec::new();
    for number in 0..REVOCATIONS {
        let asked = Instant::now();
        let body = json!({"scope": {"sub": format!("user-{number}")}, "wait": "verifiers"});
        let answer = service.post("/v1/revocations", &body).await;
        took.push(asked.elapsed());
        assert_eq!(answer.pointer("/applied/verifiers/applied"), Some(&json!(VERIFIERS)), "{answer}");
    }
    report("revoke, wait for 50 verifiers, p50 / p99", &percentiles(&mut took), "");
}

/// The cost of verifying, quiet and while revocations arrive, in turn.
async fn under_load(service: &Arc<Service>, verifier: &LiveVerifier) {
    let mut tokens = Vec::new();
    for number in 0..512 {
        tokens.push(service.issue(&format!("reader-{number}")).await.1);
    }
    let cold =
        Verifier::connect(&service.url).audience("api").credentials("dev", &service.secret).remembering(0);
    let cold = cold.start().await.unwrap();
    let (mut quiet, mut busy) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut rate = 0.0;
    for _ in 0..6 {
        measure(verifier, &cold, &tokens, &mut quiet);
        let load = Load::start(service);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = (verifier.counters().entries, Instant::now());
        measure(verifier, &cold, &tokens, &mut busy);
        rate = (verifier.counters().entries - before.0) as f64 / before.1.elapsed().as_secs_f64();
        load.stop().await;
    }
    println!("revocations a second while measuring: {rate:.0}");
    for ((name, quiet), busy) in ["remembered", "cold"].iter().zip(&mut quiet).zip(&mut busy) {
        let (quiet, busy) = (lowest_tenth(quiet), lowest_tenth(busy));
        let measured = format!("{busy:.0} / {quiet:.0} ns = {:.2}", busy / quiet);
        report(&format!("verify, {name}, ~1,000 revocations/s / quiet"), &measured, "");
    }
}

fn measure(remembered: &LiveVerifier, cold: &LiveVerifier, tokens: &[String], into: &mut [Vec<f64>; 2]) {
    for _ in 0..20 {
        for (verifier, times) in [remembered, cold].into_iter().zip(&mut *into) {
            let start = Instant::now();
            for token in tokens {
                verifier.verify(token).unwrap();
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / tokens.len() as f64);
        }
    }
}

/// About a thousand revocations a second.
struct Load {
    going: Arc<AtomicBool>,
    revokers: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(service: &Arc<Service>) -> Self {
        let going = Arc::new(AtomicBool::new(true));
        let revoker = |number: usize| {
            let (going, service) = (Arc::clone(&going), Arc::clone(service));
            tokio::spawn(async move {
                let mut pace = tokio::time::interval(Duration::from_millis(REVOKERS as u64));
                while going.load(Ordering::Relaxed) {
                    pace.tick().await;
                    service
                        .post("/v1/revocations", &json!({"scope": {"sub": format!("gone-{number}")}}))
                        .await;
                }
            })
        };
        let revokers = (0..REVOKERS).map(revoker).collect();
        Self { going, revokers }
    }

    async fn stop(self) {
        self.going.store(false, Ordering::Relaxed);
        for revoker in self.revokers {
            revoker.await.unwrap();
        }
    }
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at =
        |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1e3;
    format!("{:.2} / {:.2} ms", at(50), at(99))
}

fn lowest_tenth(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 10).copied().unwrap_or(f64::NAN)
}
