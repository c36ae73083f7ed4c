//! The ring in service: read on every issue, changed by the schedule and by administrators.

use std::sync::Arc;

use signet_verifier::{Algorithm, KeyId, KeySource, UnixMs, VerifyingKey};

use super::directory::{Directory, DirectoryError};
use super::key_ring::{KeyRing, RingEntry};
use super::schedule::{PolicyError, SchedulePolicy, Step};
use super::signing_key::{SigningKey, SigningKeyError};
use crate::random::Random;

/// When a rotation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activate {
    /// The standby becomes active after the publish-ahead time.
    Scheduled,
    /// The standby, long published, becomes active at once.
    Now,
}

/// Why the ring could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// No key of that name.
    #[error("no key has this kid")]
    UnknownKey,
    /// The ring does not sign with this algorithm.
    #[error("{0} is not among the configured algorithms")]
    AlgorithmNotConfigured(Algorithm),
    /// The standby has not been published long enough for every verifier to know it.
    #[error("the standby has not been published for the publish-ahead time; it has at {ready_at}")]
    StandbyTooYoung {
        /// From when on it will do.
        ready_at: UnixMs,
    },
    /// The same key is in the ring already.
    #[error("this key is in the ring already")]
    Duplicate,
    /// The policy cannot hold.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The directory could not be written: nothing was changed.
    #[error("the key directory could not be written")]
    Directory(#[from] DirectoryError),
}

/// The JWKS as served: bytes and their strong entity tag.
#[derive(Debug)]
pub struct PublishedJwks {
    /// The JSON document.
    pub body: Vec<u8>,
    /// `ETag`, quotes included.
    pub etag: String,
}

/// The ring in service.
pub struct Keys {
    _todo: (),
}

impl Keys {
    /// Loads the ring, makes what is missing, and saves it before anything is signed.
    pub fn open(
        _directory: Directory,
        _policy: SchedulePolicy,
        _random: Arc<dyn Random>,
        _now: UnixMs,
    ) -> Result<Self, KeysError> {
        todo!()
    }

    /// The ring as it is now; cheap, never waits for a writer.
    pub fn ring(&self) -> Arc<KeyRing> {
        todo!()
    }

    /// The JWKS as it is now.
    pub fn jwks(&self) -> Arc<PublishedJwks> {
        todo!()
    }

    /// The policy.
    pub fn policy(&self) -> &SchedulePolicy {
        todo!()
    }

    /// Does what is due; the steps done, for the audit.
    pub fn tick(&self, _now: UnixMs) -> Result<Vec<Step>, KeysError> {
        todo!()
    }

    /// Rotates one algorithm, or all keys, sealing key included, where none is named.
    pub fn rotate(
        &self,
        _algorithm: Option<Algorithm>,
        _activate: Activate,
        _now: UnixMs,
    ) -> Result<Vec<Step>, KeysError> {
        todo!()
    }

    /// Takes a key out at once; its standby is promoted. Returns the entry as it now stands.
    pub fn compromise(&self, _kid: &KeyId, _now: UnixMs) -> Result<RingEntry, KeysError> {
        todo!()
    }

    /// Takes in a key made elsewhere as the next standby of its algorithm.
    pub fn import(&self, _key: SigningKey, _now: UnixMs) -> Result<RingEntry, KeysError> {
        todo!()
    }
}

impl KeySource for Keys {
    fn find(&self, _kid: &str) -> Option<Arc<VerifyingKey>> {
        todo!()
    }

    fn version(&self) -> u64 {
        todo!()
    }
}
