use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::keys::key_ring::{KeyMaterial, RingEntry};
use crate::keys::sealing_key::SealingKey;
use crate::keys::signing_key::SigningKey;
use crate::random::SystemRandom;

const SIGNING: KeyUse = KeyUse::Signing(Algorithm::EdDsa);
const OTHER: KeyUse = KeyUse::Signing(Algorithm::Es256);

fn policy() -> SchedulePolicy {
    SchedulePolicy {
        algorithms: vec![Algorithm::EdDsa],
        rotate_every: Duration::from_secs(1000),
        publish_ahead: Duration::from_secs(100),
        jwks_max_age: Duration::from_secs(50),
        longest_access_ttl: Duration::from_secs(20),
        longest_refresh_ttl: Duration::from_secs(5000),
        leeway: Duration::from_secs(5),
    }
}

fn at(secs: u64) -> UnixMs {
    UnixMs::from_secs(secs)
}

fn apply(mut ring: KeyRing, steps: Vec<Step>) -> KeyRing {
    for step in steps {
        ring = match step {
            Step::Create { usage: KeyUse::Signing(algorithm), times } => {
                let key = SigningKey::generate(algorithm).unwrap();
                ring.with(RingEntry::new(KeyMaterial::Signing(Arc::new(key)), times))
            }
            Step::Create { usage: KeyUse::Sealing, times } => {
                let key = SealingKey::generate(&SystemRandom::new());
                ring.with(RingEntry::new(KeyMaterial::Sealing(Arc::new(key)), times))
            }
            Step::Reschedule { kid, times } => ring.rescheduled(&kid, times),
            Step::Remove { kid } => ring.without(&kid),
        };
    }
    ring
}

/// What the ring is once everything that is due has been done, and that nothing is due then.
fn settle(ring: KeyRing, policy: &SchedulePolicy, now: UnixMs) -> KeyRing {
    let steps = due(&ring, policy, now);
    let ring = apply(ring, steps);
    assert_eq!(due(&ring, policy, now), [], "due a second time");
    ring
}

fn fresh() -> KeyRing {
    settle(KeyRing::default(), &policy(), at(0))
}

/// Ends and begins of the keys of a use that are neither gone nor compromised, in seconds.
fn line(ring: &KeyRing, usage: KeyUse, now: UnixMs) -> Vec<(u64, u64)> {
    let mut line: Vec<_> = ring
        .of(usage)
        .filter(|entry| matches!(entry.times.state(now), KeyState::Pending | KeyState::Active))
        .map(|entry| (entry.times.activates_at.as_secs(), entry.times.retires_at.as_secs()))
        .collect();
    line.sort_unstable();
    line
}

fn active(ring: &KeyRing, usage: KeyUse, now: UnixMs) -> RingEntry {
    ring.active(usage, now).unwrap().clone()
}

fn compromise(ring: &KeyRing, kid: &KeyId, now: UnixMs) -> KeyRing {
    let entry = ring.entry(kid).unwrap();
    let times = KeyTimes { compromised_at: Some(now), ..entry.times };
    let ring = ring.rescheduled(kid, times);
    let steps = promotion(&ring, &policy(), entry.usage(), now);
    settle(apply(ring, steps), &policy(), now)
}

#[test]
fn the_state_follows_from_the_times() {
    let times = KeyTimes {
        created_at: at(0),
        activates_at: at(10),
        retires_at: at(20),
        expires_at: at(30),
        compromised_at: None,
    };
    for (now, state) in [
        (0, KeyState::Pending),
        (9, KeyState::Pending),
        (10, KeyState::Active),
        (19, KeyState::Active),
        (20, KeyState::Retiring),
        (29, KeyState::Retiring),
        (30, KeyState::Retired),
    ] {
        assert_eq!(times.state(at(now)), state, "{now}");
        let compromised = KeyTimes { compromised_at: Some(at(15)), ..times };
        assert_eq!(compromised.state(at(now)), KeyState::Compromised, "{now}");
    }
}

#[test]
fn an_empty_ring_gets_a_key_and_a_standby_for_each_use() {
    let ring = fresh();
    for usage in [SIGNING, KeyUse::Sealing] {
        assert_eq!(line(&ring, usage, at(0)), [(0, 1000), (1000, 2000)]);
    }
    let key = active(&ring, SIGNING, at(0));
    assert_eq!(key.times.expires_at, at(1000 + 20 + 5 + 50 + 1));
    let key = active(&ring, KeyUse::Sealing, at(0));
    assert_eq!(key.times.expires_at, at(1000 + 5000 + 5 + 1));
}

#[test]
fn when_the_standby_takes_over_the_next_one_is_made() {
    let ring = settle(fresh(), &policy(), at(1000));
    assert_eq!(line(&ring, SIGNING, at(1000)), [(1000, 2000), (2000, 3000)]);
    let late = settle(ring, &policy(), at(2950));
    assert_eq!(line(&late, SIGNING, at(2950)), [(2000, 3050), (3050, 4050)], "the one in use goes on");
}

