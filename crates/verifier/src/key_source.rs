//! Where verifying keys come from. No I/O: a fetched set is handed in whole and swapped whole.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::UnixMs;
use crate::id::KeyId;
use crate::jwk::{JwkError, JwkSet};
use crate::jws::VerifyingKey;

/// Keys by `kid`.
pub trait KeySource: Send + Sync {
    /// The key of this name, if it is in the set.
    fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>>;

    /// A number that changes whenever the set does: verdicts remembered under another number are void.
    fn version(&self) -> u64;
}

/// An immutable set of keys.
#[derive(Debug, Default)]
pub struct KeySet(HashMap<KeyId, Arc<VerifyingKey>>);

impl KeySet {
    /// A set of these keys; of two with one `kid` the first.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let mut set = HashMap::new();
        for key in keys {
            set.entry(key.kid().clone()).or_insert_with(|| Arc::new(key));
        }
        Self(set)
    }

    /// The key of this name.
    pub fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.0.get(kid).cloned()
    }

    /// The names of all keys.
    pub fn kids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.keys()
    }
}

/// Keys that never change.
#[derive(Debug, Default)]
pub struct StaticKeys(KeySet);

impl StaticKeys {
    /// The usable keys of a JWK set.
    pub fn from_jwks(bytes: &[u8]) -> Result<Self, JwkError> {
        Ok(Self(KeySet::new(JwkSet::parse_usable(bytes)?)))
    }
}

impl KeySource for StaticKeys {
    fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.0.find(kid)
    }

    fn version(&self) -> u64 {
        0
    }
}

/// Keys fetched from elsewhere: says when a fetch is due, takes the bytes, swaps the set whole.
///
/// The caller fetches. When the issuer cannot be reached the last good set goes on being used.
#[derive(Debug)]
pub struct CachedKeys {
    keys: ArcSwap<KeySet>,
    version: AtomicU64,
    fresh_until: AtomicU64,
    /// Keys known to be compromised: never taken again, whatever a cache in between still serves.
    dropped: Mutex<HashSet<KeyId>>,
}

impl Default for CachedKeys {
    fn default() -> Self {
        Self {
            keys: ArcSwap::from_pointee(KeySet::default()),
            version: AtomicU64::new(0),
            fresh_until: AtomicU64::new(0),
            dropped: Mutex::default(),
        }
    }
}

impl CachedKeys {
    /// An empty set, a fetch due at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the set's `max-age` has passed.
    pub fn is_due(&self, now: UnixMs) -> bool {
        now.as_millis() >= self.fresh_until.load(Ordering::Acquire)
    }

    /// Takes a fetched set in place of the one before, good for `max_age` from `now`.
    pub fn accept(&self, bytes: &[u8], now: UnixMs, max_age: Duration) -> Result<(), JwkError> {
        let keys = JwkSet::parse_usable(bytes)?;
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        self.swap(KeySet::new(keys.into_iter().filter(|key| !dropped.contains(key.kid()))));
        self.fresh_until.store(now.after(max_age).as_millis(), Ordering::Release);
        Ok(())
    }

    /// Says that the fetched set is unchanged (304): good for another `max_age`.
    pub fn revalidate(&self, now: UnixMs, max_age: Duration) {
        self.fresh_until.store(now.after(max_age).as_millis(), Ordering::Release);
    }

    /// Takes a compromised key out for good.
    pub fn drop_key(&self, kid: &KeyId) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        if !dropped.insert(kid.clone()) {
            // Every snapshot says so again; a swap would void what is remembered.
            return;
        }
        let remaining: Vec<_> = self.keys.load().0.values().map(|key| VerifyingKey::clone(key)).collect();
        self.swap(KeySet::new(remaining.into_iter().filter(|key| !dropped.contains(key.kid()))));
    }

    /// The caller holds the lock on `dropped`, so that swaps do not overtake each other.
    fn swap(&self, keys: KeySet) {
        self.keys.store(Arc::new(keys));
        self.version.fetch_add(1, Ordering::AcqRel);
    }
}

impl KeySource for CachedKeys {
    fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.keys.load().find(kid)
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }
}
