//! The stored form of a [`Register`]: fixed length, big endian, versioned by its first byte.
//!
//! `version 1 ‖ generation 4 ‖ current 16 ‖ parent 16 ‖ minted 6 ‖ at 6 ‖ since 6 ‖ remints 1 ‖ contested 1 ‖ noisy 1`

use super::{Presented, Register};
use signet_verifier::UnixMs;

/// The only version so far. A node that meets a later one must not guess.
const VERSION: u8 = 1;

/// The latest instant that 48 bits hold (the year 10889), as in a UUIDv7.
const END_OF_TIME: u64 = (1 << 48) - 1;

impl Register {
    /// The length of [`Register::to_bytes`]: at most the 64 bytes that a session may cost the store.
    pub const BYTES: usize = 58;

    /// The stored form. Times past the year 10889 are stored as its last millisecond.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let parts: [&[u8]; 8] = [
            &[VERSION],
            &self.current.generation.to_be_bytes(),
            &self.current.id,
            &self.current.parent,
            &time_bytes(self.current.minted),
            &time_bytes(self.at),
            &time_bytes(self.since),
            &[self.remints, self.contested, u8::from(self.noisy)],
        ];
        let mut bytes = [0; Self::BYTES];
        for (byte, part) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *part;
        }
        bytes
    }

    /// Reads the stored form; `None` unless it is exactly what [`Register::to_bytes`] writes.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let [VERSION] = take(&mut bytes)? else { return None };
        let current = Presented {
            generation: u32::from_be_bytes(take(&mut bytes)?),
            id: take(&mut bytes)?,
            parent: take(&mut bytes)?,
            minted: take_time(&mut bytes)?,
        };
        let at = take_time(&mut bytes)?;
        let since = take_time(&mut bytes)?;
        let [remints, contested, flags] = take(&mut bytes)?;
        let noisy = match flags {
            0 => false,
            1 => true,
            _ => return None,
        };
        bytes.is_empty().then_some(Self { current, at, since, remints, contested, noisy })
    }
}

fn time_bytes(time: UnixMs) -> [u8; 6] {
    let [_, _, low @ ..] = time.as_millis().min(END_OF_TIME).to_be_bytes();
    low
}

fn take_time(bytes: &mut &[u8]) -> Option<UnixMs> {
    let low: [u8; 6] = take(bytes)?;
    let millis = low.into_iter().fold(0, |millis, byte| (millis << 8) | u64::from(byte));
    Some(UnixMs::from_millis(millis))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time() -> impl Strategy<Value = UnixMs> {
        (0..=END_OF_TIME).prop_map(UnixMs::from_millis)
    }

    prop_compose! {
        fn register()(
            generation: u32, id: [u8; 16], parent: [u8; 16], minted in time(), at in time(), since in time(),
            remints: u8, contested: u8, noisy: bool,
        ) -> Register {
            let current = Presented { generation, id, parent, minted };
            Register { current, at, since, remints, contested, noisy }
        }
    }

    fn sample() -> Register {
        let ms = UnixMs::from_millis;
        let current =
            Presented { generation: 0x0102_0304, id: [0xaa; 16], parent: [0xbb; 16], minted: ms(1) };
        Register { current, at: ms(2), since: ms(3), remints: 4, contested: 5, noisy: true }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(register in register()) {
            prop_assert_eq!(Register::from_bytes(&register.to_bytes()), Some(register));
        }

        #[test]
        fn whatever_is_read_would_be_written_so(bytes in proptest::collection::vec(any::<u8>(), Register::BYTES)) {
            let mut bytes = bytes;
            bytes[0] = VERSION;
            bytes[57] %= 3;
            let read = Register::from_bytes(&bytes);
            prop_assert_eq!(read.is_some(), bytes[57] < 2);
            prop_assert!(read.is_none_or(|register| register.to_bytes().to_vec() == bytes));
        }
    }

    #[test]
    fn the_stored_form_is_the_documented_one() {
        let mut expected = vec![1, 1, 2, 3, 4];
        expected.extend([0xaa; 16]);
        expected.extend([0xbb; 16]);
        expected.extend([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 4, 5, 1]);
        assert_eq!(sample().to_bytes().to_vec(), expected);
    }

    #[test]
    fn a_register_costs_the_store_at_most_64_bytes() {
        assert!(sample().to_bytes().len() <= 64);
    }

    #[test]
    fn a_wrong_length_version_or_flag_is_refused() {
        let good = sample().to_bytes();
        assert!(Register::from_bytes(&good).is_some());
        assert_eq!(Register::from_bytes(&[]), None);
        for length in 0..good.len() {
            assert_eq!(Register::from_bytes(&good[..length]), None, "{length} bytes");
        }
        assert_eq!(Register::from_bytes(&[&good[..], &[0]].concat()), None);
        for version in (0..=u8::MAX).filter(|version| *version != VERSION) {
            let mut bytes = good;
            bytes[0] = version;
            assert_eq!(Register::from_bytes(&bytes), None, "version {version}");
        }
        for flags in 2..=u8::MAX {
            let mut bytes = good;
            bytes[57] = flags;
            assert_eq!(Register::from_bytes(&bytes), None, "flags {flags}");
        }
    }

    #[test]
    fn a_time_past_48_bits_is_stored_as_the_last_one_and_never_wraps() {
        let register = Register { since: UnixMs::from_millis(1 << 48), ..sample() };
        let read = Register::from_bytes(&register.to_bytes()).unwrap();
        assert_eq!(read.since, UnixMs::from_millis(END_OF_TIME));
    }
}
