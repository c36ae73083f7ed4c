//! A header that parses names no key of its own and changes no rule, whatever else it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use signet_verifier::Header;

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = Header::parse(bytes) else { return };
    // A lax reader must not see anything that the strict one did not refuse.
    let lax: Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
    for forbidden in ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc"] {
        assert!(lax.get(forbidden).is_none(), "{forbidden} was let pass");
    }
    let text = |name| lax.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(
        (text("alg"), text("kid"), text("typ")),
        (header.alg.clone(), header.kid.clone(), header.typ.clone())
    );
    let _ = header.is_type("at+jwt");
});
