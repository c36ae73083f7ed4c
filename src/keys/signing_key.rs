//! A private signing key, parsed once.
//!
//! Parsing a private key costs about as much as signing with it, so a key is parsed when it enters the ring and then
//! signs as it is. What never changes between two tokens, the encoded header, is made at that time too: signing an
//! access token is one allocation of the final size, into which header, payload and signature are written in turn.

mod der;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs8::{PrivateKeyInfoRef, SecretDocument};
use signet_verifier::{Algorithm, Jwk, KeyId, VerifyingKey};
use zeroize::Zeroizing;

use self::der::{Kind, ed25519_pkcs8, rsa_public_parts};
use crate::crypto::rand::{SecureRandom, SystemRandom};
use crate::crypto::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use crate::crypto::{CAN_MAKE_RSA_KEYS, ecdsa_p256_from_pkcs8, make_rsa_2048_pkcs8};

/// Why a signing key could not be made or used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
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
    algorithm: Algorithm,
    private: Private,
    pkcs8: Zeroizing<Vec<u8>>,
    jwk: Jwk,
    verifying: VerifyingKey,
    /// `base64url(header).`, the beginning of every token of this key.
    prefix: Box<str>,
}

impl SigningKey {
    /// Whether the crypto backend can make keys for this algorithm: `CannotGenerate` where the schedule could not go on.
    pub fn can_generate(algorithm: Algorithm) -> Result<(), SigningKeyError> {
        match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 if !CAN_MAKE_RSA_KEYS => {
                Err(SigningKeyError::CannotGenerate(algorithm))
            }
            Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Rs256 | Algorithm::Ps256 => Ok(()),
        }
    }

    /// Makes a new key (RSA: 2,048 bits; not with the `ring` backend).
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        Self::can_generate(algorithm)?;
        let failed = |_| SigningKeyError::CannotGenerate(algorithm);
        let random = SystemRandom::new();
        let der = match algorithm {
            Algorithm::Es256 => {
                let made = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                Zeroizing::new(made.map_err(failed)?.as_ref().to_vec())
            }
            Algorithm::EdDsa => {
                let mut seed = Zeroizing::new([0; 32]);
                random.fill(seed.as_mut_slice()).map_err(failed)?;
                ed25519_pkcs8(&seed)
            }
            Algorithm::Rs256 | Algorithm::Ps256 => make_rsa_2048_pkcs8().map_err(failed)?,
        };
        Self::from_pkcs8_der(algorithm, &der)
    }

    /// Reads PKCS#8 DER (RFC 5208, RFC 5958).
    pub fn from_pkcs8_der(algorithm: Algorithm, der: &[u8]) -> Result<Self, SigningKeyError> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| SigningKeyError::Unreadable)?;
        if !Kind::of(&info)?.signs_with(algorithm) {
            return Err(SigningKeyError::OtherAlgorithm(algorithm));
        }
        match algorithm {
            Algorithm::Es256 => Self::es256(der),
            Algorithm::EdDsa => Self::ed25519(&info),
            Algorithm::Rs256 => Self::rsa(algorithm, &signature::RSA_PKCS1_SHA256, der),
            Algorithm::Ps256 => Self::rsa(algorithm, &signature::RSA_PSS_SHA256, der),
        }
    }

    /// Reads PKCS#8 PEM (RFC 7468 §10). The algorithm is the key's own; an RSA key is RS256 unless `algorithm` says PS256.
    pub fn from_pkcs8_pem(pem: &str, algorithm: Option<Algorithm>) -> Result<Self, SigningKeyError> {
        let (label, der) = SecretDocument::from_pem(pem.trim()).map_err(|_| SigningKeyError::Unreadable)?;
        if label != "PRIVATE KEY" {
            return Err(SigningKeyError::Unreadable);
        }
        let info = PrivateKeyInfoRef::try_from(der.as_bytes()).map_err(|_| SigningKeyError::Unreadable)?;
        let algorithm = algorithm.unwrap_or(Kind::of(&info)?.usual_algorithm());
        Self::from_pkcs8_der(algorithm, der.as_bytes())
    }

    /// The RFC 7638 thumbprint.
    pub fn kid(&self) -> &KeyId {
        self.jwk.kid()
    }

    /// Its one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The public half, to verify with.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The private half as PKCS#8 DER, to be sealed.
    pub fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// Signs a payload as a compact JWS with header `{"alg","kid","typ":"at+jwt"}`. The encoded header is made once, when
    /// the key is parsed; one allocation of the final size.
    pub fn sign_access_token(&self, payload: &[u8]) -> Result<String, SigningKeyError> {
        let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
        let length = self.prefix.len() + encoded(payload.len()) + 1 + encoded(self.private.signature_bytes());
        let mut token = String::with_capacity(length);
        token.push_str(&self.prefix);
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        self.private.sign_onto(&mut token)?;
        Ok(token)
    }

    fn es256(der: &[u8]) -> Result<Self, SigningKeyError> {
        let key = ecdsa_p256_from_pkcs8(der).map_err(|_| SigningKeyError::Rejected)?;
        // SEC 1 §2.3.3: an uncompressed point is 04 ‖ x ‖ y.
        let point: &[u8; 65] = key.public_key().as_ref().try_into().map_err(|_| SigningKeyError::Rejected)?;
        let (Some(x), Some(y)) = (point[1..].first_chunk(), point.last_chunk()) else {
            return Err(SigningKeyError::Rejected);
        };
        let jwk = Jwk::es256(x, y);
        Self::assemble(Private::Es256(key), Zeroizing::new(der.to_vec()), jwk)
    }

    /// Kept as version 1 however it came: both backends read that, and the public half follows from the seed.
    fn ed25519(info: &PrivateKeyInfoRef<'_>) -> Result<Self, SigningKeyError> {
        // RFC 8410 §7: the private key is an OCTET STRING of 32 bytes inside the OCTET STRING.
        let Some(seed) = info.private_key.as_bytes().strip_prefix(&[0x04, 0x20]) else {
            return Err(SigningKeyError::Unreadable);
        };
        let seed: &[u8; 32] = seed.try_into().map_err(|_| SigningKeyError::Unreadable)?;
        let key =
            match info.public_key.as_ref().map(|bits| bits.as_bytes().ok_or(SigningKeyError::Unreadable)) {
                Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public?),
                None => Ed25519KeyPair::from_seed_unchecked(seed),
            };
        let key = key.map_err(|_| SigningKeyError::Rejected)?;
        let x: &[u8; 32] = key.public_key().as_ref().try_into().map_err(|_| SigningKeyError::Rejected)?;
        let jwk = Jwk::ed25519(x);
        Self::assemble(Private::Ed25519(key), ed25519_pkcs8(seed), jwk)
    }

    fn rsa(
        algorithm: Algorithm,
        padding: &'static dyn RsaEncoding,
        der: &[u8],
    ) -> Result<Self, SigningKeyError> {
        let key = RsaKeyPair::from_pkcs8(der).map_err(|_| SigningKeyError::Rejected)?;
        let (modulus, exponent) =
            rsa_public_parts(key.public_key().as_ref()).ok_or(SigningKeyError::Rejected)?;
        // Without leading zeros, 2,048 bits are 256 bytes whose first has its highest bit (RFC 7518 §3.3).
        let long_enough = modulus.len() > 256 || (modulus.len() == 256 && modulus.first() >= Some(&0x80));
        if !long_enough {
            return Err(SigningKeyError::Rejected);
        }
        let jwk = Jwk::rsa(algorithm, &modulus, &exponent).map_err(|_| SigningKeyError::Rejected)?;
        let private = Private::Rsa { key, padding, signature_bytes: modulus.len() };
        Self::assemble(private, Zeroizing::new(der.to_vec()), jwk)
    }

    /// A key is only taken if the verifier would take its public half.
    fn assemble(private: Private, pkcs8: Zeroizing<Vec<u8>>, jwk: Jwk) -> Result<Self, SigningKeyError> {
        let verifying = jwk.verifying_key().map_err(|_| SigningKeyError::Rejected)?;
        let algorithm = jwk.algorithm();
        let header = format!(r#"{{"alg":"{algorithm}","kid":"{}","typ":"at+jwt"}}"#, jwk.kid());
        let mut prefix = URL_SAFE_NO_PAD.encode(header);
        prefix.push('.');
        Ok(Self { algorithm, private, pkcs8, jwk, verifying, prefix: prefix.into() })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", self.kid())
            .field("alg", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// What the backend signs with.
enum Private {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa { key: RsaKeyPair, padding: &'static dyn RsaEncoding, signature_bytes: usize },
}

impl Private {
    fn signature_bytes(&self) -> usize {
        match self {
            Self::Es256(_) | Self::Ed25519(_) => 64,
            Self::Rsa { signature_bytes, .. } => *signature_bytes,
        }
    }

    /// Signs the signing input that `token` is so far, and writes `.signature` behind it (RFC 7515 §7.1).
    fn sign_onto(&self, token: &mut String) -> Result<(), SigningKeyError> {
        let random = SystemRandom::new();
        let failed = |_| SigningKeyError::Sign;
        match self {
            Self::Es256(key) => {
                let signature = key.sign(&random, token.as_bytes()).map_err(failed)?;
                append_segment(token, signature.as_ref());
            }
            Self::Ed25519(key) => {
                let signature = key.sign(token.as_bytes());
                append_segment(token, signature.as_ref());
            }
            Self::Rsa { key, padding, signature_bytes } => {
                let mut signature = vec![0; *signature_bytes];
                key.sign(*padding, &random, token.as_bytes(), &mut signature).map_err(failed)?;
                append_segment(token, &signature);
            }
        }
        Ok(())
    }
}

fn append_segment(token: &mut String, bytes: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(bytes, token);
}

#[cfg(test)]
mod tests;
