use std::sync::Arc;

use serde_json::{Value, json};
use signet_verifier::{Denylist, Expected, JwkSet, StaticKeys, UnixMs, Verifier, VerifyError};

use super::*;

const P256: &str = include_str!("../fixtures/p256.pem");
const ED25519: &str = include_str!("../fixtures/ed25519.pem");
const RSA_2048: &str = include_str!("../fixtures/rsa2048.pem");

/// RFC 8410 §10.3: one private key as version 1, and as version 2 with the public half and an attribute.
const RFC_8410_V1: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
const RFC_8410_V2: &str = "-----BEGIN PRIVATE KEY-----\n\
    MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
    Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PRIVATE KEY-----\n";

fn payload() -> Vec<u8> {
    let claims = json!({
        "iss": "https://auth.example", "sub": "u", "aud": "api", "exp": 1300, "iat": 1000,
        "jti": "00000000-03e8-7000-8000-000000000000", "client_id": "c", "tenant": "søren",
    });
    serde_json::to_vec(&claims).unwrap()
}

fn verify(key: &SigningKey, token: &str) -> Result<(), VerifyError> {
    let jwks = serde_json::to_vec(&JwkSet { keys: vec![key.jwk().clone()] }).unwrap();
    let keys = Arc::new(StaticKeys::from_jwks(&jwks).unwrap());
    let expected = Expected::access_token("https://auth.example", "api").unwrap();
    let verifier = Verifier::new(keys, Arc::new(Denylist::default()));
    verifier.verify_at(token, &expected, UnixMs::from_secs(1100)).map(|_| ())
}

/// A key of every algorithm: made where the backend can, else read.
fn keys() -> Vec<SigningKey> {
    let make = |algorithm| match SigningKey::can_generate(algorithm) {
        Ok(()) => SigningKey::generate(algorithm).unwrap(),
        Err(_) => SigningKey::from_pkcs8_pem(RSA_2048, Some(algorithm)).unwrap(),
    };
    Algorithm::ALL.into_iter().map(make).collect()
}

#[test]
fn the_verifier_takes_what_a_key_of_any_algorithm_signs() {
    for key in keys() {
        let token = key.sign_access_token(&payload()).unwrap();
        assert_eq!(verify(&key, &token), Ok(()), "{key:?}");
        let at = token.rfind('.').unwrap() - 3;
        let swapped = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let forged = format!("{}{swapped}{}", &token[..at], &token[at + 1..]);
        assert!(verify(&key, &forged).is_err(), "{key:?}");
    }
}

#[test]
fn a_token_is_written_into_one_allocation_of_the_final_size() {
    for key in keys() {
        for length in 0..5 {
            let token = key.sign_access_token(&payload()[..length]).unwrap();
            assert_eq!(token.capacity(), token.len(), "{key:?}");
        }
    }
}

#[test]
fn the_header_says_alg_kid_and_typ() {
    for key in keys() {
        let token = key.sign_access_token(b"{}").unwrap();
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, json!({"alg": key.algorithm(), "kid": key.kid(), "typ": "at+jwt"}));
    }
}

#[test]
fn a_key_survives_storage() {
    for key in keys() {
        let again = SigningKey::from_pkcs8_der(key.algorithm(), key.pkcs8()).unwrap();
        assert_eq!(again.jwk(), key.jwk());
        assert_eq!(verify(&key, &again.sign_access_token(&payload()).unwrap()), Ok(()));
    }
}

#[test]
fn keys_of_other_tools_are_read_and_their_algorithm_is_their_own() {
    for (pem, asked, algorithm) in [
        (P256, None, Algorithm::Es256),
        (P256, Some(Algorithm::Es256), Algorithm::Es256),
        (ED25519, None, Algorithm::EdDsa),
        (RSA_2048, None, Algorithm::Rs256),
        (RSA_2048, Some(Algorithm::Ps256), Algorithm::Ps256),
        (&P256.replace('\n', "\r\n"), None, Algorithm::Es256),
    ] {
        let key = SigningKey::from_pkcs8_pem(pem, asked).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(verify(&key, &key.sign_access_token(&payload()).unwrap()), Ok(()));
    }
}

