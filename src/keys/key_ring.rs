//! The ring: immutable, replaced whole.

use std::sync::Arc;

use signet_verifier::{Algorithm, JwkSet, KeyId, KeySet, UnixMs};

use super::schedule::{KeyState, KeyTimes, KeyUse};
use super::sealing_key::{SealingKey, SealingKeyId};
use super::signing_key::SigningKey;

/// A key itself.
#[derive(Clone)]
pub enum KeyMaterial {
    /// Signs.
    Signing(Arc<SigningKey>),
    /// Seals.
    Sealing(Arc<SealingKey>),
}

/// A key and its times.
#[derive(Clone)]
pub struct RingEntry {
    /// Its name: a thumbprint, or the base64url of a [`SealingKeyId`].
    pub kid: KeyId,
    /// Its times.
    pub times: KeyTimes,
    /// The key.
    pub material: KeyMaterial,
}

impl RingEntry {
    /// What it is for.
    pub fn usage(&self) -> KeyUse {
        todo!()
    }
}

/// All keys of a deployment.
#[derive(Clone, Default)]
pub struct KeyRing {
    _entries: Vec<RingEntry>,
}

impl KeyRing {
    /// A ring of these keys.
    pub fn new(_entries: Vec<RingEntry>) -> Self {
        todo!()
    }

    /// All keys, oldest first, compromised and retired ones included while they are remembered.
    pub fn entries(&self) -> &[RingEntry] {
        todo!()
    }

    /// The key that signs with this algorithm at `now`.
    pub fn signer(&self, _algorithm: Algorithm, _now: UnixMs) -> Option<&Arc<SigningKey>> {
        todo!()
    }

    /// The key that sealed at `at`, if it is neither gone nor compromised at `now`: successors are made again with it.
    pub fn sealer_at(&self, _at: UnixMs, _now: UnixMs) -> Option<&Arc<SealingKey>> {
        todo!()
    }

    /// The key of this name, if it is neither gone nor compromised at `now`.
    pub fn unsealer(&self, _id: SealingKeyId, _now: UnixMs) -> Option<&Arc<SealingKey>> {
        todo!()
    }

    /// The public keys to publish at `now`: pending, active and retiring.
    pub fn jwks(&self, _now: UnixMs) -> JwkSet {
        todo!()
    }

    /// The same keys, to verify with.
    pub fn verifying_keys(&self, _now: UnixMs) -> KeySet {
        todo!()
    }

    /// The state of every key at `now`.
    pub fn states(&self, _now: UnixMs) -> Vec<(KeyId, KeyState)> {
        todo!()
    }
}
