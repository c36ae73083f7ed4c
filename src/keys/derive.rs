//! HKDF-SHA256 (RFC 5869), as this room uses it.

use zeroize::Zeroizing;

use crate::crypto::{hkdf, hmac};

/// HKDF-Extract: the key from which others are derived. It is one HMAC (RFC 5869 §2.2), done here because the extract of
/// aws-lc-rs only takes note of its input and does the work anew with every expand.
pub(super) fn extract(label: &[u8], secret: &[u8]) -> hkdf::Prk {
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, label), secret);
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, extracted.as_ref())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869 appendix A.1.
    #[test]
    fn the_rfc_example_is_derived() {
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        let key = extract(&hex::decode("000102030405060708090a0b0c").unwrap(), &[0x0b; 22]);
        assert_eq!(
            hex::encode(expand::<42>(&key, &[&info])),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }
}
