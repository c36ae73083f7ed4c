//! What becomes of tokens, by what is known and how old it is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::cutoff::{Scope, ScopeKind};
use crate::sync::introspection::{Asking, Introspects};
use crate::sync::policy::WhenStale;
use crate::sync::rig::{Rig, START, ms, secs, sub};

const YOUNGER_THAN_A_MINUTE: WhenStale = WhenStale::AcceptYoungerThan(Duration::from_mins(1));
const POLICIES: [WhenStale; 4] =
    [WhenStale::Accept, YOUNGER_THAN_A_MINUTE, WhenStale::Introspect, WhenStale::Refuse];

fn is_stale<T>(answer: &Result<T, Refusal>) -> bool {
    matches!(answer, Err(Refusal::Stale { .. }))
}

#[test]
fn a_good_token_is_believed_and_each_answer_is_counted() {
    let rig = Rig::vouching(WhenStale::Refuse);
    let token = rig.token();
    assert_eq!(rig.live.verify(&token).unwrap().claims().sub.as_str(), "user-1");
    assert_eq!(rig.live.verify("x").unwrap_err().code(), "segments");
    rig.pass(secs(31));
    let stale = rig.live.verify(&token).unwrap_err();
    assert_eq!(stale.code(), "stale");
    assert_eq!(stale, Refusal::Stale { staleness: Some(ms(31_001)), retry_after: LATER });
    rig.revoke(&[rig.entry(sub("user-1"))]);
    assert_eq!(rig.live.verify(&token).unwrap_err().code(), "revoked");
    let counters = rig.live.counters();
    let verdicts = (counters.accepted, counters.invalid, counters.stale_refused, counters.revoked);
    assert_eq!(verdicts, (1, 1, 1, 1));
    assert_eq!(Refusal::Inactive.code(), "inactive");
}

#[test]
fn what_is_wrong_is_wrong_however_little_is_known() {
    let rig = Rig::vouching(WhenStale::Refuse);
    let (token, other) = (rig.token(), rig.token_of(&json!({"iss": "https://other.example"})));
    rig.revoke(&[rig.entry(sub("user-1"))]);
    rig.pass(secs(1000));
    rig.state().lost(crate::sync::state::Why::Reset);
    let mut newer = rig.claims();
    newer["sub"] = json!("user-2");
    assert!(is_stale(&rig.live.verify(&rig.token_of(&newer))));
    newer["aud"] = json!("shop");
    assert_eq!(rig.live.verify(&rig.token_of(&newer)).unwrap_err().code(), "audience");
    assert_eq!(rig.live.verify(&other).unwrap_err().code(), "claim_missing");
    assert_eq!(rig.live.verify(&token).unwrap_err().code(), "expired");
    // And what is known to be revoked.
    let mut early = rig.claims();
    early["sid"] = serde_json::to_value(crate::SessionId::new(START, &[2; 10])).unwrap();
    assert_eq!(rig.live.verify(&rig.token_of(&early)).unwrap_err().code(), "revoked");
}

#[test]
fn the_published_limits_bound_lifetime_and_leeway() {
    for (asked, allowed) in [(None, 20), (Some(secs(5)), 5), (Some(secs(60)), 20)] {
        let rig = Rig::with(WhenStale::Accept, asked);
        rig.keys();
        rig.load(&[]);
        let token = rig.token();
        rig.pass(secs(300 + allowed).checked_sub(ms(1)).unwrap());
        assert!(rig.live.verify(&token).is_ok(), "{asked:?}");
        rig.pass(ms(1));
        assert_eq!(rig.live.verify(&token).unwrap_err().code(), "expired");
        let mut long = rig.claims();
        long["exp"] = json!(rig.wall_secs() + 301);
        assert_eq!(rig.live.verify(&rig.token_of(&long)).unwrap_err().code(), "lifetime");
    }
}

