//! What verification costs against the bare signature check, and what a long denylist costs.
//!
//! Absolute figures are the machine's. The summary at the end compares, from samples taken in turn within this run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench prints and fails by panicking"
)]
#![allow(missing_docs, reason = "criterion's macros make the functions")]

mod raw;
#[path = "../tests/signer/mod.rs"]
mod signer;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use serde_json::json;
use signet_verifier::{
    Algorithm, Cutoff, Denylist, Effect, Expected, KeyId, Scope, ScopeKeys, SessionId, StaticKeys, Subject,
    TokenId, UnixMs, Verifier,
};

use crate::raw::{raw_check, raw_check_with_parsed_key};
use crate::signer::{Signer, jwks};

const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
const TOKENS: usize = 10_000;
const CHUNK: usize = 500;
const ENTRIES: u64 = 1_000_000;
const SAMPLES: usize = 1500;
const CALLS: u32 = 10;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut summary = Vec::new();
    // First, while no freed memory is there to be used again.
    denylist(&mut criterion, &mut summary);
    signatures(&mut criterion, &mut summary);
    remembered(&mut criterion, &mut summary);
    criterion.final_summary();
    println!("\nSummary (within this run)");
    for line in summary {
        println!("{line}");
    }
}

/// One line of the summary, in the form that the Makefile looks for.
fn line(what: &str, measured: &str, target: &str) -> String {
    format!("=> {what:<56} {measured:>24}   {target}")
}

/// Numbers a token and says whose it is.
fn token(signer: &Signer, n: u64) -> String {
    let claims = json!({
        "iss": "https://auth.example", "sub": format!("user-{n}"), "aud": "api", "exp": NOW.as_secs() + 300,
        "iat": NOW.as_secs(), "jti": TokenId::new(NOW, &random(n)), "sid": SessionId::new(NOW, &random(!n)),
        "client_id": "web", "scope": "read write", "tenant": "acme",
    });
    signer.token(&signer.header(), &claims.to_string())
}

