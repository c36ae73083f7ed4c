//! A snapshot is read whole or refused; what was read is written and read again as the same; and each of its entries is one
//! that the denylist takes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::{Denylist, FEED_VERSION, FeedEntry, Snapshot};

fuzz_target!(|bytes: &[u8]| {
    let Ok(snapshot) = Snapshot::parse(bytes) else { return };
    assert_eq!(snapshot.version, FEED_VERSION);
    let wire = serde_json::to_vec(&snapshot).expect("a snapshot is JSON");
    assert_eq!(Snapshot::parse(&wire).as_ref(), Ok(&snapshot));
    // Cut anywhere it is none: a truncated snapshot cannot pass for a shorter one.
    let half = wire.len() / 2;
    for cut in [wire.len() - 1, half, half / 2] {
        assert!(Snapshot::parse(&wire[..cut]).is_err());
    }

    let denylist = Denylist::new(snapshot.limits.revocable_claims.clone());
    for entry in &snapshot.entries {
        let cutoff = entry.clone().into_cutoff();
        denylist.apply(&cutoff);
        assert!(!denylist.apply(&cutoff), "what is already merged in changes nothing");
        assert!(FeedEntry::of(&cutoff).is_none_or(|again| again == *entry));
    }
});
