//! `/v1/keys`: key administration.

pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod rotate;

use actix_web::web;
use serde::Serialize;
use signet_verifier::{ClientId, KeyId, UnixMs};
use utoipa::ToSchema;

use super::answer::rfc3339;
use super::error::ApiError;
use super::routes::RouteError;
use crate::keys::{KeyRing, KeyState, KeyUse, KeysError, RingEntry, Step};
use crate::telemetry::audit;

/// The key ring: public facts only.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({"keys": [{
    "kid": "Kp0Jc1m8mDqB5x1mFZz0mC8m0r0m6q0kz1m0n9bX2aE", "alg": "ES256", "use": "sig", "state": "active",
    "created_at": "2026-11-18T10:26:40.123Z", "activates_at": "2026-11-18T10:56:40.123Z",
    "retires_at": "2026-12-18T10:56:40.123Z", "expires_at": "2026-12-18T11:07:10.123Z"
}]})))]
pub(crate) struct KeyList {
    /// The keys, oldest first.
    keys: Vec<KeyEntry>,
}

/// A key and its times.
#[derive(Serialize, ToSchema)]
struct KeyEntry {
    /// Its name.
    kid: String,
    /// What it signs or seals with.
    alg: &'static str,
    /// `sig` or `seal`.
    #[serde(rename = "use")]
    #[schema(value_type = String, pattern = "^(sig|seal)$")]
    usage: &'static str,
    /// `pending`, `active`, `retiring`, `retired` or `compromised`.
    #[schema(value_type = String, pattern = "^(pending|active|retiring|retired|compromised)$")]
    state: KeyState,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// From when it is used.
    #[schema(format = DateTime)]
    activates_at: String,
    /// From when it is no longer used.
    #[schema(format = DateTime)]
    retires_at: String,
    /// From when it is gone.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl KeyList {
    /// The ring at an instant.
    fn at(ring: &KeyRing, now: UnixMs) -> Self {
        Self { keys: ring.entries().iter().map(|entry| KeyEntry::at(entry, now)).collect() }
    }
}

impl KeyEntry {
    fn at(entry: &RingEntry, now: UnixMs) -> Self {
        let (usage, alg) = match entry.usage() {
            KeyUse::Signing(algorithm) => ("sig", algorithm.name()),
            KeyUse::Sealing => ("seal", "A256GCM"),
        };
        Self {
            kid: entry.kid.to_string(),
            alg,
            usage,
            state: entry.times.state(now),
            created_at: rfc3339(entry.times.created_at),
            activates_at: rfc3339(entry.times.activates_at),
            retires_at: rfc3339(entry.times.retires_at),
            expires_at: rfc3339(entry.times.expires_at),
        }
    }
}

/// Puts what was asked for and what came of it into the audit trail.
fn record(client: &ClientId, key: Option<&KeyId>, what: &'static str, steps: &[Step]) {
    audit::asked_by(client).in_scope(|| {
        audit::key_changed(key, what);
        for step in steps {
            audit::key_changed(step.key(), step.name());
        }
    });
}

/// Runs a change of the ring, which writes files and may look for primes, beside the workers.
async fn change<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, KeysError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = web::block(change).await.map_err(|_| RouteError::Stopping)?;
    Ok(done?)
}
