//! Remembered tokens. PLACEHOLDER BODY, replaced in this branch: the signatures are the contract.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::verifier::CheckedToken;

pub(crate) struct TokenCache {
    capacity: usize,
    entries: Mutex<HashMap<[u8; 32], (u64, Arc<CheckedToken>)>>,
}

impl TokenCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default() }
    }

    pub(crate) fn get(&self, digest: &[u8; 32], version: u64) -> Option<Arc<CheckedToken>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(digest).filter(|(known, _)| *known == version).map(|(_, token)| Arc::clone(token))
    }

    pub(crate) fn insert(&self, digest: [u8; 32], version: u64, token: Arc<CheckedToken>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity {
            entries.clear();
        }
        entries.insert(digest, (version, token));
    }
}
