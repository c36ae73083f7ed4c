//! What is learned, and what is lost, on clocks that are moved by hand.

use serde_json::json;

use super::*;
use crate::cutoff::{Effect, Scope};
use crate::error::VerifyError;
use crate::key_source::KeySource;
use crate::signer::jwks;
use crate::sync::Refusal;
use crate::sync::policy::WhenStale;
use crate::sync::rig::{Rig, START, ms, secs, sub};

/// What a request that takes no time adds to staleness: stamps are cut to the millisecond.
const GRAIN: Duration = Duration::from_millis(1);

fn vouching() -> Rig {
    Rig::vouching(WhenStale::Refuse)
}

#[test]
fn staleness_begins_with_the_snapshot_grows_and_falls_with_news() {
    let rig = Rig::new();
    assert_eq!(rig.live.staleness(), None);
    rig.load(&[]);
    assert_eq!(rig.live.staleness(), Some(GRAIN));
    rig.hello().unwrap();
    rig.pass(secs(5));
    assert_eq!(rig.live.staleness(), Some(GRAIN + secs(5)));
    rig.beat();
    assert!(rig.live.staleness() <= Some(ms(5)), "{:?}", rig.live.staleness());
    rig.pass(secs(7));
    rig.revoke(&[]);
    assert!(rig.live.staleness() <= Some(ms(9)), "{:?}", rig.live.staleness());
}

#[test]
fn only_what_carries_as_of_and_has_caught_up_makes_fresher() {
    let rig = vouching();
    rig.pass(secs(5));
    rig.hello().unwrap();
    assert_eq!(rig.live.staleness(), Some(GRAIN + secs(5)), "hello is as good as its cursor");
    rig.state().apply(&rig.batch(None, &[]), rig.read()).unwrap();
    assert_eq!(rig.live.staleness(), Some(GRAIN + secs(5)), "catching up");
    let (as_of, now) = (rig.server_time().before(secs(3)), rig.server_time());
    rig.state().beat(as_of, now, rig.read()).unwrap();
    let drift = Duration::from_micros(3 * 500);
    assert_eq!(rig.live.staleness(), Some(GRAIN + secs(3) + drift), "behind a node that is cut off");
}

#[test]
fn an_answer_that_took_long_is_counted_from_the_request() {
    let rig = Rig::new();
    let sent = rig.state().boot_now();
    rig.pass(secs(4));
    let snapshot = rig.snapshot(&[]);
    rig.state().load(&snapshot, Stamp { sent: Some(sent), received: rig.state().boot_now() });
    let drift = ms(2);
    assert_eq!(rig.live.staleness(), Some(GRAIN + secs(4) + drift));
}

#[test]
fn an_unchanged_snapshot_makes_fresher_what_is_vouched_for_and_nothing_else() {
    let rig = vouching();
    rig.pass(secs(9));
    rig.state().revalidated(rig.server_time(), rig.server_time(), rig.answered());
    assert_eq!(rig.live.staleness(), Some(GRAIN));
    rig.state().lost(Why::Reset);
    rig.state().revalidated(rig.server_time(), rig.server_time(), rig.answered());
    assert_eq!(rig.live.staleness(), None);
}

#[test]
fn what_was_lost_takes_a_snapshot_and_is_counted_once() {
    let rig = vouching();
    rig.state().lost(Why::Reset);
    rig.state().lost(Why::Malformed);
    rig.beat();
    rig.revoke(&[rig.entry(sub("user-1"))]);
    assert_eq!(rig.live.staleness(), None);
    assert_eq!(rig.live.denylist_len(), 1, "a denial is always good");
    assert_eq!(rig.state().tick(), Due::Snapshot);
    rig.load(&[]);
    assert_eq!(rig.live.staleness(), Some(GRAIN));
    assert_eq!(rig.live.denylist_len(), 1, "what a snapshot does not name goes when it expires");
    let counters = rig.live.counters();
    assert_eq!((counters.resyncs, counters.malformed, counters.snapshots), (1, 1, 2));
    assert_eq!((counters.connects, counters.entries), (1, 1));
}

