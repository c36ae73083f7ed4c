//! A circuit breaker: after a few failures in a row it refuses at once, and lets one caller a second find out whether
//! that is still right.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many failures in a row, and the engine counts as lost.
pub(super) const FAILURES: u32 = 5;

/// How long a lost engine is left alone before one caller tries it.
pub(super) const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The breaker.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Calls go through; so many of the last have failed.
    Closed { failures: u32 },
    /// Calls are refused until then.
    Open { until: Instant },
    /// One caller is finding out; the others are refused.
    Probing,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }

    /// Lets a call through, or `None`. What becomes of the call is told to the pass.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        let role = match *state {
            State::Closed { .. } => Role::Ordinary,
            State::Open { until } if Instant::now() >= until => Role::Probe,
            State::Open { .. } | State::Probing => return None,
        };
        if role == Role::Probe {
            *state = State::Probing;
        }
        Some(Pass { breaker: self, role })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one call.
#[must_use]
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Ordinary,
    Probe,
    /// It has been told; nothing is left to do.
    Told,
}

impl Pass<'_> {
    /// The engine answered.
    pub(super) fn succeeded(self) {
        self.tell(|_| State::Closed { failures: 0 });
    }

    /// The engine did not answer.
    pub(super) fn failed(self) {
        let open = State::Open { until: Instant::now() + PROBE_INTERVAL };
        self.tell(|failures| if failures < FAILURES { State::Closed { failures } } else { open });
    }

    /// `next` gives the state after so many failures; a probe that fails is the last of enough.
    fn tell(mut self, next: impl FnOnce(u32) -> State) {
        let mut state = self.breaker.state();
        match (self.role, *state) {
            (Role::Ordinary, State::Closed { failures }) => *state = next(failures + 1),
            (Role::Probe, _) => *state = next(FAILURES),
            // A call from before the breaker opened does not close it, nor keep it open: the probe decides.
            (Role::Ordinary, State::Open { .. } | State::Probing) | (Role::Told, _) => {}
        }
        drop(state);
        self.role = Role::Told;
    }
}

impl Drop for Pass<'_> {
    /// A probe whose caller went away has found out nothing: the next caller is the probe.
    fn drop(&mut self) {
        if self.role == Role::Probe {
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}
