//! Acknowledgements: sent beside the stream, so that the next event does not wait for them.
//!
//! One says that everything up to its cursor is in force, so only the latest matters: while one is under way, those that come
//! up are merged into one. One that fails is sent once more and then left; while somebody still waits, the next heartbeat asks
//! again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::feed::Acknowledgement;
use crate::sync::transport::{Transport, TransportError};

/// How long to wait before the second attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// What is to be acknowledged on one stream. When it goes, so does the task that sends.
pub(super) struct Acks(watch::Sender<Option<Acknowledgement>>);

impl Acks {
    /// Begins to send for a stream.
    pub(super) fn begin(transport: Arc<Transport>) -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(send_latest(transport, receiver));
        Self(sender)
    }

    /// Everything up to this is in force.
    pub(super) fn say(&self, what: Acknowledgement) {
        self.0.send_replace(Some(what));
    }
}

async fn send_latest(transport: Arc<Transport>, mut latest: watch::Receiver<Option<Acknowledgement>>) {
    while latest.changed().await.is_ok() {
        let said = latest.borrow_and_update().clone();
        let Some(said) = said else { continue };
        let first = transport.acknowledge(&said).await;
        if matches!(first, Err(TransportError::Unreachable(_) | TransportError::Status(_))) {
            tokio::time::sleep(PAUSE).await;
            // What failed twice is left: the next flagged event asks again.
            let _ = transport.acknowledge(&said).await;
        }
    }
}
