use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::test_runner::TestRng;
use serde_json::json;
use signet_verifier::{CachedKeys, Denylist, Expected, TokenId, Verifier, VerifyError};

use super::*;
use crate::keys::encryption_key::KeyEncryptionKey;
use crate::keys::schedule::KeyState;
use crate::keys::sealing_key::SealingKeyId;
use crate::random::SystemRandom;

const EDDSA: Algorithm = Algorithm::EdDsa;

fn policy() -> SchedulePolicy {
    SchedulePolicy {
        algorithms: vec![EDDSA],
        rotate_every: Duration::from_secs(40),
        publish_ahead: Duration::from_secs(12),
        jwks_max_age: Duration::from_secs(10),
        longest_access_ttl: Duration::from_secs(15),
        longest_refresh_ttl: Duration::from_mins(1),
        leeway: Duration::from_secs(2),
    }
}

fn directory(path: &Path) -> Directory {
    Directory::open(path, KeyEncryptionKey::from_base64(&STANDARD.encode([1; 32])).unwrap()).unwrap()
}

fn open_with(path: &Path, policy: SchedulePolicy, now: UnixMs) -> Result<Keys, KeysError> {
    Keys::open(directory(path), policy, Arc::new(SystemRandom::new()), now)
}

fn open(path: &Path, now: UnixMs) -> Keys {
    open_with(path, policy(), now).unwrap()
}

fn start() -> UnixMs {
    UnixMs::from_secs(1_000_000)
}

fn later(secs: u64) -> UnixMs {
    start().after(Duration::from_secs(secs))
}

fn states(keys: &Keys, usage: KeyUse, now: UnixMs) -> Vec<KeyState> {
    keys.ring().of(usage).map(|entry| entry.times.state(now)).collect()
}

fn signer(keys: &Keys, now: UnixMs) -> KeyId {
    keys.ring().signer(EDDSA, now).unwrap().kid().clone()
}

fn standby(keys: &Keys, usage: KeyUse, now: UnixMs) -> RingEntry {
    let ring = keys.ring();
    ring.of(usage).find(|entry| entry.times.state(now) == KeyState::Pending).unwrap().clone()
}

/// Everything about a ring that can be compared.
fn picture(keys: &Keys) -> String {
    let ring = keys.ring();
    let entries = ring.entries().iter().map(|entry| (&entry.kid, entry.usage(), entry.times));
    format!("{:#?}", entries.collect::<Vec<_>>())
}

/// What is in use and what is on disk after `change` failed to save.
fn unchanged_by(change: impl FnOnce(&Keys) -> bool) {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let file = temporary.path().join("ring.json");
    let (before, saved, jwks) = (picture(&keys), std::fs::read(&file).unwrap(), keys.jwks());
    // In the way of the temporary file, for root too.
    std::fs::create_dir(temporary.path().join("ring.json.tmp")).unwrap();
    assert!(change(&keys), "it was to fail for the directory");
    assert_eq!(picture(&keys), before);
    assert_eq!(std::fs::read(&file).unwrap(), saved);
    assert_eq!((&keys.jwks().etag, keys.version()), (&jwks.etag, 0));
    std::fs::remove_dir(temporary.path().join("ring.json.tmp")).unwrap();
    assert!(!keys.tick(later(41)).unwrap().is_empty(), "it goes on when the directory is well again");
}

#[test]
fn where_saving_fails_nothing_changes() {
    let failed = |error: KeysError| matches!(error, KeysError::Directory(_));
    unchanged_by(|keys| failed(keys.tick(later(40)).unwrap_err()));
    unchanged_by(|keys| failed(keys.rotate(None, Activate::Now, later(20)).unwrap_err()));
    unchanged_by(|keys| failed(keys.compromise(&signer(keys, start()), later(1)).unwrap_err()));
    unchanged_by(|keys| failed(keys.import(SigningKey::generate(EDDSA).unwrap(), later(1)).unwrap_err()));
}

