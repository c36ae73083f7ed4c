//! Tokens that must be refused, each for its one reason; and what must hold for every token.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod claims;
mod headers;
mod properties;
mod revoked;
mod segments;
#[path = "../signer/mod.rs"]
mod signer;
mod stage;
mod vectors;

use std::collections::HashSet;

use signet_verifier::VerifyError;

use crate::stage::{Case, Memory, Stage};

fn corpus(stage: &Stage) -> Vec<Case> {
    let parts = [segments::cases(stage), headers::cases(stage), claims::cases(stage), revoked::cases(stage)];
    parts.into_iter().flatten().collect()
}

#[test]
fn every_hostile_token_is_refused_for_its_one_reason() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::Off);
    for case in corpus(&stage) {
        let verdict = verifier.verify_at(&case.token, &case.expected, stage::NOW);
        assert_eq!(verdict.map(|_| ()), Err(case.error), "{}", case.name);
    }
}

#[test]
fn a_remembered_token_is_judged_as_a_new_one() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let cases = corpus(&stage);
    for round in ["first", "second", "third"] {
        for case in &cases {
            let verdict = verifier.verify_at(&case.token, &case.expected, stage::NOW);
            assert_eq!(verdict.map(|_| ()), Err(case.error.clone()), "{}, {round} time", case.name);
        }
    }
}

#[test]
fn the_corpus_is_large_and_knows_every_reason() {
    let cases = corpus(&Stage::new());
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut names = HashSet::new();
    for case in &cases {
        assert!(names.insert(&case.name), "{} names two cases", case.name);
    }
    let reasons: HashSet<String> = cases.iter().map(|case| reason(&case.error)).collect();
    assert_eq!(reasons.len(), 22, "{reasons:?}");
}

/// The variant's name, without what it carries.
fn reason(error: &VerifyError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}
