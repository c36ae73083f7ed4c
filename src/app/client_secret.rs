//! Secrets that Signet makes for clients.

use zeroize::Zeroizing;

use crate::crypto::digest;
use crate::random::Random;

/// A client's secret. Does not print by itself, wiped on drop.
pub struct ClientSecret(Zeroizing<String>);

/// 43 characters out of 62 hold 256 bits.
const LENGTH: usize = 43;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The greatest multiple of the alphabet's length in a byte: bytes from here on would favour its first letters.
const FAIR: u8 = 248;

impl ClientSecret {
    /// Makes a secret: letters and digits only, so that no shell and no form needs to escape it.
    pub fn generate(random: &dyn Random) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        let mut bytes = Zeroizing::new([0; 64]);
        while text.len() < LENGTH {
            random.fill(bytes.as_mut_slice());
            let fair = bytes.iter().filter(|byte| **byte < FAIR);
            let letters = fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()));
            let missing = LENGTH - text.len();
            text.extend(letters.take(missing).map(|letter| char::from(*letter)));
        }
        Self(text)
    }

    /// One that was made before.
    pub(super) const fn remembered(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What a service keeps of it.
    pub fn sha256(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.0.as_bytes()).as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;
    use crate::session::Credential;

    #[test]
    fn a_secret_is_letters_and_digits_and_another_each_time() {
        let random = SystemRandom::new();
        let (one, two) = (ClientSecret::generate(&random), ClientSecret::generate(&random));
        assert_eq!(one.reveal().len(), LENGTH);
        assert!(one.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(one.reveal(), two.reveal());
    }

    #[test]
    fn its_hash_accepts_it_and_no_other() {
        let random = SystemRandom::new();
        let secret = ClientSecret::generate(&random);
        let credential = Credential::SecretSha256(secret.sha256());
        assert!(credential.accepts(secret.reveal()));
        assert!(!credential.accepts(ClientSecret::generate(&random).reveal()));
    }
}
