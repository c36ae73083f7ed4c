//! A key that seals refresh tokens and makes their successors' ids.
//!
//! Sealing is deterministic, as a repeated refresh must yield the same bytes, and yet safe under repetition: the salt is
//! a keyed hash of everything that is sealed, and both the AES-256-GCM key and its nonce are derived from that salt. So
//! a nonce meets another plaintext only if HMAC-SHA256 collides in 24 bytes, and then under another key in all
//! likelihood. Opening recomputes the salt from what came out: the text is authenticated twice.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::derive::{expand, extract};
use crate::crypto::{aead, digest, hkdf, hmac};
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
    secret: Zeroizing<[u8; 32]>,
    id: SealingKeyId,
    salt_key: hmac::Key,
    prf_key: hmac::Key,
    token_keys: hkdf::Prk,
}

impl SealingKey {
    /// The length of the synthetic salt in bytes.
    pub const SALT_BYTES: usize = 24;
    /// The length of the tag of AES-256-GCM in bytes.
    pub const TAG_BYTES: usize = 16;

    /// Makes a new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice());
        Self::from_bytes(secret)
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let token_keys = extract(b"signet sealing key, version 1", bytes.as_slice());
        let hmac_key =
            |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, expand::<32>(&token_keys, &[label]).as_slice());
        let (salt_key, prf_key) = (hmac_key(b"salt"), hmac_key(b"prf"));
        let id = name_of(&bytes);
        Self { secret: bytes, id, salt_key, prf_key, token_keys }
    }

    /// The 32 bytes, to be sealed at rest.
    pub fn secret(&self) -> &Zeroizing<[u8; 32]> {
        &self.secret
    }

    /// Its name.
    pub fn id(&self) -> SealingKeyId {
        self.id
    }

    /// Salt (24 bytes, synthetic) ‖ ciphertext ‖ tag. Equal header and plaintext give equal bytes.
    pub fn seal(&self, header: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SALT_BYTES + plaintext.len() + Self::TAG_BYTES);
        out.extend_from_slice(&[0; Self::SALT_BYTES]);
        out.extend_from_slice(plaintext);
        let (salt, text) = out.split_at_mut(Self::SALT_BYTES);
        let (made, tag) = self.seal_in_place(header, text);
        salt.copy_from_slice(&made);
        out.extend_from_slice(&tag);
        out
    }

    /// Turns a plaintext into its ciphertext where it stands; gives the salt that belongs before it and the tag behind it.
    ///
    /// # Panics
    /// On more than 64 GiB, which AES-GCM refuses.
    #[expect(clippy::expect_used, reason = "AES-GCM refuses only what is longer than 64 GiB")]
    pub fn seal_in_place(
        &self,
        header: &[u8],
        text: &mut [u8],
    ) -> ([u8; Self::SALT_BYTES], [u8; Self::TAG_BYTES]) {
        let salt = self.salt(header, text);
        let (key, nonce) = self.cipher(&salt);
        let tag = key
            .seal_in_place_separate_tag(nonce, aead::Aad::from(header), text)
            .expect("a plaintext in memory is short enough for AES-GCM");
        (salt, leading_bytes(tag.as_ref()))
    }

    /// Undoes [`SealingKey::seal`].
    pub fn open(&self, header: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (salt, rest) = sealed.split_first_chunk::<{ Self::SALT_BYTES }>().ok_or(SealError)?;
        let (key, nonce) = self.cipher(salt);
        let mut plaintext = Zeroizing::new(rest.to_vec());
        let length = key
            .open_in_place(nonce, aead::Aad::from(header), &mut plaintext)
            .map(|opened| opened.len())
            .map_err(|_| SealError)?;
        plaintext.truncate(length);
        let genuine: bool = self.salt(header, &plaintext).ct_eq(salt).into();
        if genuine { Ok(plaintext) } else { Err(SealError) }
    }

    /// A keyed hash: HMAC-SHA256 under a key of its own, over the label and the parts, each with its length, so that
    /// no two lists of parts are hashed as the same bytes.
    pub fn prf(&self, label: &'static str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.prf_key);
        update_with_length(&mut context, label.as_bytes());
        for part in parts {
            update_with_length(&mut context, part);
        }
        leading_bytes(context.sign().as_ref())
    }

    /// The header goes in with its length: otherwise a byte could move from header to plaintext under one salt, and one
    /// nonce would serve two plaintexts.
    fn salt(&self, header: &[u8], plaintext: &[u8]) -> [u8; Self::SALT_BYTES] {
        let mut context = hmac::Context::with_key(&self.salt_key);
        update_with_length(&mut context, header);
        context.update(plaintext);
        leading_bytes(context.sign().as_ref())
    }

    #[expect(clippy::expect_used, reason = "an AES-256 key of 32 bytes is always taken")]
    fn cipher(&self, salt: &[u8; Self::SALT_BYTES]) -> (aead::LessSafeKey, aead::Nonce) {
        let material = expand::<44>(&self.token_keys, &[b"token", salt]);
        let (key, nonce) = material.split_at(32);
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).expect("32 bytes are an AES-256 key");
        (aead::LessSafeKey::new(key), aead::Nonce::assume_unique_for_key(leading_bytes(nonce)))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn name_of(secret: &Zeroizing<[u8; 32]>) -> SealingKeyId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"signet sealing key id, version 1");
    context.update(secret.as_slice());
    SealingKeyId(leading_bytes(context.finish().as_ref()))
}