#[test]
fn a_restart_gives_the_same_ring() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    keys.rotate(None, Activate::Now, later(20)).unwrap();
    keys.compromise(&signer(&keys, later(20)), later(35)).unwrap();
    let (ring, jwks, token) =
        (picture(&keys), keys.jwks(), keys.ring().signer(EDDSA, later(35)).unwrap().kid().clone());
    drop(keys);
    let keys = open(temporary.path(), later(35));
    assert_eq!((picture(&keys), &keys.jwks().etag, signer(&keys, later(35))), (ring, &jwks.etag, token));
}

#[test]
fn a_restart_after_a_long_sleep_signs_with_a_key_that_was_published() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let known: HashSet<KeyId> = keys.ring().verifying_keys(start()).kids().cloned().collect();
    drop(keys);
    for sleep in [45, 100, 1000, 1_000_000] {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(temporary.path().join("ring.json"), copy.path().join("ring.json")).unwrap();
        let keys = open(copy.path(), later(sleep));
        for awake in 0..12 {
            keys.tick(later(sleep + awake)).unwrap();
            assert!(known.contains(&signer(&keys, later(sleep + awake))), "slept {sleep}, awake {awake}");
        }
    }
}

#[test]
fn a_damaged_ring_is_not_opened_and_not_overwritten() {
    let temporary = tempfile::tempdir().unwrap();
    std::fs::write(temporary.path().join("ring.json"), "damaged").unwrap();
    let refused = open_with(temporary.path(), policy(), start()).map(|_| ()).unwrap_err();
    assert!(matches!(refused, KeysError::Directory(DirectoryError::Unreadable(_))));
    assert_eq!(std::fs::read(temporary.path().join("ring.json")).unwrap(), b"damaged");
}

#[test]
fn a_policy_that_cannot_hold_is_refused_before_anything_is_written() {
    let temporary = tempfile::tempdir().unwrap();
    let bad = SchedulePolicy { publish_ahead: Duration::from_secs(10), ..policy() };
    assert!(matches!(open_with(temporary.path(), bad, start()), Err(KeysError::Policy(_))));
    assert!(!temporary.path().join("ring.json").exists());
}

#[test]
fn what_the_backend_cannot_make_is_refused_at_start_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let rsa = SchedulePolicy { algorithms: vec![EDDSA, Algorithm::Rs256], ..policy() };
    let opened = open_with(temporary.path(), rsa, start()).map(|_| ());
    match SigningKey::can_generate(Algorithm::Rs256) {
        Ok(()) => opened.unwrap(),
        Err(_) => assert!(opened.unwrap_err().to_string().contains("RS256")),
    }
}

#[test]
fn ticks_between_changes_do_nothing_and_the_document_stays_the_same_bytes() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let (ring, jwks) = (keys.ring(), keys.jwks());
    for second in 0..40 {
        assert_eq!(keys.tick(later(second)).unwrap(), []);
    }
    assert!(Arc::ptr_eq(&ring, &keys.ring()) && Arc::ptr_eq(&jwks, &keys.jwks()));
    assert_eq!(keys.version(), 0);
    assert!(!keys.tick(later(40)).unwrap().is_empty());
    assert_ne!(keys.jwks().etag, jwks.etag);
    assert_eq!(keys.version(), 1);
}

#[test]
fn a_key_leaves_the_document_when_its_time_has_come_although_nothing_is_to_be_done() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let first = signer(&keys, start());
    keys.tick(later(40)).unwrap();
    let gone_at = 40 + 15 + 2 + 10 + 1;
    keys.tick(later(gone_at - 1)).unwrap();
    assert!(keys.find(first.as_str()).is_some());
    assert_eq!(keys.tick(later(gone_at)).unwrap(), []);
    assert!(keys.find(first.as_str()).is_none());
}