#[test]
fn past_the_bound_each_policy_does_what_it_says() {
    for policy in POLICIES {
        let rig = Rig::vouching(policy);
        let old = rig.token();
        rig.pass(ms(29_999));
        assert!(rig.live.verify(&old).is_ok(), "at the bound");
        rig.pass(secs(40));
        let young = rig.token();
        let believed = (rig.live.verify(&old).is_ok(), rig.live.verify(&young).is_ok());
        let expected = match policy {
            WhenStale::Accept => (true, true),
            WhenStale::AcceptYoungerThan(_) => (false, true),
            WhenStale::Introspect | WhenStale::Refuse => (false, false),
        };
        assert_eq!(believed, expected, "{policy:?}");
        let counters = rig.live.counters();
        let accepted = u64::from(expected.0) + u64::from(expected.1);
        assert_eq!((counters.stale_accepted, counters.stale_refused), (accepted, 2 - accepted));
        assert_eq!((counters.accepted, counters.introspected), (1, 0));
    }
}

#[test]
fn one_call_may_have_a_bound_and_an_audience_of_its_own() {
    let rig = Rig::vouching(WhenStale::Accept);
    rig.pass(secs(10));
    let token = rig.token();
    let strict = StalenessPolicy { max_staleness: secs(5), when_stale: WhenStale::Refuse };
    let strict = Check { staleness: Some(strict), ..Check::default() };
    assert!(is_stale(&rig.live.verify_with(&token, &strict)));
    rig.beat();
    assert!(rig.live.verify_with(&token, &strict).is_ok());
    let mut shop = rig.claims();
    shop["aud"] = json!("shop");
    let audience = |name: &str| Some(AudienceRule::AnyOf(vec![name.into()]));
    let for_shop = Check { audience: audience("shop"), ..Check::default() };
    assert!(rig.live.verify_with(&rig.token_of(&shop), &for_shop).is_ok());
    let refused = rig.live.verify_with(&token, &for_shop).unwrap_err();
    assert_eq!(refused, Refusal::Token(VerifyError::Audience));
}

#[test]
fn until_keys_and_snapshot_are_there_no_policy_believes_anything() {
    for policy in POLICIES {
        let stale = |rig: &Rig| rig.live.verify(&rig.token()).unwrap_err();
        let nothing_known = Refusal::Stale { staleness: None, retry_after: SOON };
        let rig = Rig::with(policy, None);
        assert_eq!(stale(&rig), nothing_known, "{policy:?}: neither");
        rig.keys();
        assert_eq!(stale(&rig), nothing_known, "{policy:?}: keys alone");
        rig.load(&[]);
        assert!(rig.live.verify(&rig.token()).is_ok());
        let rig = Rig::with(policy, None);
        rig.load(&[]);
        assert_eq!(stale(&rig), nothing_known, "{policy:?}: a snapshot alone");
    }
}

#[tokio::test]
async fn a_closed_verifier_believes_nothing_under_any_policy() {
    for policy in POLICIES {
        let rig = Rig::vouching(policy);
        rig.live.clone().close().await;
        assert!(is_stale(&rig.live.verify(&rig.token())), "{policy:?}");
    }
}

