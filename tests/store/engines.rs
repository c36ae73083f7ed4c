//! How each engine under test is made.

use std::sync::Arc;

use signet::random::SystemRandom;
use signet::store::{EmbeddedStore, Journal, MemoryStore, Store};
use tempfile::TempDir;

/// A fresh engine. What it keeps on disk goes with it.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) journal: Arc<dyn Journal>,
    _directory: Option<TempDir>,
}

/// Makes a fresh one.
pub(crate) type Open = fn() -> Opened;

pub(crate) fn memory() -> Opened {
    let store = Arc::new(MemoryStore::new([7; 8]));
    Opened { journal: store.clone(), store, _directory: None }
}

pub(crate) fn embedded() -> Opened {
    let directory = TempDir::new().unwrap();
    let store =
        Arc::new(EmbeddedStore::open(&directory.path().join("signet.redb"), &SystemRandom::new()).unwrap());
    Opened { journal: store.clone(), store, _directory: Some(directory) }
}
