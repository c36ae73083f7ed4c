//! The laws, each against a fresh engine.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use signet::session::register::Register;
use signet::store::{Position, Store, Swap, Tail};
use signet_verifier::{ClientId, Cutoff, Effect, KeyId, Scope, SessionId, TokenId};
use tokio::task::JoinSet;

use crate::engines::Open;
use crate::fixtures::{HOUR, at, cutoff, logout, merged, patch, read_on, register, session, subject};

// Registers (law 1)

pub(crate) async fn a_register_is_what_was_swapped_in_last(open: Open) {
    let store = open().store;
    assert_eq!(store.load_register(session(1)).await.unwrap(), None);
    assert_eq!(swap(&store, 1, None, 1).await, Swap::Done);
    assert_eq!(swap(&store, 1, Some(1), 2).await, Swap::Done);
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(2)));
    assert_eq!(store.load_register(session(2)).await.unwrap(), None);
}

pub(crate) async fn a_swap_of_what_was_not_seen_loses_and_says_what_is_there(open: Open) {
    let store = open().store;
    assert_eq!(swap(&store, 1, Some(1), 2).await, Swap::Lost(None));
    assert_eq!(store.load_register(session(1)).await.unwrap(), None);
    assert_eq!(swap(&store, 1, None, 1).await, Swap::Done);
    assert_eq!(swap(&store, 1, None, 9).await, Swap::Lost(Some(register(1))));
    assert_eq!(swap(&store, 1, Some(2), 9).await, Swap::Lost(Some(register(1))));
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(1)));
}

pub(crate) async fn a_registers_expiry_never_moves_back(open: Open) {
    let store = open().store;
    let (long, short) = (at(100 * HOUR), at(HOUR));
    assert_eq!(store.swap_register(session(1), None, &register(1), long).await.unwrap(), Swap::Done);
    let second = store.swap_register(session(1), Some(&register(1)), &register(2), short).await;
    assert_eq!(second.unwrap(), Swap::Done);
    assert_eq!(store.sweep(at(99 * HOUR)).await.unwrap(), 0);
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(2)));
    assert_eq!(store.sweep(at(101 * HOUR)).await.unwrap(), 1);
    assert_eq!(store.load_register(session(1)).await.unwrap(), None);
}

