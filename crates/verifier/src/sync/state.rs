//! What is known now: shared by the tasks that learn and the calls that verify.
//!
//! The tasks hold it weakly and end when it goes; what they wait for is in [`Signals`], which they hold for good, and in
//! [`State::leaving`]. Writers (snapshot, events) take turns under one lock, which no reader ever takes: readers see
//! atomics and values that are swapped whole.

mod enforcing;
mod reading;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Notify, watch};

use super::counters::Tally;
pub(super) use super::freshness::Stamp;
use super::freshness::{BootNs, Offset};
use super::introspection::{Introspection, Introspects};
use super::knowledge::Knowledge;
use super::policy::StalenessPolicy;
use super::vouching::{MAX_WALL_STEP, Outlook, Vouching};
use crate::clock::{BootClock, Clock, UnixMs};
use crate::denylist::Succession;
use crate::expected::AudienceRule;
use crate::feed::{Batch, Hello, Snapshot};
use crate::id::IssuerUrl;
use crate::key_source::CachedKeys;

/// What the embedder asked for.
pub(super) struct Settings {
    pub(super) issuer: IssuerUrl,
    pub(super) audience: AudienceRule,
    /// `None`: what the issuer allows.
    pub(super) leeway: Option<Duration>,
    pub(super) policy: StalenessPolicy,
    /// How many tokens are remembered.
    pub(super) remembered: usize,
    pub(super) wall: Arc<dyn Clock>,
    pub(super) boot: Arc<dyn BootClock>,
}

/// Why the verifier vouches for nothing until the next snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The service said `reset`.
    Reset,
    /// Something of the feed could not be understood whole.
    Malformed,
    /// The service's stamps contradict each other: a clock of its was set.
    ServerClock,
    /// The service has another configuration: claims are revocable that were not, or the reverse,
    /// or more leeway is allowed.
    Limits,
}

/// What is to be done beside listening: the answer of [`State::tick`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// Open the stream anew with the last cursor: only the request that opens one tells how the service's clock lies to
    /// ours, and the last one was long ago. What is known stays good meanwhile.
    Stream,
    /// Load a snapshot (in full, without an ETag), then open the stream with its cursor.
    Snapshot,
}

/// What the tasks wait for, beside the network. Held by them for good, while they hold the [`State`] weakly.
#[derive(Default)]
pub(super) struct Signals {
    /// A token named a key that is not known: `notify_one`, so a fetch that is under way misses nothing.
    pub(super) key_wanted: Notify,
    /// The state is lost, and not because the follow task said so: a snapshot is needed.
    pub(super) resync: Notify,
}

/// Between two ticks that are further apart the machine slept, and timers did too.
const SLEPT: Duration = Duration::from_secs(3);
/// How long the tasks have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Shared by all clones of a verifier and, weakly, by its tasks.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) keys: Arc<CachedKeys>,
    pub(super) tally: Tally,
    pub(super) signals: Arc<Signals>,
    knowledge: ArcSwap<Knowledge>,
    succession: Arc<Succession>,
    vouching: Vouching,
    introspection: OnceLock<Introspection>,
    /// What went wrong last with the service, and has not gone well since.
    failure: ArcSwapOption<String>,
    /// Held by whoever learns; never by readers.
    learner: Mutex<Learner>,
    /// Timers are to look again.
    changed: Notify,
    keys_changed: Notify,
    leaving: watch::Sender<bool>,
}

/// What only writers need.
#[derive(Default)]
struct Learner {
    offset: Offset,
    last_tick: Duration,
}

