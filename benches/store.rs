//! The embedded engine: what a refresh waits for (a register's swap), and what it reads (the cutoffs of its scopes).
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench fails by panicking")]

mod in_turn;
mod summary;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use signet::random::SystemRandom;
use signet::session::register::{Presented, Register};
use signet::store::{EmbeddedStore, Journal, Store, Swap};
use signet_verifier::{ClientId, Cutoff, Effect, KeyId, Scope, SessionId, Subject, TokenId, UnixMs};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::in_turn::{in_turn, timed};
use crate::summary::report;

const ENTRIES: u32 = 100_000;
const START: UnixMs = UnixMs::from_millis(1_795_000_000_000);

fn swaps(criterion: &mut Criterion) {
    let directory = TempDir::new().unwrap();
    let store = Arc::new(open(&directory));
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("swap_register");
    for callers in [1_u8, 64] {
        group.throughput(Throughput::Elements(callers.into()));
        group.bench_function(format!("{callers} callers"), |bencher| {
            bencher.iter(|| runtime.block_on(swap_once_each(&store, callers)));
        });
        let mut round = || timed(vec![()], |()| runtime.block_on(swap_once_each(&store, callers)));
        let [time] = in_turn(200, [&mut round]);
        let each = time / f64::from(callers) / 1000.0;
        report(
            &format!("store: a durable register swap, {callers} at once"),
            &format!("{each:.0} µs each"),
            "",
        );
    }
    group.finish();
}

fn matching(criterion: &mut Criterion) {
    let directory = TempDir::new().unwrap();
    let store = open(&directory);
    let runtime = Runtime::new().unwrap();
    for first in (0..ENTRIES).step_by(1000) {
        let cutoffs: Vec<_> = (first..first + 1000).map(|n| logout(Scope::Sid(session(n)))).collect();
        runtime.block_on(store.append(&cutoffs)).unwrap();
    }
    let mut group = criterion.benchmark_group("matching, 7 scopes, 100k entries");
    group.bench_function("miss", |bencher| {
        let scopes = scopes_of(session(ENTRIES));
        bencher.iter(|| store.matching(black_box(&scopes)).unwrap());
    });
    group.bench_function("hit", |bencher| {
        let scopes = scopes_of(session(ENTRIES / 2));
        assert_eq!(store.matching(&scopes).unwrap().len(), 1);
        bencher.iter(|| store.matching(black_box(&scopes)).unwrap());
    });
    group.finish();
    for (what, sid) in [("none found", session(ENTRIES)), ("one found", session(ENTRIES / 2))] {
        let scopes = scopes_of(sid);
        let mut look =
            || timed(vec![(); 32], |()| drop(black_box(store.matching(black_box(&scopes)).unwrap())));
        let [time] = in_turn(500, [&mut look]);
        let measured = format!("{:.2} µs", time / 1000.0);
        report(&format!("store: 7 scopes among 100,000 cutoffs, {what}"), &measured, "");
    }
}

async fn swap_once_each(store: &Arc<EmbeddedStore>, callers: u8) {
    let mut swaps = JoinSet::new();
    for caller in 0..callers {
        let store = store.clone();
        swaps.spawn(async move {
            let sid = session(caller.into());
            let seen = store.load_register(sid).await.unwrap();
            let new = register(seen.map_or(0, |seen| seen.current.generation + 1));
            let expires = START.after(Duration::from_hours(14 * 24));
            assert_eq!(store.swap_register(sid, seen.as_ref(), &new, expires).await.unwrap(), Swap::Done);
        });
    }
    swaps.join_all().await;
}

fn open(directory: &TempDir) -> EmbeddedStore {
    EmbeddedStore::open(&directory.path().join("signet.redb"), &SystemRandom::new()).unwrap()
}

fn session(n: u32) -> SessionId {
    let mut random = [0; 10];
    random[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    SessionId::new(START.after(Duration::from_millis(n.into())), &random)
}

fn register(generation: u32) -> Register {
    let current = Presented { generation, id: [1; 16], parent: [2; 16], minted: START };
    Register { current, at: START, since: START, remints: 0, contested: 0, noisy: false }
}

fn logout(scope: Scope) -> Cutoff {
    let expires_at = START.after(Duration::from_hours(14 * 24));
    let (reason, kept, claims) = (None, None, BTreeMap::new());
    Cutoff {
        scope,
        effect: Effect::Logout,
        issued_before: START,
        made_at: START,
        expires_at,
        reason,
        kept,
        claims,
    }
}

/// What a refresh asks for.
fn scopes_of(sid: SessionId) -> [Scope; 7] {
    [
        Scope::Jti(TokenId::new(START, &[1; 10])),
        Scope::Sid(sid),
        Scope::Sub(Subject::parse("user-1").unwrap()),
        Scope::ClientId(ClientId::parse("web").unwrap()),
        Scope::Aud("api".into()),
        Scope::Kid(KeyId::parse("key").unwrap()),
        Scope::All,
    ]
}

criterion_group!(benches, swaps, matching);
criterion_main!(benches);
