//! A place in the log of cutoffs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::digest;

/// A place in the log: which log (`epoch`), how many entries (`seq`), and a hash chained over all of them (`chain`), so
/// that a trimmed, rolled-back or restored log is recognised. Opaque to verifiers: 32 bytes, shown as base64url.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// Random, drawn when the log was made.
    pub epoch: [u8; 8],
    /// How many entries come before it.
    pub seq: u64,
    /// The hash over all entries before it.
    pub chain: [u8; 16],
}

impl Position {
    /// The length of [`Position::to_bytes`].
    pub const BYTES: usize = 32;

    /// The length of the text: 32 bytes in base64url without padding (RFC 4648 §5).
    pub const TEXT_BYTES: usize = 43;

    /// The beginning of a log that has no entries yet.
    pub fn start(epoch: [u8; 8]) -> Self {
        Self { epoch, seq: 0, chain: [0; 16] }
    }

    /// The place just after an entry that begins here; `entry` is the entry as the log stores it.
    #[must_use]
    pub fn after(&self, entry: &[u8]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&self.chain);
        hash.update(entry);
        let hash = hash.finish();
        let mut chain = [0; 16];
        for (to, from) in chain.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self { epoch: self.epoch, seq: self.seq.saturating_add(1), chain }
    }

    /// Reads [`Position`]'s text; `None` if it is not one. One position has one text.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != Self::TEXT_BYTES {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| Self::from_bytes(&bytes))
    }

    /// The stored form: epoch, seq (big-endian), chain.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let seq = self.seq.to_be_bytes();
        let parts = self.epoch.iter().chain(&seq).chain(&self.chain);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (seq, chain) = rest.split_first_chunk()?;
        Some(Self { epoch: *epoch, seq: u64::from_be_bytes(*seq), chain: chain.try_into().ok()? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_is_its_text(epoch: [u8; 8], seq: u64, chain: [u8; 16]) {
            let position = Position { epoch, seq, chain };
            let text = position.to_string();
            prop_assert_eq!(text.len(), Position::TEXT_BYTES);
            prop_assert_eq!(Position::parse(&text), Some(position));
            prop_assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        }

        #[test]
        fn any_text_that_is_read_is_the_text_that_is_written(text in "[A-Za-z0-9_-]{43}") {
            if let Some(position) = Position::parse(&text) {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn only_the_one_spelling_is_read() {
        let good = Position::start([0xff; 8]).to_string();
        assert!(Position::parse(&good).is_some());
        let loose_bits = format!("{}B", &good[..42]);
        for bad in [
            "",
            "AAAA",
            &good[..42],
            &format!("{good}="),
            &format!("{good}A"),
            &good.replace('_', "/"),
            &loose_bits,
        ] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_chain_tells_other_entries_and_another_order_apart() {
        let start = Position::start([1; 8]);
        let ab = start.after(b"a").after(b"b");
        assert_eq!(ab.seq, 2);
        assert_ne!(ab.chain, start.after(b"b").after(b"a").chain);
        assert_ne!(ab.chain, start.after(b"a").after(b"c").chain);
    }

    #[test]
    fn the_chain_is_the_first_half_of_sha_256_of_the_previous_chain_and_the_entry() {
        // { head -c 16 /dev/zero; printf abc; } | sha256sum
        let chain = Position::start([0; 8]).after(b"abc").chain;
        assert_eq!(hex::encode(chain), "277e7ff6d232b9763f4a66e8d05d210d");
    }
}
