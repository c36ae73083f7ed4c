//! The embedded engine: one redb file, one writer thread that groups commits.

use std::path::Path;

use async_trait::async_trait;
use signet_verifier::{Cutoff, Scope, SessionId, UnixMs};

use super::{Journal, Position, Store, StoreError, Swap, Tail};
use crate::random::Random;
use crate::session::register::Register;

/// The embedded engine.
pub struct EmbeddedStore {
    _todo: (),
}

impl EmbeddedStore {
    /// Opens the file, or makes it and its directory. Everything that start-up writes is written when this returns.
    pub fn open(_path: &Path, _random: &dyn Random) -> Result<Self, StoreError> {
        todo!()
    }

    /// Finishes what was asked for and closes the file.
    pub fn close(&self) {
        todo!()
    }
}

#[async_trait]
impl Store for EmbeddedStore {
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

impl Journal for EmbeddedStore {
    fn matching(&self, _scopes: &[Scope]) -> Result<Vec<Cutoff>, StoreError> {
        todo!()
    }

    fn is_complete(&self) -> bool {
        todo!()
    }
}
