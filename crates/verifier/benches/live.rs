//! What a verifier that keeps itself up to date costs over one that does not, what revocations that arrive meanwhile cost
//! its readers, and what it costs to wait for the end of a session.
//!
//! Everything is compared within this run, from samples taken in turn.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a bench measures time and fails by panicking"
)]

#[path = "../../../benches/in_turn/mod.rs"]
mod in_turn;
#[path = "../tests/signer/mod.rs"]
mod signer;
#[path = "../../../benches/summary/mod.rs"]
mod summary;

use std::cell::Cell;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use signet_verifier::{
    Batch, BootClock, ByHand, Clock, Cursor, Denylist, Effect, Expected, FeedEntry, Limits, LiveVerifier,
    Revocation, Scope, SessionId, Snapshot, StalenessPolicy, StaticKeys, Subject, SystemBootClock,
    SystemClock, TokenId, UnixMs, Verified, Verifier,
};

use crate::in_turn::{in_turn, timed};
use crate::signer::{Signer, jwks};
use crate::summary::report;

/// Tokens that are remembered.
const WARM: u64 = 1000;
/// Tokens that come round so seldom that they have been forgotten by then.
const COLD: u64 = 2 * Verifier::DEFAULT_REMEMBERED as u64;
const WATCHERS: u64 = 10_000;
const REVOCATIONS_PER_SECOND: u64 = 1000;

fn main() {
    let signer = Signer::eddsa();
    // First, while no freed memory is there to be used again.
    who_waits(&signer);
    over_a_plain_verifier(&signer);
    while_revocations_arrive(&signer);
}

fn over_a_plain_verifier(signer: &Signer) {
    let fed = fed(signer);
    let live = fed.verifier();
    let keys = Arc::new(StaticKeys::from_jwks(&jwks(&[signer])).unwrap());
    let denylist = Arc::new(Denylist::new(vec!["tenant".to_owned()]));
    let plain = Verifier::new(keys, denylist);
    let expected = Expected::access_token("https://auth.example", "api").unwrap();
    let tokens = tokens(signer, 0..WARM);
    let (wall, boot): (Arc<dyn Clock>, Arc<dyn BootClock>) =
        (Arc::new(SystemClock), Arc::new(SystemBootClock));
    let each = |work: &dyn Fn(&String)| timed(tokens.iter().collect(), work);
    let [plain, with_live] = in_turn(
        2000,
        [
            &mut || {
                each(&|token| {
                    black_box(boot.elapsed());
                    assert!(plain.verify_at(black_box(token), &expected, wall.now()).is_ok());
                })
            },
            &mut || each(&|token| assert!(live.verify(black_box(token)).is_ok())),
        ],
    );
    let measured = format!("{with_live:.0} − {plain:.0} = {:.0} ns", with_live - plain);
    report("live verify − verify_at and two clocks, remembered", &measured, "at most 50 ns");
}

/// The same verifier with and without a writer, in turns of a tenth of a second.
fn while_revocations_arrive(signer: &Signer) {
    let fed = fed(signer);
    let live = fed.verifier();
    let (warm, cold) = (tokens(signer, 0..WARM), tokens(signer, WARM..WARM + COLD));
    for (name, tokens) in [("remembered", &warm), ("first verification", &cold)] {
        let (mut quiet, mut busy) = (Vec::new(), Vec::new());
        let next = Cell::new(0);
        for turn in 0..60 {
            let writes = turn % 2 == 1;
            let stop = AtomicBool::new(!writes);
            thread::scope(|scope| {
                scope.spawn(|| revoke_until(&fed, turn, &stop));
                let times = if writes { &mut busy } else { &mut quiet };
                times.extend(verify_for(Duration::from_millis(100), &live, tokens, &next));
                stop.store(true, Ordering::Relaxed);
            });
        }
        for (which, share) in [("median", 0.5), ("p99", 0.99)] {
            let (quiet, busy) = (at_share(&mut quiet, share), at_share(&mut busy, share));
            let measured = format!("{busy:.0} / {quiet:.0} ns = {:.2}", busy / quiet);
            report(&format!("{name}, 1,000 revocations/s / none: {which}"), &measured, "");
        }
    }
}

/// Nanoseconds a verification, of ten each.
fn verify_for(time: Duration, live: &LiveVerifier, tokens: &[String], next: &Cell<usize>) -> Vec<f64> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < time {
        let from = next.get();
        next.set((from + 10) % (tokens.len() - tokens.len() % 10));
        let some = tokens[from..from + 10].iter().collect();
        times.push(timed(some, |token: &String| assert!(live.verify(black_box(token)).is_ok())));
    }
    times
}

