//! The kinds of theft.

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