pub(crate) async fn of_concurrent_swaps_exactly_one_wins(open: Open) {
    let engine = open();
    for round in 0..8 {
        let mut racers = JoinSet::new();
        for racer in 1..=64 {
            let store = engine.store.clone();
            racers.spawn(async move { (racer, swap(&store, round, None, racer).await) });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            racers.join_all().await.into_iter().partition(|(_, outcome)| *outcome == Swap::Done);
        let [(winner, _)] = won[..] else { panic!("{} racers won", won.len()) };
        assert_eq!(engine.store.load_register(session(round)).await.unwrap(), Some(register(winner)));
        assert!(lost.iter().all(|(_, outcome)| *outcome == Swap::Lost(Some(register(winner)))));
    }
}

pub(crate) async fn swaps_under_contention_lose_no_step(open: Open) {
    let engine = open();
    let mut walkers = JoinSet::new();
    for _ in 0..8 {
        let store = engine.store.clone();
        walkers.spawn(async move {
            for _ in 0..10 {
                step(&store).await;
            }
        });
    }
    walkers.join_all().await;
    assert_eq!(engine.store.load_register(session(1)).await.unwrap(), Some(register(80)));
}

// The log (laws 2 and 3)

pub(crate) async fn positions_grow_and_the_last_is_the_head(open: Open) {
    let store = open().store;
    let start = store.head().await.unwrap();
    assert_eq!(start, Position::start(start.epoch));
    let one = store.append(&[logout(1, 1, 100)]).await.unwrap();
    let three = store.append(&[logout(2, 1, 100), logout(3, 1, 100)]).await.unwrap();
    assert_eq!((one.seq, three.seq), (1, 3));
    assert_eq!((one.epoch, three.epoch), (start.epoch, start.epoch));
    assert_ne!(one.chain, three.chain);
    assert_eq!(store.head().await.unwrap(), three);
    assert_eq!(store.append(&[]).await.unwrap(), three);
}

pub(crate) async fn the_tail_gives_every_entry_once_and_in_order(open: Open) {
    let store = open().store;
    let start = store.head().await.unwrap();
    let cutoffs: Vec<_> = (0..20).map(|n| logout(n % 7, n as u64, 100)).collect();
    for some in cutoffs.chunks(3) {
        store.append(some).await.unwrap();
    }
    for page in [1, 3, 7, 20, 100] {
        let read = read_on(&*store, start, page).await;
        assert!(read.iter().map(|(_, cutoff)| cutoff).eq(&cutoffs), "in pages of {page}");
        assert!(read.iter().map(|(position, _)| position.seq).eq(1..=20));
        assert_eq!(read.last().unwrap().0, store.head().await.unwrap());
    }
    let Tail::Entries(first) = store.tail(&start, 5).await.unwrap() else { panic!("a gap at the start") };
    let rest = read_on(&*store, first[4].0, 100).await;
    assert!(rest.iter().map(|(_, cutoff)| cutoff).eq(&cutoffs[5..]));
}

pub(crate) async fn concurrent_appends_are_all_in_the_log_once(open: Open) {
    let engine = open();
    let start = engine.store.head().await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = engine.store.clone();
        writers.spawn(async move {
            let mut positions = Vec::new();
            for n in 0..10 {
                let position = store.append(&[logout(writer * 10 + n, 1, 100)]).await.unwrap();
                positions.push((writer * 10 + n, position));
            }
            positions
        });
    }
    let mut told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    told.sort_by_key(|(_, position)| position.seq);
    let told: Vec<_> = told.into_iter().map(|(n, position)| (position, logout(n, 1, 100))).collect();
    assert_eq!(read_on(&*engine.store, start, 16).await, told);
}

pub(crate) async fn a_position_of_another_log_is_a_gap(open: Open) {
    let store = open().store;
    for n in 0..4 {
        store.append(&[logout(n, 1, 100)]).await.unwrap();
    }
    let start = Position::start(store.head().await.unwrap().epoch);
    let entries = read_on(&*store, start, 10).await;
    for good in entries.iter().map(|(position, _)| *position).chain([start]) {
        assert!(matches!(store.tail(&good, 10).await.unwrap(), Tail::Entries(_)));
        let mut other_chain = good.chain;
        other_chain[15] ^= 1;
        for bad in [
            Position { epoch: [0xee; 8], ..good },
            Position { chain: other_chain, ..good },
            Position { seq: good.seq + 4, ..good },
            Position { seq: good.seq + 1, ..good },
        ] {
            assert_eq!(store.tail(&bad, 10).await.unwrap(), Tail::Gap, "{bad:?}");
        }
    }
}

pub(crate) async fn a_position_before_what_was_swept_is_a_gap(open: Open) {
    let store = open().store;
    let start = store.head().await.unwrap();
    let one = store.append(&[logout(1, 1, 10)]).await.unwrap();
    let two = store.append(&[logout(2, 1, 10)]).await.unwrap();
    store.append(&[logout(3, 1, 20)]).await.unwrap();
    store.sweep(at(10)).await.unwrap();
    assert_eq!(store.tail(&start, 10).await.unwrap(), Tail::Gap);
    assert_eq!(store.tail(&one, 10).await.unwrap(), Tail::Gap);
    let rest = read_on(&*store, two, 10).await;
    assert!(rest.iter().map(|(_, cutoff)| cutoff).eq([&logout(3, 1, 20)]));
}

