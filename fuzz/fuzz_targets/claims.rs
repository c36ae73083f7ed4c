//! Claims that parse can be written, and read back as the same claims.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::{Claims, NumericDate};

fuzz_target!(|bytes: &[u8]| {
    let Ok(claims) = Claims::parse(bytes) else { return };
    assert!(claims.exp <= NumericDate::MAX && claims.iat <= NumericDate::MAX);
    let written = serde_json::to_vec(&claims).expect("claims are JSON");
    let again = Claims::parse(&written).expect("claims that were written can be read");
    assert_eq!(again, claims);
});
