//! What Signet adds to the bare crypto backend when it signs and seals.
//!
//! `cargo bench --bench keys`: each pair is the backend's own operation on the same bytes, and ours.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "benchmarks fail by panicking")]

use std::hint::black_box;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
use backend::{aead, rand, signature};
use criterion::{Criterion, criterion_group, criterion_main};
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;
use signet::keys::{SealingKey, SigningKey};
use signet::random::SystemRandom;
use signet_verifier::Algorithm;

/// A payload as tokens have it, and the signing input that becomes of it.
const PAYLOAD: [u8; 400] = [b'x'; 400];

fn es256(c: &mut Criterion) {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let signing_input = signing_input(&key);
    let mut group = c.benchmark_group("sign ES256");
    #[cfg(feature = "aws-lc-rs")]
    let raw = signature::EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8());
    #[cfg(not(feature = "aws-lc-rs"))]
    let raw = signature::EcdsaKeyPair::from_pkcs8(
        &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        key.pkcs8(),
        &rand::SystemRandom::new(),
    );
    let (raw, random) = (raw.unwrap(), rand::SystemRandom::new());
    group.bench_function("raw", |b| b.iter(|| raw.sign(&random, black_box(&signing_input)).unwrap()));
    group.bench_function("token", |b| b.iter(|| key.sign_access_token(black_box(&PAYLOAD)).unwrap()));
    group.finish();
}

fn eddsa(c: &mut Criterion) {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let signing_input = signing_input(&key);
    let mut group = c.benchmark_group("sign EdDSA");
    let raw = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.pkcs8()).unwrap();
    group.bench_function("raw", |b| b.iter(|| raw.sign(black_box(&signing_input))));
    group.bench_function("token", |b| b.iter(|| key.sign_access_token(black_box(&PAYLOAD)).unwrap()));
    group.finish();
}

fn seal(c: &mut Criterion) {
    let key = SealingKey::generate(&SystemRandom::new());
    let sealed = key.seal(b"header", &PAYLOAD);
    let mut group = c.benchmark_group("seal 400 bytes");
    let raw = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &[7; 32]).unwrap());
    group.bench_function("raw AES-256-GCM", |b| {
        b.iter(|| {
            let mut out = black_box(&PAYLOAD).to_vec();
            let nonce = aead::Nonce::assume_unique_for_key([1; 12]);
            raw.seal_in_place_append_tag(nonce, aead::Aad::from(b"header"), &mut out).unwrap();
            out
        });
    });
    group.bench_function("seal", |b| b.iter(|| key.seal(b"header", black_box(&PAYLOAD))));
    group.bench_function("open", |b| b.iter(|| key.open(b"header", black_box(&sealed)).unwrap()));
    group.bench_function("prf", |b| b.iter(|| key.prf("id", black_box(&[&PAYLOAD[..16], &PAYLOAD[..8]]))));
    group.finish();
}

fn signing_input(key: &SigningKey) -> Vec<u8> {
    let token = key.sign_access_token(&PAYLOAD).unwrap();
    token.rsplit_once('.').unwrap().0.as_bytes().to_vec()
}

criterion_group!(benches, es256, eddsa, seal);
criterion_main!(benches);
