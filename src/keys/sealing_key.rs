//! A key that seals refresh tokens and makes their successors' ids.

use zeroize::Zeroizing;

use crate::random::Random;

/// Names a sealing key inside a refresh token: the first 8 bytes of a hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SealingKeyId(pub [u8; 8]);

/// The text was not sealed by this key, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this key")]
pub struct SealError;

/// 32 secret bytes and what is derived from them. Does not print, does not clone, wiped on drop.
pub struct SealingKey {
    _todo: (),
}

impl SealingKey {
    /// Makes a new key.
    pub fn generate(_random: &dyn Random) -> Self {
        todo!()
    }

    /// From its 32 bytes.
    pub fn from_bytes(_bytes: Zeroizing<[u8; 32]>) -> Self {
        todo!()
    }

    /// The 32 bytes, to be sealed at rest.
    pub fn secret(&self) -> &Zeroizing<[u8; 32]> {
        todo!()
    }

    /// Its name.
    pub fn id(&self) -> SealingKeyId {
        todo!()
    }

    /// Salt (24 bytes, synthetic) ‖ ciphertext ‖ tag. Equal header and plaintext give equal bytes.
    pub fn seal(&self, _header: &[u8], _plaintext: &[u8]) -> Vec<u8> {
        todo!()
    }

    /// Undoes [`SealingKey::seal`].
    pub fn open(&self, _header: &[u8], _sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        todo!()
    }

    /// A keyed hash: HMAC-SHA256 under a key derived for `label`, over the parts with their lengths.
    pub fn prf(&self, _label: &'static str, _parts: &[&[u8]]) -> [u8; 32] {
        todo!()
    }
}
