//! An engine that keeps everything in memory: the plainest reading of the laws, for tests and benches.

use async_trait::async_trait;
use signet_verifier::{Cutoff, Scope, SessionId, UnixMs};

use super::{Journal, Position, Store, StoreError, Swap, Tail};
use crate::session::register::Register;

/// The engine.
pub struct MemoryStore {
    _todo: (),
}

impl MemoryStore {
    /// An empty one.
    pub fn new(_epoch: [u8; 8]) -> Self {
        todo!()
    }
}

#[async_trait]
impl Store for MemoryStore {
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

impl Journal for MemoryStore {
    fn matching(&self, _scopes: &[Scope]) -> Result<Vec<Cutoff>, StoreError> {
        todo!()
    }

    fn is_complete(&self) -> bool {
        todo!()
    }
}
