//! What a task has in its hands: the service, the state (weakly: the task must not keep it alive), when to end, and whom to
//! tell how far it is.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::state::{Signals, State};
use super::transport::{Transport, TransportError};
use crate::feed::FeedError;

/// How far a task is: for [`super::Connect::start`], which waits for it.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// Nothing has come of it yet.
    Waiting,
    /// It failed, and will try again.
    Failed(TransportError),
    /// What it was to fetch is here.
    Done,
}

/// The verifier is gone, or is being closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// One task's ties.
pub(super) struct Link {
    state: Weak<State>,
    pub(super) transport: Arc<Transport>,
    pub(super) signals: Arc<Signals>,
    leaving: watch::Receiver<bool>,
    progress: watch::Sender<Progress>,
}

impl Link {
    /// The ties of a new task.
    pub(super) fn new(state: &Arc<State>, transport: &Arc<Transport>) -> Self {
        Self {
            state: Arc::downgrade(state),
            transport: Arc::clone(transport),
            signals: Arc::clone(&state.signals),
            leaving: state.leaving(),
            progress: watch::Sender::new(Progress::Waiting),
        }
    }

    /// Where to read how far the task is.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The state, for a moment: not to be held while waiting for anything.
    pub(super) fn state(&self) -> Result<Arc<State>, Ended> {
        self.state.upgrade().ok_or(Ended)
    }

    /// The boot clock.
    pub(super) fn boot_now(&self) -> Result<Duration, Ended> {
        Ok(self.state()?.boot_now())
    }

    /// What a task waits on, beside its work, to learn that it must end.
    pub(super) fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.clone()
    }

    /// Says that what was to be fetched is here.
    pub(super) fn done(&self) {
        self.progress.send_replace(Progress::Done);
    }

    /// Counts a failure and tells of it.
    pub(super) fn failed(&self, error: TransportError) -> Result<(), Ended> {
        let state = self.state()?;
        match &error {
            TransportError::Unreachable(_) | TransportError::Refused(_) | TransportError::Status(_) => {
                state.tally.failed_requests.one();
            }
            TransportError::Malformed(_)
            | TransportError::Issuer(_)
            | TransportError::TooLarge
            | TransportError::Feed(FeedError::Malformed | FeedError::Version(_) | FeedError::TooLarge) => {
                state.tally.malformed.one();
            }
        }
        state.failed(error.to_string());
        self.progress.send_if_modified(|progress| {
            let waited_for = !matches!(progress, Progress::Done);
            if waited_for {
                *progress = Progress::Failed(error);
            }
            waited_for
        });
        Ok(())
    }
}

/// Resolves when the verifier is being closed, or is gone.
pub(super) async fn ended(leaving: &mut watch::Receiver<bool>) -> Ended {
    // An error: the sender is gone, and with it the verifier.
    let _ = leaving.wait_for(|leaving| *leaving).await;
    Ended
}
