//! The vectors that all verifiers share: tests/vectors/*.json, whose README says what they mean.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use serde::Deserialize;
use serde_json::{Value, json};
use signet_verifier::{
    AudienceRule, Denylist, Expected, FeedEntry, StaticKeys, UnixMs, Verifier, VerifyError, strict_from_slice,
};

/// Fewer would mean that files have gone missing.
const AT_LEAST: usize = 600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    token: String,
    now: UnixMs,
    expected: Expectation,
    jwks: Value,
    denylist: Vec<FeedEntry>,
    revocable_claims: Vec<String>,
    result: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    issuer: String,
    audience: Vec<Arc<str>>,
    leeway_ms: u64,
    longest_access_ttl_ms: u64,
}

impl Expectation {
    fn read(&self) -> Expected {
        let usual = Expected::access_token(&self.issuer, "").unwrap();
        Expected {
            audience: AudienceRule::AnyOf(self.audience.clone()),
            leeway: Duration::from_millis(self.leeway_ms),
            max_lifetime: Some(Duration::from_millis(self.longest_access_ttl_ms)),
            ..usual
        }
    }
}

/// By the name of the file. What a vector does not say the file's `defaults` do.
fn corpus() -> BTreeMap<String, Vec<Vector>> {
    let directory: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "vectors"].iter().collect();
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    files
        .map(|path| {
            let file = strict_from_slice(&fs::read(&path).unwrap()).unwrap();
            let vectors = file["vectors"].as_array().unwrap().iter();
            let vectors = vectors.map(|vector| merge(&file["defaults"], vector)).collect();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), vectors)
        })
        .collect()
}

fn merge(defaults: &Value, vector: &Value) -> Vector {
    let mut merged = defaults.as_object().cloned().unwrap_or_default();
    merged.extend(vector.as_object().unwrap().clone());
    serde_json::from_value(Value::Object(merged)).unwrap_or_else(|error| panic!("{vector}: {error}"))
}

fn verdict(vector: &Vector) -> Value {
    let keys = StaticKeys::from_jwks(vector.jwks.to_string().as_bytes()).unwrap();
    let denylist = Denylist::new(vector.revocable_claims.clone());
    for entry in &vector.denylist {
        denylist.apply(&entry.clone().into_cutoff());
    }
    denylist.sweep(vector.now);
    let verifier = Verifier::new(Arc::new(keys), Arc::new(denylist));
    match verifier.verify_at(&vector.token, &vector.expected.read(), vector.now) {
        Ok(verified) => json!({"claims": serde_json::to_value(verified.claims()).unwrap()}),
        Err(error) => refusal(&error),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others carry nothing")]
fn refusal(error: &VerifyError) -> Value {
    let member = match error {
        VerifyError::HeaderForbidden { member } => Some((*member).to_owned()),
        VerifyError::ClaimMissing { claim } | VerifyError::ClaimInvalid { claim } => {
            Some((*claim).to_owned())
        }
        VerifyError::Revoked { by } => Some(by.name().to_owned()),
        _ => None,
    };
    let mut refusal = json!({"error": error.code()});
    if let Some(member) = member {
        refusal["member"] = member.into();
    }
    refusal
}

/// One audience may be a string or an array of one.
fn one_spelling(mut result: Value) -> Value {
    if let Some([one]) = result.pointer("/claims/aud").and_then(Value::as_array).map(Vec::as_slice) {
        result["claims"]["aud"] = one.clone();
    }
    result
}

#[test]
fn every_vector_has_the_result_that_it_states() {
    let mut wrong = Vec::new();
    for (file, vectors) in corpus() {
        for vector in vectors {
            let (found, stated) = (verdict(&vector), one_spelling(vector.result.clone()));
            if one_spelling(found.clone()) != stated {
                wrong.push(format!("{file}, {}: {found}, stated: {stated}", vector.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_large_and_knows_every_reason() {
    let vectors: Vec<Vector> = corpus().into_values().flatten().collect();
    assert!(vectors.len() >= AT_LEAST, "{}", vectors.len());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for vector in &vectors {
        *counts.entry(vector.result["error"].as_str().unwrap_or("accepted")).or_default() += 1;
    }
    assert_eq!(counts.len(), 23, "22 reasons, and none: {counts:?}");
}