#[test]
fn an_ed25519_key_is_the_same_in_both_versions_of_rfc_8410() {
    let [v1, v2] = [RFC_8410_V1, RFC_8410_V2].map(|pem| SigningKey::from_pkcs8_pem(pem, None).unwrap());
    assert_eq!(v1.jwk(), v2.jwk());
    assert_eq!(v1.pkcs8(), v2.pkcs8());
    let x = serde_json::to_value(v1.jwk()).unwrap()["x"].clone();
    assert_eq!(x, "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
}

#[test]
fn a_public_half_that_is_not_of_the_private_one_is_refused() {
    let (_, der) = SecretDocument::from_pem(RFC_8410_V2).unwrap();
    let mut der = der.as_bytes().to_vec();
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(SigningKey::from_pkcs8_der(Algorithm::EdDsa, &der).unwrap_err(), SigningKeyError::Rejected);
}

#[test]
fn weak_keys_other_kinds_and_other_containers_are_refused() {
    for (pem, error) in [
        (include_str!("../fixtures/rsa1024.pem"), SigningKeyError::Rejected),
        (include_str!("../fixtures/rsa2047.pem"), SigningKeyError::Rejected),
        (include_str!("../fixtures/p384.pem"), SigningKeyError::Unreadable),
        (include_str!("../fixtures/ed448.pem"), SigningKeyError::Unreadable),
        (include_str!("../fixtures/rsa_pss2048.pem"), SigningKeyError::Unreadable),
        (include_str!("../fixtures/rsa2048_pkcs1.pem"), SigningKeyError::Unreadable),
        (include_str!("../fixtures/p256_encrypted.pem"), SigningKeyError::Unreadable),
        (&P256[..120], SigningKeyError::Unreadable),
        ("", SigningKeyError::Unreadable),
    ] {
        assert_eq!(SigningKey::from_pkcs8_pem(pem, None).unwrap_err(), error, "{pem}");
    }
}

#[test]
fn a_key_is_refused_for_an_algorithm_that_is_not_its_own() {
    for (pem, asked) in [
        (P256, Algorithm::EdDsa),
        (ED25519, Algorithm::Es256),
        (P256, Algorithm::Rs256),
        (RSA_2048, Algorithm::Es256),
    ] {
        let refused = SigningKey::from_pkcs8_pem(pem, Some(asked)).unwrap_err();
        assert_eq!(refused, SigningKeyError::OtherAlgorithm(asked));
    }
}

#[test]
fn every_cut_of_a_good_document_is_refused() {
    for key in keys() {
        for length in 0..key.pkcs8().len() {
            assert!(SigningKey::from_pkcs8_der(key.algorithm(), &key.pkcs8()[..length]).is_err());
        }
        let longer = [key.pkcs8().as_slice(), &[0]].concat();
        assert!(SigningKey::from_pkcs8_der(key.algorithm(), &longer).is_err());
    }
}

#[test]
fn a_backend_that_cannot_make_a_key_says_so_by_name() {
    for algorithm in Algorithm::ALL {
        match SigningKey::can_generate(algorithm) {
            Ok(()) => assert!(SigningKey::generate(algorithm).is_ok()),
            Err(error) => {
                assert_eq!(error, SigningKeyError::CannotGenerate(algorithm));
                assert!(error.to_string().contains(algorithm.name()));
                assert_eq!(SigningKey::generate(algorithm).unwrap_err(), error);
            }
        }
    }
}

#[test]
fn a_signing_key_does_not_print_its_private_half() {
    for key in keys() {
        let shown = format!("{key:?}");
        assert!(shown.contains(key.kid().as_str()) && shown.len() < 120, "{shown}");
        assert!(!shown.contains(&format!("{:?}", &key.pkcs8()[40..44]).replace(['[', ']'], "")), "{shown}");
    }
}
