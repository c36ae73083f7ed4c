//! The least that issuing can cost: the same bytes signed, sealed and encoded, and nothing else.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;
use serde_json::json;
use signet::session::TokenPair;
use signet_verifier::{Algorithm, Claims};

/// The least that the same bytes can cost.
pub(crate) struct Floor {
    signer: Signer,
    sealer: backend::aead::LessSafeKey,
    /// The encoded header and its dot.
    prefix: String,
    claims: Claims,
    sealed: serde_json::Value,
}

enum Signer {
    Es256(backend::signature::EcdsaKeyPair, backend::rand::SystemRandom),
    EdDsa(backend::signature::Ed25519KeyPair),
}

impl Floor {
    pub(crate) fn of(algorithm: Algorithm, pair: &TokenPair) -> Self {
        let random = backend::rand::SystemRandom::new();
        let signer = match algorithm {
            Algorithm::EdDsa => {
                let pkcs8 = backend::signature::Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                Signer::EdDsa(backend::signature::Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
            }
            Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => Signer::Es256(ecdsa(&random), random),
        };
        let key = backend::aead::UnboundKey::new(&backend::aead::AES_256_GCM, &[7; 32]).unwrap();
        let (header, rest) = pair.access_token.split_once('.').unwrap();
        let payload = URL_SAFE_NO_PAD.decode(rest.split_once('.').unwrap().0).unwrap();
        let claims = Claims::parse(&payload).unwrap();
        let sealed = like_a_session(&claims);
        let floor = Self {
            signer,
            sealer: backend::aead::LessSafeKey::new(key),
            prefix: format!("{header}."),
            claims,
            sealed,
        };
        let (access, sealed) = floor.run();
        assert_eq!(access.len(), pair.access_token.len(), "the same bytes are signed");
        // Of the refresh token, what is behind its prefix, version, key id and salt.
        let behind = pair.refresh_token.as_ref().unwrap().len() - "sgr_".len() - (9 + 24) * 4 / 3;
        assert_eq!(sealed.len(), behind, "as many bytes are sealed");
        floor
    }

    pub(crate) fn run(&self) -> (String, String) {
        let mut payload = Vec::with_capacity(1024);
        serde_json::to_writer(&mut payload, &self.claims).unwrap();
        let mut token = String::with_capacity(1024);
        token.push_str(&self.prefix);
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        let signature = match &self.signer {
            Signer::Es256(key, random) => key.sign(random, token.as_bytes()).unwrap(),
            Signer::EdDsa(key) => key.sign(token.as_bytes()),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        let mut plaintext = Vec::with_capacity(1024);
        serde_json::to_writer(&mut plaintext, &self.sealed).unwrap();
        let nonce = backend::aead::Nonce::assume_unique_for_key([3; 12]);
        self.sealer.seal_in_place_append_tag(nonce, backend::aead::Aad::empty(), &mut plaintext).unwrap();
        (token, URL_SAFE_NO_PAD.encode(&plaintext))
    }
}

/// What a refresh token of these claims has inside: as many members, as many bytes.
fn like_a_session(claims: &Claims) -> serde_json::Value {
    let ms = claims.iat.as_ms().as_millis();
    json!({
        "s": claims.sid, "g": 0, "i": "0123456789012345678901", "m": ms, "u": claims.sub, "c": claims.client_id,
        "a": claims.aud, "o": claims.scope, "x": claims.custom, "xa": ms, "r": claims.amr, "l": 300, "e": ms, "f": ms,
    })
}

#[cfg(feature = "aws-lc-rs")]
fn ecdsa(random: &backend::rand::SystemRandom) -> backend::signature::EcdsaKeyPair {
    let algorithm = &backend::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = backend::signature::EcdsaKeyPair::generate_pkcs8(algorithm, random).unwrap();
    backend::signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap()
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn ecdsa(random: &backend::rand::SystemRandom) -> backend::signature::EcdsaKeyPair {
    let algorithm = &backend::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = backend::signature::EcdsaKeyPair::generate_pkcs8(algorithm, random).unwrap();
    backend::signature::EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), random).unwrap()
}
