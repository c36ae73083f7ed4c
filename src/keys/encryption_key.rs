//! The key-encryption key: what seals the ring at rest.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD as WITH_PADDING};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::derive::{expand, extract};
use super::directory::{DirectoryError, Lock, make_directory, read_text, ring_file, write_whole};
use crate::crypto::{aead, hmac};
use crate::random::{self, Random};

/// 32 bytes that seal the private parts at rest. Does not print.
pub struct KeyEncryptionKey(Zeroizing<[u8; 32]>);

impl KeyEncryptionKey {
    /// The file beside the ring that holds the key where none is configured.
    pub const FILE_NAME: &str = "encryption.key";
    const NONCE_BYTES: usize = 12;

    /// From base64 text: 32 bytes. Either alphabet, padded or not, white space around it.
    pub fn from_base64(text: &str) -> Result<Self, DirectoryError> {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        let bytes = GeneralPurpose::new(alphabet, config).decode(text.trim()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| DirectoryError::KeyEncryptionKey)?;
        let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| DirectoryError::KeyEncryptionKey)?;
        Ok(Self(Zeroizing::new(*bytes)))
    }

    /// Reads the file, base64 text.
    pub fn from_file(path: &Path) -> Result<Self, DirectoryError> {
        Self::from_base64(&read_text(path)?).map_err(|_| DirectoryError::KeyFile(path.into()))
    }

    /// Reads the key-encryption key beside the ring, or makes one there (0600). The flag says whether it was made now.
    ///
    /// Beside a ring that is already there none is made: that ring was sealed under another, and only that one opens it.
    pub fn beside_ring(directory: &Path, random: &dyn Random) -> Result<(Self, bool), DirectoryError> {
        let path = directory.join(Self::FILE_NAME);
        if path.exists() {
            return Ok((Self::from_file(&path)?, false));
        }
        make_directory(directory)?;
        let _lock = Lock::take(directory)?;
        // Once more, under the lock: another process may have been faster.
        if path.exists() {
            return Ok((Self::from_file(&path)?, false));
        }
        if ring_file(directory).exists() {
            return Err(DirectoryError::Unreadable(ring_file(directory)));
        }
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        let made = Self(bytes);
        write_whole(&path, made.to_base64().as_bytes())?;
        Ok((made, true))
    }

    /// The text of a file that holds it.
    pub(super) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(WITH_PADDING.encode(self.0.as_slice()) + "\n")
    }

    /// Nonce ‖ ciphertext ‖ tag.
    #[expect(clippy::expect_used, reason = "AES-GCM refuses only what is longer than 64 GiB")]
    pub(super) fn seal(&self, context: &[u8], secret: &[u8], random: &dyn Random) -> Vec<u8> {
        let nonce = random::bytes::<{ Self::NONCE_BYTES }>(random);
        let mut sealed = Zeroizing::new(secret.to_vec());
        let tag = self
            .cipher()
            .seal_in_place_separate_tag(
                aead::Nonce::assume_unique_for_key(nonce),
                aead::Aad::from(context),
                sealed.as_mut_slice(),
            )
            .expect("a key is short enough for AES-GCM");
        [&nonce, sealed.as_slice(), tag.as_ref()].concat()
    }

    /// Undoes [`KeyEncryptionKey::seal`]; `None` under another key, in another context, or after a change.
    pub(super) fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<{ Self::NONCE_BYTES }>()?;
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        let mut secret = Zeroizing::new(rest.to_vec());
        let length = self.cipher().open_in_place(nonce, aead::Aad::from(context), &mut secret).ok()?.len();
        secret.truncate(length);
        Some(secret)
    }

    /// Vouches for text that is not secret.
    pub(super) fn mac(&self, text: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.derived(b"ring mac").as_slice());
        hmac::sign(&key, text).as_ref().to_vec()
    }

    /// Whether `mac` vouches for the text.
    pub(super) fn vouches(&self, text: &[u8], mac: &[u8]) -> bool {
        self.mac(text).ct_eq(mac).into()
    }

    #[expect(clippy::expect_used, reason = "an AES-256 key of 32 bytes is always taken")]
    fn cipher(&self) -> aead::LessSafeKey {
        let key = self.derived(b"ring seal");
        let key =
            aead::UnboundKey::new(&aead::AES_256_GCM, key.as_slice()).expect("32 bytes are an AES-256 key");
        aead::LessSafeKey::new(key)
    }

    fn derived(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        expand(&extract(b"signet key-encryption key, version 1", self.0.as_slice()), &[purpose])
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyEncryptionKey").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn base64_of_32_bytes_is_read_in_every_usual_spelling() {
        let bytes = [0xfb; 32];
        let padded = WITH_PADDING.encode(bytes);
        let url = padded.replace('+', "-").replace('/', "_");
        for text in [
            padded.clone(),
            padded.replace('=', ""),
            format!(" {padded}\r\n"),
            url.clone(),
            url.replace('=', ""),
        ] {
            assert_eq!(*KeyEncryptionKey::from_base64(&text).unwrap().0, bytes, "{text}");
        }
        for text in [
            "",
            "secret",
            &WITH_PADDING.encode([1; 31]),
            &WITH_PADDING.encode([1; 33]),
            &hex::encode([1; 32]),
        ] {
            let refused = KeyEncryptionKey::from_base64(text).unwrap_err();
            assert!(matches!(refused, DirectoryError::KeyEncryptionKey), "{text}");
        }
    }

    #[test]
    fn what_is_sealed_opens_under_the_same_key_and_context_only() {
        let key = |byte| KeyEncryptionKey(Zeroizing::new([byte; 32]));
        let random = SystemRandom::new();
        let sealed = key(1).seal(b"context", b"secret", &random);
        assert_eq!(**key(1).open(b"context", &sealed).unwrap(), *b"secret");
        assert!(key(2).open(b"context", &sealed).is_none());
        assert!(key(1).open(b"other", &sealed).is_none());
        assert_ne!(key(1).seal(b"context", b"secret", &random), sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key(1).open(b"context", &changed).is_none(), "{at}");
            assert!(key(1).open(b"context", &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn a_key_beside_the_ring_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/keys");
        let (first, made) = KeyEncryptionKey::beside_ring(&path, &SystemRandom::new()).unwrap();
        assert!(made);
        let (second, made) = KeyEncryptionKey::beside_ring(&path, &SystemRandom::new()).unwrap();
        assert!(!made);
        assert_eq!(first.0, second.0);
        assert_eq!(format!("{first:?}"), "KeyEncryptionKey { .. }");
    }

    #[test]
    fn no_key_is_made_beside_a_ring_that_another_key_sealed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(ring_file(directory.path()), "{}").unwrap();
        let refused = KeyEncryptionKey::beside_ring(directory.path(), &SystemRandom::new()).unwrap_err();
        assert!(matches!(refused, DirectoryError::Unreadable(_)));
        assert!(!directory.path().join(KeyEncryptionKey::FILE_NAME).exists());
    }
}