#[test]
fn a_service_that_slept_through_rotations_goes_on_with_the_last_published_key() {
    let ring = fresh();
    let [_, standby] = ring.of(SIGNING).collect::<Vec<_>>().try_into().unwrap();
    for wakes_at in [2030, 2500, 1_000_000] {
        let woken = settle(ring.clone(), &policy(), at(wakes_at));
        assert_eq!(active(&woken, SIGNING, at(wakes_at)).kid, standby.kid);
        let begins = wakes_at + 100;
        assert_eq!(line(&woken, SIGNING, at(wakes_at)), [(1000, begins), (begins, begins + 1000)]);
        assert_eq!(line(&woken, KeyUse::Sealing, at(wakes_at)), [(1000, begins), (begins, begins + 1000)]);
    }
}

#[test]
fn gone_keys_are_remembered_for_a_day() {
    let mut ring = fresh();
    let kid = active(&ring, SIGNING, at(0)).kid;
    for now in (0..1076 + 86_400).step_by(500) {
        ring = settle(ring, &policy(), at(now));
    }
    assert_eq!(ring.entry(&kid).unwrap().times.state(at(80_000)), KeyState::Retired);
    assert!(settle(ring, &policy(), at(1076 + 86_400)).entry(&kid).is_none());
}

#[test]
fn a_compromised_key_is_remembered_until_a_day_after_it_would_have_gone() {
    let ring = fresh();
    let kid = active(&ring, SIGNING, at(0)).kid;
    let mut ring = compromise(&ring, &kid, at(500));
    for now in (500..1076 + 86_400).step_by(500) {
        ring = settle(ring, &policy(), at(now));
    }
    assert_eq!(ring.entry(&kid).unwrap().times.state(at(80_000)), KeyState::Compromised);
    assert!(settle(ring, &policy(), at(1076 + 86_400)).entry(&kid).is_none());
}

#[test]
fn a_compromise_promotes_the_standby_and_makes_the_next() {
    let ring = fresh();
    let kid = active(&ring, SIGNING, at(0)).kid;
    let ring = compromise(&ring, &kid, at(300));
    assert_eq!(line(&ring, SIGNING, at(300)), [(300, 1300), (1300, 2300)]);
    let kid = active(&ring, SIGNING, at(300)).kid;
    let ring = compromise(&ring, &kid, at(301));
    assert_eq!(line(&ring, SIGNING, at(301)), [(301, 1301), (1301, 2301)], "however young it is");
    assert_eq!(line(&ring, KeyUse::Sealing, at(301)), [(0, 1000), (1000, 2000)], "nothing else moves");
}

#[test]
fn a_compromised_standby_is_replaced() {
    let ring = fresh();
    let standby =
        ring.of(SIGNING).find(|entry| entry.times.state(at(0)) == KeyState::Pending).unwrap().kid.clone();
    let replaced = compromise(&ring, &standby, at(300));
    assert_eq!(line(&replaced, SIGNING, at(300)), [(0, 1000), (1000, 2000)]);
    let late = compromise(&ring, &standby, at(950));
    assert_eq!(line(&late, SIGNING, at(950)), [(0, 1050), (1050, 2050)]);
}

#[test]
fn a_rotation_is_scheduled_after_the_publish_ahead_time() {
    let rotate = |ring: &KeyRing, now| {
        let steps = rotation(ring, &policy(), SIGNING, Activate::Scheduled, at(now)).unwrap();
        settle(apply(ring.clone(), steps), &policy(), at(now))
    };
    let ring = rotate(&fresh(), 300);
    assert_eq!(line(&ring, SIGNING, at(300)), [(0, 400), (400, 1400)]);
    assert_eq!(active(&ring, SIGNING, at(300)).times.expires_at, at(400 + 76));
    assert_eq!(line(&rotate(&ring, 310), SIGNING, at(310)), [(0, 400), (400, 1400)], "asked for twice");
    assert_eq!(
        line(&rotate(&fresh(), 950), SIGNING, at(950)),
        [(0, 1000), (1000, 2000)],
        "due sooner anyway"
    );
}

#[test]
fn a_rotation_at_once_needs_a_standby_that_is_known() {
    let ring = fresh();
    let refused = rotation(&ring, &policy(), SIGNING, Activate::Now, at(99));
    assert_eq!(refused, Err(TooYoung { ready_at: at(100) }));
    let steps = rotation(&ring, &policy(), SIGNING, Activate::Now, at(100)).unwrap();
    let ring = settle(apply(ring, steps), &policy(), at(100));
    assert_eq!(line(&ring, SIGNING, at(100)), [(100, 1100), (1100, 2100)]);
}

