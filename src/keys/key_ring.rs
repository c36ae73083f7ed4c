//! The ring: immutable, replaced whole.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet_verifier::{Algorithm, JwkSet, KeyId, KeySet, UnixMs};

use super::schedule::{KeyState, KeyTimes, KeyUse};
use super::sealing_key::{SealingKey, SealingKeyId};
use super::signing_key::SigningKey;

/// A key itself.
#[derive(Clone, Debug)]
pub enum KeyMaterial {
    /// Signs.
    Signing(Arc<SigningKey>),
    /// Seals.
    Sealing(Arc<SealingKey>),
}

impl KeyMaterial {
    /// Its name: a thumbprint, or the base64url of a [`SealingKeyId`].
    pub fn kid(&self) -> KeyId {
        match self {
            Self::Signing(key) => key.kid().clone(),
            Self::Sealing(key) => name_of_sealing_key(key.id()),
        }
    }
}

/// A key and its times.
#[derive(Clone, Debug)]
pub struct RingEntry {
    /// Its name: a thumbprint, or the base64url of a [`SealingKeyId`].
    pub kid: KeyId,
    /// Its times.
    pub times: KeyTimes,
    /// The key.
    pub material: KeyMaterial,
}

impl RingEntry {
    /// A key under its own name.
    pub fn new(material: KeyMaterial, times: KeyTimes) -> Self {
        Self { kid: material.kid(), times, material }
    }

    /// What it is for.
    pub fn usage(&self) -> KeyUse {
        match &self.material {
            KeyMaterial::Signing(key) => KeyUse::Signing(key.algorithm()),
            KeyMaterial::Sealing(_) => KeyUse::Sealing,
        }
    }

    fn signing(&self) -> Option<&Arc<SigningKey>> {
        match &self.material {
            KeyMaterial::Signing(key) => Some(key),
            KeyMaterial::Sealing(_) => None,
        }
    }

    fn sealing(&self) -> Option<&Arc<SealingKey>> {
        match &self.material {
            KeyMaterial::Signing(_) => None,
            KeyMaterial::Sealing(key) => Some(key),
        }
    }
}

/// All keys of a deployment.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    entries: Vec<RingEntry>,
}

impl KeyRing {
    /// A ring of these keys.
    pub fn new(mut entries: Vec<RingEntry>) -> Self {
        entries.sort_by(|a, b| {
            let age = |entry: &RingEntry| (entry.times.created_at, entry.times.activates_at);
            age(a).cmp(&age(b)).then_with(|| a.kid.cmp(&b.kid))
        });
        Self { entries }
    }

    /// All keys, oldest first, compromised and retired ones included while they are remembered.
    pub fn entries(&self) -> &[RingEntry] {
        &self.entries
    }

    /// The key of this name, whatever its state.
    pub fn entry(&self, kid: &KeyId) -> Option<&RingEntry> {
        self.entries.iter().find(|entry| entry.kid == *kid)
    }

    /// The key that signs with this algorithm at `now`.
    ///
    /// An algorithm that was added to a running deployment has no key yet that every verifier knows. Until it has, the
    /// active key of another algorithm stands in, so that nothing is signed with a key that somebody may not have seen.
    pub fn signer(&self, algorithm: Algorithm, now: UnixMs) -> Option<&Arc<SigningKey>> {
        let usage = KeyUse::Signing(algorithm);
        if let Some(entry) = self.active(usage, now) {
            return entry.signing();
        }
        let is_coming = self.of(usage).any(|entry| entry.times.state(now) == KeyState::Pending);
        let stand_in = || self.published(now).find(|entry| entry.times.state(now) == KeyState::Active);
        if is_coming { stand_in().and_then(RingEntry::signing) } else { None }
    }

    /// The key that sealed at `at`, if it is neither gone nor compromised at `now`: successors are made again with it.
    pub fn sealer_at(&self, at: UnixMs, now: UnixMs) -> Option<&Arc<SealingKey>> {
        let sealed_then = |times: &KeyTimes| {
            times.compromised_at.is_none()
                && times.activates_at <= at
                && at < times.retires_at
                && now < times.expires_at
        };
        let sealers = self.of(KeyUse::Sealing).filter(|entry| sealed_then(&entry.times));
        sealers.max_by_key(|entry| entry.times.activates_at).and_then(RingEntry::sealing)
    }

