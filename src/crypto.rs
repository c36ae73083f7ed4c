//! The one alias to the crypto backend: `aws-lc-rs`, or `ring` where that feature alone is on. Both offer one API; the
//! few places where they part are functions here, so that no room has to know which backend it stands on.

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc_rs::*;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use ring::*;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("choose a crypto backend: feature `aws-lc-rs` or `ring`");

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub(crate) use parted::{CAN_MAKE_RSA_KEYS, ecdsa_p256_from_pkcs8, make_rsa_2048_pkcs8};

#[cfg(feature = "aws-lc-rs")]
mod parted {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::error::{KeyRejected, Unspecified};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RsaKeyPair};
    use zeroize::Zeroizing;

    /// Whether RSA keys can be made, not only used.
    pub(crate) const CAN_MAKE_RSA_KEYS: bool = true;

    /// Reads a P-256 key that signs with signatures of fixed length (r ‖ s).
    pub(crate) fn ecdsa_p256_from_pkcs8(der: &[u8]) -> Result<EcdsaKeyPair, KeyRejected> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
    }

    /// Makes a 2,048-bit RSA key as PKCS#8 DER.
    pub(crate) fn make_rsa_2048_pkcs8() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let der: Pkcs8V1Der<'_> = key.as_der()?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
mod parted {
    use ring::error::{KeyRejected, Unspecified};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use zeroize::Zeroizing;

    /// Whether RSA keys can be made, not only used.
    pub(crate) const CAN_MAKE_RSA_KEYS: bool = false;

    /// Reads a P-256 key that signs with signatures of fixed length (r ‖ s).
    pub(crate) fn ecdsa_p256_from_pkcs8(der: &[u8]) -> Result<EcdsaKeyPair, KeyRejected> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &SystemRandom::new())
    }

    /// ring makes no RSA keys.
    pub(crate) fn make_rsa_2048_pkcs8() -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        Err(Unspecified)
    }
}
