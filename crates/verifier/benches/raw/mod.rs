//! The signature check alone, by the backend's own hand.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use std::hint::black_box;

use backend::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signet_verifier::Algorithm;

use crate::signer::Signer;

/// The same where the backend keeps parsed keys.
#[cfg(feature = "aws-lc-rs")]
pub(crate) fn raw_check_with_parsed_key(signer: &Signer, token: &str) -> impl Fn() {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (input, signature) = (input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let algorithm: &'static dyn backend::signature::VerificationAlgorithm = match signer.algorithm() {
        Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
        Algorithm::EdDsa => &ED25519,
        Algorithm::Rs256 | Algorithm::Ps256 => &RSA_PKCS1_2048_8192_SHA256,
    };
    let key = backend::signature::ParsedPublicKey::new(algorithm, signer.public()).unwrap();
    move || assert!(key.verify_sig(black_box(input.as_bytes()), black_box(&signature)).is_ok())
}

#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) fn raw_check_with_parsed_key(signer: &Signer, token: &str) -> impl Fn() {
    raw_check(signer, token)
}

/// The backend's check of the token's signature, all else prepared.
pub(crate) fn raw_check(signer: &Signer, token: &str) -> impl Fn() {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (input, signature) = (input.to_owned(), URL_SAFE_NO_PAD.decode(signature).unwrap());
    let (algorithm, public) = (signer.algorithm(), signer.public());
    move || {
        let (input, signature) = (black_box(input.as_bytes()), black_box(&signature));
        let valid = match algorithm {
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public).verify(input, signature)
            }
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, &public).verify(input, signature),
            Algorithm::Rs256 | Algorithm::Ps256 => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public).verify(input, signature)
            }
        };
        assert!(valid.is_ok());
    }
}
