//! How the verifier's calls look at what is known, and how calls and tasks hear of each other.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::futures::Notified;
use tokio::sync::watch;

use super::State;
use crate::claims::Claims;
use crate::clock::UnixMs;
use crate::denylist::Succession;
use crate::feed::Limits;
use crate::sync::introspection::Unanswered;
use crate::sync::knowledge::Knowledge;
use crate::sync::vouching::{Instants, Outlook};

impl State {
    /// Both clocks now.
    pub(in crate::sync) fn now(&self) -> Instants {
        Instants { wall: self.wall_now(), boot: self.boot_now() }
    }

    /// The boot clock now: for stamps.
    pub(in crate::sync) fn boot_now(&self) -> Duration {
        self.settings.boot.elapsed()
    }

    /// The wall clock now.
    pub(in crate::sync) fn wall_now(&self) -> UnixMs {
        self.settings.wall.now()
    }

    /// By what tokens are judged: the wall clock, or the service's if it is ahead.
    pub(in crate::sync) fn token_time(&self, now: Instants) -> UnixMs {
        self.vouching.token_time(now)
    }

    /// What tokens are checked against.
    pub(in crate::sync) fn knowledge(&self) -> Guard<Arc<Knowledge>> {
        self.knowledge.load()
    }

    /// The limits in force; `None` before the first snapshot.
    pub(in crate::sync) fn limits(&self) -> Option<Arc<Limits>> {
        self.knowledge.load().limits.clone()
    }

    /// How far clocks may be apart.
    pub(in crate::sync) fn leeway(&self) -> Duration {
        self.knowledge.load().expected.leeway
    }

    /// How stale the verifier is; `None`: it needs a snapshot, and the follow task hears of it if that is news.
    pub(in crate::sync) fn staleness(&self, now: Instants) -> Option<Duration> {
        match self.vouching.outlook(now) {
            Outlook::Vouching(staleness) => Some(staleness),
            Outlook::Lost => None,
            Outlook::WallMoved => {
                if self.vouching.give_up_if_moved(now) {
                    self.tally.resyncs.one();
                    self.signals.resync.notify_one();
                    self.changed.notify_waiters();
                }
                None
            }
        }
    }

    /// How long ago everything was known, also when the state was lost since; `None`: never.
    pub(in crate::sync) fn since_heard(&self, now: Instants) -> Option<Duration> {
        self.vouching.since_heard(now.boot)
    }

    /// Whether there was ever a set of keys and a snapshot, and the verifier goes on.
    pub(in crate::sync) fn is_of_use(&self) -> bool {
        // A set is due at the beginning of time if, and only if, there was none ever.
        let has_keys = !self.keys.is_due(UnixMs::default());
        has_keys && self.knowledge.load().limits.is_some() && !self.is_closed()
    }

    /// How long ago a token was issued, by `jti` and the later of the clocks.
    pub(in crate::sync) fn age(&self, claims: &Claims, now: Instants) -> Duration {
        self.vouching.latest_wall(now).since(claims.jti.time())
    }

    /// The denylists that tokens may be taken back by.
    pub(in crate::sync) fn succession(&self) -> &Succession {
        &self.succession
    }

    /// Resolves when timers are to look again: a snapshot came, the machine slept, the verifier was closed.
    pub(in crate::sync) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Whether it was closed.
    pub(in crate::sync) fn is_closed(&self) -> bool {
        *self.leaving.borrow()
    }

    /// What tells a task to end: true once the verifier is being closed (the task then says goodbye to the service), an
    /// error of `changed` once the verifier is gone. [`State::close`] waits for every receiver to be dropped.
    pub(in crate::sync) fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }

    /// Asks for a fetch of the keys.
    pub(in crate::sync) fn want_key(&self) {
        self.signals.key_wanted.notify_one();
    }

    /// Resolves at the next [`State::keys_changed`].
    pub(in crate::sync) fn keys_will_change(&self) -> Notified<'_> {
        self.keys_changed.notified()
    }

    /// To be called after every answer to [`Signals::key_wanted`], be it a fetched set, a failure or the refusal to fetch again
    /// so soon: those who wait for a key look again.
    pub(in crate::sync) fn keys_changed(&self) {
        self.keys_changed.notify_waiters();
    }

    /// Asks the service about a token.
    pub(in crate::sync) async fn ask(&self, token: &str) -> Result<bool, Unanswered> {
        match self.introspection.get() {
            Some(service) => service.is_active(token, &*self.settings.boot, &self.tally).await,
            None => Err(Unanswered),
        }
    }

    #[cfg(test)]
    pub(in crate::sync) fn asks_nothing(&self) -> bool {
        self.introspection.get().is_none_or(crate::sync::introspection::Introspection::is_idle)
    }
}
