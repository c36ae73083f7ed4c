//! What a verifier has been through, as numbers that only grow.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counted since the verifier was made. A metrics endpoint reads them as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Tokens believed within the bound, or on the service's word.
    pub accepted: u64,
    /// Tokens refused because a cutoff denies them, or because the service was asked and said no.
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

/// The counters while they count. What the state sees it counts itself; the tasks count `key_fetches` and the
/// `failed_requests` of theirs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    verdicts: [Verdicts; STRIPES],
    pub(super) introspected: Count,
    pub(super) connects: Count,
    pub(super) snapshots: Count,
    pub(super) resyncs: Count,
    pub(super) malformed: Count,
    pub(super) key_fetches: Count,
    pub(super) failed_requests: Count,
    pub(super) entries: Count,
}

/// What became of tokens, as one share of the threads saw it. Threads that verify at the same time would slow each other down
/// over one number; on lines of their own they do not.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Verdicts {
    pub(super) accepted: Count,
    pub(super) revoked: Count,
    pub(super) invalid: Count,
    pub(super) stale_refused: Count,
    pub(super) stale_accepted: Count,
}

const STRIPES: usize = 16;

impl Tally {
    /// Where this thread counts.
    pub(super) fn verdicts(&self) -> &Verdicts {
        #[expect(clippy::indexing_slicing, reason = "stripe numbers are below STRIPES")]
        &self.verdicts[STRIPE.with(|stripe| *stripe)]
    }

    /// All numbers now.
    pub(super) fn counters(&self) -> Counters {
        let sum = |count: fn(&Verdicts) -> &Count| self.verdicts.iter().map(|share| count(share).get()).sum();
        Counters {
            accepted: sum(|share| &share.accepted),
            revoked: sum(|share| &share.revoked),
            invalid: sum(|share| &share.invalid),
            stale_refused: sum(|share| &share.stale_refused),
            stale_accepted: sum(|share| &share.stale_accepted),
            introspected: self.introspected.get(),
            connects: self.connects.get(),
            snapshots: self.snapshots.get(),
            resyncs: self.resyncs.get(),
            malformed: self.malformed.get(),
            key_fetches: self.key_fetches.get(),
            failed_requests: self.failed_requests.get(),
            entries: self.entries.get(),
        }
    }
}

thread_local! {
    /// Which share of the threads this one belongs to: they are numbered as they come.
    static STRIPE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES
    };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_every_thread_counted_is_counted() {
        let tally = Tally::default();
        thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| (0..100).for_each(|_| tally.verdicts().accepted.one()));
            }
        });
        let expected = Counters { accepted: 2 * STRIPES as u64 * 100, ..Counters::default() };
        assert_eq!(tally.counters(), expected);
    }
}