pub(crate) async fn a_log_that_was_swept_empty_keeps_its_place(open: Open) {
    let store = open().store;
    let start = store.head().await.unwrap();
    let head = store.append(&[logout(1, 1, 10), logout(2, 1, 10)]).await.unwrap();
    store.sweep(at(10)).await.unwrap();
    assert_eq!(store.head().await.unwrap(), head);
    assert_eq!(store.tail(&head, 10).await.unwrap(), Tail::Entries(vec![]));
    assert_eq!(store.tail(&start, 10).await.unwrap(), Tail::Gap);
    assert_eq!(store.append(&[logout(3, 1, 30)]).await.unwrap().seq, 3);
    assert_eq!(read_on(&*store, head, 10).await.len(), 1);
}

// The merged view (law 4)

pub(crate) async fn a_snapshot_merges_what_lives(open: Open) {
    let store = open().store;
    let refresh = Cutoff { effect: Effect::Refresh, ..logout(1, 7, 30) };
    let cutoffs = [logout(1, 1, 20), logout(1, 5, 30), refresh, logout(2, 1, 10), logout(3, 1, 11)];
    let head = store.append(&cutoffs).await.unwrap();
    let (position, live) = store.snapshot(at(0), at(10)).await.unwrap();
    assert_eq!(position, head);
    assert_eq!(live.len(), 3, "one expires at the very instant");
    assert_eq!(merged(live), merged(cutoffs.into_iter().filter(|cutoff| cutoff.expires_at > at(10))));
}

pub(crate) async fn a_snapshot_and_the_tail_after_it_miss_nothing(open: Open) {
    let engine = open();
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = engine.store.clone();
        writers.spawn(async move {
            for n in 0..25 {
                store.append(&[logout(writer * 25 + n, 1, 100)]).await.unwrap();
            }
        });
    }
    let mut taken = Vec::new();
    while !writers.is_empty() {
        taken.push(engine.store.snapshot(at(0), at(1)).await.unwrap());
        while writers.try_join_next().is_some() {}
    }
    let everything = merged((0..100).map(|n| logout(n, 1, 100)));
    for (position, live) in taken {
        assert_eq!(live.len() as u64, position.seq, "whatever is not among them comes after the position");
        let later = read_on(&*engine.store, position, 16).await.into_iter().map(|(_, cutoff)| cutoff);
        assert_eq!(merged(live.into_iter().chain(later)), everything);
    }
}

pub(crate) async fn the_order_and_number_of_deliveries_do_not_matter(open: Open) {
    let runtime = tokio::runtime::Handle::current();
    let deliveries = prop::collection::vec(any_cutoff(), 1..12).prop_flat_map(|cutoffs| {
        let twice = [cutoffs.clone(), cutoffs.clone()].concat();
        (Just(cutoffs), Just(twice).prop_shuffle(), 1_usize..5)
    });
    let holds = move |(cutoffs, shuffled, page): (Vec<Cutoff>, Vec<Cutoff>, usize)| {
        let store = open().store;
        let (_, live) = runtime.block_on(async {
            for some in shuffled.chunks(page) {
                store.append(some).await.unwrap();
            }
            store.snapshot(at(0), at(0)).await.unwrap()
        });
        prop_assert_eq!(live.len(), merged(live.clone()).len(), "one cutoff a key");
        prop_assert_eq!(merged(live), merged(cutoffs));
        Ok(())
    };
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    let run = move || TestRunner::new(config).run(&deliveries, holds).unwrap();
    tokio::task::spawn_blocking(run).await.unwrap();
}

pub(crate) async fn a_snapshot_of_a_time_holds_what_was_made_or_denies_since_and_every_key(open: Open) {
    let store = open().store;
    let of = |who, made, before| Cutoff { made_at: at(made), ..logout(who, before, 1000) };
    let key = Cutoff { made_at: at(1), ..cutoff(Scope::Kid(KeyId::parse("k").unwrap()), 1, 1000) };
    let inside = [of(1, 50, 3), of(2, 3, 50), of(3, 70, 90), key];
    store.append(&inside).await.unwrap();
    store.append(&[of(4, 49, 49), of(5, 0, 0), of(6, 49, 3), of(7, 3, 49)]).await.unwrap();
    let (_, live) = store.snapshot(at(50), at(1)).await.unwrap();
    assert_eq!(live.len(), inside.len());
    assert_eq!(merged(live), merged(inside));
    assert_eq!(store.snapshot(at(0), at(1)).await.unwrap().1.len(), 8);
    assert_eq!(store.snapshot(at(91), at(1)).await.unwrap().1.len(), 1, "the key");
}

