//! A token has one spelling: whatever splits is exactly the base64url of what it was split into.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signet_verifier::CompactJws;

fuzz_target!(|text: &str| {
    let Ok(jws) = CompactJws::split(text) else { return };
    assert!(text.len() <= CompactJws::MAX_BYTES);
    let segments: Vec<&str> = text.split('.').collect();
    assert_eq!(segments.len(), 3);
    for (segment, decoded) in segments.iter().zip([&jws.header, &jws.payload]) {
        // 4 characters carry 3 bytes; 2 or 3 left over carry 1 or 2.
        assert_eq!(decoded.len(), segment.len() * 3 / 4);
        assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
    }
});
