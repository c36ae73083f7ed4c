//! `/v1/sessions`: issue, refresh, log out, revoke.

pub(crate) mod issue;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod revoke;

use serde::Serialize;
use utoipa::ToSchema;

use crate::session::TokenPair;

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({
    "session_id": "019a6b3c-7f00-7abc-8def-0123456789ab",
    "access_token": "eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiIsInR5cCI6ImF0K2p3dCJ9.e30.c2ln",
    "token_type": "Bearer", "expires_in": 293, "refresh_token": "sgr_AAEC", "refresh_expires_in": 1_209_600,
    "scope": "read write"
})))]
pub(crate) struct SessionTokens {
    /// The session; a UUIDv7.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "uuid")]
    session_id: Option<String>,
    /// The access token: a JWT (RFC 9068).
    access_token: String,
    /// Always `Bearer`.
    #[schema(value_type = String, pattern = "^Bearer$")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: u64,
    /// The refresh token; absent if none was asked for, and in a degraded refresh, where the old one stays good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// Seconds until the refresh token expires unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_expires_in: Option<u64>,
    /// What the access token allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<String>,
    /// Only in the answer to a refresh: whether the refresh token is another than the one presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rotated: Option<bool>,
}

impl From<TokenPair> for SessionTokens {
    fn from(pair: TokenPair) -> Self {
        Self {
            session_id: pair.session_id.map(|sid| sid.to_string()),
            access_token: pair.access_token,
            token_type: "Bearer",
            expires_in: pair.expires_in,
            refresh_token: pair.refresh_token,
            refresh_expires_in: pair.refresh_expires_in,
            scope: pair.scope.map(|scope| scope.as_str().to_owned()),
            rotated: pair.rotated,
        }
    }
}