#[test]
fn a_clock_set_back_makes_no_token_young() {
    let rig = Rig::vouching(YOUNGER_THAN_A_MINUTE);
    let token = rig.token();
    rig.pass(secs(100));
    rig.wall.set(START);
    assert!(is_stale(&rig.live.verify(&token)));
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_and_refused_meanwhile() {
    let rig = Rig::vouching(WhenStale::Refuse);
    let stranger = Rig { signer: crate::signer::Signer::es256(), ..Rig::vouching(WhenStale::Refuse) };
    let refused = rig.live.verify(&stranger.token()).unwrap_err();
    assert_eq!(refused, Refusal::Token(VerifyError::KeyUnknown));
    rig.state().signals.key_wanted.notified().await;
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_key_get_it_from_one_fetch() {
    let rig = Rig::with(WhenStale::Refuse, None);
    rig.load(&[]);
    let (token, live) = (rig.token(), &rig.live);
    let checks = async {
        let (a, b, c) = tokio::join!(live.check(&token), live.check(&token), live.check(&token));
        a.is_ok() && b.is_ok() && c.is_ok()
    };
    let fetch = async {
        rig.state().signals.key_wanted.notified().await;
        rig.keys();
    };
    let (all_good, ()) = tokio::join!(checks, fetch);
    assert!(all_good);
    assert_eq!(rig.live.counters().accepted, 3);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_key_hears_at_once_that_there_is_none_and_waits_two_seconds_for_no_answer() {
    let rig = Rig::vouching(WhenStale::Refuse);
    let stranger = Rig { signer: crate::signer::Signer::es256(), ..Rig::vouching(WhenStale::Refuse) };
    let token = stranger.token();
    let cooldown = async {
        rig.state().signals.key_wanted.notified().await;
        rig.state().keys_changed();
    };
    let begun = tokio::time::Instant::now();
    let (refused, ()) = tokio::join!(rig.live.check(&token), cooldown);
    assert_eq!(refused.unwrap_err(), Refusal::Token(VerifyError::KeyUnknown));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(rig.live.check(&token).await.is_err());
    assert_eq!(begun.elapsed(), secs(2));
}

/// A service that answers as it is told, when it is told.
#[derive(Default)]
struct Oracle {
    asked: AtomicUsize,
    answer: Mutex<Option<bool>>,
    gate: Option<tokio::sync::Semaphore>,
}

impl Oracle {
    fn says(answer: Option<bool>) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), ..Self::default() })
    }

    fn says_later(answer: Option<bool>) -> Arc<Self> {
        let gate = Some(tokio::sync::Semaphore::new(0));
        Arc::new(Self { answer: Mutex::new(answer), gate, ..Self::default() })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Introspects for Oracle {
    fn is_active<'a>(&'a self, _token: &'a str) -> Asking<'a> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.answer.lock().unwrap().ok_or(Unanswered)
        })
    }
}

/// Past its bound, with this service to ask.
fn asking(oracle: &Arc<Oracle>) -> Rig {
    let rig = Rig::vouching(WhenStale::Introspect);
    rig.state().introspects(Arc::clone(oracle) as Arc<dyn Introspects>);
    rig.pass(secs(31));
    rig
}

#[tokio::test]
async fn past_the_bound_the_service_is_asked_and_its_answer_remembered_for_a_moment() {
    let oracle = Oracle::says(Some(true));
    let rig = asking(&oracle);
    let token = rig.token();
    assert!(is_stale(&rig.live.verify(&token)), "verify asks nobody");
    assert_eq!(oracle.asked(), 0);
    assert!(rig.live.check(&token).await.is_ok());
    *oracle.answer.lock().unwrap() = Some(false);
    rig.pass(ms(2999));
    assert!(rig.live.check(&token).await.is_ok());
    assert_eq!(oracle.asked(), 1);
    rig.pass(ms(1));
    assert_eq!(rig.live.check(&token).await.unwrap_err(), Refusal::Inactive);
    assert_eq!(rig.live.check(&token).await.unwrap_err(), Refusal::Inactive);
    assert_eq!(oracle.asked(), 2);
    let counters = rig.live.counters();
    assert_eq!((counters.introspected, counters.accepted, counters.revoked), (2, 2, 2));
}

#[tokio::test]
async fn within_the_bound_and_for_a_bad_token_nobody_is_asked() {
    let oracle = Oracle::says(Some(true));
    let rig = asking(&oracle);
    assert_eq!(rig.live.check("x").await.unwrap_err().code(), "segments");
    rig.revoke(&[rig.entry(sub("user-1"))]);
    rig.pass(secs(31));
    let mut early = rig.claims();
    early["sid"] = serde_json::to_value(crate::SessionId::new(START, &[2; 10])).unwrap();
    assert_eq!(rig.live.check(&rig.token_of(&early)).await.unwrap_err().code(), "revoked");
    rig.beat();
    assert!(rig.live.check(&rig.token()).await.is_ok());
    assert_eq!(oracle.asked(), 0);
}

#[tokio::test]
async fn an_answer_outlives_no_token() {
    let oracle = Oracle::says(Some(true));
    let rig = asking(&oracle);
    let mut claims = rig.claims();
    claims["exp"] = json!(rig.wall_secs() + 1);
    let token = rig.token_of(&claims);
    rig.pass(secs(20));
    assert!(rig.live.check(&token).await.is_ok());
    rig.pass(secs(1));
    assert_eq!(rig.live.check(&token).await.unwrap_err(), Refusal::Token(VerifyError::Expired));
}

