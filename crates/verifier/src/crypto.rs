//! The one alias to the crypto backend, and jsonwebtoken's signature checks on top of it.
//!
//! jsonwebtoken finds its backend through a process-global default, which panics when feature unification makes it
//! ambiguous. [`PROVIDER`] is ours, static, and called directly: nothing here depends on the global.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto backend: feature `aws-lc-rs` or `ring`");

use backend::{digest, signature};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind, signature as traits};

/// Signature checks on our backend; signing is done by keys that are parsed once, not here.
pub(crate) static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| {
        let check = Check::find(*algorithm).ok_or_else(|| Error::from(ErrorKind::UnsupportedAlgorithm))?;
        if key.family() != check.family() {
            return Err(ErrorKind::InvalidKeyFormat.into());
        }
        Ok(Box::new(BackendVerifier { check, algorithm: *algorithm, key: key.clone() }))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// How the backend checks one algorithm.
#[derive(Clone, Copy)]
enum Check {
    Raw(&'static dyn signature::VerificationAlgorithm, AlgorithmFamily),
    Rsa(&'static signature::RsaParameters),
}

impl Check {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the closed set is ours; whatever the library adds is refused"
    )]
    fn find(algorithm: jsonwebtoken::Algorithm) -> Option<Self> {
        use jsonwebtoken::Algorithm as A;
        match algorithm {
            A::ES256 => Some(Self::Raw(&signature::ECDSA_P256_SHA256_FIXED, AlgorithmFamily::Ec)),
            A::EdDSA => Some(Self::Raw(&signature::ED25519, AlgorithmFamily::Ed)),
            A::RS256 => Some(Self::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256)),
            A::PS256 => Some(Self::Rsa(&signature::RSA_PSS_2048_8192_SHA256)),
            _ => None,
        }
    }

    fn family(self) -> AlgorithmFamily {
        match self {
            Self::Raw(_, family) => family,
            Self::Rsa(_) => AlgorithmFamily::Rsa,
        }
    }
}

struct BackendVerifier {
    check: Check,
    algorithm: jsonwebtoken::Algorithm,
    key: DecodingKey,
}

impl traits::Verifier<Vec<u8>> for BackendVerifier {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), traits::Error> {
        let valid = match (self.check, self.key.kind()) {
            (Check::Raw(algorithm, _), DecodingKeyKind::SecretOrDer(key)) => {
                signature::UnparsedPublicKey::new(algorithm, key).verify(message, given).is_ok()
            }
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, given).is_ok()
            }
            _ => false,
        };
        if valid { Ok(()) } else { Err(traits::Error::new()) }
    }
}

impl JwtVerifier for BackendVerifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.algorithm
    }
}
