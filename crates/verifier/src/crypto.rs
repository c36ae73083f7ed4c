//! The one alias to the crypto backend, and the signature checks on it.
//!
//! jsonwebtoken finds its backend through a process-global default, which panics when feature unification makes it
//! ambiguous, and boxes a checker with a copy of the key for every token. Its keys are checked here instead, directly.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto backend: feature `aws-lc-rs` or `ring`");

use backend::{digest, signature};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

/// Whether the key made this signature of the message. A key of another family than the algorithm's made none.
pub(crate) fn is_valid(
    algorithm: jsonwebtoken::Algorithm,
    key: &DecodingKey,
    message: &[u8],
    given: &[u8],
) -> bool {
    let Some(check) = Check::find(algorithm).filter(|check| check.family() == key.family()) else {
        return false;
    };
    match (check, key.kind()) {
        (Check::Raw(algorithm, _), DecodingKeyKind::SecretOrDer(key)) => {
            signature::UnparsedPublicKey::new(algorithm, key).verify(message, given).is_ok()
        }
        (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
            signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, given).is_ok()
        }
        (Check::Raw(..) | Check::Rsa(_), _) => false,
    }
}

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