fn revoke_until(fed: &ByHand, turn: u64, stop: &AtomicBool) {
    let start = Instant::now();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let session = SessionId::new(UnixMs::from_millis(1), &random(turn << 32 | n));
        fed.apply(&batch(Scope::Sid(session)));
        n += 1;
        let due = Duration::from_micros(1_000_000 / REVOCATIONS_PER_SECOND * n);
        thread::park_timeout(due.saturating_sub(start.elapsed()));
    }
}

fn who_waits(signer: &Signer) {
    let fed = fed(signer);
    let live = fed.verifier();
    let tokens = tokens(signer, 0..WATCHERS);
    let verified: Vec<Verified> = tokens.iter().map(|token| live.verify(token).unwrap()).collect();
    let others = Cell::new(0_u64);
    let unrelated = || {
        let batches = (0..100).map(|_| {
            others.set(others.get() + 1);
            batch(Scope::Sub(Subject::parse(&format!("other-{}", others.get())).unwrap()))
        });
        timed(batches.collect(), |batch| fed.apply(&batch))
    };
    let [alone] = in_turn(200, [&mut || unrelated()]);
    // The list of those who wait is not theirs.
    let mut waiting: Vec<Pin<Box<dyn Future<Output = Revocation> + '_>>> = Vec::with_capacity(verified.len());
    let before = resident_bytes();
    let mut context = Context::from_waker(Waker::noop());
    for one in &verified {
        let mut revoked: Pin<Box<dyn Future<Output = Revocation>>> = Box::pin(one.revoked());
        assert!(revoked.as_mut().poll(&mut context).is_pending());
        waiting.push(revoked);
    }
    let bytes = resident_bytes().saturating_sub(before) as f64 / WATCHERS as f64;
    report("10,000 wait for their end: resident, each", &format!("{bytes:.0} B"), "");
    let [watched] = in_turn(200, [&mut || unrelated()]);
    let measured = format!("{watched:.0} − {alone:.0} = {:.0} ns", watched - alone);
    report("a revocation that names none of 10,000 − of 0", &measured, "");
    let all = batch(Scope::All);
    let time = timed(vec![all], |batch| fed.apply(&batch));
    report("a revocation that names all of 10,000", &format!("{:.2} ms", time / 1e6), "");
    assert!(waiting.iter_mut().all(|revoked| revoked.as_mut().poll(&mut context).is_ready()));
}

/// A verifier with keys and an empty snapshot, on the machine's clocks. It is not asked to be fresh for long.
fn fed(signer: &Signer) -> ByHand {
    let policy = StalenessPolicy { max_staleness: Duration::from_hours(1), ..StalenessPolicy::default() };
    let clocks: (Arc<dyn Clock>, Arc<dyn BootClock>) = (Arc::new(SystemClock), Arc::new(SystemBootClock));
    let fed = ByHand::new("https://auth.example", "api", policy, clocks.0, clocks.1).unwrap();
    fed.keys(&jwks(&[signer])).unwrap();
    let limits = Limits {
        longest_access_ttl: Duration::from_hours(1),
        leeway: Duration::from_secs(30),
        revocable_claims: vec!["tenant".to_owned()],
    };
    let (now, cursor) = (SystemClock.now(), Cursor::parse("c").unwrap());
    fed.load(&Snapshot { version: 1, cursor, as_of: now, server_time: now, limits, entries: Vec::new() });
    fed
}

fn tokens(signer: &Signer, numbers: std::ops::Range<u64>) -> Vec<String> {
    let now = SystemClock.now();
    let token = |n: u64| {
        let claims = json!({
            "iss": "https://auth.example", "sub": format!("user-{n}"), "aud": "api", "exp": now.as_secs() + 3600,
            "iat": now.as_secs(), "jti": TokenId::new(now, &random(n)), "sid": SessionId::new(now, &random(!n)),
            "client_id": "web", "scope": "read write", "tenant": "acme",
        });
        signer.token(&signer.header(), &claims.to_string())
    };
    numbers.map(token).collect()
}

fn batch(scope: Scope) -> Batch {
    let now = SystemClock.now();
    let (issued_before, expires_at) = (now.after(Duration::from_secs(2)), now.after(Duration::from_hours(2)));
    let entry = FeedEntry { scope, effect: Effect::Logout, issued_before, expires_at };
    let cursor = Cursor::parse("c").unwrap();
    Batch { cursor, as_of: Some(now), server_time: now, ack: false, entries: vec![entry] }
}

fn random(n: u64) -> [u8; 10] {
    let mut random = [1; 10];
    random[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random
}

fn at_share(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let place = (times.len() as f64 * share) as usize;
    times[place.min(times.len() - 1)]
}

/// Resident pages of this process (proc(5), statm), or 0 where there is no such file.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
