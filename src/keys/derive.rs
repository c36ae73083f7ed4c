//! HKDF-SHA256 (RFC 5869), as this room uses it.

use zeroize::Zeroizing;

use crate::crypto::hkdf;

/// HKDF-Extract: the key from which others are derived.
pub(super) fn extract(label: &[u8], secret: &[u8]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, label).extract(secret)
}

/// HKDF-Expand: so many bytes for this purpose.
#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8,160 bytes, and we ask for at most 44")]
pub(super) fn expand<const N: usize>(key: &hkdf::Prk, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 44) };
    let mut out = Zeroizing::new([0; N]);
    let expanded = key.expand(info, Length(N)).and_then(|okm| okm.fill(out.as_mut_slice()));
    expanded.expect("so few bytes can be expanded");
    out
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
