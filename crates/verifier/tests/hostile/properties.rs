//! What holds for every token.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use signet_verifier::{Claims, RESERVED_CLAIMS, SessionId, TokenId, UnixMs, VerifyError};

use crate::stage::{ISSUER, Memory, NOW, NOW_SECS, Stage, good_claims, usual, without_leeway};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[test]
fn a_good_token_of_each_algorithm_is_believed_first_and_again() {
    let stage = Stage::new();
    let verifier = stage.verifier_over(signet_verifier::Denylist::default());
    for signer in stage.signers() {
        let token = stage.with_header(signer, &signer.header());
        for _ in 0..2 {
            let verified = verifier.verify_at(&token, &usual(), NOW).unwrap();
            assert_eq!(verified.header().alg.as_deref(), Some(signer.algorithm().name()));
            assert_eq!(verified.claims().sub.as_str(), "user-1");
        }
    }
}

#[test]
fn no_changed_character_of_a_token_goes_unnoticed() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let token = stage.with_header(&stage.ed, &stage.ed.header());
    assert!(verifier.verify_at(&token, &usual(), NOW).is_ok());
    for place in 0..token.len() {
        // A few of its own alphabet, and some that are none of it.
        let step = |by: usize| ALPHABET[(usize::from(token.as_bytes()[place]) * 7 + place + by) % 64];
        for byte in [step(0), step(21), step(42), b'.', b'=', b'+', b' ', 0] {
            let mut changed = token.clone().into_bytes();
            changed[place] = byte;
            let changed = String::from_utf8(changed).unwrap();
            let believed = verifier.verify_at(&changed, &usual(), NOW).is_ok();
            assert_eq!(believed, changed == token, "{byte:#x} at {place}");
        }
    }
}

#[test]
fn the_edges_of_time_are_where_they_are_said_to_be() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let at = |exp: u64, iat: u64| {
        stage.with_claims(|claims| {
            claims.insert("exp".into(), json!(exp));
            claims.insert("iat".into(), json!(iat));
        })
    };
    for (exp, iat, expected) in [
        (NOW_SECS - 29, NOW_SECS - 300, usual()),
        (NOW_SECS + 300, NOW_SECS + 30, usual()),
        (NOW_SECS + 3600, NOW_SECS, usual()),
        (NOW_SECS + 1, NOW_SECS, without_leeway()),
    ] {
        let token = at(exp, iat);
        assert!(verifier.verify_at(&token, &expected, NOW).is_ok(), "exp {exp}, iat {iat}");
    }
    let token = at(NOW_SECS + 1, NOW_SECS);
    let last = UnixMs::from_millis(NOW.as_millis() + 999);
    assert!(verifier.verify_at(&token, &without_leeway(), last).is_ok());
    let refused = verifier.verify_at(&token, &without_leeway(), UnixMs::from_millis(last.as_millis() + 1));
    assert_eq!(refused.unwrap_err(), VerifyError::Expired);
}

/// Where the library below us would let a token pass: an extension that must be understood (RFC 7515 §4.1.11), and the
/// very second of `exp` (RFC 7519 §4.1.4).
#[test]
fn the_two_laxities_of_the_library_below_are_closed() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let header = stage.es.header().replacen('{', r#"{"crit":["urn:x"],"urn:x":1,"#, 1);
    let critical = stage.with_header(&stage.es, &header);
    let refused = verifier.verify_at(&critical, &usual(), NOW).unwrap_err();
    assert_eq!(refused, VerifyError::HeaderForbidden { member: "crit" });

    let at_its_end = stage.with_claims(|claims| {
        claims.insert("exp".into(), json!(NOW_SECS));
        claims.insert("iat".into(), json!(NOW_SECS - 300));
    });
    let refused = verifier.verify_at(&at_its_end, &without_leeway(), NOW).unwrap_err();
    assert_eq!(refused, VerifyError::Expired);
}

