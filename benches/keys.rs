//! What Signet adds to the bare crypto backend when it signs and seals.
//!
//! `cargo bench --bench keys`: each pair is the backend's own operation on the same bytes, and ours.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "benchmarks fail by panicking")]

mod in_turn;
mod summary;

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

use crate::in_turn::{in_turn, timed};
use crate::summary::report;

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
    let raw = || {
        black_box(raw.sign(&random, black_box(&signing_input)).unwrap());
    };
    let token = || drop(black_box(key.sign_access_token(black_box(&PAYLOAD)).unwrap()));
    group.bench_function("raw", |b| b.iter(raw));
    group.bench_function("token", |b| b.iter(token));
    group.finish();
    compare("ES256: token from payload / raw signature", token, raw);
}

fn eddsa(c: &mut Criterion) {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let signing_input = signing_input(&key);
    let mut group = c.benchmark_group("sign EdDSA");
    let raw = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.pkcs8()).unwrap();
    let raw = || {
        black_box(raw.sign(black_box(&signing_input)));
    };
    let token = || drop(black_box(key.sign_access_token(black_box(&PAYLOAD)).unwrap()));
    group.bench_function("raw", |b| b.iter(raw));
    group.bench_function("token", |b| b.iter(token));
    group.finish();
    compare("EdDSA: token from payload / raw signature", token, raw);
}

fn seal(c: &mut Criterion) {
    let key = SealingKey::generate(&SystemRandom::new());
    let sealed = key.seal(b"header", &PAYLOAD);
    let mut group = c.benchmark_group("seal 400 bytes");
    let raw = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &[7; 32]).unwrap());
    let raw = || {
        let mut out = black_box(&PAYLOAD).to_vec();
        let nonce = aead::Nonce::assume_unique_for_key([1; 12]);
        raw.seal_in_place_append_tag(nonce, aead::Aad::from(b"header"), &mut out).unwrap();
        drop(black_box(out));
    };
    let ours = || drop(black_box(key.seal(b"header", black_box(&PAYLOAD))));
    let open = || drop(black_box(key.open(b"header", black_box(&sealed)).unwrap()));
    group.bench_function("raw AES-256-GCM", |b| b.iter(raw));
    group.bench_function("seal", |b| b.iter(ours));
    group.bench_function("open", |b| b.iter(open));
    group.bench_function("prf", |b| b.iter(|| key.prf("id", black_box(&[&PAYLOAD[..16], &PAYLOAD[..8]]))));
    group.finish();
    compare("seal 400 B (synthetic salt, derived key) / raw GCM", ours, raw);
    compare("open 400 B / raw GCM", open, raw);
}

fn compare(what: &str, ours: impl Fn(), raw: impl Fn()) {
    let calls = || vec![(); 32];
    let [ours, raw] = in_turn(500, [&mut || timed(calls(), |()| ours()), &mut || timed(calls(), |()| raw())]);
    report(what, &format!("{:.2} / {:.2} µs = {:.2}", ours / 1000.0, raw / 1000.0, ours / raw), "");
}

fn signing_input(key: &SigningKey) -> Vec<u8> {
    let token = key.sign_access_token(&PAYLOAD).unwrap();
    token.rsplit_once('.').unwrap().0.as_bytes().to_vec()
}

criterion_group!(benches, es256, eddsa, seal);
criterion_main!(benches);
