//! Who is woken, and by what.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::cutoff::{Effect, Scope};
use crate::denylist::Denylist;
use crate::id::ClientId;
use crate::sync::policy::WhenStale;
use crate::sync::rig::{Rig, START, Wakes, ms, secs, sub};
use crate::sync::state::Why;
use crate::{CachedKeys, Expected, Verifier};

const REVOKED_BY_SUB: Poll<Revocation> = Poll::Ready(Revocation { by: ScopeKind::Sub });

fn vouching() -> Rig {
    Rig::vouching(WhenStale::Refuse)
}

/// Every scope that names the rig's token.
fn naming(rig: &Rig, verified: &Verified) -> Vec<(Scope, ScopeKind)> {
    let claims = verified.claims();
    let tenant = Scope::Claim { name: "tenant".into(), value: "acme".into() };
    vec![
        (Scope::Jti(claims.jti), ScopeKind::Jti),
        (Scope::Sid(claims.sid.unwrap()), ScopeKind::Sid),
        (sub("user-1"), ScopeKind::Sub),
        (Scope::ClientId(ClientId::parse("web").unwrap()), ScopeKind::ClientId),
        (Scope::Aud("api".into()), ScopeKind::Aud),
        (Scope::Kid(rig.signer.jwk().kid().clone()), ScopeKind::Kid),
        (tenant, ScopeKind::Claim),
        (Scope::All, ScopeKind::All),
    ]
}

#[test]
fn every_scope_that_names_the_token_ends_it_and_nothing_else_wakes_it() {
    for place in 0..8 {
        let rig = vouching();
        let verified = rig.verified();
        let (scope, by) = naming(&rig, &verified).swap_remove(place);
        let wakes = Arc::new(Wakes::default());
        let mut revoked = pin!(verified.revoked());
        assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
        let tenant = Scope::Claim { name: "tenant".into(), value: "other".into() };
        for other in [sub("user-2"), tenant, Scope::Aud("user-1".into()), Scope::Aud("web".into())] {
            rig.revoke(&[rig.entry(other)]);
        }
        assert_eq!(wakes.count(), 0);
        rig.revoke(&[rig.entry(scope)]);
        assert_eq!(wakes.count(), 1, "{by}");
        assert_eq!(wakes.poll(revoked.as_mut()), Poll::Ready(Revocation { by }));
    }
}

#[test]
fn a_cutoff_that_names_the_token_and_does_not_deny_it_ends_nothing() {
    let rig = vouching();
    let mut before = rig.entry(sub("user-1"));
    before.issued_before = START;
    let verified = rig.verified();
    let wakes = Arc::new(Wakes::default());
    let mut revoked = pin!(verified.revoked());
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
    rig.revoke(&[before]);
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
    let mut refresh = rig.entry(sub("user-1"));
    refresh.effect = Effect::Refresh;
    rig.revoke(&[refresh]);
    assert_eq!(wakes.poll(revoked.as_mut()), REVOKED_BY_SUB);
}

#[test]
fn what_was_revoked_before_anybody_asked_is_said_at_once_and_what_a_snapshot_brings_too() {
    let rig = vouching();
    let verified = rig.verified();
    let wakes = Arc::new(Wakes::default());
    let mut early = pin!(verified.revoked());
    assert_eq!(wakes.poll(early.as_mut()), Poll::Pending);
    rig.state().lost(Why::Reset);
    rig.load(&[rig.entry(sub("user-1"))]);
    assert_eq!(wakes.count(), 1);
    assert_eq!(wakes.poll(early.as_mut()), REVOKED_BY_SUB);
    assert_eq!(wakes.poll(pin!(verified.revoked())), REVOKED_BY_SUB);
}

