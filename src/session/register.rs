//! The refresh rule: one register per session, and one pure function that decides.

use signet_verifier::UnixMs;
use std::time::Duration;

/// The id of one refresh token: 16 bytes, random at the root and a keyed hash of its parent's id after that.
pub type RefreshId = [u8; 16];

/// What a presented refresh token says of itself. It is genuine: it was sealed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// How many steps from the root; the root is 0.
    pub generation: u32,
    /// Its own id.
    pub id: RefreshId,
    /// The id of the token that it was made from; zeros for the root.
    pub parent: RefreshId,
    /// When it was made.
    pub minted: UnixMs,
}

/// What is stored per session that ever refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Of the newest token presented.
    pub current: Presented,
    /// When it was first presented.
    pub at: UnixMs,
    /// When its newest child was minted.
    pub since: UnixMs,
    /// How often its child has been minted anew.
    pub remints: u8,
    /// The leaky count of re-mints and stragglers over the session.
    pub contested: u8,
    /// Whether this generation had any.
    pub noisy: bool,
}

impl Register {
    /// The length of [`Register::to_bytes`].
    pub const BYTES: usize = 61;

    /// The stored form: fixed length, versioned by its first byte.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = vec![1];
        bytes.extend(self.current.generation.to_be_bytes());
        bytes.extend(self.current.id);
        bytes.extend(self.current.parent);
        for time in [self.current.minted, self.at, self.since] {
            bytes.extend(time.as_millis().to_be_bytes().iter().skip(1));
        }
        bytes.extend([self.remints, self.contested, u8::from(self.noisy)]);
        bytes.try_into().unwrap_or([0; Self::BYTES])
    }

    /// Reads the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; Self::BYTES] = bytes.try_into().ok()?;
        let time = |at: usize| {
            let mut wide = [0; 8];
            wide.get_mut(1..)?.copy_from_slice(bytes.get(at..at + 7)?);
            Some(UnixMs::from_millis(u64::from_be_bytes(wide)))
        };
        let current = Presented {
            generation: u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?),
            id: bytes.get(5..21)?.try_into().ok()?,
            parent: bytes.get(21..37)?.try_into().ok()?,
            minted: time(37)?,
        };
        let [remints, contested, noisy] = *bytes.last_chunk()?;
        Some(Self { current, at: time(44)?, since: time(51)?, remints, contested, noisy: noisy == 1 })
    }
}

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// First refresh, or the store lost writes: answer with the child of the presented token, minted at `since`.
    Behind {
        /// When the child is minted.
        since: UnixMs,
    },
    /// The ordinary step: answer with the child of the presented token.
    Advance {
        /// When the child is minted.
        since: UnixMs,
    },
    /// A concurrent tab or a retry: answer with the same child, minted at `since`.
    Again {
        /// When the child was minted.
        since: UnixMs,
    },
    /// The response was lost: answer with a new child.
    Remint {
        /// When the child is minted.
        since: UnixMs,
    },
    /// Answer with an access token and the presented token itself; the register does not move.
    TooSoon,
    /// A late sibling or parent: answer with the register's current token, made again.
    Straggler {
        /// The token to make again.
        current: Presented,
    },
    /// A copy of a token is in use.
    Theft(Theft),
}

/// How a theft showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Theft {
    /// A sibling of the current token.
    Sibling,
    /// A child of a sibling.
    Fork,
    /// An older token.
    Stale,
    /// A child that had been displaced by too many re-mints.
    Displaced,
    /// Too much contention over the session.
    Contested,
}

impl Theft {
    /// The name in audit events.
    pub fn name(self) -> &'static str {
        todo!()
    }
}

/// The refresh rule; `window` is W of the design.
pub fn decide(
    _register: Option<&Register>,
    _presented: &Presented,
    _window: Duration,
    _now: UnixMs,
) -> (Outcome, Option<Register>) {
    todo!()
}