fn random(n: u64) -> [u8; 10] {
    let mut random = [1; 10];
    random[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random
}

fn verifier(signers: &[&Signer], denylist: Arc<Denylist>, remembered: usize) -> Verifier {
    let keys = StaticKeys::from_jwks(&jwks(signers)).unwrap();
    Verifier::remembering(Arc::new(keys), denylist, remembered)
}

fn expected() -> Expected {
    Expected::access_token("https://auth.example", "api").unwrap()
}

fn signatures(criterion: &mut Criterion, summary: &mut Vec<String>) {
    let mut group = criterion.benchmark_group("first verification");
    for signer in [Signer::es256(), Signer::eddsa(), Signer::rs256()] {
        let token = token(&signer, 1);
        let verifier = verifier(&[&signer], Arc::new(Denylist::new(vec!["tenant".into()])), 0);
        let expected = expected();
        let raw = raw_check(&signer, &token);
        let cold = || assert!(verifier.verify_at(black_box(&token), &expected, NOW).is_ok());
        let name = signer.algorithm();
        group.bench_function(format!("{name} signature alone"), |bencher| bencher.iter(&raw));
        group.bench_function(format!("{name} whole token"), |bencher| bencher.iter(cold));
        let parsed = raw_check_with_parsed_key(&signer, &token);
        let never_seen = never_seen(&signer, SAMPLES * CALLS as usize);
        let [alone, least, whole, remembering] = in_turn(SAMPLES, CALLS, [&raw, &parsed, &cold, &never_seen]);
        let target =
            if signer.algorithm() == Algorithm::Rs256 { "as near 1 as possible" } else { "at most 1.05" };
        let mut compare = |what: &str, time: f64, with: f64, target| {
            let measured = format!("{:.2} / {:.2} µs = {:.3}", time / 1000.0, with / 1000.0, time / with);
            summary.push(line(&format!("{name}, {} B: {what}", token.len()), &measured, target));
        };
        compare("first verification / raw verify", whole, alone, target);
        compare("the same / raw verify, key parsed before", whole, least, "");
        compare("the same and remembering it / raw verify", remembering, alone, "");
    }
    group.finish();
}

/// Verification of tokens that come once each, by a verifier that remembers them.
fn never_seen(signer: &Signer, calls: usize) -> impl Fn() {
    // RSA signs so slowly that fewer tokens must do: the memory then holds only some of them at a time.
    let (tokens, remembered) = match signer.algorithm() {
        Algorithm::Rs256 | Algorithm::Ps256 => (1000, 500),
        Algorithm::Es256 | Algorithm::EdDsa => (calls, calls),
    };
    let tokens: Vec<String> = (0..tokens as u64).map(|n| token(signer, n)).collect();
    let verifier = verifier(&[signer], Arc::new(Denylist::new(vec!["tenant".into()])), remembered);
    let (expected, next) = (expected(), std::cell::Cell::new(0));
    move || {
        let token = &tokens[next.get()];
        next.set((next.get() + 1) % tokens.len());
        assert!(verifier.verify_at(black_box(token), &expected, NOW).is_ok());
    }
}

fn remembered(criterion: &mut Criterion, summary: &mut Vec<String>) {
    let signer = Signer::eddsa();
    let verifier =
        verifier(&[&signer], Arc::new(Denylist::new(vec!["tenant".into()])), Verifier::DEFAULT_REMEMBERED);
    let expected = expected();
    let tokens: Vec<String> = (0..TOKENS as u64).map(|n| token(&signer, n)).collect();
    let pass = || {
        for token in &tokens {
            assert!(verifier.verify_at(black_box(token), &expected, NOW).is_ok());
        }
    };
    pass();
    criterion.bench_function("remembered, 10,000 tokens in a pass", |bencher| bencher.iter(pass));
    // Samples shorter than a time slice; all tokens come round in turn.
    let some = || {
        let next = std::cell::Cell::new(0);
        let (verifier, expected, tokens) = (&verifier, &expected, &tokens);
        move || {
            let from = next.get();
            next.set((from + CHUNK) % TOKENS);
            for token in &tokens[from..from + CHUNK] {
                assert!(verifier.verify_at(black_box(token), expected, NOW).is_ok());
            }
        }
    };
    let each = |time: f64| time / CHUNK as f64;
    let [one] = in_turn(2000, 1, [&some()]);
    summary.push(line("remembered, one thread", &format!("{:.0} ns", each(one)), "at most 600 ns"));
    let start = Barrier::new(2);
    let both: Vec<f64> = thread::scope(|scope| {
        let run = || {
            start.wait();
            let [time] = in_turn(2000, 1, [&some()]);
            each(time)
        };
        let threads = [scope.spawn(run), scope.spawn(run)];
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let both = format!("{:.0} and {:.0} ns", both[0], both[1]);
    summary.push(line("remembered, each of two threads", &both, "at most 600 ns"));
}

fn denylist(criterion: &mut Criterion, summary: &mut Vec<String>) {
    let before = resident_bytes();
    let sessions = Denylist::default();
    for n in 0..ENTRIES {
        sessions.apply(&cutoff(Scope::Sid(SessionId::new(NOW, &random(n))), Effect::Logout));
    }
    let bytes = resident_bytes().saturating_sub(before);
    let each = format!("{:.1} B", bytes as f64 / ENTRIES as f64);
    summary.push(line("denylist: a million logouts of a sid, resident, each", &each, "at most 48 B"));
    let spread = spread_out();
    let signer = Signer::eddsa();
    let tokens: Vec<String> = (0..1000).map(|n| token(&signer, (1 << 40) + n)).collect();
    for (name, denylist) in
        [("a million sid logouts", &sessions), ("a million entries over seven scopes", &spread)]
    {
        let keys: Vec<ScopeKeys> = tokens.iter().map(|token| keys_of(denylist, &signer, token)).collect();
        let check = || {
            for keys in &keys {
                assert_eq!(denylist.denies(black_box(keys)), None);
            }
        };
        criterion.bench_function(&format!("1,000 misses in {name}"), |bencher| bencher.iter(check));
        let [time] = in_turn(1000, 1, [&check]);
        let each = format!("{:.0} ns", time / keys.len() as f64);
        summary.push(line(&format!("denylist: check of a token, {name}"), &each, "at most 150 ns"));
    }
    // One scope alone: keys without `jti`, `kid` and claims, of which only `sid` is known to the list.
    let (sub, client) = (Subject::parse("u").unwrap(), "web".to_owned());
    let client = signet_verifier::ClientId::parse(&client).unwrap();
    let single: Vec<ScopeKeys> = (ENTRIES..ENTRIES + 4_000)
        .map(|n| {
            let mut keys = sessions.keys(&sub, &client, ["api"], &serde_json::Map::new());
            sessions.with_session(&mut keys, SessionId::new(NOW, &random(n)));
            keys
        })
        .collect();
    let misses = || assert!(single.iter().all(|keys| sessions.denies(black_box(keys)).is_none()));
    let empty = Denylist::default();
    let nothing = || assert!(single.iter().all(|keys| empty.denies(black_box(keys)).is_none()));
    let [full, none] = in_turn(1000, 1, [&misses, &nothing]);
    let each = |time: f64| time / single.len() as f64;
    summary.push(line(
        "denylist: one sid probe, missing (check − empty list)",
        &format!("{:.0} − {:.0} = {:.0} ns", each(full), each(none), each(full) - each(none)),
        "",
    ));
}

/// A million entries over `jti`, `sid`, `sub`, `client_id`, `aud`, a claim and `all`, both effects where there are two.
fn spread_out() -> Denylist {
    let denylist = Denylist::new(vec!["tenant".into()]);
    for n in 0..ENTRIES / 8 {
        let text = format!("other-{n}");
        for (scope, effect) in [
            (Scope::Jti(TokenId::new(NOW, &random(n))), Effect::Logout),
            (Scope::Sid(SessionId::new(NOW, &random(n))), Effect::Logout),
            (Scope::Sid(SessionId::new(NOW, &random(n))), Effect::Refresh),
            (Scope::Sub(Subject::parse(&text).unwrap()), Effect::Logout),
            (Scope::Sub(Subject::parse(&text).unwrap()), Effect::Refresh),
            (Scope::ClientId(signet_verifier::ClientId::parse(&text).unwrap()), Effect::Logout),
            (Scope::Aud(text.as_str().into()), Effect::Logout),
            (Scope::Claim { name: "tenant".into(), value: text.as_str().into() }, Effect::Refresh),
        ] {
            denylist.apply(&cutoff(scope, effect));
        }
    }
    denylist.apply(&cutoff(Scope::All, Effect::Logout));
    denylist.apply(&cutoff(Scope::Kid(KeyId::parse("stolen").unwrap()), Effect::Logout));
    denylist
}

fn cutoff(scope: Scope, effect: Effect) -> Cutoff {
    // A second older than the tokens: `all` matches them and does not deny them.
    let (issued_before, expires_at) =
        (NOW.before(Duration::from_secs(1)), NOW.after(Duration::from_mins(10)));
    let (made_at, reason, kept, claims) = (issued_before, None, None, BTreeMap::new());
    Cutoff { scope, effect, issued_before, made_at, expires_at, reason, kept, claims }
}

fn keys_of(denylist: &Denylist, signer: &Signer, token: &str) -> ScopeKeys {
    let verified = verifier(&[signer], Arc::default(), 0).verify_at(token, &expected(), NOW).unwrap();
    denylist.keys_of(verified.claims(), signer.jwk().kid())
}

/// Nanoseconds a call, the candidates sampled in turn so that the machine's moods hit all alike; of the samples the one
/// that a tenth is quicker than, which what else runs on the machine hardly touches.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn in_turn<const N: usize>(samples: usize, calls: u32, candidates: [&dyn Fn(); N]) -> [f64; N] {
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(samples));
    for _ in 0..samples {
        for (candidate, times) in candidates.iter().zip(&mut times) {
            let start = Instant::now();
            (0..calls).for_each(|_| candidate());
            times.push(start.elapsed().as_nanos() as f64 / f64::from(calls));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[samples / 10]
    })
}

/// Resident pages of this process (proc(5), statm), or 0 where there is no such file.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