#[test]
fn watchers_move_on_to_the_denylist_of_another_configuration() {
    let mut rig = vouching();
    let mut claims = rig.claims();
    claims["device"] = json!(["d1", "d2"]);
    let verified = rig.live.verify(&rig.token_of(&claims)).unwrap();
    let wakes = Arc::new(Wakes::default());
    let mut revoked = pin!(verified.revoked());
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
    rig.limits.revocable_claims = vec!["device".to_owned()];
    rig.load(&[]);
    assert_eq!(wakes.count(), 1);
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
    rig.revoke(&[rig.entry(Scope::Claim { name: "device".into(), value: "d2".into() })]);
    assert_eq!(wakes.count(), 2);
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Ready(Revocation { by: ScopeKind::Claim }));
    // And one that comes with the new denylist itself.
    let verified = rig.verified();
    let mut revoked = pin!(verified.revoked());
    assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
    rig.limits.revocable_claims.clear();
    rig.load(&[rig.entry(sub("user-1"))]);
    assert_eq!(wakes.poll(revoked.as_mut()), REVOKED_BY_SUB);
}

#[test]
fn who_no_longer_waits_is_off_the_list() {
    let rig = vouching();
    let verified = rig.verified();
    let denylist = rig.state().succession().current();
    let wakes = Arc::new(Wakes::default());
    {
        let mut revoked = pin!(verified.revoked());
        assert_eq!(wakes.poll(revoked.as_mut()), Poll::Pending);
        assert_eq!(denylist.watched_keys(), 8);
    }
    assert_eq!(denylist.watched_keys(), 0);
    rig.revoke(&[rig.entry(sub("user-1"))]);
    assert_eq!(wakes.count(), 0);
}

#[test]
fn a_token_that_no_live_verifier_believed_is_never_taken_back() {
    let rig = vouching();
    let keys = Arc::new(CachedKeys::new());
    keys.accept(&crate::signer::jwks(&[&rig.signer]), START, secs(1)).unwrap();
    let denylist = Arc::new(Denylist::default());
    let verifier = Verifier::new(keys, Arc::clone(&denylist));
    let expected = Expected::access_token(crate::sync::rig::ISSUER, "api").unwrap();
    let verified = verifier.verify_at(&rig.token(), &expected, START).unwrap();
    denylist.apply(&rig.entry(sub("user-1")).into_cutoff());
    assert_eq!(Arc::new(Wakes::default()).poll(pin!(verified.revoked())), Poll::Pending);
}

#[test]
fn no_wake_up_is_lost_between_the_look_and_the_wait() {
    let rig = vouching();
    for round in 0..300 {
        let mut claims = rig.claims();
        claims["sub"] = json!(format!("user-{round}"));
        let verified = rig.live.verify(&rig.token_of(&claims)).unwrap();
        let entry = rig.entry(sub(&format!("user-{round}")));
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let patience = secs(20);
                runtime.block_on(async { tokio::time::timeout(patience, verified.revoked()).await })
            });
            rig.revoke(&[entry]);
            assert!(waits.join().unwrap().is_ok(), "round {round}");
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn of_many_who_wait_exactly_those_named_are_woken(
        users in prop::collection::vec(0..6_u8, 1..30),
        named in prop::collection::vec(0..6_u8, 1..4),
    ) {
        let rig = vouching();
        let verified: Vec<Verified> = users.iter().map(|user| {
            let mut claims = rig.claims();
            claims["sub"] = json!(format!("user-{user}"));
            rig.live.verify(&rig.token_of(&claims)).unwrap()
        }).collect();
        let mut waiting: Vec<_> =
            verified.iter().map(|one| (Arc::new(Wakes::default()), Box::pin(one.revoked()))).collect();
        for (wakes, revoked) in &mut waiting {
            prop_assert!(wakes.poll(revoked.as_mut()).is_pending());
        }
        let entries: Vec<_> = named.iter().map(|user| rig.entry(sub(&format!("user-{user}")))).collect();
        rig.revoke(&entries);
        for (user, (wakes, revoked)) in users.iter().zip(&mut waiting) {
            prop_assert_eq!(wakes.count(), usize::from(named.contains(user)));
            prop_assert_eq!(wakes.poll(revoked.as_mut()).is_ready(), named.contains(user));
        }
    }
}

/// Lets time pass, on our clocks and tokio's, in steps of half a second with a tick each.
async fn pass(rig: &Rig, time: Duration) {
    for _ in 0..time.as_millis() / 500 {
        rig.pass(ms(500));
        rig.state().tick();
        tokio::time::advance(ms(500)).await;
        tokio::task::yield_now().await;
    }
}