#[test]
fn a_key_that_arrives_comes_next_and_the_standby_stays_behind_it() {
    let ring = fresh();
    let standby = ring.of(SIGNING).last().unwrap().kid.clone();
    let (times, steps) = arrival(&ring, &policy(), SIGNING, at(950));
    assert_eq!((times.activates_at, times.retires_at), (at(1050), at(2050)));
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let ring = apply(ring, steps).with(RingEntry::new(KeyMaterial::Signing(Arc::new(key)), times));
    let ring = settle(ring, &policy(), at(950));
    assert_eq!(line(&ring, SIGNING, at(950)), [(0, 1050), (1050, 2050), (2050, 3050)]);
    assert_eq!(ring.entry(&standby).unwrap().times.activates_at, at(2050));
    // What verifiers know takes over, not what came a moment ago.
    let kid = active(&ring, SIGNING, at(960)).kid;
    let ring = compromise(&ring, &kid, at(960));
    assert_eq!(active(&ring, SIGNING, at(960)).kid, standby);
    assert_eq!(line(&ring, SIGNING, at(960)), [(960, 1960), (1960, 2960)]);
}

#[test]
fn an_added_algorithm_waits_until_its_key_is_known_and_another_stands_in() {
    let both = SchedulePolicy { algorithms: vec![Algorithm::Es256, Algorithm::EdDsa], ..policy() };
    let ring = settle(fresh(), &both, at(500));
    assert_eq!(line(&ring, OTHER, at(500)), [(600, 1600), (1600, 2600)]);
    assert_eq!(line(&ring, SIGNING, at(500)), [(0, 1000), (1000, 2000)]);
    assert_eq!(ring.signer(Algorithm::Es256, at(599)).unwrap().algorithm(), Algorithm::EdDsa);
    assert_eq!(ring.signer(Algorithm::Es256, at(600)).unwrap().algorithm(), Algorithm::Es256);
}

#[test]
fn an_algorithm_that_replaces_another_takes_over_when_its_key_is_known() {
    let new = SchedulePolicy { algorithms: vec![Algorithm::Es256], ..policy() };
    for now in [500, 950] {
        let ring = settle(fresh(), &new, at(now));
        let begins = now + 100;
        assert_eq!(line(&ring, OTHER, at(now)), [(begins, begins + 1000), (begins + 1000, begins + 2000)]);
        assert_eq!(line(&ring, SIGNING, at(now)), [(0, begins)], "its standby never signed and is gone");
        let ring = settle(ring, &new, at(begins));
        assert_eq!(line(&ring, SIGNING, at(begins)), []);
        assert_eq!(ring.jwks(at(begins + 75)).keys.len(), 3);
        assert_eq!(ring.jwks(at(begins + 76)).keys.len(), 2);
    }
}

#[test]
fn longer_lives_lengthen_the_keys_that_may_still_be_used_and_shorter_ones_do_not_shorten_them() {
    let longer = SchedulePolicy { longest_access_ttl: Duration::from_secs(200), ..policy() };
    let ring = settle(fresh(), &longer, at(10));
    assert_eq!(active(&ring, SIGNING, at(10)).times.expires_at, at(1000 + 200 + 56));
    let ring = settle(ring, &policy(), at(20));
    assert_eq!(active(&ring, SIGNING, at(20)).times.expires_at, at(1000 + 200 + 56));
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Sleep(u64),
    Rotate(Activate),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1u64..1200).prop_map(Event::Sleep),
        1 => (1u64..5000).prop_map(Event::Sleep),
        1 => Just(Event::Rotate(Activate::Now)),
        1 => Just(Event::Rotate(Activate::Scheduled)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_there_is_one_key_in_use_that_was_published_in_time(
        events in prop::collection::vec(event(), 1..25),
    ) {
        let (mut ring, mut now) = (fresh(), at(0));
        for event in events {
            match event {
                Event::Sleep(secs) => now = now.after(Duration::from_secs(secs)),
                Event::Rotate(activate) => {
                    for usage in [SIGNING, KeyUse::Sealing] {
                        let steps = rotation(&ring, &policy(), usage, activate, now).unwrap_or_default();
                        ring = apply(ring, steps);
                    }
                }
            }
            ring = settle(ring, &policy(), now);
            for usage in [SIGNING, KeyUse::Sealing] {
                let line = line(&ring, usage, now);
                prop_assert_eq!(line.len(), 2, "one in use, one standby: {:?}", line);
                prop_assert!(line[0].0 <= now.as_secs() && now.as_secs() < line[0].1);
                prop_assert_eq!(line[0].1, line[1].0, "no gap and no overlap");
                for entry in ring.of(usage).filter(|entry| entry.times.activates_at > at(0)) {
                    prop_assert!(entry.times.activates_at.since(entry.times.created_at) >= policy().publish_ahead);
                }
            }
        }
    }
}
