//! A revocation as asked for, and what became of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use signet_verifier::{Effect, Reason, Scope, UnixMs};

use super::grant::TokenPair;
use crate::keys::KeysError;
use crate::store::Position;

/// A revocation as asked for. Does not print: it may hold a refresh token.
#[derive(Clone)]
pub struct RevocationRequest {
    /// Which tokens.
    pub scope: Scope,
    /// Ends sessions, or only access tokens.
    pub effect: Effect,
    /// Claims to set at the next refresh; only with [`Effect::Refresh`].
    pub claims: BTreeMap<String, Value>,
    /// Tokens begun before this; `None`: until now, this millisecond included.
    pub issued_before: Option<UnixMs>,
    /// Why.
    pub reason: Option<Reason>,
    /// A refresh token whose session goes on ("sign out everywhere else"); only with a `sub` scope and a logout.
    pub keep: Option<String>,
}

/// Where a revocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Durable, and on its way to every node.
    Durable,
    /// In force and journalled here; the shared store is away, it will be delivered.
    Pending,
}

/// What became of a revocation.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Where it is.
    pub delivery: Delivery,
    /// Its place in the log; `None` while pending.
    pub position: Option<Position>,
    /// The kept session's new tokens.
    pub kept: Option<TokenPair>,
}

/// Why a revocation was refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// `effect: refresh` of a `jti`: use a logout.
    #[error("effect: a single token cannot be refreshed, only logged out")]
    RefreshOfToken,
    /// `claims` without `effect: refresh`.
    #[error("claims: only with effect \"refresh\"")]
    ClaimsWithoutRefresh,
    /// A claim name that is reserved or unusable.
    #[error("{0}")]
    Claims(#[from] super::grant::CustomClaimsError),
    /// A claim name that is not configured as revocable.
    #[error("scope.claim: {0} is not among tokens.revocable_claims")]
    ClaimNotRevocable(String),
    /// `issued_before` too far ahead.
    #[error("issued_before: more than {} ms ahead of this service's clock", .0.as_millis())]
    TooFarAhead(Duration),
    /// `keep` with another scope than `sub`, with `effect: refresh`, or with a token of another subject.
    #[error("keep: only with scope.sub, effect \"logout\" and a refresh token of that subject")]
    KeepScope,
    /// The kept token is invalid, expired, revoked, or would be refused as a copy.
    #[error("keep: the refresh token is not valid")]
    KeepRefused,
    /// The patch is too long to fit into tokens.
    #[error("claims: at most {0} bytes of JSON")]
    PatchTooLarge(usize),
    /// The key could not be taken out of the ring.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The cutoff could not be made durable. It may be in force on this node until it restarts; ask again.
    #[error("the store did not take the revocation")]
    Unavailable,
    /// The kept session's tokens could not be made.
    #[error(transparent)]
    Issue(#[from] super::issue::IssueError),
}

impl RevocationRequest {
    /// "Log out what is in this scope, until now."
    pub fn logout(scope: Scope, reason: Option<Reason>) -> Self {
        Self {
            scope,
            effect: Effect::Logout,
            claims: BTreeMap::new(),
            issued_before: None,
            reason,
            keep: None,
        }
    }

    /// "Everything in this scope has to refresh."
    pub fn refresh(scope: Scope, reason: Option<Reason>) -> Self {
        Self { effect: Effect::Refresh, ..Self::logout(scope, reason) }
    }
}
