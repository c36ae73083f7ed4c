//! Small values that the tests speak of by number.

use std::collections::BTreeMap;

use signet::session::register::{Presented, Register};
use signet::store::{Position, Store, Tail};
use signet_verifier::{Cutoff, CutoffKey, Effect, Patch, Scope, SessionId, Subject, UnixMs};

/// Registers are kept to the full hour, so tests of their expiry count in hours.
pub(crate) const HOUR: u64 = 3_600_000;

pub(crate) fn at(millis: u64) -> UnixMs {
    UnixMs::from_millis(millis)
}

pub(crate) fn session(n: u8) -> SessionId {
    SessionId::new(at(1_795_000_000_000), &[n; 10])
}

pub(crate) fn register(generation: u32) -> Register {
    let current = Presented { generation, id: [1; 16], parent: [2; 16], minted: at(1_795_000_000_000) };
    Register { current, at: current.minted, since: current.minted, remints: 0, contested: 0, noisy: false }
}

pub(crate) fn subject(name: &str) -> Scope {
    Scope::Sub(Subject::parse(name).unwrap())
}

/// A logout of subject `n` that lives until `expires_at`.
pub(crate) fn logout(n: usize, issued_before: u64, expires_at: u64) -> Cutoff {
    cutoff(subject(&format!("user-{n}")), issued_before, expires_at)
}

pub(crate) fn cutoff(scope: Scope, issued_before: u64, expires_at: u64) -> Cutoff {
    Cutoff {
        scope,
        effect: Effect::Logout,
        issued_before: at(issued_before),
        made_at: UnixMs::default(),
        expires_at: at(expires_at),
        reason: None,
        kept: None,
        claims: BTreeMap::new(),
    }
}

pub(crate) fn patch(millis: u64, value: impl Into<serde_json::Value>) -> Patch {
    Patch { at: at(millis), value: value.into() }
}

/// What these cutoffs come to, by the algebra itself.
pub(crate) fn merged(cutoffs: impl IntoIterator<Item = Cutoff>) -> BTreeMap<CutoffKey, Cutoff> {
    let mut merged = BTreeMap::<CutoffKey, Cutoff>::new();
    for cutoff in cutoffs {
        merged.entry(cutoff.key()).and_modify(|known| known.merge(&cutoff)).or_insert(cutoff);
    }
    merged
}

/// Everything after a position, read in pages.
pub(crate) async fn read_on(store: &dyn Store, mut after: Position, page: usize) -> Vec<(Position, Cutoff)> {
    let mut all = Vec::new();
    loop {
        let Tail::Entries(entries) = store.tail(&after, page).await.unwrap() else {
            panic!("a gap after {after}");
        };
        assert!(entries.len() <= page);
        let Some((last, _)) = entries.last() else { return all };
        after = *last;
        all.extend(entries);
    }
}