    /// The key of this name, if it is neither gone nor compromised at `now`.
    pub fn unsealer(&self, id: SealingKeyId, now: UnixMs) -> Option<&Arc<SealingKey>> {
        let usable = |times: &KeyTimes| match times.state(now) {
            KeyState::Pending | KeyState::Active | KeyState::Retiring => true,
            KeyState::Retired | KeyState::Compromised => false,
        };
        let mut keys = self.entries.iter().filter_map(|entry| entry.sealing().map(|key| (entry, key)));
        keys.find(|(entry, key)| key.id() == id && usable(&entry.times)).map(|(_, key)| key)
    }

    /// The public keys to publish at `now`: pending, active and retiring.
    pub fn jwks(&self, now: UnixMs) -> JwkSet {
        let public = self.published(now).filter_map(RingEntry::signing).map(|key| key.jwk().clone());
        JwkSet { keys: public.collect() }
    }

    /// The same keys, to verify with.
    pub fn verifying_keys(&self, now: UnixMs) -> KeySet {
        KeySet::new(self.published(now).filter_map(RingEntry::signing).map(|key| key.verifying_key().clone()))
    }

    /// The state of every key at `now`.
    pub fn states(&self, now: UnixMs) -> Vec<(KeyId, KeyState)> {
        self.entries.iter().map(|entry| (entry.kid.clone(), entry.times.state(now))).collect()
    }

    /// The next instant after `now` at which some key's state changes by itself; `None`: never.
    pub fn next_change(&self, now: UnixMs) -> Option<UnixMs> {
        self.entries.iter().flat_map(|entry| entry.times.changes()).filter(|at| *at > now).min()
    }

    /// The keys of one use, oldest first.
    pub(super) fn of(&self, usage: KeyUse) -> impl Iterator<Item = &RingEntry> {
        self.entries.iter().filter(move |entry| entry.usage() == usage)
    }

    /// The one key of this use that is used at `now`; of two, which the schedule does not make, the one activated last.
    pub(super) fn active(&self, usage: KeyUse, now: UnixMs) -> Option<&RingEntry> {
        let active = self.of(usage).filter(|entry| entry.times.state(now) == KeyState::Active);
        active.max_by_key(|entry| entry.times.activates_at)
    }

    /// This ring with one more key.
    pub(super) fn with(&self, entry: RingEntry) -> Self {
        let mut entries = self.entries.clone();
        entries.push(entry);
        Self::new(entries)
    }

    /// This ring with other times for one key.
    pub(super) fn rescheduled(&self, kid: &KeyId, times: KeyTimes) -> Self {
        let mut entries = self.entries.clone();
        for entry in entries.iter_mut().filter(|entry| entry.kid == *kid) {
            entry.times = times;
        }
        Self::new(entries)
    }

    /// This ring without one key.
    pub(super) fn without(&self, kid: &KeyId) -> Self {
        Self { entries: self.entries.iter().filter(|entry| entry.kid != *kid).cloned().collect() }
    }

    fn published(&self, now: UnixMs) -> impl Iterator<Item = &RingEntry> {
        self.entries.iter().filter(move |entry| match entry.times.state(now) {
            KeyState::Pending | KeyState::Active | KeyState::Retiring => entry.signing().is_some(),
            KeyState::Retired | KeyState::Compromised => false,
        })
    }
}