pub(crate) async fn a_snapshot_of_a_time_goes_by_the_merged_times(open: Open) {
    let runtime = tokio::runtime::Handle::current();
    let times = (0_u64..6, 0_u64..6, 0_u64..6);
    let cutoffs = prop::collection::vec((any_cutoff(), times, any::<bool>()), 1..16);
    let holds = move |(cutoffs, page, since, now): (Vec<_>, usize, u64, u64)| {
        let cutoffs: Vec<Cutoff> = cutoffs.into_iter().map(of_these_times).collect();
        let store = open().store;
        let live = runtime.block_on(async {
            for some in cutoffs.chunks(page) {
                store.append(some).await.unwrap();
            }
            store.sweep(at(now / 2)).await.unwrap();
            store.snapshot(at(since), at(now)).await.unwrap().1
        });
        let mut expected = merged(cutoffs);
        expected.retain(|_, cutoff| {
            let is_of_the_time = cutoff.made_at >= at(since) || cutoff.issued_before >= at(since);
            cutoff.expires_at > at(now) && (is_of_the_time || matches!(cutoff.scope, Scope::Kid(_)))
        });
        prop_assert_eq!(live.len(), expected.len(), "one cutoff a key");
        prop_assert_eq!(merged(live), expected);
        Ok(())
    };
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let run = move || TestRunner::new(config).run(&(cutoffs, 1_usize..5, 0_u64..8, 0_u64..8), holds).unwrap();
    tokio::task::spawn_blocking(run).await.unwrap();
}

// Changes (law 5)

pub(crate) async fn a_change_that_has_happened_is_not_waited_for(open: Open) {
    let store = open().store;
    let start = store.head().await.unwrap();
    let one = store.append(&[logout(1, 1, 100)]).await.unwrap();
    store.changed(&start).await;
    store.append(&[logout(2, 1, 100)]).await.unwrap();
    store.changed(&one).await;
    store.changed(&Position::start([0xee; 8])).await;
}

pub(crate) async fn a_wait_for_a_change_is_ended_by_an_append_and_by_nothing_else(open: Open) {
    let store = open().store;
    let head = store.append(&[logout(1, 1, 10)]).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.changed(&head).await }
    });
    swap(&store, 1, None, 1).await;
    store.append(&[]).await.unwrap();
    store.sweep(at(10)).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    store.append(&[logout(2, 1, 100)]).await.unwrap();
    waiting.await.unwrap();
}