#[test]
fn a_sudden_rotation_needs_a_standby_that_is_known_and_says_when_it_is() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    for algorithm in [None, Some(EDDSA)] {
        let Err(KeysError::StandbyTooYoung { ready_at }) = keys.rotate(algorithm, Activate::Now, later(11))
        else {
            panic!("taken too young");
        };
        assert_eq!(ready_at, later(12));
    }
    let (signing, sealing) =
        (standby(&keys, KeyUse::Signing(EDDSA), later(12)), standby(&keys, KeyUse::Sealing, later(12)));
    keys.rotate(None, Activate::Now, later(12)).unwrap();
    assert_eq!(signer(&keys, later(12)), signing.kid);
    assert_ne!(keys.ring().active(KeyUse::Sealing, later(12)).unwrap().kid, sealing.kid);
    assert_eq!(keys.ring().active(KeyUse::Sealing, later(13)).unwrap().kid, sealing.kid);
    let refused = keys.rotate(Some(Algorithm::Ps256), Activate::Scheduled, later(12));
    assert!(matches!(refused, Err(KeysError::AlgorithmNotConfigured(Algorithm::Ps256))));
}

#[test]
fn one_algorithm_rotates_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let both = SchedulePolicy { algorithms: vec![Algorithm::Es256, EDDSA], ..policy() };
    let keys = open_with(temporary.path(), both, start()).unwrap();
    let others = |keys: &Keys| {
        let ring = keys.ring();
        let es256 = ring.signer(Algorithm::Es256, later(20)).unwrap().kid().clone();
        (es256, ring.active(KeyUse::Sealing, later(20)).unwrap().kid.clone())
    };
    let (before, others_before) = (signer(&keys, later(20)), others(&keys));
    keys.rotate(Some(EDDSA), Activate::Now, later(20)).unwrap();
    assert_ne!(signer(&keys, later(20)), before);
    assert_eq!(others(&keys), others_before);
}

#[test]
fn a_compromised_key_is_gone_at_once_and_another_signs() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let kid = signer(&keys, start());
    let entry = keys.compromise(&kid, later(1)).unwrap();
    assert_eq!((&entry.kid, entry.times.compromised_at), (&kid, Some(later(1))));
    assert!(keys.find(kid.as_str()).is_none());
    assert!(!String::from_utf8(keys.jwks().body.clone()).unwrap().contains(kid.as_str()));
    assert_ne!(signer(&keys, later(1)), kid);
    assert_eq!(keys.compromise(&kid, later(2)).unwrap().times, entry.times, "said twice");
    let expected = [KeyState::Compromised, KeyState::Active, KeyState::Pending];
    assert_eq!(states(&keys, KeyUse::Signing(EDDSA), later(1)), expected);
    let unknown = keys.compromise(&KeyId::parse("unknown").unwrap(), later(2));
    assert!(matches!(unknown, Err(KeysError::UnknownKey)));
}

#[test]
fn a_compromised_sealing_key_opens_nothing_any_more_and_another_seals() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let id = keys.ring().sealer_at(start(), start()).unwrap().id();
    let kid = keys.ring().active(KeyUse::Sealing, start()).unwrap().kid.clone();
    keys.compromise(&kid, later(1)).unwrap();
    let ring = keys.ring();
    assert!(ring.unsealer(id, later(1)).is_none() && ring.sealer_at(start(), later(1)).is_none());
    assert_ne!(ring.sealer_at(later(1), later(1)).unwrap().id(), id);
}

#[test]
fn an_imported_key_is_published_before_it_signs() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    let made_elsewhere =
        || SigningKey::from_pkcs8_pem(include_str!("../fixtures/ed25519.pem"), None).unwrap();
    let entry = keys.import(made_elsewhere(), later(35)).unwrap();
    assert_eq!(entry.times.activates_at, later(35 + 12));
    assert!(keys.find(entry.kid.as_str()).is_some());
    assert!(matches!(keys.import(made_elsewhere(), later(36)), Err(KeysError::Duplicate)));
    for second in 36..=47 {
        assert_ne!(signer(&keys, later(second - 1)), entry.kid);
        keys.tick(later(second)).unwrap();
    }
    assert_eq!(signer(&keys, later(47)), entry.kid);
    let es256 = SigningKey::generate(Algorithm::Es256).unwrap();
    let refused = keys.import(es256, later(47));
    assert!(matches!(refused, Err(KeysError::AlgorithmNotConfigured(Algorithm::Es256))));
}