/// How the verifier comes to know.
impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let keys = Arc::default();
        let (knowledge, succession) = Knowledge::before_all(&settings, &keys);
        Self {
            settings,
            keys,
            tally: Tally::default(),
            signals: Arc::default(),
            knowledge: ArcSwap::from_pointee(knowledge),
            succession,
            vouching: Vouching::default(),
            introspection: OnceLock::new(),
            failure: ArcSwapOption::empty(),
            learner: Mutex::default(),
            changed: Notify::new(),
            keys_changed: Notify::new(),
            leaving: watch::Sender::new(false),
        }
    }

    /// Who is asked where the policy is to introspect. Once, before the verifier is handed out.
    pub(super) fn introspects(&self, service: Arc<dyn Introspects>) {
        let _first_wins = self.introspection.set(Introspection::new(service));
    }

    /// Notes what went wrong, in words of ours, for [`State::failure`].
    pub(super) fn failed(&self, why: String) {
        self.failure.store(Some(Arc::new(why)));
    }

    /// What went wrong last; `None` once a stream is open again.
    pub(super) fn failure(&self) -> Option<Arc<String>> {
        self.failure.load_full()
    }

    /// Takes in a snapshot. From here on the verifier vouches, if it has keys.
    pub(super) fn load(&self, snapshot: &Snapshot, stamp: Stamp) {
        let mut learner = self.turn();
        let known = self.knowledge.load_full();
        if known.can_revoke_by(&snapshot.limits) {
            self.enforce(known.denylist(), &snapshot.entries);
            self.take_limits(&known, &snapshot.limits);
        } else {
            self.replace_denylist(&known, snapshot);
        }
        self.tally.snapshots.one();
        self.vouching.hear_clock(snapshot.server_time, stamp.received);
        let as_of = learner.begin(snapshot.as_of, snapshot.server_time, stamp);
        if !self.is_closed() {
            self.vouching.begin(as_of, self.now());
        }
        self.changed.notify_waiters();
    }

    /// Takes in the answer 304 to a request for a snapshot: a connection begins as with [`State::load`], what is known stays.
    /// It makes no lost state good: that needs a snapshot in full.
    pub(super) fn revalidated(&self, as_of: UnixMs, server_time: UnixMs, stamp: Stamp) {
        let mut learner = self.turn();
        self.vouching.hear_clock(server_time, stamp.received);
        if let Some(as_of) = learner.begin(as_of, server_time, stamp) {
            self.vouching.advance(as_of);
        }
    }

    /// A stream has been opened; its `stamp` says when that was asked for. What was measured on the connection before is
    /// forgotten. `Err`: the state is lost, load a snapshot.
    pub(super) fn hello(&self, hello: &Hello, stamp: Stamp) -> Result<(), Why> {
        let mut learner = self.turn();
        self.tally.connects.one();
        self.failure.store(None);
        // Its `as_of` is of no use yet: what comes after our cursor is still to come.
        let _not_caught_up = learner.begin(hello.as_of, hello.server_time, stamp);
        let known = self.knowledge.load_full();
        self.vouching.hear_clock(hello.server_time, stamp.received);
        if !known.can_revoke_by(&hello.limits) || known.forgets_too_soon_for(&hello.limits) {
            self.lose();
            return Err(Why::Limits);
        }
        if known.limits.is_some() {
            self.take_limits(&known, &hello.limits);
        }
        Ok(())
    }

    /// Takes in entries: in force when this returns. `Err`: they are, but the state is lost, load a snapshot.
    pub(super) fn apply(&self, batch: &Batch, stamp: Stamp) -> Result<(), Why> {
        let mut learner = self.turn();
        self.enforce(self.knowledge.load().denylist(), &batch.entries);
        self.observe(&mut learner, batch.as_of, batch.server_time, stamp)
    }

    /// Takes in a heartbeat. `Err`: the state is lost, load a snapshot.
    pub(super) fn beat(&self, as_of: UnixMs, server_time: UnixMs, stamp: Stamp) -> Result<(), Why> {
        self.observe(&mut self.turn(), Some(as_of), server_time, stamp)
    }

    /// Vouches for nothing from here to the next snapshot.
    pub(super) fn lost(&self, why: Why) {
        let _turn = self.turn();
        if why == Why::Malformed {
            self.tally.malformed.one();
        }
        self.lose();
    }

    /// To be called every second: forgets what has expired, looks at the clocks, says what is due.
    pub(super) fn tick(&self) -> Due {
        let mut learner = self.turn();
        let now = self.now();
        if now.boot.saturating_sub(learner.last_tick) > SLEPT {
            self.changed.notify_waiters();
        }
        learner.last_tick = now.boot;
        match self.vouching.outlook(now) {
            Outlook::Vouching(_) => {
                // The wall clock may be that far ahead, go back as far again, and nobody notices.
                self.knowledge.load().denylist().sweep(now.wall.before(2 * MAX_WALL_STEP));
                if learner.offset.is_worn(now.boot) { Due::Stream } else { Due::Nothing }
            }
            // By a clock that was set nothing is forgotten.
            Outlook::WallMoved => {
                self.lose();
                self.changed.notify_waiters();
                Due::Snapshot
            }
            Outlook::Lost => Due::Snapshot,
        }
    }

    /// Vouches for nothing any more and waits, a moment at most, for the tasks to end.
    pub(super) async fn close(&self) {
        {
            let _turn = self.turn();
            self.leaving.send_replace(true);
            self.vouching.give_up();
        }
        self.changed.notify_waiters();
        self.keys_changed.notify_waiters();
        let _said_or_not = tokio::time::timeout(GOODBYE, self.leaving.closed()).await;
    }

    fn turn(&self) -> MutexGuard<'_, Learner> {
        // A learner that panicked has measured, or has not.
        self.learner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn observe(
        &self,
        learner: &mut Learner,
        as_of: Option<UnixMs>,
        server_time: UnixMs,
        stamp: Stamp,
    ) -> Result<(), Why> {
        self.vouching.hear_clock(server_time, stamp.received);
        if learner.offset.observe(server_time, stamp).is_err() {
            self.lose();
            return Err(Why::ServerClock);
        }
        let as_of = as_of.and_then(|as_of| learner.offset.earliest(as_of, server_time, stamp.received));
        if let Some(as_of) = as_of {
            self.vouching.advance(as_of);
        }
        Ok(())
    }

    fn lose(&self) {
        if self.vouching.give_up() {
            self.tally.resyncs.one();
        }
    }
}

impl Learner {
    /// What a new connection's first message says of when its `as_of` was.
    fn begin(&mut self, as_of: UnixMs, server_time: UnixMs, stamp: Stamp) -> Option<BootNs> {
        self.offset = Offset::default();
        // There is nothing yet that it could contradict.
        self.offset.observe(server_time, stamp).ok()?;
        self.offset.earliest(as_of, server_time, stamp.received)
    }
}

#[cfg(test)]
mod tests;