#[tokio::test]
async fn what_is_heard_while_the_service_is_asked_counts() {
    let oracle = Oracle::says_later(Some(true));
    let rig = asking(&oracle);
    let token = rig.token();
    let meanwhile = async {
        while oracle.asked() < 1 {
            tokio::task::yield_now().await;
        }
        rig.revoke(&[rig.entry(sub("user-1"))]);
        oracle.gate.as_ref().unwrap().add_permits(1);
    };
    let (answer, ()) = tokio::join!(rig.live.check(&token), meanwhile);
    assert_eq!(answer.unwrap_err().code(), "revoked");
}

#[tokio::test]
async fn an_answer_that_took_long_is_not_for_those_who_joined_late() {
    let oracle = Oracle::says_later(Some(true));
    let rig = asking(&oracle);
    let token = rig.token();
    let late = async {
        while oracle.asked() < 1 {
            tokio::task::yield_now().await;
        }
        rig.pass(secs(5));
        let answer = async {
            oracle.gate.as_ref().unwrap().add_permits(1);
            while oracle.asked() < 2 {
                tokio::task::yield_now().await;
            }
            *oracle.answer.lock().unwrap() = Some(false);
            oracle.gate.as_ref().unwrap().add_permits(1);
        };
        let both = async { tokio::join!(rig.live.check(&token), answer).0 };
        tokio::time::timeout(secs(20), both).await.unwrap()
    };
    let (early, late) = tokio::join!(rig.live.check(&token), late);
    assert!(early.is_ok());
    assert_eq!(late.unwrap_err(), Refusal::Inactive);
    assert!(rig.state().asks_nothing());
}

#[tokio::test]
async fn a_service_that_gives_no_answer_leaves_the_token_stale_and_is_asked_again() {
    let oracle = Oracle::says(None);
    let rig = asking(&oracle);
    let token = rig.token();
    assert!(is_stale(&rig.live.check(&token).await));
    assert!(is_stale(&rig.live.check(&token).await));
    assert_eq!(oracle.asked(), 2);
    assert_eq!(rig.live.counters().failed_requests, 2);
    *oracle.answer.lock().unwrap() = Some(true);
    assert!(rig.live.check(&token).await.is_ok());
}

#[tokio::test]
async fn questions_about_one_token_are_one_question_also_when_who_asked_first_gives_up() {
    let oracle = Oracle::says_later(Some(true));
    let rig = asking(&oracle);
    let token = rig.token();
    let first = tokio::time::timeout(ms(1), rig.live.check(&token));
    let others = async {
        let (a, b) = tokio::join!(rig.live.check(&token), rig.live.check(&token));
        a.is_ok() && b.is_ok()
    };
    let open = async {
        // Once for the first, who gives up, and once for the one who takes over.
        while oracle.asked() < 2 {
            tokio::task::yield_now().await;
        }
        oracle.gate.as_ref().unwrap().add_permits(1);
    };
    let all = async { tokio::join!(first, others, open) };
    let (gave_up, others_good, ()) = tokio::time::timeout(secs(20), all).await.unwrap();
    assert!(gave_up.is_err());
    assert!(others_good);
    assert_eq!(oracle.asked(), 2);
    assert!(rig.state().asks_nothing());
}

#[test]
fn readers_see_revocations_whole_while_a_writer_goes_on() {
    let rig = Rig::vouching(WhenStale::Refuse);
    let (token, done) = (rig.token(), std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut was_revoked = false;
            while !(was_revoked && done.load(Ordering::SeqCst)) {
                let revoked = match rig.live.verify(&token) {
                    Ok(_) => false,
                    Err(Refusal::Token(VerifyError::Revoked { by })) => by == ScopeKind::Sub,
                    Err(other) => panic!("{other:?}"),
                };
                assert!(revoked || !was_revoked, "what was revoked stays so");
                was_revoked = revoked;
            }
        });
        for n in 0..2000 {
            rig.revoke(&[rig.entry(sub(&format!("other-{n}")))]);
            if n == 1000 {
                rig.revoke(&[rig.entry(Scope::Sub(crate::Subject::parse("user-1").unwrap()))]);
            }
        }
        done.store(true, Ordering::SeqCst);
    });
}