#[test]
fn stamps_that_contradict_each_other_lose_the_state_and_a_new_connection_begins_anew() {
    let rig = vouching();
    rig.pass(secs(5));
    let ahead = rig.server_time().after(secs(1));
    assert_eq!(rig.state().beat(ahead, ahead, rig.read()), Err(Why::ServerClock));
    assert_eq!(rig.live.staleness(), None);
    let mut snapshot = rig.snapshot(&[]);
    (snapshot.as_of, snapshot.server_time) = (ahead, ahead);
    rig.state().load(&snapshot, rig.answered());
    assert_eq!(rig.state().beat(ahead, ahead, rig.read()), Ok(()));
    assert_eq!(rig.live.staleness(), Some(GRAIN));
    // A revocation in a message that contradicts is in force all the same.
    let mut batch = rig.batch(None, &[rig.entry(sub("user-1"))]);
    batch.server_time = ahead.after(secs(1));
    assert_eq!(rig.state().apply(&batch, rig.read()), Err(Why::ServerClock));
    assert_eq!(rig.live.denylist_len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_verification_that_sees_the_wall_clock_moved_stops_vouching_and_calls_for_a_snapshot() {
    let rig = vouching();
    let token = rig.token();
    rig.wall.advance(ms(2000));
    assert!(rig.live.verify(&token).is_ok());
    rig.wall.advance(ms(1));
    assert!(matches!(rig.live.verify(&token), Err(Refusal::Stale { staleness: None, .. })));
    // Noticed for good, however the clock goes on.
    rig.wall.set(START);
    assert_eq!(rig.live.staleness(), None);
    tokio::time::timeout(secs(20), rig.state().signals.resync.notified()).await.unwrap();
    assert_eq!(rig.state().tick(), Due::Snapshot);
    assert_eq!(rig.live.counters().resyncs, 1);
    rig.load(&[]);
    assert!(rig.live.verify(&token).is_ok());
}

#[test]
fn a_tick_sees_the_wall_clock_moved_and_forgets_nothing_by_it() {
    let rig = vouching();
    rig.revoke(&[rig.entry(sub("user-1"))]);
    rig.wall.advance(secs(3600));
    assert_eq!(rig.state().tick(), Due::Snapshot);
    assert_eq!(rig.live.staleness(), None);
    assert_eq!(rig.live.denylist_len(), 1);
    assert_eq!(rig.live.counters().resyncs, 1);
}

#[test]
fn a_tick_forgets_what_has_expired_by_the_wall_clock() {
    let rig = vouching();
    rig.revoke(&[rig.entry(sub("user-1"))]);
    rig.pass(secs(324));
    rig.state().tick();
    assert_eq!(rig.live.denylist_len(), 1, "the clock may be ahead, and come back");
    rig.pass(secs(1));
    rig.state().tick();
    assert_eq!(rig.live.denylist_len(), 0);
}

#[test]
fn a_wall_clock_set_back_revives_no_token_whose_denial_was_forgotten() {
    let rig = vouching();
    let token = rig.token();
    rig.revoke(&[rig.entry(sub("user-1"))]);
    rig.pass(secs(330));
    rig.state().tick();
    assert_eq!(rig.live.denylist_len(), 0);
    rig.wall.set(START);
    assert_eq!(rig.state().tick(), Due::Snapshot);
    rig.load(&[]);
    rig.hello().unwrap();
    rig.beat();
    assert_eq!(rig.live.verify(&token).unwrap_err(), Refusal::Token(VerifyError::Expired));
}

#[test]
fn more_leeway_than_entries_are_kept_for_takes_a_snapshot() {
    let mut rig = vouching();
    let token = rig.token();
    let mut revoked = rig.entry(sub("user-1"));
    rig.revoke(std::slice::from_ref(&revoked));
    rig.pass(secs(310));
    rig.limits.leeway = secs(60);
    assert_eq!(rig.hello(), Err(Why::Limits));
    revoked.expires_at = revoked.expires_at.after(secs(40));
    rig.load(&[revoked]);
    rig.hello().unwrap();
    rig.pass(secs(20));
    rig.beat();
    rig.state().tick();
    let revoked = Refusal::Token(VerifyError::Revoked { by: crate::ScopeKind::Sub });
    assert_eq!(rig.live.verify(&token).unwrap_err(), revoked);
}

#[test]
fn a_stream_is_due_anew_before_the_clocks_have_drifted_far() {
    let rig = vouching();
    rig.pass(secs(600));
    rig.beat();
    assert_eq!(rig.state().tick(), Due::Nothing);
    rig.pass(secs(1));
    assert_eq!(rig.state().tick(), Due::Stream);
    assert!(rig.live.staleness().is_some(), "meanwhile it vouches");
    rig.hello().unwrap();
    assert_eq!(rig.state().tick(), Due::Nothing);
}

#[test]
fn other_limits_are_taken_from_a_hello() {
    let mut rig = vouching();
    let token = rig.token();
    rig.pass(secs(319));
    rig.beat();
    assert!(rig.live.verify(&token).is_ok());
    rig.limits.leeway = secs(10);
    rig.hello().unwrap();
    assert_eq!(rig.live.verify(&token).unwrap_err(), Refusal::Token(VerifyError::Expired));
    assert_eq!(*rig.state().limits().unwrap(), rig.limits);
}

#[test]
fn other_revocable_claims_take_a_snapshot_which_is_in_force_before_anybody_sees_the_claims() {
    let mut rig = vouching();
    let token = rig.token_of(&{
        let mut claims = rig.claims();
        claims["device"] = json!("d1");
        claims
    });
    let device = rig.entry(Scope::Claim { name: "device".into(), value: "d1".into() });
    assert!(rig.live.verify(&token).is_ok());
    rig.revoke(std::slice::from_ref(&device));
    assert!(rig.live.verify(&token).is_ok(), "not a claim that revokes, yet");
    rig.limits.revocable_claims = vec!["device".to_owned(), "tenant".to_owned()];
    assert_eq!(rig.hello(), Err(Why::Limits));
    assert_eq!(rig.live.staleness(), None);
    rig.load(&[device]);
    let revoked = Refusal::Token(VerifyError::Revoked { by: crate::ScopeKind::Claim });
    assert_eq!(rig.live.verify(&token).unwrap_err(), revoked);
    rig.limits.revocable_claims.reverse();
    assert_eq!(rig.hello(), Ok(()), "the order says nothing");
}

#[test]
fn a_compromised_key_is_out_for_good_and_saying_so_again_costs_nothing() {
    let rig = vouching();
    let (token, state) = (rig.token(), rig.state());
    let stolen = rig.entry(Scope::Kid(rig.signer.jwk().kid().clone()));
    rig.revoke(std::slice::from_ref(&stolen));
    let unknown = Refusal::Token(VerifyError::KeyUnknown);
    assert_eq!(rig.live.verify(&token).unwrap_err(), unknown);
    let version = state.keys.version();
    rig.load(&[stolen]);
    assert_eq!(state.keys.version(), version);
    state.keys.accept(&jwks(&[&rig.signer]), START, secs(300)).unwrap();
    assert_eq!(rig.live.verify(&token).unwrap_err(), unknown);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_tasks_a_moment_and_nothing_is_vouched_for_after() {
    let rig = vouching();
    let mut leaving = rig.state().leaving();
    let goodbye = tokio::spawn(async move {
        leaving.changed().await.unwrap();
        assert!(*leaving.borrow());
        tokio::time::sleep(secs(1)).await;
    });
    let begun = tokio::time::Instant::now();
    rig.live.clone().close().await;
    assert_eq!(begun.elapsed(), secs(1));
    goodbye.await.unwrap();
    rig.load(&[]);
    rig.beat();
    assert_eq!(rig.live.staleness(), None);
    // One that does not end is not waited for.
    let _held = rig.state().leaving();
    tokio::time::timeout(secs(3), rig.live.clone().close()).await.unwrap();
}

#[tokio::test]
async fn a_verifier_that_is_gone_ends_its_tasks() {
    let rig = vouching();
    let mut leaving = rig.state().leaving();
    let other = rig.live.clone();
    drop(rig);
    assert!(!leaving.has_changed().unwrap());
    drop(other);
    assert!(leaving.changed().await.is_err());
}

#[test]
fn what_only_refreshes_denies_by_the_tokens_own_time() {
    let rig = vouching();
    let before = rig.token();
    rig.pass(secs(1));
    let mut entry = rig.entry(sub("user-1"));
    entry.effect = Effect::Refresh;
    rig.revoke(&[entry]);
    rig.pass(secs(1));
    assert!(rig.live.verify(&before).is_err());
    assert!(rig.live.verify(&rig.token()).is_ok());
}
