//! The ring in service: read on every issue, changed by the schedule and by administrators.
//!
//! Readers load an immutable snapshot and never wait. Writers take turns: each drafts the next ring, saves it, and only
//! then swaps it in, so nothing is ever signed or sealed with a key that a crash could lose.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet_verifier::{Algorithm, KeyId, KeySet, KeySource, UnixMs, VerifyingKey};

use super::directory::{Directory, DirectoryError};
use super::key_ring::{KeyMaterial, KeyRing, RingEntry};
use super::schedule::{self, Activate, KeyUse, PolicyError, SchedulePolicy, Step};
use super::sealing_key::SealingKey;
use super::signing_key::{SigningKey, SigningKeyError};
use crate::crypto::digest;
use crate::random::Random;

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
    /// The directory could not be read or written: nothing was changed.
    #[error("the key directory could not be read or written")]
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
    policy: SchedulePolicy,
    random: Arc<dyn Random>,
    in_service: ArcSwap<InService>,
    /// Held while the ring is changed; readers do not need it.
    directory: Mutex<Directory>,
}

impl Keys {
    /// Loads the ring, makes what is missing, and saves it before anything is signed.
    pub fn open(
        directory: Directory,
        policy: SchedulePolicy,
        random: Arc<dyn Random>,
        now: UnixMs,
    ) -> Result<Self, KeysError> {
        policy.check()?;
        policy.algorithms.iter().try_for_each(|algorithm| SigningKey::can_generate(*algorithm))?;
        let stored = directory.load()?;
        let mut draft = Draft::of(stored.clone().unwrap_or_default(), &policy, &*random, now);
        draft.do_what_is_due()?;
        if stored.is_none() || !draft.steps.is_empty() {
            directory.save(&draft.ring, &*random)?;
        }
        let in_service = ArcSwap::from_pointee(InService::new(draft.ring, now, None));
        Ok(Self { policy, random, in_service, directory: Mutex::new(directory) })
    }

    /// The ring as it is now; cheap, never waits for a writer.
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.in_service.load().ring)
    }

    /// The JWKS as it is now.
    pub fn jwks(&self) -> Arc<PublishedJwks> {
        Arc::clone(&self.in_service.load().published.jwks)
    }

    /// The policy.
    pub fn policy(&self) -> &SchedulePolicy {
        &self.policy
    }

    /// Does what is due; the steps done, for the audit. Between two changes it only compares two times.
    pub fn tick(&self, now: UnixMs) -> Result<Vec<Step>, KeysError> {
        if self.in_service.load().is_quiet(now) {
            return Ok(Vec::new());
        }
        let directory = self.take_turn();
        let draft = self.draft(now)?;
        self.commit(&directory, draft)
    }

    /// Rotates one algorithm, or all keys, sealing key included, where none is named.
    pub fn rotate(
        &self,
        algorithm: Option<Algorithm>,
        activate: Activate,
        now: UnixMs,
    ) -> Result<Vec<Step>, KeysError> {
        let uses: Vec<KeyUse> = match algorithm {
            Some(algorithm) => vec![self.configured(algorithm)?],
            None => self.policy.uses().collect(),
        };
        let directory = self.take_turn();
        let mut draft = self.draft(now)?;
        for usage in uses {
            let steps = schedule::rotation(&draft.ring, &self.policy, usage, activate, now);
            draft.apply(steps.map_err(|young| KeysError::StandbyTooYoung { ready_at: young.ready_at })?)?;
        }
        draft.do_what_is_due()?;
        self.commit(&directory, draft)
    }

    /// Takes a key out at once; its standby is promoted. Returns the entry as it now stands.
    pub fn compromise(&self, kid: &KeyId, now: UnixMs) -> Result<RingEntry, KeysError> {
        let directory = self.take_turn();
        let mut draft = self.draft(now)?;
        let mut entry = draft.ring.entry(kid).cloned().ok_or(KeysError::UnknownKey)?;
        if entry.times.compromised_at.is_none() {
            entry.times.compromised_at = Some(now);
            draft.apply(vec![Step::Reschedule { kid: kid.clone(), times: entry.times }])?;
            if self.policy.uses().any(|usage| usage == entry.usage()) {
                draft.apply(schedule::promotion(&draft.ring, &self.policy, entry.usage(), now))?;
            }
            draft.do_what_is_due()?;
        }
        self.commit(&directory, draft)?;
        Ok(entry)
    }

    /// Takes in a key made elsewhere as the next standby of its algorithm.
    pub fn import(&self, key: SigningKey, now: UnixMs) -> Result<RingEntry, KeysError> {
        let usage = self.configured(key.algorithm())?;
        let directory = self.take_turn();
        let mut draft = self.draft(now)?;
        if draft.ring.entry(key.kid()).is_some() {
            return Err(KeysError::Duplicate);
        }
        let (times, steps) = schedule::arrival(&draft.ring, &self.policy, usage, now);
        let entry = RingEntry::new(KeyMaterial::Signing(Arc::new(key)), times);
        draft.apply(steps)?;
        draft.ring = draft.ring.with(entry.clone());
        draft.do_what_is_due()?;
        self.commit(&directory, draft)?;
        Ok(entry)
    }

    fn configured(&self, algorithm: Algorithm) -> Result<KeyUse, KeysError> {
        let known = self.policy.algorithms.contains(&algorithm);
        if known { Ok(KeyUse::Signing(algorithm)) } else { Err(KeysError::AlgorithmNotConfigured(algorithm)) }
    }

    /// A panic in another writer has changed nothing: the ring is swapped in one go at the end.
    fn take_turn(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next ring, with everything done that is due anyway. The caller has the turn.
    fn draft(&self, now: UnixMs) -> Result<Draft<'_>, KeysError> {
        let mut draft = Draft::of(KeyRing::clone(&self.ring()), &self.policy, &*self.random, now);
        draft.do_what_is_due()?;
        Ok(draft)
    }

    /// Saves, and only then swaps.
    fn commit(&self, directory: &Directory, draft: Draft<'_>) -> Result<Vec<Step>, KeysError> {
        let Draft { ring, steps, now, .. } = draft;
        let before = self.in_service.load_full();
        if !steps.is_empty() || ring.entries().len() != before.ring.entries().len() {
            directory.save(&ring, &*self.random)?;
        }
        self.in_service.store(Arc::new(InService::new(ring, now, Some(&before.published))));
        Ok(steps)
    }
}

