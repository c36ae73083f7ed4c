//! The documents that keys come in: PKCS#8 around a private key, and what is inside for each kind.

use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use signet_verifier::Algorithm;
use zeroize::Zeroizing;

use super::SigningKeyError;

/// What kind of key a PKCS#8 document holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    P256,
    Ed25519,
    Rsa,
}

impl Kind {
    const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

    pub(super) fn of(info: &PrivateKeyInfoRef<'_>) -> Result<Self, SigningKeyError> {
        let curve = || info.algorithm.parameters_oid().ok();
        match info.algorithm.oid {
            Self::RSA_ENCRYPTION => Ok(Self::Rsa),
            Self::EC_PUBLIC_KEY if curve() == Some(Self::PRIME256V1) => Ok(Self::P256),
            Self::ED25519 => Ok(Self::Ed25519),
            _ => Err(SigningKeyError::Unreadable),
        }
    }

    pub(super) fn usual_algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::Ed25519 => Algorithm::EdDsa,
            Self::Rsa => Algorithm::Rs256,
        }
    }

    pub(super) fn signs_with(self, algorithm: Algorithm) -> bool {
        self.usual_algorithm() == algorithm || (self == Self::Rsa && algorithm == Algorithm::Ps256)
    }
}

/// Modulus and exponent, big-endian without leading zeros, of an `RSAPublicKey` (RFC 8017 §A.1.1).
pub(super) fn rsa_public_parts(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let integers = |reader: &mut SliceReader<'_>| -> pkcs8::der::Result<(Vec<u8>, Vec<u8>)> {
        reader.sequence(|reader| {
            let modulus = UintRef::decode(reader)?.as_bytes().to_vec();
            let exponent = UintRef::decode(reader)?.as_bytes().to_vec();
            Ok((modulus, exponent))
        })
    };
    SliceReader::new(der).and_then(|mut reader| integers(&mut reader)).ok()
}

/// A version 1 document around an Ed25519 seed (RFC 8410 §7): the first 16 bytes are the same for every key.
pub(super) fn ed25519_pkcs8(seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    const BEFORE_SEED: [u8; 16] =
        [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    let mut der = Zeroizing::new(Vec::with_capacity(BEFORE_SEED.len() + seed.len()));
    der.extend_from_slice(&BEFORE_SEED);
    der.extend_from_slice(seed);
    der
}
