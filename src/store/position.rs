//! A place in the log of cutoffs.

use std::fmt;

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
    /// Reads [`Position`]'s text; `None` if it is not one.
    pub fn parse(_text: &str) -> Option<Self> {
        todo!()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