impl KeySource for Keys {
    fn find(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.in_service.load().published.keys.find(kid)
    }

    fn version(&self) -> u64 {
        self.in_service.load().published.version
    }
}

/// What readers see; replaced whole.
struct InService {
    ring: Arc<KeyRing>,
    published: Arc<Published>,
    checked_at: UnixMs,
    next_change: Option<UnixMs>,
}

/// The published half: kept as it is while the document does not change.
struct Published {
    jwks: Arc<PublishedJwks>,
    keys: KeySet,
    version: u64,
}

impl InService {
    fn new(ring: KeyRing, now: UnixMs, before: Option<&Arc<Published>>) -> Self {
        let body = jwks_document(&ring, now);
        let published = match before {
            Some(before) if before.jwks.body == body => Arc::clone(before),
            _ => Arc::new(Published {
                keys: ring.verifying_keys(now),
                version: before.map_or(0, |before| before.version + 1),
                jwks: Arc::new(PublishedJwks { etag: entity_tag(&body), body }),
            }),
        };
        let next_change = ring.next_change(now);
        Self { ring: Arc::new(ring), published, checked_at: now, next_change }
    }

    /// Nothing changes by itself before `next_change`, unless the clock was set back.
    fn is_quiet(&self, now: UnixMs) -> bool {
        self.checked_at <= now && self.next_change.is_none_or(|at| now < at)
    }
}

/// The next ring in the making, and how it came about.
struct Draft<'a> {
    policy: &'a SchedulePolicy,
    random: &'a dyn Random,
    now: UnixMs,
    ring: KeyRing,
    steps: Vec<Step>,
}

impl<'a> Draft<'a> {
    fn of(ring: KeyRing, policy: &'a SchedulePolicy, random: &'a dyn Random, now: UnixMs) -> Self {
        Self { policy, random, now, ring, steps: Vec::new() }
    }

    fn do_what_is_due(&mut self) -> Result<(), KeysError> {
        self.apply(schedule::due(&self.ring, self.policy, self.now))
    }

    fn apply(&mut self, steps: Vec<Step>) -> Result<(), KeysError> {
        for step in steps {
            self.ring = match &step {
                Step::Create { usage, times } => {
                    let material = match usage {
                        KeyUse::Signing(algorithm) => {
                            KeyMaterial::Signing(Arc::new(SigningKey::generate(*algorithm)?))
                        }
                        KeyUse::Sealing => KeyMaterial::Sealing(Arc::new(SealingKey::generate(self.random))),
                    };
                    self.ring.with(RingEntry::new(material, *times))
                }
                Step::Reschedule { kid, times } => self.ring.rescheduled(kid, *times),
                Step::Remove { kid } => self.ring.without(kid),
            };
            self.steps.push(step);
        }
        Ok(())
    }
}

#[expect(clippy::expect_used, reason = "a JWK set is names and text")]
fn jwks_document(ring: &KeyRing, now: UnixMs) -> Vec<u8> {
    serde_json::to_vec(&ring.jwks(now)).expect("a JWK set is JSON")
}

/// A strong validator (RFC 9110 §8.8.1): a hash of the bytes.
fn entity_tag(body: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, body)))
}

#[cfg(test)]
mod tests;