#[test]
fn custom_claims_are_read_into_a_type_or_refused() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Custom {
        tenant: String,
    }
    #[derive(Debug, Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "never made")]
        tenant: u32,
    }
    let stage = Stage::new();
    let verified = stage.verifier(Memory::On).verify_at(&stage.good(), &usual(), NOW).unwrap();
    assert_eq!(verified.clone().typed::<Custom>().unwrap().custom(), &Custom { tenant: "acme".into() });
    assert_eq!(verified.typed::<Other>().unwrap_err(), VerifyError::ClaimsMalformed);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "[\\x00-\\x1f\"\\\\/]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("\\PC{0,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn some_claims() -> impl Strategy<Value = Map<String, Value>> {
    let ids = (any::<[u8; 10]>(), prop::option::of(any::<[u8; 10]>()));
    let aud = prop::collection::hash_set("[a-z]{1,8}", 0..4);
    let custom = prop::collection::hash_map("\\PC{1,12}", json_value(), 0..5);
    let optional =
        (prop::option::of(0..NOW_SECS), prop::option::of("[a-z:.]{1,9}( [A-Z]{1,9})?"), any::<bool>());
    (ids, "\\PC{1,60}", "[A-Za-z0-9._~-]{1,40}", aud, custom, optional).prop_map(
        |((jti, sid), sub, client_id, aud, custom, (auth_time, scope, bound))| {
            let mut claims: Map<String, Value> =
                custom.into_iter().filter(|(name, _)| !RESERVED_CLAIMS.contains(&name.as_str())).collect();
            let mut set = |name: &str, value: Value| drop(claims.insert(name.into(), value));
            let aud: Vec<String> =
                aud.into_iter().map(|aud| format!("x-{aud}")).chain(["api".to_owned()]).collect();
            set("iss", json!(ISSUER));
            set("sub", json!(sub));
            set("aud", if aud.len() == 1 { json!("api") } else { json!(aud) });
            set("exp", json!(NOW_SECS + 300));
            set("iat", json!(NOW_SECS));
            set("jti", json!(TokenId::new(NOW, &jti)));
            set("client_id", json!(client_id));
            if let Some(sid) = sid {
                set("sid", json!(SessionId::new(NOW, &sid)));
            }
            if let Some(at) = auth_time {
                set("auth_time", json!(at));
            }
            if let Some(scope) = scope {
                set("scope", json!(scope));
            }
            if bound {
                set("cnf", json!({"jkt": "abc"}));
                set("amr", json!(["pwd", "otp"]));
                set("acr", json!("urn:x"));
            }
            claims
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_issued_is_what_is_verified(claims in some_claims(), signer in 0..2_usize) {
        let stage = Stage::new();
        let verifier = stage.verifier(Memory::On);
        let signer = stage.signers()[signer];
        let parsed = Claims::parse(&serde_json::to_vec(&claims).unwrap()).unwrap();
        let token = signer.token(&signer.header(), &serde_json::to_string(&parsed).unwrap());
        for _ in 0..2 {
            let verified = verifier.verify_at(&token, &usual(), NOW).unwrap();
            prop_assert_eq!(verified.claims(), &parsed);
            prop_assert_eq!(serde_json::to_value(verified.claims()).unwrap(), Value::Object(claims.clone()));
        }
    }

    #[test]
    fn no_changed_byte_of_what_was_signed_goes_unnoticed(place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let stage = Stage::new();
        let token = stage.good();
        let [header, payload, signature] = crate::stage::parts(&token);
        let decode = |text: &str| base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap();
        let mut bytes = [decode(&header), decode(&payload), decode(&signature)];
        let (one, two) = (bytes[0].len(), bytes[1].len());
        let place = place.index(bytes.iter().map(Vec::len).sum());
        let (segment, place) = match place {
            first if first < one => (0, first),
            second if second < one + two => (1, second - one),
            third => (2, third - one - two),
        };
        bytes[segment][place] ^= flip;
        let changed = bytes.map(crate::signer::encode).join(".");
        prop_assert!(stage.verifier(Memory::Off).verify_at(&changed, &usual(), NOW).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic(text in "\\PC{0,200}", claims in "[ -~]{0,200}") {
        let stage = Stage::new();
        let verifier = stage.verifier(Memory::Off);
        prop_assert!(verifier.verify_at(&text, &usual(), NOW).is_err());
        prop_assert!(verifier.verify_at(&stage.with_payload(&claims), &usual(), NOW).is_err());
        prop_assert!(verifier.verify_at(&stage.with_header(&stage.es, &claims), &usual(), NOW).is_err());
    }
}

#[test]
fn depth_within_measure_is_good() {
    let stage = Stage::new();
    let mut claims = good_claims();
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    claims.insert("x".into(), serde_json::from_str(&deep).unwrap());
    let token = stage.with_payload(&Value::Object(claims).to_string());
    assert!(stage.verifier(Memory::On).verify_at(&token, &usual(), NOW).is_ok());
}