#[test]
fn readers_see_whole_rings_while_writers_change_them() {
    let temporary = tempfile::tempdir().unwrap();
    let keys = open(temporary.path(), start());
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 1..20 {
                keys.rotate(None, Activate::Now, later(round * 14)).unwrap();
                keys.tick(later(round * 14 + 1)).unwrap();
            }
        });
        while !writer.is_finished() {
            let ring = keys.ring();
            let now = ring.entries().last().unwrap().times.created_at;
            let signer = ring.signer(EDDSA, now).expect("one key signs");
            assert!(ring.verifying_keys(now).find(signer.kid().as_str()).is_some());
        }
    });
}

/// A verifier that fetches when its copy's `max-age` has passed, and never before.
struct Follower {
    keys: Arc<CachedKeys>,
    verifier: Verifier,
}

impl Follower {
    fn new() -> Self {
        let keys = Arc::new(CachedKeys::new());
        let verifier = Verifier::new(Arc::clone(&keys) as Arc<dyn KeySource>, Arc::new(Denylist::default()));
        Self { keys, verifier }
    }

    fn verify(&self, token: &str, issuer: &Keys, now: UnixMs) -> Result<(), VerifyError> {
        if self.keys.is_due(now) {
            self.keys.accept(&issuer.jwks().body, now, issuer.policy().jwks_max_age).unwrap();
        }
        let mut expected = Expected::access_token("https://auth.example", "api").unwrap();
        expected.leeway = issuer.policy().leeway;
        self.verifier.verify_at(token, &expected, now).map(|_| ())
    }
}

struct Token {
    text: String,
    kid: KeyId,
    good_until: UnixMs,
}

struct Sealed {
    id: SealingKeyId,
    at: UnixMs,
}

/// An issuer that ticks every second, three verifiers, and everything that was issued and has not expired.
struct World {
    _temporary: tempfile::TempDir,
    keys: Keys,
    followers: [Follower; 3],
    tokens: Vec<Token>,
    sealed: Vec<Sealed>,
    signers: HashSet<KeyId>,
    lost_kids: HashSet<KeyId>,
    lost_ids: Vec<SealingKeyId>,
    now: UnixMs,
    rng: TestRng,
}

