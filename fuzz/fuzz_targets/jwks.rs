//! A published set is read without a panic; every key of it is found by its name, once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::{JwkSet, KeySource, StaticKeys};

fuzz_target!(|bytes: &[u8]| {
    let parsed = JwkSet::parse_usable(bytes);
    let keys = StaticKeys::from_jwks(bytes);
    assert_eq!(parsed.is_ok(), keys.is_ok());
    let (Ok(parsed), Ok(keys)) = (parsed, keys) else { return };
    for (position, key) in parsed.iter().enumerate() {
        let found = keys.find(key.kid().as_str()).expect("a usable key is found");
        assert_eq!(found.algorithm(), key.algorithm());
        assert!(parsed[..position].iter().all(|earlier| earlier.kid() != key.kid()), "one kid, two keys");
    }
});