#[expect(clippy::expect_used, reason = "base64url of 8 bytes is 11 characters of KeyId's alphabet")]
fn name_of_sealing_key(id: SealingKeyId) -> KeyId {
    KeyId::parse(&URL_SAFE_NO_PAD.encode(id.0)).expect("base64url is a key id")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::*;

    fn at(secs: u64) -> UnixMs {
        UnixMs::from_secs(secs)
    }

    fn times(created: u64, activates: u64, retires: u64, expires: u64) -> KeyTimes {
        KeyTimes {
            created_at: at(created),
            activates_at: at(activates),
            retires_at: at(retires),
            expires_at: at(expires),
            compromised_at: None,
        }
    }

    fn signing(algorithm: Algorithm, times: KeyTimes) -> RingEntry {
        RingEntry::new(KeyMaterial::Signing(Arc::new(SigningKey::generate(algorithm).unwrap())), times)
    }

    fn sealing(secret: u8, times: KeyTimes) -> RingEntry {
        let key = SealingKey::from_bytes(Zeroizing::new([secret; 32]));
        RingEntry::new(KeyMaterial::Sealing(Arc::new(key)), times)
    }

    fn compromised(mut entry: RingEntry) -> RingEntry {
        entry.times.compromised_at = Some(entry.times.created_at.after(Duration::from_secs(1)));
        entry
    }

    #[test]
    fn pending_active_and_retiring_keys_are_published_and_only_those() {
        let key = signing(Algorithm::EdDsa, times(0, 10, 20, 30));
        let ring = KeyRing::new(vec![key.clone(), sealing(1, times(0, 10, 20, 30))]);
        for (now, signs, published) in
            [(0, 0, 1), (9, 0, 1), (10, 1, 1), (19, 1, 1), (20, 0, 1), (29, 0, 1), (30, 0, 0)]
        {
            assert_eq!(usize::from(ring.signer(Algorithm::EdDsa, at(now)).is_some()), signs, "{now}");
            assert_eq!(ring.jwks(at(now)).keys.len(), published, "{now}");
            assert_eq!(
                ring.verifying_keys(at(now)).find(key.kid.as_str()).is_some(),
                published == 1,
                "{now}"
            );
        }
        assert_eq!(KeyRing::new(vec![compromised(key)]).jwks(at(15)).keys, []);
    }

    #[test]
    fn the_key_that_sealed_then_is_found_until_it_is_gone_or_compromised() {
        let (first, second) = (sealing(1, times(0, 0, 10, 100)), sealing(2, times(0, 10, 20, 110)));
        let ring = KeyRing::new(vec![first.clone(), second.clone()]);
        let name = |then, now| ring.sealer_at(at(then), at(now)).map(|key| name_of_sealing_key(key.id()));
        assert_eq!(name(9, 50), Some(first.kid.clone()));
        assert_eq!(name(10, 50), Some(second.kid.clone()));
        assert_eq!(name(9, 100), None);
        assert_eq!(name(20, 50), None);
        let ring = KeyRing::new(vec![compromised(first), second]);
        assert!(ring.sealer_at(at(9), at(50)).is_none());
    }

    #[test]
    fn a_sealing_key_opens_until_it_is_gone_or_compromised() {
        let entry = sealing(1, times(0, 10, 20, 30));
        let id = entry.sealing().unwrap().id();
        let ring = KeyRing::new(vec![entry.clone()]);
        for (now, opens) in [(0, true), (29, true), (30, false)] {
            assert_eq!(ring.unsealer(id, at(now)).is_some(), opens, "{now}");
        }
        assert!(KeyRing::new(vec![compromised(entry)]).unsealer(id, at(15)).is_none());
    }

    #[test]
    fn another_algorithm_stands_in_only_while_a_key_is_coming() {
        let old = signing(Algorithm::Es256, times(0, 0, 50, 60));
        let new = signing(Algorithm::EdDsa, times(10, 20, 50, 60));
        let ring = KeyRing::new(vec![old.clone(), new.clone()]);
        assert_eq!(*ring.signer(Algorithm::EdDsa, at(15)).unwrap().kid(), old.kid);
        assert_eq!(*ring.signer(Algorithm::EdDsa, at(20)).unwrap().kid(), new.kid);
        assert!(ring.signer(Algorithm::Rs256, at(20)).is_none());
        assert!(ring.without(&old.kid).signer(Algorithm::EdDsa, at(15)).is_none());
    }

    #[test]
    fn the_next_change_is_the_nearest_time_ahead() {
        let ring = KeyRing::new(vec![sealing(1, times(0, 10, 20, 30)), sealing(2, times(0, 0, 25, 35))]);
        for (now, next) in [(0, 10), (9, 10), (10, 20), (20, 25), (25, 30)] {
            assert_eq!(ring.next_change(at(now)), Some(at(next)), "{now}");
        }
    }

    #[test]
    fn a_ring_prints_no_secret() {
        let key = signing(Algorithm::EdDsa, times(0, 10, 20, 30));
        let secret = key.signing().unwrap().pkcs8()[16..].to_vec();
        let shown = format!("{:?}", KeyRing::new(vec![key, sealing(7, times(0, 10, 20, 30))]));
        for secret in [secret.as_slice(), &[7; 32]] {
            let list = format!("{secret:?}");
            assert!(!shown.contains(list.trim_matches(['[', ']'])) && !shown.contains(&hex::encode(secret)));
        }
    }
}
