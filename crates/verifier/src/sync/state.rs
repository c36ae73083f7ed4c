//! What is known now: shared by the tasks that learn and the calls that verify.
//!
//! The tasks hold it weakly and end when it goes; what they wait for is in [`Signals`], which they hold for good, and in
//! [`State::leaving`]. Writers (snapshot, events) take turns under one lock, which no reader ever takes: readers see
//! atomics and values that are swapped whole.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::counters::Tally;
use super::introspection::Introspects;
use super::policy::StalenessPolicy;
use crate::clock::{BootClock, Clock, UnixMs};
use crate::expected::AudienceRule;
use crate::feed::{Batch, Hello, Limits, Snapshot};
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

/// When a message came, on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Just before the request was sent that this answers; `None` for a later event of a stream.
    pub(super) sent: Option<Duration>,
    /// Just after it was read.
    pub(super) received: Duration,
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
    /// The wall clock moved against the boot clock.
    WallClock,
    /// The service has another configuration: claims are revocable that were not, or the reverse.
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

/// Shared by all clones of a verifier and, weakly, by its tasks.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) keys: Arc<CachedKeys>,
    pub(super) tally: Tally,
    pub(super) signals: Arc<Signals>,
    leaving: watch::Sender<bool>,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            keys: Arc::default(),
            tally: Tally::default(),
            signals: Arc::default(),
            leaving: watch::Sender::new(false),
        }
    }

    /// Who is asked where the policy is to introspect. Once, before the verifier is handed out.
    pub(super) fn introspects(&self, service: Arc<dyn Introspects>) {
        let _ = service;
        unimplemented!()
    }

    /// The boot clock now: for stamps.
    pub(super) fn boot_now(&self) -> Duration {
        self.settings.boot.elapsed()
    }

    /// The wall clock now.
    pub(super) fn wall_now(&self) -> UnixMs {
        self.settings.wall.now()
    }

    /// The limits in force; `None` before the first snapshot.
    pub(super) fn limits(&self) -> Option<Arc<Limits>> {
        unimplemented!()
    }

    /// Takes in a snapshot. From here on the verifier vouches, if it has keys.
    pub(super) fn load(&self, snapshot: &Snapshot, stamp: Stamp) {
        let _ = (snapshot, stamp);
        unimplemented!()
    }

    /// Takes in the answer 304 to a request for a snapshot: a connection begins as with [`State::load`], what is known stays.
    /// It makes no lost state good: that needs a snapshot in full.
    pub(super) fn revalidated(&self, as_of: UnixMs, server_time: UnixMs, stamp: Stamp) {
        let _ = (as_of, server_time, stamp);
        unimplemented!()
    }

    /// A stream has been opened; its `stamp` says when that was asked for. What was measured on the connection before is
    /// forgotten. `Err`: the state is lost, load a snapshot.
    pub(super) fn hello(&self, hello: &Hello, stamp: Stamp) -> Result<(), Why> {
        let _ = (hello, stamp);
        unimplemented!()
    }

    /// Takes in entries: in force when this returns. `Err`: they are, but the state is lost, load a snapshot.
    pub(super) fn apply(&self, batch: &Batch, stamp: Stamp) -> Result<(), Why> {
        let _ = (batch, stamp);
        unimplemented!()
    }

    /// Takes in a heartbeat. `Err`: the state is lost, load a snapshot.
    pub(super) fn beat(&self, as_of: UnixMs, server_time: UnixMs, stamp: Stamp) -> Result<(), Why> {
        let _ = (as_of, server_time, stamp);
        unimplemented!()
    }

    /// Vouches for nothing from here to the next snapshot.
    pub(super) fn lost(&self, why: Why) {
        let _ = why;
        unimplemented!()
    }

    /// To be called every second: forgets what has expired, looks at the clocks, says what is due.
    pub(super) fn tick(&self) -> Due {
        unimplemented!()
    }

    /// Asks for a fetch of the keys.
    pub(super) fn want_key(&self) {
        self.signals.key_wanted.notify_one();
    }

    /// To be called after every answer to [`Signals::key_wanted`], be it a fetched set, a failure or the refusal to fetch again
    /// so soon: those who wait for a key look again.
    pub(super) fn keys_changed(&self) {
        unimplemented!()
    }

    /// What tells a task to end: true once the verifier is being closed (the task then says goodbye to the service), an
    /// error of `changed` once the verifier is gone. [`State::close`] waits for every receiver to be dropped.
    pub(super) fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }

    /// Vouches for nothing any more and waits, a moment at most, for the tasks to end.
    pub(super) async fn close(&self) {
        unimplemented!()
    }
}
