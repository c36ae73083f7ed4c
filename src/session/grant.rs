//! What a session allows and says: the part that stays the same over all its tokens.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use signet_verifier::{
    Audience, ClientId, NumericDate, RESERVED_CLAIMS, ScopeTokens, SessionId, Subject, UnixMs,
};

use super::access::{AccessToken, FreeTime, Minted};

/// Custom claims: top-level names that are not reserved, with any JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomClaims(Map<String, Value>);

/// Why custom claims were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomClaimsError {
    /// A name with a meaning of its own.
    #[error("claims.{0} is reserved")]
    Reserved(String),
    /// An empty name, one over 128 bytes, or one with control characters.
    #[error("claims has a member with an unusable name")]
    Name,
}

impl CustomClaims {
    /// Takes the members, or names the one that is reserved.
    pub fn new(claims: Map<String, Value>) -> Result<Self, CustomClaimsError> {
        for name in claims.keys() {
            if RESERVED_CLAIMS.contains(&name.as_str()) {
                return Err(CustomClaimsError::Reserved(name.clone()));
            }
            if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
                return Err(CustomClaimsError::Name);
            }
        }
        Ok(Self(claims))
    }

    /// Members whose names were checked when they came in.
    pub(super) fn checked_before(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// These claims with others on top: each replaced whole, null taking it away.
    #[must_use]
    pub(super) fn with(&self, others: &Self) -> Self {
        let mut claims = self.0.clone();
        for (name, value) in &others.0 {
            if value.is_null() {
                claims.remove(name);
            } else {
                claims.insert(name.clone(), value.clone());
            }
        }
        Self(claims)
    }

    /// The members.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The members, owned.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// What was granted to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Whom the session is for.
    pub subject: Subject,
    /// Which client asked for it.
    pub client_id: ClientId,
    /// Which services may take its tokens.
    pub audience: Audience,
    /// What it allows.
    pub scope: Option<ScopeTokens>,
    /// The custom claims.
    pub claims: CustomClaims,
    /// When the user authenticated.
    pub auth_time: Option<NumericDate>,
    /// How.
    pub amr: Option<Vec<String>>,
    /// How strongly.
    pub acr: Option<String>,
    /// The life of its access tokens.
    pub access_ttl: Duration,
}

/// What a caller gets: the tokens and how long they live. Does not print the tokens.
#[derive(Clone, PartialEq)]
pub struct TokenPair {
    /// The session; a client's own token has none.
    pub session_id: Option<SessionId>,
    /// The access token.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// The refresh token; none if it was not asked for, or if the client keeps the one it has (degraded refresh).
    pub refresh_token: Option<String>,
    /// Seconds until the refresh token expires unless used.
    pub refresh_expires_in: Option<u64>,
    /// What the access token allows.
    pub scope: Option<ScopeTokens>,
    /// Whether the refresh token is another than the one presented; `None` where none was presented.
    pub rotated: Option<bool>,
}

impl Grant {
    /// An access token of this grant with these custom claims, which patches may have changed.
    pub(super) fn access_token<'a>(
        &'a self,
        claims: &'a CustomClaims,
        sid: Option<SessionId>,
        issued_at: UnixMs,
        jti_time: UnixMs,
        chance: [u8; 12],
    ) -> AccessToken<'a> {
        AccessToken {
            subject: &self.subject,
            audience: &self.audience,
            scope: self.scope.as_ref(),
            claims,
            auth_time: self.auth_time,
            amr: self.amr.as_ref(),
            acr: self.acr.as_ref(),
            sid,
            ttl: self.access_ttl,
            issued_at,
            jti_time,
            chance,
        }
    }

    /// What decides which cutoffs would match a token of this grant.
    pub(super) fn free_time(&self) -> FreeTime<'_> {
        FreeTime {
            subject: &self.subject,
            client_id: &self.client_id,
            audience: &self.audience,
            claims: &self.claims,
        }
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}

impl TokenPair {
    /// An access token alone.
    pub(super) fn of_access(
        minted: Minted,
        session_id: Option<SessionId>,
        scope: Option<ScopeTokens>,
        now: UnixMs,
    ) -> Self {
        Self {
            session_id,
            access_token: minted.token,
            expires_in: minted.expires_at.as_secs().saturating_sub(now.as_secs()),
            refresh_token: None,
            refresh_expires_in: None,
            scope,
            rotated: None,
        }
    }
}
