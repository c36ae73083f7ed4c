//! The cancellation signal: long-lived connections learn that their session has ended.

use crate::cutoff::ScopeKind;
use crate::verifier::Verified;

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What kind of cutoff matched.
    pub by: ScopeKind,
}

/// Why a long-lived connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The token has been revoked.
    Revoked(Revocation),
    /// It has expired.
    Expired,
    /// The verifier is past its bound and its policy is not to go on.
    Stale,
}

impl<C> Verified<C> {
    /// Resolves when a cutoff denies this token. Pending for ever where the token was not verified by a
    /// [`LiveVerifier`](super::LiveVerifier). Cheap while nothing happens: only cutoffs that name this token wake it.
    pub async fn revoked(&self) -> Revocation {
        unimplemented!()
    }
}