fn update_with_length(context: &mut hmac::Context, part: &[u8]) {
    context.update(&(part.len() as u64).to_be_bytes());
    context.update(part);
}

#[expect(clippy::expect_used, reason = "callers ask for no more than SHA-256, HKDF or AES-GCM gave them")]
fn leading_bytes<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *bytes.first_chunk().expect("enough bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> SealingKey {
        SealingKey::from_bytes(Zeroizing::new([7; 32]))
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_is_sealed_the_same_again(header: Vec<u8>, text: Vec<u8>) {
            let sealed = key().seal(&header, &text);
            prop_assert_eq!(sealed.len(), text.len() + 24 + 16);
            prop_assert_eq!(&*key().open(&header, &sealed).unwrap(), &text);
            prop_assert_eq!(key().seal(&header, &text), sealed);
        }

        #[test]
        fn different_contents_never_share_a_salt(
            header: Vec<u8>, text: Vec<u8>, other_header: Vec<u8>, other_text: Vec<u8>, cut: prop::sample::Index,
        ) {
            let joined = [header.clone(), text.clone()].concat();
            let (moved_header, moved_text) = joined.split_at(cut.index(joined.len() + 1));
            for (header_b, text_b) in [(other_header.as_slice(), other_text.as_slice()), (moved_header, moved_text)] {
                if (header.as_slice(), text.as_slice()) != (header_b, text_b) {
                    prop_assert_ne!(&key().seal(&header, &text)[..24], &key().seal(header_b, text_b)[..24]);
                }
            }
        }

        #[test]
        fn any_flipped_byte_is_refused(
            header in prop::collection::vec(any::<u8>(), 1..20), text: Vec<u8>, at: prop::sample::Index, flip in 1u8..,
        ) {
            let mut sealed = key().seal(&header, &text);
            let spot = at.index(sealed.len());
            sealed[spot] ^= flip;
            prop_assert_eq!(key().open(&header, &sealed), Err(SealError));
            sealed[spot] ^= flip;
            let mut other = header.clone();
            let spot = at.index(header.len());
            other[spot] ^= flip;
            prop_assert_eq!(key().open(&other, &sealed), Err(SealError));
            prop_assert_eq!(key().open(&header, &sealed[..sealed.len() - 1]), Err(SealError));
        }

        #[test]
        fn a_prf_tells_lists_of_parts_apart(a: Vec<u8>, b: Vec<u8>) {
            let joined = [a.clone(), b.clone()].concat();
            prop_assert_ne!(key().prf("x", &[&a, &b]), key().prf("x", &[&joined]));
            prop_assert_ne!(key().prf("x", &[&a]), key().prf("y", &[&a]));
            prop_assert_eq!(key().prf("x", &[&a, &b]), key().prf("x", &[&a, &b]));
        }
    }

    #[test]
    fn a_salt_that_is_not_of_the_plaintext_is_refused_although_the_tag_fits() {
        let salt = [9; SealingKey::SALT_BYTES];
        let (cipher, nonce) = key().cipher(&salt);
        let mut text = b"plaintext".to_vec();
        cipher.seal_in_place_append_tag(nonce, aead::Aad::from(b"h"), &mut text).unwrap();
        assert_eq!(key().open(b"h", &[&salt[..], &text].concat()), Err(SealError));
    }

    #[test]
    fn another_key_opens_nothing_and_has_another_name() {
        let other = SealingKey::from_bytes(Zeroizing::new([8; 32]));
        assert_eq!(other.open(b"h", &key().seal(b"h", b"text")), Err(SealError));
        assert_ne!(other.id(), key().id());
        assert_ne!(other.prf("x", &[]), key().prf("x", &[]));
    }

    #[test]
    fn what_is_too_short_to_be_sealed_is_refused() {
        for length in 0..40 {
            assert_eq!(key().open(b"", &vec![0; length]), Err(SealError), "{length}");
        }
    }

    /// The values were computed apart from this code, with the HMAC, HKDF and AES-GCM of another library.
    /// Tokens live for weeks: bytes sealed today must open under tomorrow's build, and under either backend.
    #[test]
    fn sealed_bytes_are_the_same_in_every_build() {
        assert_eq!(hex::encode(key().id().0), "c2c3236024776324");
        assert_eq!(
            hex::encode(key().seal(b"header", b"text")),
            "16aa4952c2e28622a7a5821d6a9238f86fcfe4f46cbdedadc1d3b488a017a46e90e0ee1dd5f58eac81e4a84b"
        );
        assert_eq!(
            hex::encode(key().prf("label", &[b"part"])),
            "fae6217dcc8dc6e238ea87ca2d33472eb03421ce76ffeaee59dea0a0a9a71456"
        );
    }

    #[test]
    fn a_sealing_key_does_not_print_itself() {
        let shown = format!("{:?}", key());
        assert!(!shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
    }
}
