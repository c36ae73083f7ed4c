//! Revoking: taking tokens and sessions back.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use signet_verifier::{Effect, KeyId, Reason, Scope, SessionId, UnixMs};

use super::grant::TokenPair;
use crate::store::Position;

/// A revocation as asked for.
#[derive(Clone, Debug)]
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

/// Why a revocation was refused. Nothing was applied.
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
    TooFarAhead(std::time::Duration),
    /// `keep` with another scope than `sub`, with `effect: refresh`, or with a token of another subject.
    #[error("keep: only with scope.sub, effect \"logout\" and a refresh token of that subject")]
    KeepScope,
    /// The kept token is invalid, expired, revoked, or would be refused as a copy.
    #[error("keep: the refresh token is not valid")]
    KeepRefused,
    /// No key has this `kid`.
    #[error("scope.kid: no key has this kid")]
    UnknownKey,
    /// The cutoff could not be made durable.
    #[error("the store did not take the revocation")]
    Unavailable,
    /// The kept session's tokens could not be made.
    #[error(transparent)]
    Issue(#[from] super::issue::IssueError),
}

/// Revokes.
pub struct Revoker {
    _todo: Arc<()>,
}

impl Revoker {
    /// Makes a cutoff of the request, applies it, makes it durable.
    pub async fn revoke(&self, _request: RevocationRequest, _now: UnixMs) -> Result<Revoked, RevokeError> {
        todo!()
    }

    /// Ends one session.
    pub async fn revoke_session(
        &self,
        _sid: SessionId,
        _reason: Option<Reason>,
        _now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        todo!()
    }

    /// Says on the feed that a key is compromised, after the ring has let it go: a `kid` cutoff until the key's planned
    /// end plus a day for a signing key, and for a sealing key a refresh of everything.
    pub async fn revoke_key(&self, _kid: &KeyId, _reason: Option<Reason>, _now: UnixMs) -> Result<Revoked, RevokeError> {
        todo!()
    }
}
