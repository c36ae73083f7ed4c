//! What a verifier has been through, as numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the verifier was made. A metrics endpoint reads them as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Tokens believed.
    pub accepted: u64,
    /// Tokens refused because a cutoff denies them.
    pub revoked: u64,
    /// Tokens refused for any other fault of theirs.
    pub invalid: u64,
    /// Answers `Stale`.
    pub stale_refused: u64,
    /// Tokens believed past the bound, because the policy says so.
    pub stale_accepted: u64,
    /// Questions put to the service.
    pub introspected: u64,
    /// Streams opened.
    pub connects: u64,
    /// Snapshots loaded.
    pub snapshots: u64,
    /// `reset` events, clock jumps and unreadable events: each is followed by a snapshot.
    pub resyncs: u64,
    /// Events and snapshots that could not be understood.
    pub malformed: u64,
    /// Key sets fetched, 304 included.
    pub key_fetches: u64,
    /// Requests to the service that failed.
    pub failed_requests: u64,
    /// Revocations applied.
    pub entries: u64,
}

/// One number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters while they count. What the state sees (snapshots loaded, streams opened, entries, resyncs, questions, verdicts)
/// it counts itself; the tasks count `malformed`, `key_fetches` and `failed_requests`.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) introspected: Count,
    pub(super) connects: Count,
    pub(super) snapshots: Count,
    pub(super) resyncs: Count,
    pub(super) malformed: Count,
    pub(super) key_fetches: Count,
    pub(super) failed_requests: Count,
    pub(super) entries: Count,
}
