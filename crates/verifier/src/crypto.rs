//! The one alias to the crypto backend, and public keys on it.
//!
//! jsonwebtoken finds its backend through a process-global default, which panics when feature unification makes it
//! ambiguous, and boxes a checker with a copy of the key for every token. Its keys are taken over here instead, once,
//! when they enter a key set.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto backend: feature `aws-lc-rs` or `ring`");

use backend::digest;
use backend::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    VerificationAlgorithm,
};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};

/// A public key and the one algorithm that it is used with, ready to check signatures.
///
/// Without a key inside it has made no signature: where its parameters are none (a point beside the curve), or belong to
/// another family than the algorithm's.
#[derive(Clone)]
pub(crate) struct PublicKey(Option<parted::Key>);

impl PublicKey {
    /// Takes over a key.
    pub(crate) fn new(algorithm: jsonwebtoken::Algorithm, key: &DecodingKey) -> Self {
        let check = Check::find(algorithm).filter(|check| check.family() == key.family());
        Self(match (check, key.kind()) {
            (Some(Check::Raw(algorithm, _)), DecodingKeyKind::SecretOrDer(key)) => {
                parted::Key::raw(algorithm, key)
            }
            (Some(Check::Rsa(parameters)), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                parted::Key::rsa(parameters, n, e)
            }
            (None | Some(Check::Raw(..) | Check::Rsa(_)), _) => None,
        })
    }

    /// Whether it made this signature of the message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|key| key.has_signed(message, signature))
    }
}

/// SHA-256 (FIPS 180-4).
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Bytes that nobody can guess: names and jitter of feature `client`. `None` if the system has none to give.
#[cfg(feature = "client")]
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    use backend::rand::SecureRandom;
    let mut bytes = [0; N];
    backend::rand::SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}

/// TLS on this backend, whatever the process has chosen for others.
#[cfg(feature = "client")]
pub(crate) fn tls_provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    use rustls::crypto::aws_lc_rs as tls;
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    use rustls::crypto::ring as tls;
    std::sync::Arc::new(tls::default_provider())
}

/// How the backend checks one algorithm.
#[derive(Clone, Copy)]
enum Check {
    Raw(&'static dyn VerificationAlgorithm, AlgorithmFamily),
    Rsa(&'static RsaParameters),
}

impl Check {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the closed set is ours; whatever the library adds is refused"
    )]
    fn find(algorithm: jsonwebtoken::Algorithm) -> Option<Self> {
        use jsonwebtoken::Algorithm as A;
        match algorithm {
            A::ES256 => Some(Self::Raw(&ECDSA_P256_SHA256_FIXED, AlgorithmFamily::Ec)),
            A::EdDSA => Some(Self::Raw(&ED25519, AlgorithmFamily::Ed)),
            A::RS256 => Some(Self::Rsa(&RSA_PKCS1_2048_8192_SHA256)),
            A::PS256 => Some(Self::Rsa(&RSA_PSS_2048_8192_SHA256)),
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

/// aws-lc-rs parses a key on every check unless it was parsed before: half of an RSA check's price is saved.
#[cfg(feature = "aws-lc-rs")]
mod parted {
    use aws_lc_rs::signature::{
        ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
    };

    #[derive(Clone)]
    pub(super) struct Key(ParsedPublicKey);

    impl Key {
        pub(super) fn raw(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Option<Self> {
            ParsedPublicKey::new(algorithm, key).ok().map(Self)
        }

        pub(super) fn rsa(parameters: &'static RsaParameters, n: &[u8], e: &[u8]) -> Option<Self> {
            RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok().map(Self)
        }

        pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
            self.0.verify_sig(message, signature).is_ok()
        }
    }
}

/// ring keeps no parsed keys.
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
mod parted {
    use ring::signature::{RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

    #[derive(Clone)]
    pub(super) enum Key {
        Raw(UnparsedPublicKey<Vec<u8>>),
        Rsa(&'static RsaParameters, RsaPublicKeyComponents<Vec<u8>>),
    }

    #[expect(clippy::unnecessary_wraps, reason = "the other backend parses the key here, and may refuse it")]
    impl Key {
        pub(super) fn raw(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Option<Self> {
            Some(Self::Raw(UnparsedPublicKey::new(algorithm, key.to_vec())))
        }

        pub(super) fn rsa(parameters: &'static RsaParameters, n: &[u8], e: &[u8]) -> Option<Self> {
            Some(Self::Rsa(parameters, RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() }))
        }

        pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
            match self {
                Self::Raw(key) => key.verify(message, signature).is_ok(),
                Self::Rsa(parameters, key) => key.verify(parameters, message, signature).is_ok(),
            }
        }
    }
}
