//! Refresh tokens over random sessions, and over a ring that turns.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::json;
use signet_verifier::{Algorithm, Denylist, Expected, Verifier};
use tempfile::TempDir;

use super::*;
use crate::keys::{Activate, Directory, KeyEncryptionKey, SchedulePolicy};
use crate::random::SystemRandom;

pub(crate) const NOW: UnixMs = UnixMs::from_secs(1_795_000_000);
const DAY: Duration = Duration::from_hours(24);

/// A new ring, made at [`NOW`]. The directory is gone when the guard is.
pub(crate) fn ring() -> (TempDir, Arc<Keys>) {
    let directory = tempfile::tempdir().unwrap();
    let kek = KeyEncryptionKey::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
    let policy = SchedulePolicy {
        algorithms: vec![Algorithm::EdDsa],
        rotate_every: 30 * DAY,
        publish_ahead: Duration::from_mins(30),
        jwks_max_age: Duration::from_mins(5),
        longest_access_ttl: Duration::from_mins(5),
        longest_refresh_ttl: 30 * DAY,
        leeway: Duration::from_secs(30),
    };
    let ring = Directory::open(directory.path(), kek).unwrap();
    (directory, Arc::new(Keys::open(ring, policy, Arc::new(SystemRandom::new()), NOW).unwrap()))
}

prop_compose! {
    fn session()(
        chance: [u8; 10], (generation, id, parent) in any::<(u32, [u8; 16], [u8; 16])>(),
        (minted, idle, absolute) in (0..1_000_000_u64, 1..9_999_u64, 1..9_999_u64),
        subject in "[a-z|: é]{1,40}", audience in prop::collection::btree_set("[a-z:/]{1,12}", 1..4),
        scope in prop::option::of("[a-z]{1,8}( [A-Z]{1,8})?"), amr in prop::option::of(prop::collection::vec("[a-z]{1,5}", 0..3)),
        acr in prop::option::of(".{0,20}"), auth_time in prop::option::of(0..4_000_000_000_u64), ttl in 1..99_999_u64,
        custom in prop::collection::btree_map("[a-z]{1,8}_", ".{0,30}", 0..4), bound: bool,
    ) -> SealedSession {
        let minted = NOW.after(Duration::from_millis(minted));
        SealedSession {
            sid: SessionId::new(minted, &chance),
            presented: Presented { generation, id, parent, minted },
            grant: Grant {
                subject: Subject::parse(&subject).unwrap(),
                client_id: ClientId::parse("app").unwrap(),
                audience: Audience::new(audience).unwrap(),
                scope: scope.map(|scope| ScopeTokens::parse(&scope).unwrap()),
                claims: CustomClaims::new(custom.into_iter().map(|(name, value)| (name, json!([value]))).collect()).unwrap(),
                auth_time: auth_time.map(|secs| NumericDate::from_ms(UnixMs::from_secs(secs))),
                amr,
                acr,
                access_ttl: Duration::from_secs(ttl),
            },
            binding: if bound { RefreshBinding::Client } else { RefreshBinding::Holder },
            claims_at: minted,
            idle_expires_at: minted.after(Duration::from_secs(idle)),
            absolute_expires_at: minted.after(Duration::from_secs(absolute)),
        }
    }
}

fn a_session() -> SealedSession {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    session().new_tree(&mut runner).unwrap().current()
}

proptest! {
    #[test]
    fn what_was_sealed_opens_as_it_was_and_is_sealed_to_the_same_text(session in session()) {
        let (_directory, keys) = ring();
        let sealer = TokenSealer::new(keys);
        let token = sealer.seal(&session, NOW).unwrap();
        prop_assert_eq!(&sealer.open(&token, NOW).unwrap(), &session);
        prop_assert_eq!(sealer.seal(&session, NOW.after(DAY)).unwrap(), token);
    }

    #[test]
    fn other_contents_are_another_text(a in session(), b in session()) {
        let (_directory, keys) = ring();
        let sealer = TokenSealer::new(keys);
        prop_assert_eq!(a == b, sealer.seal(&a, NOW).unwrap() == sealer.seal(&b, NOW).unwrap());
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let (_directory, keys) = ring();
    let sealer = TokenSealer::new(keys);
    let token = sealer.seal(&a_session(), NOW).unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(&token[TokenSealer::PREFIX.len()..]).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            let text = format!("{}{}", TokenSealer::PREFIX, URL_SAFE_NO_PAD.encode(changed));
            assert!(sealer.open(&text, NOW).is_err(), "bit {bit} of byte {place}");
        }
    }
    for end in 0..token.len() {
        assert!(sealer.open(&token[..end], NOW).is_err(), "cut to {end}");
    }
}

#[test]
fn no_verifier_takes_it_for_a_jwt_and_no_sealer_a_jwt_for_it() {
    let (_directory, keys) = ring();
    let sealer = TokenSealer::new(keys.clone());
    let token = sealer.seal(&a_session(), NOW).unwrap();
    assert!(!token.contains('.'));
    let verifier = Verifier::new(keys, Arc::new(Denylist::default()));
    let expected = Expected::access_token("http://signet.test", "api").unwrap();
    assert!(verifier.verify_at(&token, &expected, NOW).is_err());
    assert_eq!(sealer.open("eyJhbGciOiJFZERTQSJ9.e30.AA", NOW), Err(SealedError::Malformed));
    assert_eq!(sealer.open("sgr_eyJhbGciOiJFZERTQSJ9.e30.AA", NOW), Err(SealedError::Malformed));
}

#[test]
fn a_token_made_again_after_a_rotation_is_the_same_text() {
    let (_directory, keys) = ring();
    let sealer = TokenSealer::new(keys.clone());
    let rotated_at = NOW.after(DAY);
    let mut before = a_session();
    before.presented.minted = rotated_at;
    let once = sealer.seal(&before, rotated_at).unwrap();
    keys.rotate(None, Activate::Now, rotated_at).unwrap();
    let later = rotated_at.after(Duration::from_secs(9));
    keys.tick(later).unwrap();
    assert_eq!(sealer.seal(&before, later).unwrap(), once);
    let mut after = before.clone();
    after.presented.minted = later;
    let key_id = |token: &str| token[..TokenSealer::PREFIX.len() + 12].to_owned();
    assert_ne!(
        key_id(&sealer.seal(&after, later).unwrap()),
        key_id(&once),
        "the next is sealed under the next key"
    );
}

#[test]
fn a_token_opens_for_as_long_as_it_may_live_however_often_keys_turn() {
    let (_directory, keys) = ring();
    let sealer = TokenSealer::new(keys.clone());
    // The last moment of the first key.
    let minted = NOW.after(30 * DAY).before(Duration::from_millis(1));
    let mut session = a_session();
    session.presented.minted = minted;
    let token = sealer.seal(&session, minted).unwrap();
    for day in 1..=30 {
        let now = minted.after(day * DAY);
        keys.tick(now).unwrap();
        if day % 5 == 0 {
            keys.rotate(None, Activate::Scheduled, now).unwrap();
        }
        assert!(sealer.open(&token, now).is_ok(), "day {day}");
    }
    keys.tick(minted.after(32 * DAY)).unwrap();
    assert_eq!(sealer.open(&token, minted.after(32 * DAY)), Err(SealedError::UnknownKey));
}
