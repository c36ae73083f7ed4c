//! Makes tokens, good and bad, with the crypto backend that the verifier was built on.
#![allow(dead_code, reason = "each test binary and bench uses its own part of this")]

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use backend::rand::SystemRandom;
use backend::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet_verifier::{Algorithm, Jwk};

/// A private key and the algorithm that it is used with.
pub(crate) struct Signer {
    algorithm: Algorithm,
    key: Key,
}

enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        #[cfg(feature = "aws-lc-rs")]
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref());
        #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { algorithm: Algorithm::Es256, key: Key::Ec(key.unwrap()) }
    }

    pub(crate) fn eddsa() -> Self {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        Self { algorithm: Algorithm::EdDsa, key: Key::Ed(key) }
    }

    pub(crate) fn rs256() -> Self {
        let key = RsaKeyPair::from_der(include_bytes!("../fixtures/rsa-2048.pkcs1.der")).unwrap();
        Self { algorithm: Algorithm::Rs256, key: Key::Rsa(key) }
    }

    pub(crate) fn ps256() -> Self {
        let key = RsaKeyPair::from_der(include_bytes!("../fixtures/rsa-2048-other.pkcs1.der")).unwrap();
        Self { algorithm: Algorithm::Ps256, key: Key::Rsa(key) }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn jwk(&self) -> Jwk {
        match &self.key {
            Key::Ec(_) => {
                let point = self.public();
                Jwk::es256(point[1..33].try_into().unwrap(), point[33..].try_into().unwrap())
            }
            Key::Ed(_) => Jwk::ed25519(self.public().as_slice().try_into().unwrap()),
            Key::Rsa(_) => {
                let (n, e) = self.modulus_and_exponent();
                Jwk::rsa(self.algorithm, &n, &e).unwrap()
            }
        }
    }

    pub(crate) fn kid(&self) -> String {
        self.jwk().kid().to_string()
    }

    /// The public key as the backend has it: a point, 32 bytes, or a DER `RSAPublicKey`.
    pub(crate) fn public(&self) -> Vec<u8> {
        match &self.key {
            Key::Ec(key) => key.public_key().as_ref().to_vec(),
            Key::Ed(key) => key.public_key().as_ref().to_vec(),
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// Of an RSA key of 2,048 bits: SEQUENCE (4 bytes), INTEGER n (4 bytes and a zero before it), INTEGER e (2 bytes).
    pub(crate) fn modulus_and_exponent(&self) -> (Vec<u8>, Vec<u8>) {
        let der = self.public();
        (der[9..265].to_vec(), der[267..].to_vec())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Ed(key) => key.sign(message).as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; 256];
                let padding: &'static dyn RsaEncoding =
                    if self.algorithm == Algorithm::Rs256 { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                key.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token of exactly this header and payload.
    pub(crate) fn token(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(payload));
        let signature = self.sign(input.as_bytes());
        format!("{input}.{}", encode(signature))
    }

    /// The header that the issuer writes.
    pub(crate) fn header(&self) -> String {
        format!(r#"{{"alg":"{}","kid":"{}","typ":"at+jwt"}}"#, self.algorithm, self.kid())
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A published set of these keys.
pub(crate) fn jwks(signers: &[&Signer]) -> Vec<u8> {
    let keys: Vec<Jwk> = signers.iter().map(|signer| signer.jwk()).collect();
    serde_json::to_vec(&signet_verifier::JwkSet { keys }).unwrap()
}
