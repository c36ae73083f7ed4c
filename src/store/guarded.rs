//! A deadline and a breaker around an engine, so that a slow one is a lost one and callers do not queue up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signet_verifier::{Cutoff, SessionId, UnixMs};
use tokio::sync::Semaphore;
use tokio::time;

use super::breaker::Breaker;
use super::{Position, Store, StoreError, Swap, Tail};
use crate::session::register::Register;

/// The most calls under way at a time; one more is refused at once. Four full batches of the embedded engine's writer.
const IN_FLIGHT: usize = 1024;

/// An engine behind a deadline.
///
/// After a few calls in a row that were not answered, calls fail at once, and once a second one of them is let through
/// to find out. An engine that answers [`StoreError::Corrupt`] has answered.
pub struct GuardedStore {
    inner: Arc<dyn Store>,
    deadline: Duration,
    breaker: Breaker,
    in_flight: Semaphore,
}

impl GuardedStore {
    /// Every call answers within `deadline` or is `Unavailable`.
    pub fn new(inner: Arc<dyn Store>, deadline: Duration) -> Self {
        Self { inner, deadline, breaker: Breaker::new(), in_flight: Semaphore::new(IN_FLIGHT) }
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        // Our own limit says nothing about the engine, so the breaker does not hear of it.
        let _slot =
            self.in_flight.try_acquire().map_err(|full| StoreError::Unavailable(Some(Box::new(full))))?;
        let pass = self.breaker.pass().ok_or(StoreError::Unavailable(None))?;
        let outcome = time::timeout(self.deadline, call)
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(Some(Box::new(late)))));
        match outcome {
            Err(StoreError::Unavailable(_)) => pass.failed(),
            Ok(_) | Err(StoreError::Corrupt(_)) => pass.succeeded(),
        }
        outcome
    }
}

#[async_trait]
impl Store for GuardedStore {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        self.guard(self.inner.load_register(sid)).await
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        self.guard(self.inner.swap_register(sid, seen, new, expires_at)).await
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        self.guard(self.inner.append(cutoffs)).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.guard(self.inner.head()).await
    }

    async fn snapshot(&self, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        self.guard(self.inner.snapshot(now)).await
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.guard(self.inner.tail(after, limit)).await
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.guard(self.inner.sweep(now)).await
    }
}
