//! Who waits for a token to be denied: woken by the cutoffs that name it, and by no others.
//!
//! A watcher is registered under each key of its token, in shards of ordered maps, so that a cutoff finds the watchers of
//! its key without looking at the rest. Nothing is lost in between: a watcher leaves its waker first and looks at the
//! denylist then; a cutoff is in force first and looks for watchers then; and both go through the same locks, so one of the
//! two sees the other. The locks are held for a look-up each, and verification never takes one.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use arc_swap::ArcSwap;

use super::keys::{Key, ScopeKeys};
use super::tables::{SHARDS, shard_of};
use super::{Denylist, ScopeKind};
use crate::claims::Claims;
use crate::id::KeyId;

/// Denylists that follow each other: another set of revocable claims takes another denylist, and those who watch move on.
pub(crate) struct Succession {
    current: ArcSwap<Denylist>,
}

impl Succession {
    /// The first of them.
    pub(crate) fn new(first: Arc<Denylist>) -> Self {
        Self { current: ArcSwap::new(first) }
    }

    /// The one in force.
    pub(crate) fn current(&self) -> Arc<Denylist> {
        self.current.load_full()
    }

    /// Another takes over, filled already.
    pub(crate) fn succeed(&self, next: Arc<Denylist>) {
        self.current.swap(next).watchers.wake_all();
    }

    /// Resolves when a token is denied; says by what kind of cutoff.
    pub(crate) async fn denied(&self, claims: &Claims, kid: &KeyId) -> ScopeKind {
        loop {
            let denylist = self.current();
            let keys = denylist.keys_of(claims, kid);
            let watch = denylist.watchers.register(&keys);
            let denied = poll_fn(|context| {
                watch.slot.leave(context.waker());
                if let Some(by) = denylist.denies(&keys) {
                    return Poll::Ready(Some(by));
                }
                let replaced = !Arc::ptr_eq(&self.current.load(), &denylist);
                if replaced { Poll::Ready(None) } else { Poll::Pending }
            });
            if let Some(by) = denied.await {
                return by;
            }
        }
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Succession").finish_non_exhaustive()
    }
}

/// The watchers of one denylist.
#[derive(Default)]
pub(super) struct Watchers {
    shards: [Mutex<Shard>; SHARDS],
    next: AtomicU64,
}

/// By half a key (two values that share it wake each other's watchers, who look and wait on) and the watcher's number.
type Shard = BTreeMap<(u64, u64), Arc<Slot>>;

impl Watchers {
    /// Wakes those whose token has this key.
    pub(super) fn wake(&self, key: Key) {
        let woken: Vec<_> = {
            let shard = self.shard(key);
            shard.range((key.low, 0)..=(key.low, u64::MAX)).map(|(_, slot)| Arc::clone(slot)).collect()
        };
        for slot in woken {
            slot.wake();
        }
    }

    /// Wakes all.
    fn wake_all(&self) {
        for shard in &self.shards {
            let woken: Vec<_> = locked(shard).values().cloned().collect();
            for slot in woken {
                slot.wake();
            }
        }
    }

    fn register<'a>(&'a self, keys: &'a ScopeKeys) -> Watch<'a> {
        let watch = Watch {
            watchers: self,
            keys,
            number: self.next.fetch_add(1, Ordering::Relaxed),
            slot: Arc::default(),
        };
        for probe in keys.probes.iter() {
            self.shard(probe.key).insert((probe.key.low, watch.number), Arc::clone(&watch.slot));
        }
        watch
    }

    #[expect(clippy::indexing_slicing, reason = "`shard_of` is below SHARDS")]
    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        locked(&self.shards[shard_of(key)])
    }
}

/// One who waits; taken off the list when dropped.
struct Watch<'a> {
    watchers: &'a Watchers,
    keys: &'a ScopeKeys,
    number: u64,
    slot: Arc<Slot>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        for probe in self.keys.probes.iter() {
            self.watchers.shard(probe.key).remove(&(probe.key.low, self.number));
        }
    }
}

/// Where a watcher leaves its waker.
#[derive(Default)]
struct Slot(Mutex<Option<Waker>>);

impl Slot {
    fn leave(&self, waker: &Waker) {
        let mut slot = locked(&self.0);
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    fn wake(&self) {
        let waker = locked(&self.0).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Nothing that runs under these locks leaves anything half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
impl Denylist {
    /// How many keys somebody waits for.
    pub(crate) fn watched_keys(&self) -> usize {
        self.watchers.shards.iter().map(|shard| locked(shard).len()).sum()
    }
}
