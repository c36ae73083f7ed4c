//! Published key sets: which keys are taken, when a set is fetched anew, and how a key goes for good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "signer/mod.rs"]
mod signer;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::{
    Algorithm, CachedKeys, Denylist, Expected, JwkError, JwkSet, KeyId, KeySource, SessionId, StaticKeys,
    TokenId, UnixMs, Verifier, VerifyError,
};

use crate::signer::{Signer, encode, jwks};

const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
const MAX_AGE: Duration = Duration::from_mins(5);

fn token(signer: &Signer) -> String {
    let claims = json!({
        "iss": "https://auth.example", "sub": "user-1", "aud": "api", "exp": NOW.as_secs() + 300, "iat": NOW.as_secs(),
        "jti": TokenId::new(NOW, &[1; 10]), "sid": SessionId::new(NOW, &[2; 10]), "client_id": "web",
    });
    signer.token(&signer.header(), &claims.to_string())
}

fn verdict(verifier: &Verifier, token: &str) -> Result<(), VerifyError> {
    let expected = Expected::access_token("https://auth.example", "api").unwrap();
    verifier.verify_at(token, &expected, NOW).map(|_| ())
}

/// A key as published, a member changed (null: taken away).
fn changed(signer: &Signer, changes: &Value) -> Value {
    let mut jwk = serde_json::to_value(signer.jwk()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            drop(jwk.as_object_mut().unwrap().remove(name));
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

fn usable(keys: &[Value]) -> Vec<String> {
    let set = serde_json::to_vec(&json!({ "keys": keys })).unwrap();
    JwkSet::parse_usable(&set).unwrap().iter().map(|key| key.kid().to_string()).collect()
}

#[test]
fn an_odd_key_is_not_used_and_does_not_spoil_the_set() {
    let good = Signer::es256();
    for (name, odd) in odd_keys() {
        for keys in [[odd.clone(), changed(&good, &json!({}))], [changed(&good, &json!({})), odd.clone()]] {
            assert_eq!(usable(&keys), [good.kid()], "{name}");
        }
        let set = serde_json::to_vec(&json!({"keys": [odd, good.jwk()]})).unwrap();
        let verifier =
            Verifier::new(Arc::new(StaticKeys::from_jwks(&set).unwrap()), Arc::new(Denylist::default()));
        assert_eq!(verdict(&verifier, &token(&good)), Ok(()), "{name}");
    }
}

/// What a published set may hold beside the keys that we use.
fn odd_keys() -> Vec<(&'static str, Value)> {
    let (es, ed, rs) = (Signer::es256(), Signer::eddsa(), Signer::rs256());
    let (n, _) = rs.modulus_and_exponent();
    vec![
        ("AKP", json!({"kty": "AKP", "kid": "odd", "alg": "ML-DSA-65", "pub": "AAAA", "use": "sig"})),
        ("an unknown kty", json!({"kty": "XYZ", "kid": "odd", "alg": "ES256", "use": "sig"})),
        ("no kty", json!({"kid": "odd", "alg": "ES256"})),
        ("not an object", json!("odd")),
        ("null", Value::Null),
        ("oct", json!({"kty": "oct", "kid": "odd", "alg": "HS256", "k": "AAAA", "use": "sig"})),
        ("oct for an algorithm of ours", json!({"kty": "oct", "kid": "odd", "alg": "ES256", "k": "AAAA"})),
        ("ES512", changed(&es, &json!({"alg": "ES512", "crv": "P-521"}))),
        ("ES384 on P-256", changed(&es, &json!({"alg": "ES384"}))),
        ("ES256 on P-384", changed(&es, &json!({"crv": "P-384"}))),
        ("ES256K", changed(&es, &json!({"alg": "ES256K", "crv": "secp256k1"}))),
        ("Ed25519 by its newer name", changed(&ed, &json!({"alg": "Ed25519"}))),
        ("EdDSA on Ed448", changed(&ed, &json!({"crv": "Ed448"}))),
        ("EdDSA on X25519", changed(&ed, &json!({"crv": "X25519"}))),
        ("an OKP key for ES256", changed(&ed, &json!({"alg": "ES256"}))),
        ("an EC key for EdDSA", changed(&es, &json!({"alg": "EdDSA"}))),
        ("an EC key for RS256", changed(&es, &json!({"alg": "RS256"}))),
        ("RS512", changed(&rs, &json!({"alg": "RS512"}))),
        ("RSA-OAEP", changed(&rs, &json!({"alg": "RSA-OAEP"}))),
        ("an exponent of one", changed(&rs, &json!({"e": encode([1])}))),
        ("an exponent of three bytes that is even", changed(&rs, &json!({"e": encode([1, 0, 0])}))),
        ("an exponent of zero", changed(&rs, &json!({"e": encode([0])}))),
        ("no exponent", changed(&rs, &json!({"e": ""}))),
        ("1,024 bits of RSA", changed(&rs, &json!({"n": encode(&n[..128])}))),
        ("16,384 bits of RSA", changed(&rs, &json!({"n": encode(n.repeat(8))}))),
        ("a modulus with zeros before it", changed(&rs, &json!({"n": encode([&[0], &n[..]].concat())}))),
        ("a modulus in plain base64", changed(&rs, &json!({"n": "+".repeat(342)}))),
        ("use enc", changed(&es, &json!({"use": "enc"}))),
        ("no alg", changed(&es, &json!({"alg": null}))),
        ("alg none", changed(&es, &json!({"alg": "none"}))),
        ("no kid", changed(&es, &json!({"kid": null}))),
        ("an empty kid", changed(&es, &json!({"kid": ""}))),
        ("a kid that is a path", changed(&es, &json!({"kid": "../key"}))),
        ("a kid that is a number", changed(&es, &json!({"kid": 1}))),
        ("no y", changed(&es, &json!({"y": null}))),
        ("a short x", changed(&es, &json!({"x": encode([1; 31])}))),
        ("a long x", changed(&es, &json!({"x": encode([1; 33])}))),
        ("a padded x", changed(&ed, &json!({"x": format!("{}=", encode([1; 32]))}))),
    ]
}

#[test]
fn members_that_say_nothing_to_us_do_not_spoil_a_key() {
    let es = Signer::es256();
    let decorated = changed(&es, &json!({"x5t": "AAAA", "iat": 1, "revoked": {"at": 1}}));
    assert_eq!(usable(&[decorated]), [es.kid()]);
    assert_eq!(usable(&[changed(&es, &json!({"use": null}))]), [es.kid()]);
}

#[test]
fn of_two_keys_with_one_kid_the_first_counts() {
    let (es, ed) = (Signer::es256(), Signer::eddsa());
    let twin = changed(&ed, &json!({"kid": es.kid()}));
    let set = serde_json::to_vec(&json!({"keys": [es.jwk(), twin]})).unwrap();
    let keys = StaticKeys::from_jwks(&set).unwrap();
    assert_eq!(keys.find(&es.kid()).unwrap().algorithm(), Algorithm::Es256);
}

#[test]
fn what_is_not_a_set_is_refused() {
    for bytes in
        [&b""[..], b"[]", b"{}", b"null", br#"{"keys":{}}"#, br#"{"keys":[]} x"#, br#"{"keys":[],"keys":[]}"#]
    {
        assert_eq!(JwkSet::parse_usable(bytes).unwrap_err(), JwkError::NotASet);
    }
}

#[test]
fn one_modulus_under_two_algorithms_is_two_keys() {
    let rs = Signer::rs256();
    let pss = changed(&rs, &json!({"alg": "PS256", "kid": "pss"}));
    let set = serde_json::to_vec(&json!({"keys": [rs.jwk(), pss]})).unwrap();
    let verifier =
        Verifier::new(Arc::new(StaticKeys::from_jwks(&set).unwrap()), Arc::new(Denylist::default()));
    let good = token(&rs);
    assert_eq!(verdict(&verifier, &good), Ok(()));
    // A PKCS #1 signature offered as PSS, and the key for PSS named with RS256.
    let payload = String::from_utf8(payload_of(&good)).unwrap();
    let as_pss = rs.token(r#"{"alg":"PS256","kid":"pss","typ":"at+jwt"}"#, &payload);
    assert_eq!(verdict(&verifier, &as_pss), Err(VerifyError::Signature));
    let other_key = rs.token(r#"{"alg":"RS256","kid":"pss","typ":"at+jwt"}"#, &payload);
    assert_eq!(verdict(&verifier, &other_key), Err(VerifyError::KeyAlgorithm));
}

fn payload_of(token: &str) -> Vec<u8> {
    signet_verifier::CompactJws::split(token).unwrap().payload.clone()
}

#[test]
fn a_fetch_is_due_at_first_and_when_the_age_has_passed() {
    let keys = CachedKeys::new();
    assert!(keys.is_due(NOW));
    keys.accept(&jwks(&[&Signer::es256()]), NOW, MAX_AGE).unwrap();
    assert!(!keys.is_due(NOW.after(MAX_AGE).before(Duration::from_millis(1))));
    assert!(keys.is_due(NOW.after(MAX_AGE)));
    keys.revalidate(NOW.after(MAX_AGE), MAX_AGE);
    assert!(!keys.is_due(NOW.after(MAX_AGE)));
    assert!(keys.is_due(NOW.after(MAX_AGE * 2)));
}

#[test]
fn a_fetched_set_takes_the_place_of_the_one_before_and_a_bad_one_does_not() {
    let (old, new) = (Signer::es256(), Signer::es256());
    let keys = Arc::new(CachedKeys::new());
    let verifier = Verifier::new(Arc::clone(&keys) as _, Arc::new(Denylist::default()));
    keys.accept(&jwks(&[&old]), NOW, MAX_AGE).unwrap();
    assert_eq!(verdict(&verifier, &token(&old)), Ok(()));
    assert_eq!(verdict(&verifier, &token(&new)), Err(VerifyError::KeyUnknown));
    let version = keys.version();
    assert_eq!(keys.accept(b"<html>", NOW.after(MAX_AGE), MAX_AGE), Err(JwkError::NotASet));
    assert!(keys.is_due(NOW.after(MAX_AGE)));
    assert_eq!((keys.version(), verdict(&verifier, &token(&old))), (version, Ok(())));
    keys.accept(&jwks(&[&new]), NOW, MAX_AGE).unwrap();
    assert_ne!(keys.version(), version);
    assert_eq!(verdict(&verifier, &token(&old)), Err(VerifyError::KeyUnknown));
    assert_eq!(verdict(&verifier, &token(&new)), Ok(()));
}

#[test]
fn a_dropped_key_is_gone_at_once_and_for_good() {
    let (stolen, other) = (Signer::es256(), Signer::eddsa());
    let keys = Arc::new(CachedKeys::new());
    let verifier = Verifier::new(Arc::clone(&keys) as _, Arc::new(Denylist::default()));
    let set = jwks(&[&stolen, &other]);
    keys.accept(&set, NOW, MAX_AGE).unwrap();
    let remembered = token(&stolen);
    assert_eq!(verdict(&verifier, &remembered), Ok(()));
    keys.drop_key(&KeyId::parse(&stolen.kid()).unwrap());
    assert_eq!(verdict(&verifier, &remembered), Err(VerifyError::KeyUnknown));
    assert_eq!(verdict(&verifier, &token(&other)), Ok(()));
    // A cache in between still serves it.
    keys.accept(&set, NOW, MAX_AGE).unwrap();
    assert_eq!(verdict(&verifier, &remembered), Err(VerifyError::KeyUnknown));
    assert_eq!(verdict(&verifier, &token(&other)), Ok(()));
}

#[test]
fn a_key_dropped_before_it_was_ever_seen_is_not_taken() {
    let stolen = Signer::es256();
    let keys = CachedKeys::new();
    keys.drop_key(&KeyId::parse(&stolen.kid()).unwrap());
    keys.accept(&jwks(&[&stolen]), NOW, MAX_AGE).unwrap();
    assert!(keys.find(&stolen.kid()).is_none());
}
