//! When which key does what: pure functions of timestamps and `now`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use signet_verifier::{Algorithm, KeyId, UnixMs};

use super::key_ring::KeyRing;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyUse {
    /// Signs access tokens; its public half is published.
    #[serde(rename = "sig")]
    Signing(Algorithm),
    /// Seals refresh tokens; never leaves.
    #[serde(rename = "seal")]
    Sealing,
}

/// The timestamps that decide a key's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTimes {
    /// When it was made (and published).
    pub created_at: UnixMs,
    /// From when it signs or seals.
    pub activates_at: UnixMs,
    /// From when it no longer does, though still published.
    pub retires_at: UnixMs,
    /// From when it is gone.
    pub expires_at: UnixMs,
    /// When it was said to be compromised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_at: Option<UnixMs>,
}

/// What a key does at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not yet used.
    Pending,
    /// Used.
    Active,
    /// Published, no longer used.
    Retiring,
    /// Gone.
    Retired,
    /// Gone at once.
    Compromised,
}

impl KeyTimes {
    /// The state at `now`.
    pub fn state(&self, _now: UnixMs) -> KeyState {
        todo!()
    }
}

/// How the ring is kept.
#[derive(Clone, Debug)]
pub struct SchedulePolicy {
    /// The algorithms that always have an active key and a standby; the first is the default.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long verifiers may cache the JWKS.
    pub jwks_max_age: Duration,
    /// The longest life of an access token, any client's.
    pub longest_access_ttl: Duration,
    /// The longest life of a refresh token: the absolute lifetime.
    pub longest_refresh_ttl: Duration,
    /// How far clocks may be apart.
    pub leeway: Duration,
}

/// A policy under which a good token could be refused; says the arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

impl SchedulePolicy {
    /// Refuses a policy that cannot hold.
    pub fn check(&self) -> Result<(), PolicyError> {
        todo!()
    }
}

/// One change to the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a key with these times.
    Create {
        /// What for.
        usage: KeyUse,
        /// Its times.
        times: KeyTimes,
    },
    /// Give a key other times.
    Reschedule {
        /// Which.
        kid: KeyId,
        /// Its new times.
        times: KeyTimes,
    },
    /// Forget a key that is gone.
    Remove {
        /// Which.
        kid: KeyId,
    },
}

/// What is to be done at `now`: nothing, most of the time.
pub fn due(_ring: &KeyRing, _policy: &SchedulePolicy, _now: UnixMs) -> Vec<Step> {
    todo!()
}
