//! A private signing key, parsed once.

use signet_verifier::{Algorithm, Jwk, KeyId};
use zeroize::Zeroizing;

/// Why a signing key could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// Not PKCS#8 PEM or DER, or of a kind that Signet does not sign with.
    #[error("not a PKCS#8 private key for ES256, EdDSA, RS256 or PS256")]
    Unreadable,
    /// An RSA key shorter than 2,048 bits or an inconsistent key.
    #[error("the key is too weak or inconsistent")]
    Rejected,
    /// The crypto backend cannot make keys for this algorithm.
    #[error("the crypto backend `ring` cannot make {0} keys: import one")]
    CannotGenerate(Algorithm),
    /// The key's own algorithm is not the one asked for.
    #[error("the key is not for {0}")]
    OtherAlgorithm(Algorithm),
    /// The backend failed to sign.
    #[error("signing failed")]
    Sign,
}

/// A private signing key of one algorithm. Does not print, does not clone.
pub struct SigningKey {
    _todo: (),
}

impl SigningKey {
    /// Makes a new key (RSA: 2,048 bits; not with the `ring` backend).
    pub fn generate(_algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        todo!()
    }

    /// Reads PKCS#8 DER (RFC 5208, RFC 5958).
    pub fn from_pkcs8_der(_algorithm: Algorithm, _der: &[u8]) -> Result<Self, SigningKeyError> {
        todo!()
    }

    /// Reads PKCS#8 PEM (RFC 7468 §10). The algorithm is the key's own; an RSA key is RS256 unless `algorithm` says PS256.
    pub fn from_pkcs8_pem(_pem: &str, _algorithm: Option<Algorithm>) -> Result<Self, SigningKeyError> {
        todo!()
    }

    /// The RFC 7638 thumbprint.
    pub fn kid(&self) -> &KeyId {
        todo!()
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }

    /// The public half.
    pub fn jwk(&self) -> &Jwk {
        todo!()
    }

    /// The private half as PKCS#8 DER, to be sealed.
    pub fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        todo!()
    }

    /// Signs a payload as a compact JWS with header `{"alg","kid","typ":"at+jwt"}`. The encoded header is made once, when
    /// the key is parsed; one allocation of the final size.
    pub fn sign_access_token(&self, _payload: &[u8]) -> Result<String, SigningKeyError> {
        todo!()
    }
}