impl World {
    fn new(seed: [u8; 32]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self {
            keys: open(temporary.path(), start()),
            _temporary: temporary,
            followers: std::array::from_fn(|_| Follower::new()),
            tokens: Vec::new(),
            sealed: Vec::new(),
            signers: HashSet::new(),
            lost_kids: HashSet::new(),
            lost_ids: Vec::new(),
            now: start(),
            rng: TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &seed),
        }
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.rng.next_u32().is_multiple_of(chances)
    }

    fn pass_a_second(&mut self) {
        self.now = self.now.after(Duration::from_millis(900 + u64::from(self.rng.next_u32() % 200)));
        self.keys.tick(self.now).unwrap();
        if self.one_in(2) {
            self.issue();
        }
        self.check();
    }

    fn issue(&mut self) {
        let ring = self.keys.ring();
        let key = ring.signer(EDDSA, self.now).expect("one key signs");
        let (iat, life) = (self.now.as_secs(), 1 + u64::from(self.rng.next_u32() % 15));
        let payload = json!({
            "iss": "https://auth.example", "sub": "u", "aud": "api", "client_id": "c",
            "iat": iat, "exp": iat + life, "jti": TokenId::new(self.now, &[0; 10]),
        });
        let text = key.sign_access_token(payload.to_string().as_bytes()).unwrap();
        let good_until = UnixMs::from_secs(iat + life).after(self.keys.policy().leeway);
        self.signers.insert(key.kid().clone());
        self.tokens.push(Token { text, kid: key.kid().clone(), good_until });
        self.sealed.push(Sealed {
            id: ring.sealer_at(self.now, self.now).expect("one key seals").id(),
            at: self.now,
        });
    }

    /// No verifier refuses a token that has not expired, unless its key is lost; what was sealed opens.
    fn check(&mut self) {
        let (now, life) = (self.now, self.keys.policy().longest_refresh_ttl);
        self.tokens.retain(|token| now < token.good_until);
        self.sealed.retain(|sealed| now < sealed.at.after(life));
        for place in 0..self.followers.len() {
            if self.one_in(3) {
                continue;
            }
            for token in &self.tokens {
                let verdict = self.followers[place].verify(&token.text, &self.keys, now);
                if !self.lost_kids.contains(&token.kid) {
                    assert_eq!(verdict, Ok(()), "{} at {now}\n{}", token.kid, picture(&self.keys));
                } else if self.followers[place].keys.find(token.kid.as_str()).is_none() {
                    assert_eq!(verdict, Err(VerifyError::KeyUnknown));
                }
            }
        }
        let ring = self.keys.ring();
        for sealed in &self.sealed {
            let lost = self.lost_ids.contains(&sealed.id);
            let found = [ring.unsealer(sealed.id, now), ring.sealer_at(sealed.at, now)];
            for key in found.map(|key| key.map(|key| key.id())) {
                assert_eq!(key == Some(sealed.id), !lost, "at {now}\n{}", picture(&self.keys));
            }
        }
    }

    /// Takes out the keys in use, as the feed would tell two of the three verifiers.
    fn lose_the_keys_in_use(&mut self) {
        let ring = self.keys.ring();
        let signing = ring.signer(EDDSA, self.now).unwrap().kid().clone();
        let sealing = ring.active(KeyUse::Sealing, self.now).unwrap();
        self.lost_ids.extend(ring.sealer_at(self.now, self.now).map(|key| key.id()));
        self.keys.compromise(&signing, self.now).unwrap();
        self.keys.compromise(&sealing.kid, self.now).unwrap();
        for follower in &self.followers[..2] {
            follower.keys.drop_key(&signing);
        }
        self.lost_kids.insert(signing);
    }

    fn standbys_are_known(&self) -> bool {
        let known = |usage| {
            let created_at = standby(&self.keys, usage, self.now).times.created_at;
            self.now >= created_at.after(self.keys.policy().publish_ahead)
        };
        known(KeyUse::Signing(EDDSA)) && known(KeyUse::Sealing)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn no_good_token_is_refused_over_twenty_rotations(seed: [u8; 32]) {
        let mut world = World::new(seed);
        while world.signers.len() <= 20 {
            world.pass_a_second();
        }
    }

    #[test]
    fn no_good_token_is_refused_when_keys_are_rotated_at_any_moment(seed: [u8; 32]) {
        let mut world = World::new(seed);
        while world.signers.len() <= 20 {
            world.pass_a_second();
            let activate = if world.one_in(2) { Activate::Now } else { Activate::Scheduled };
            if world.one_in(10) {
                match world.keys.rotate(None, activate, world.now) {
                    Ok(_) => world.check(),
                    Err(KeysError::StandbyTooYoung { ready_at }) => prop_assert!(world.now < ready_at),
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }

    #[test]
    fn a_compromise_refuses_the_tokens_of_that_key_and_no_others(seed: [u8; 32]) {
        let mut world = World::new(seed);
        while world.signers.len() <= 20 {
            world.pass_a_second();
            if world.one_in(25) && world.standbys_are_known() {
                world.lose_the_keys_in_use();
                world.check();
            }
        }
        for kid in &world.lost_kids {
            prop_assert!(world.keys.find(kid.as_str()).is_none());
        }
    }
}
