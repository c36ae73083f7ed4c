//! Compact JWS (RFC 7515 §7.1): taking one apart, and the only place that checks a signature.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::algorithm::Algorithm;
use crate::crypto::PublicKey;
use crate::error::VerifyError;
use crate::id::KeyId;

/// A public key to check signatures with. It belongs to exactly one algorithm (RFC 8725 §3.1).
#[derive(Clone)]
pub struct VerifyingKey {
    kid: KeyId,
    algorithm: Algorithm,
    key: PublicKey,
}

impl VerifyingKey {
    pub(crate) fn new(kid: KeyId, algorithm: Algorithm, key: &jsonwebtoken::DecodingKey) -> Self {
        Self { kid, algorithm, key: PublicKey::new(algorithm.jose(), key) }
    }

    /// `kid`.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The one algorithm that it is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("alg", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// A compact JWS taken apart and decoded; nothing of it has been checked.
#[derive(Debug)]
pub struct CompactJws<'a> {
    /// The decoded header.
    pub header: Vec<u8>,
    /// The decoded payload.
    pub payload: Vec<u8>,
    signature: Vec<u8>,
    signing_input: &'a str,
}

impl<'a> CompactJws<'a> {
    /// The longest token that is looked at, in bytes: twice what fits a cookie.
    pub const MAX_BYTES: usize = 8192;

    /// Splits at the dots and decodes. Padding, other alphabets, white space and non-zero trailing bits are refused:
    /// otherwise one token would have several spellings.
    pub fn split(token: &'a str) -> Result<Self, VerifyError> {
        if token.len() > Self::MAX_BYTES {
            return Err(VerifyError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(VerifyError::Segments)?;
        let (header, payload) = signing_input.split_once('.').ok_or(VerifyError::Segments)?;
        if payload.contains('.') {
            return Err(VerifyError::Segments);
        }
        let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).map_err(|_| VerifyError::Base64);
        Ok(Self {
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signing_input,
        })
    }

    /// Whether the key made the signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), VerifyError> {
        if key.algorithm.signature_bytes().is_some_and(|expected| expected != self.signature.len()) {
            return Err(VerifyError::Signature);
        }
        let valid = key.key.has_signed(self.signing_input.as_bytes(), &self.signature);
        if valid { Ok(()) } else { Err(VerifyError::Signature) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_exactly_three_segments() {
        for token in ["", "a", "a.b", "a.b.c.d", "a.b.c.d.e"] {
            assert_eq!(CompactJws::split(token).unwrap_err(), VerifyError::Segments, "{token}");
        }
        assert!(CompactJws::split("..").is_ok());
    }

    #[test]
    fn base64url_has_one_spelling() {
        assert!(CompactJws::split("YQ.YQ.YQ").is_ok());
        for segment in ["YR", "YQ==", "YQ=", "Y", "Y Q", "YQ\n", "+/+/", "Y%51"] {
            for token in [format!("{segment}.YQ.YQ"), format!("YQ.{segment}.YQ"), format!("YQ.YQ.{segment}")]
            {
                assert_eq!(CompactJws::split(&token).unwrap_err(), VerifyError::Base64, "{token}");
            }
        }
    }
}