pub(crate) async fn no_append_is_slept_through(open: Open) {
    const WRITERS: usize = 4;
    const EACH: usize = 50;
    let engine = open();
    let start = engine.store.head().await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let store = engine.store.clone();
        readers.spawn(async move {
            let mut seen = start;
            while seen.seq < (WRITERS * EACH) as u64 {
                // Asked right after the log was read to its end: an append in between must end the wait at once.
                store.changed(&seen).await;
                seen = read_on(&*store, seen, 16).await.last().map_or(seen, |(position, _)| *position);
            }
        });
    }
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = engine.store.clone();
        writers.spawn(async move {
            for n in 0..EACH {
                store.append(&[logout(writer * EACH + n, 1, 100)]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let all = tokio::time::timeout(std::time::Duration::from_mins(1), readers.join_all()).await;
    assert!(all.is_ok(), "a reader sleeps although the log has moved");
}

// Sweeping (law 6)

pub(crate) async fn a_sweep_keeps_what_expires_a_millisecond_later(open: Open) {
    let store = open().store;
    store.append(&[logout(1, 1, 10 * HOUR), logout(2, 1, 10 * HOUR + 1)]).await.unwrap();
    store.swap_register(session(1), None, &register(1), at(10 * HOUR)).await.unwrap();
    store.swap_register(session(2), None, &register(2), at(10 * HOUR + 1)).await.unwrap();

    assert_eq!(store.sweep(at(10 * HOUR - 1)).await.unwrap(), 0);
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(1)));
    assert_eq!(store.snapshot(at(0), at(0)).await.unwrap().1.len(), 2);

    assert!(store.sweep(at(10 * HOUR)).await.unwrap() > 0);
    assert_eq!(store.load_register(session(1)).await.unwrap(), None);
    assert_eq!(store.load_register(session(2)).await.unwrap(), Some(register(2)));
    assert_eq!(store.snapshot(at(0), at(0)).await.unwrap().1, [logout(2, 1, 10 * HOUR + 1)]);
}

pub(crate) async fn a_merged_cutoff_lives_as_long_as_its_longest_entry(open: Open) {
    let store = open().store;
    store.append(&[logout(1, 5, 10), logout(1, 3, 30), logout(1, 4, 20)]).await.unwrap();
    store.sweep(at(20)).await.unwrap();
    assert_eq!(store.snapshot(at(0), at(20)).await.unwrap().1, [logout(1, 5, 30)]);
    store.sweep(at(30)).await.unwrap();
    assert_eq!(store.snapshot(at(0), at(0)).await.unwrap().1, []);
}

pub(crate) async fn a_sweep_of_nothing_sweeps_nothing(open: Open) {
    let store = open().store;
    assert_eq!(store.sweep(at(u64::MAX / 2)).await.unwrap(), 0);
    let head = store.append(&[logout(1, 1, 100)]).await.unwrap();
    assert_eq!(store.sweep(at(99)).await.unwrap(), 0);
    assert_eq!(store.head().await.unwrap(), head);
}

pub(crate) async fn a_register_that_was_prolonged_is_not_swept_early(open: Open) {
    let store = open().store;
    store.swap_register(session(1), None, &register(1), at(10 * HOUR)).await.unwrap();
    store.swap_register(session(1), Some(&register(1)), &register(2), at(20 * HOUR)).await.unwrap();
    assert_eq!(store.sweep(at(15 * HOUR)).await.unwrap(), 0);
    assert_eq!(store.load_register(session(1)).await.unwrap(), Some(register(2)));
    assert_eq!(store.sweep(at(20 * HOUR)).await.unwrap(), 1);
    assert_eq!(store.load_register(session(1)).await.unwrap(), None);
}

// The journal

pub(crate) async fn matching_finds_the_cutoffs_of_every_kind_of_scope(open: Open) {
    let engine = open();
    let scopes = scopes_of_every_kind();
    for scope in &scopes {
        let refresh = Cutoff { effect: Effect::Refresh, ..cutoff(scope.clone(), 2, 100) };
        engine.store.append(&[cutoff(scope.clone(), 1, 100), refresh]).await.unwrap();
    }
    for scope in &scopes {
        let found = engine.journal.matching(std::slice::from_ref(scope)).unwrap();
        assert_eq!(found.len(), 2, "{scope:?}: both effects");
        assert!(found.iter().all(|cutoff| cutoff.scope == *scope), "{scope:?}");
    }
    assert_eq!(engine.journal.matching(&scopes).unwrap().len(), scopes.len() * 2);
    assert_eq!(
        engine.journal.matching(&[Scope::All, Scope::All]).unwrap().len(),
        2,
        "asked twice, found once"
    );
    assert_eq!(engine.journal.matching(&[subject("nobody")]).unwrap(), []);
    assert_eq!(engine.journal.matching(&[]).unwrap(), []);
    assert!(engine.journal.is_complete());
}

pub(crate) async fn matching_merges_patches_and_keeps_kept_ones_apart(open: Open) {
    let engine = open();
    let role = |millis, value: &str| Cutoff {
        effect: Effect::Refresh,
        claims: [("role".into(), patch(millis, value))].into(),
        ..logout(1, 1, 100)
    };
    let plan = Cutoff { claims: [("plan".into(), patch(4, 3))].into(), ..role(0, "") };
    let kept = |id| Cutoff { kept: Some([id; 16]), ..logout(1, 9, 100) };
    let cutoffs = [role(5, "admin"), role(3, "reader"), plan, kept(0), kept(0xff), logout(1, 2, 100)];
    for cutoff in &cutoffs {
        engine.store.append(std::slice::from_ref(cutoff)).await.unwrap();
    }
    let found = engine.journal.matching(&[subject("user-1")]).unwrap();
    assert_eq!(found.len(), 4, "a logout, two that kept a session each, and the patches");
    let patched = found.iter().find(|cutoff| cutoff.effect == Effect::Refresh).unwrap();
    assert_eq!(patched.claims["role"], patch(5, "admin"));
    assert_eq!(patched.claims["plan"], patch(4, 3));
    assert_eq!(merged(found), merged(cutoffs));
}

// What the laws are made of

async fn swap(store: &Arc<dyn Store>, sid: u8, seen: Option<u32>, new: u32) -> Swap {
    let seen = seen.map(register);
    store.swap_register(session(sid), seen.as_ref(), &register(new), at(HOUR)).await.unwrap()
}

/// Moves a register by one, however often somebody is faster.
async fn step(store: &Arc<dyn Store>) {
    let mut seen: Option<Register> = store.load_register(session(1)).await.unwrap();
    loop {
        let new = register(seen.map_or(1, |seen| seen.current.generation + 1));
        match store.swap_register(session(1), seen.as_ref(), &new, at(HOUR)).await.unwrap() {
            Swap::Done => return,
            Swap::Lost(now) => seen = now,
        }
    }
}

/// Every kind, some of them neighbours that a careless key would mix up.
fn scopes_of_every_kind() -> Vec<Scope> {
    let claim = |name: &str, value: &str| Scope::Claim { name: name.into(), value: value.into() };
    vec![
        Scope::Jti(TokenId::new(at(1), &[1; 10])),
        Scope::Sid(SessionId::new(at(1), &[1; 10])),
        subject("a"),
        subject("ab"),
        Scope::ClientId(ClientId::parse("a").unwrap()),
        Scope::Aud("a".into()),
        Scope::Kid(KeyId::parse("a").unwrap()),
        claim("a", "bc"),
        claim("ab", "c"),
        claim("sub", "a"),
        Scope::All,
    ]
}

/// The cutoff with these times, of a key if so.
fn of_these_times((cutoff, (made, before, expires), is_of_a_key): (Cutoff, (u64, u64, u64), bool)) -> Cutoff {
    let scope = if is_of_a_key { Scope::Kid(KeyId::parse("k").unwrap()) } else { cutoff.scope.clone() };
    Cutoff { scope, made_at: at(made), issued_before: at(before), expires_at: at(expires), ..cutoff }
}

fn any_cutoff() -> impl Strategy<Value = Cutoff> {
    let value =
        prop_oneof![Just(serde_json::Value::Null), (0..3).prop_map(Into::into), "[ab]".prop_map(Into::into)];
    let claims = prop::collection::btree_map("[xy]".prop_map(Into::into), (0_u64..3, value), 0..3);
    (0_usize..3, 0_u64..4, 1_u64..4, any::<bool>(), prop::option::of(0_u8..2), claims).prop_map(
        |(who, before, expires, is_refresh, kept, claims)| Cutoff {
            effect: if is_refresh { Effect::Refresh } else { Effect::Logout },
            kept: kept.map(|id| [id; 16]),
            claims: claims.into_iter().map(|(name, (at, value))| (name, patch(at, value))).collect(),
            ..logout(who, before, expires)
        },
    )
}
