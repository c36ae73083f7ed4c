//! The revocation algebra: for any cutoffs of one key, merging is commutative, associative and idempotent, and never
//! makes one deny less.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::{Cutoff, Denylist};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut cutoffs) = serde_json::from_slice::<Vec<Cutoff>>(bytes) else { return };
    let Some(first) = cutoffs.first().cloned() else { return };
    let wire = serde_json::to_vec(&first).expect("a cutoff is JSON");
    assert_eq!(serde_json::from_slice::<Cutoff>(&wire).expect("what was written can be read"), first);
    cutoffs.truncate(3);
    for cutoff in &mut cutoffs {
        // The laws speak of one key. Different values make the same findings after this.
        cutoff.scope = first.scope.clone();
        cutoff.effect = first.effect;
        cutoff.kept = first.kept;
    }
    let [a, b, c] = std::array::from_fn(|i| cutoffs.get(i).unwrap_or(&first).clone());

    assert_eq!(merged(&a, &a), a, "idempotent");
    assert_eq!(merged(&a, &b), merged(&b, &a), "commutative");
    assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)), "associative");
    let both = merged(&a, &b);
    assert!(both.issued_before >= a.issued_before && both.expires_at >= a.expires_at, "denies no less");

    let denylist = Denylist::default();
    denylist.apply(&both);
    assert!(!denylist.apply(&a) && !denylist.apply(&b), "what is already merged in changes nothing");
});

fn merged(a: &Cutoff, b: &Cutoff) -> Cutoff {
    let mut merged = a.clone();
    merged.merge(b);
    merged
}
