//! A deadline and a breaker around an engine, so that a slow one is a lost one and callers do not queue up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signet_verifier::{Cutoff, SessionId, UnixMs};

use super::{Position, Store, StoreError, Swap, Tail};
use crate::session::register::Register;

/// An engine behind a deadline.
pub struct GuardedStore {
    _inner: Arc<dyn Store>,
}

impl GuardedStore {
    /// Every call answers within `deadline` or is `Unavailable`.
    pub fn new(_inner: Arc<dyn Store>, _deadline: Duration) -> Self {
        todo!()
    }
}

#[async_trait]
impl Store for GuardedStore {
    async fn load_register(&self, _sid: SessionId) -> Result<Option<Register>, StoreError> {
        todo!()
    }

    async fn swap_register(
        &self,
        _sid: SessionId,
        _seen: Option<&Register>,
        _new: &Register,
        _expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        todo!()
    }

    async fn append(&self, _cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        todo!()
    }

    async fn head(&self) -> Result<Position, StoreError> {
        todo!()
    }

    async fn snapshot(&self, _now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        todo!()
    }

    async fn tail(&self, _after: &Position, _limit: usize) -> Result<Tail, StoreError> {
        todo!()
    }

    async fn sweep(&self, _now: UnixMs) -> Result<u64, StoreError> {
        todo!()
    }
}