/// The same with a heartbeat every half second.
async fn pass_connected(rig: &Rig, time: Duration) {
    for _ in 0..time.as_millis() / 500 {
        rig.beat();
        pass(rig, ms(500)).await;
    }
}

async fn has_ended(waiting: &mut tokio::task::JoinHandle<Ended>) -> Option<Ended> {
    tokio::task::yield_now().await;
    if waiting.is_finished() { Some(waiting.await.unwrap()) } else { None }
}

fn wait(rig: &Rig) -> tokio::task::JoinHandle<Ended> {
    let (live, verified) = (rig.live.clone(), rig.verified());
    tokio::spawn(async move { live.ended(&verified).await })
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_its_token_is_revoked() {
    let rig = vouching();
    let mut waiting = wait(&rig);
    pass_connected(&rig, secs(3)).await;
    assert_eq!(has_ended(&mut waiting).await, None);
    rig.revoke(&[rig.entry(sub("user-1"))]);
    assert_eq!(has_ended(&mut waiting).await, Some(Ended::Revoked(Revocation { by: ScopeKind::Sub })));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_its_token_and_its_leeway() {
    let rig = vouching();
    let mut waiting = wait(&rig);
    pass_connected(&rig, ms(319_500)).await;
    assert_eq!(has_ended(&mut waiting).await, None);
    pass_connected(&rig, ms(500)).await;
    assert_eq!(has_ended(&mut waiting).await, Some(Ended::Expired));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_past_the_bound_where_the_policy_is_not_to_go_on() {
    let younger = WhenStale::AcceptYoungerThan(secs(60));
    for (policy, last) in [
        (WhenStale::Refuse, Some(30)),
        (WhenStale::Introspect, Some(30)),
        (younger, Some(60)),
        (WhenStale::Accept, None),
    ] {
        let rig = Rig::vouching(policy);
        let mut waiting = wait(&rig);
        pass(&rig, secs(last.unwrap_or(100)).checked_sub(ms(500)).unwrap()).await;
        assert_eq!(has_ended(&mut waiting).await, None, "{policy:?}");
        pass(&rig, secs(1)).await;
        assert_eq!(has_ended(&mut waiting).await, last.map(|_| Ended::Stale), "{policy:?}");
        waiting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_resynchronisation_ends_no_connection_unless_it_takes_past_the_bound() {
    let rig = vouching();
    let mut waiting = wait(&rig);
    rig.state().lost(Why::Reset);
    pass(&rig, secs(20)).await;
    assert_eq!(has_ended(&mut waiting).await, None);
    rig.load(&[]);
    rig.state().lost(Why::Reset);
    pass(&rig, secs(29)).await;
    assert_eq!(has_ended(&mut waiting).await, None);
    pass(&rig, secs(2)).await;
    assert_eq!(has_ended(&mut waiting).await, Some(Ended::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_the_verifier_is_closed() {
    let rig = vouching();
    let mut waiting = wait(&rig);
    assert_eq!(has_ended(&mut waiting).await, None);
    rig.live.clone().close().await;
    assert_eq!(has_ended(&mut waiting).await, Some(Ended::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_the_wall_clock_jumps_past_its_tokens_end() {
    for noticed_by_a_verification in [false, true] {
        let rig = vouching();
        let mut waiting = wait(&rig);
        assert_eq!(has_ended(&mut waiting).await, None);
        rig.state().tick();
        rig.wall.advance(secs(320));
        if noticed_by_a_verification {
            assert_eq!(rig.live.staleness(), None);
        } else {
            rig.state().tick();
        }
        assert_eq!(has_ended(&mut waiting).await, Some(Ended::Expired));
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_past_the_end_sees_it_when_it_wakes() {
    let rig = vouching();
    let mut waiting = wait(&rig);
    assert_eq!(has_ended(&mut waiting).await, None);
    rig.state().tick();
    // Our clocks go on, tokio's does not.
    rig.pass(secs(320));
    rig.state().tick();
    assert_eq!(has_ended(&mut waiting).await, Some(Ended::Expired));
    assert!(rig.wall.now() > START);
}
