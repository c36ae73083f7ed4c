//! What the rule says, in the words of the audit.

use signet_verifier::UnixMs;

use super::Presented;

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

impl Outcome {
    /// The name in audit events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "behind",
            Self::Advance { .. } => "advance",
            Self::Again { .. } => "again",
            Self::Remint { .. } => "remint",
            Self::TooSoon => "too_soon",
            Self::Straggler { .. } => "straggler",
            Self::Theft(theft) => theft.name(),
        }
    }
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
        match self {
            Self::Sibling => "sibling",
            Self::Fork => "fork",
            Self::Stale => "stale",
            Self::Displaced => "displaced",
            Self::Contested => "contested",
        }
    }
}
