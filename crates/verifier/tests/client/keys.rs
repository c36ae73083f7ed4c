//! The key set while the verifier runs: when it is fetched, what is kept, and what goes for good.

use std::time::Duration;

use serde_json::json;
use signet_verifier::{Check, LiveVerifier, Refusal, StalenessPolicy, VerifyError, WhenStale};

use crate::service::{KEYS, Reply, batch, entry};
use crate::signer::{Signer, jwks};
use crate::stage::{NOW, Stage, counted, session, verdict, verdict_becomes};

async fn checked(verifier: &LiveVerifier, token: &str) -> Result<(), Refusal> {
    verifier.check(token).await.map(|_| ())
}

const KEY_UNKNOWN: Result<(), Refusal> = Err(Refusal::Token(VerifyError::KeyUnknown));

#[tokio::test]
async fn a_key_that_is_new_is_fetched_once_for_all_who_ask() {
    let stage = Stage::new().await;
    let (verifier, _stream) = stage.connected().await;
    let new = Signer::eddsa();
    let token = stage.token_by(&new, session(1));
    assert_eq!(verdict(&verifier, &token), "key_unknown", "verify asks nobody");
    stage.service.reply(KEYS, Reply::body(jwks(&[&stage.signer, &new])));
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), token.clone());
            tokio::spawn(async move { checked(&verifier, &token).await })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Ok(()));
    }
    assert_eq!(stage.service.requests(KEYS).len(), 2, "at the start, and once for fifty");
    assert_eq!(verdict(&verifier, &token), "valid");
}

#[tokio::test]
async fn invented_keys_make_the_verifier_ask_once_in_ten_seconds() {
    let stage = Stage::new().await;
    let (verifier, _stream) = stage.connected().await;
    let invented = stage.token_by(&Signer::eddsa(), session(1));
    for _ in 0..20 {
        assert_eq!(checked(&verifier, &invented).await, KEY_UNKNOWN);
    }
    assert_eq!(stage.service.requests(KEYS).len(), 2);
    stage.advance(Duration::from_secs(10));
    assert_eq!(checked(&verifier, &invented).await, KEY_UNKNOWN);
    assert_eq!(stage.service.requests(KEYS).len(), 3);
    assert_eq!(verdict(&verifier, &stage.token()), "valid");
}

#[tokio::test]
async fn a_set_that_has_not_changed_is_not_sent_again() {
    let stage = Stage::new().await;
    let keys =
        Reply::body(jwks(&[&stage.signer])).with("etag", "\"keys-1\"").with("cache-control", "max-age=10");
    stage.service.reply(KEYS, keys);
    let (verifier, _stream) = stage.connected().await;
    stage.service.reply(KEYS, Reply::status(304));
    // Less than makes a silent stream dead.
    stage.advance(Duration::from_secs(10));
    let asked = stage.service.asked(KEYS, 2).await;
    assert_eq!(asked[0].header("if-none-match"), None);
    assert_eq!(asked[1].header("if-none-match"), Some("\"keys-1\""));
    counted(&verifier, "two fetches", |counters| counters.key_fetches == 2).await;
    assert_eq!(verifier.counters().failed_requests, 0);
    assert_eq!(verdict(&verifier, &stage.token()), "valid");
}

#[tokio::test]
async fn the_answer_says_how_long_keys_are_good_for() {
    let stage = Stage::new().await;
    stage.service.reply(KEYS, Reply::body(jwks(&[&stage.signer])).with("cache-control", "max-age=20"));
    let (_verifier, _stream) = stage.connected().await;
    stage.advance(Duration::from_secs(20));
    stage.service.asked(KEYS, 2).await;
}

#[tokio::test]
async fn the_last_good_set_is_kept_while_the_issuer_is_away_or_talks_nonsense() {
    let broken = [
        Reply::status(500),
        Reply::status(404),
        Reply::body("<html>"),
        Reply::body("{\"keys\":[]}"),
        Reply::body("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"x\",\"alg\":\"HS256\"}]}"),
        Reply::body(" ".repeat(300 * 1024)),
        Reply::Raw(Vec::new()),
    ];
    let stage = Stage::new().await;
    let (verifier, _stream) = stage.connected().await;
    let invented = stage.token_by(&Signer::eddsa(), session(1));
    for (round, reply) in broken.into_iter().enumerate() {
        stage.service.reply(KEYS, reply);
        stage.advance(Duration::from_millis(10_001));
        let before = stage.service.requests(KEYS).len();
        let _ = checked(&verifier, &invented).await;
        let asked = stage.service.asked(KEYS, before + 1).await;
        assert_eq!(asked.last().unwrap().header("if-none-match"), Some("\"keys-1\""), "{round}");
        counted(&verifier, "a failure", |counters| {
            counters.failed_requests + counters.malformed > round as u64
        })
        .await;
    }
    assert_eq!(verifier.counters().key_fetches, 1);
    // Nothing was heard of the service for long, and that is not the question.
    let policy = StalenessPolicy { max_staleness: Duration::from_hours(1), when_stale: WhenStale::Refuse };
    let asked = Check { staleness: Some(policy), ..Check::default() };
    assert!(verifier.verify_with(&stage.token(), &asked).is_ok(), "the key was lost");
}

#[tokio::test]
async fn a_compromised_key_goes_for_good_whatever_the_set_says() {
    let stage = Stage::new().await;
    let other = Signer::eddsa();
    stage.service.reply(KEYS, Reply::body(jwks(&[&stage.signer, &other])));
    let (verifier, mut stream) = stage.connected().await;
    let (theirs, ours) = (stage.token(), stage.token_by(&other, session(1)));
    assert_eq!((verdict(&verifier, &theirs), verdict(&verifier, &ours)), ("valid", "valid"));
    let cutoff = entry(NOW, &json!({"kid": stage.signer.kid()}));
    stream.event("revocations", &batch(NOW, "c1", &[cutoff])).await;
    verdict_becomes(&verifier, &theirs, "key_unknown").await;
    // The set, from a cache in between, still has it.
    stage.advance(Duration::from_secs(15));
    let invented = stage.token_by(&Signer::es256(), session(1));
    assert_eq!(checked(&verifier, &invented).await, KEY_UNKNOWN);
    assert_eq!(stage.service.requests(KEYS).len(), 2);
    assert_eq!(verdict(&verifier, &theirs), "key_unknown");
    assert_eq!(verdict(&verifier, &ours), "valid");
}
