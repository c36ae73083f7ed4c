//! The refresh token: the session itself, sealed, held by the client.

use std::sync::Arc;

use signet_verifier::{SessionId, UnixMs};

use super::grant::Grant;
use super::register::{Presented, RefreshId};
use crate::keys::Keys;

/// The id of one refresh token, as audit events name it.
pub type RefreshTokenId = RefreshId;

/// Who may present a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshBinding {
    /// Whoever holds it.
    Holder,
    /// Only the client that it was issued to, authenticated.
    Client,
}

/// What is inside a refresh token.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedSession {
    /// The session.
    pub sid: SessionId,
    /// This token's place in the session.
    pub presented: Presented,
    /// What was granted.
    pub grant: Grant,
    /// Who may present it.
    pub binding: RefreshBinding,
    /// When the custom claims were last set; patches later than this apply on top.
    pub claims_at: UnixMs,
    /// Unless used before, it is over then.
    pub idle_expires_at: UnixMs,
    /// It is over then, used or not.
    pub absolute_expires_at: UnixMs,
}

/// Why a text is not a refresh token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Not of the form of a refresh token.
    #[error("not a refresh token")]
    Malformed,
    /// Sealed by a key that is not, or no longer, in the ring.
    #[error("sealed by an unknown key")]
    UnknownKey,
    /// Changed, or not sealed by us.
    #[error("not sealed by this service")]
    Forged,
}

/// Seals and opens refresh tokens with the ring's keys.
pub struct TokenSealer {
    _keys: Arc<Keys>,
}

impl TokenSealer {
    /// A sealer over this ring.
    pub fn new(_keys: Arc<Keys>) -> Self {
        todo!()
    }

    /// The token's text, under the key that was active when it was minted.
    pub fn seal(&self, _session: &SealedSession, _now: UnixMs) -> Result<String, SealedError> {
        todo!()
    }

    /// Opens a token.
    pub fn open(&self, _token: &str, _now: UnixMs) -> Result<SealedSession, SealedError> {
        todo!()
    }
}
