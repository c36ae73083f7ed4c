//! What a row of the table of refusals says; `error.rs` has the rows.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// What a client can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// The same request again, later.
    Retry,
    /// A new access token by the refresh token.
    Refresh,
    /// A new session.
    Reauthenticate,
}

/// The error codes of RFC 6749 §5.2, RFC 6750 §3.1 and RFC 8707 §2, and two that clients take as "later".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OAuthCode {
    /// Malformed.
    InvalidRequest,
    /// The client is not who it says.
    InvalidClient,
    /// The refresh token is not good.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The grant is not offered.
    UnsupportedGrantType,
    /// The scope is not granted.
    InvalidScope,
    /// The audience is not granted.
    InvalidTarget,
    /// Later.
    TemporarilyUnavailable,
    /// Our fault.
    ServerError,
}

/// How a refusal asks for (other) credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// It does not.
    None,
    /// Those of a client, either way.
    Client,
    /// Those of a client, by HTTP Basic.
    Basic,
    /// A token.
    Bearer,
    /// Another token (RFC 6750 §3.1 `invalid_token`).
    BearerInvalid,
    /// A token that allows more (`insufficient_scope`).
    BearerInsufficient,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The status outside `/oauth2`.
    pub(crate) status: StatusCode,
    /// The stable code.
    pub(crate) code: &'static str,
    /// The same in words, the same each time.
    pub(crate) title: &'static str,
    /// What the client can do.
    pub(crate) action: Option<Action>,
    /// How to ask for credentials.
    pub(crate) challenge: Challenge,
    /// The word under `/oauth2`.
    pub(crate) oauth: OAuthCode,
}

impl Row {
    /// The status under `/oauth2`: RFC 6749 §5.2 has 400 for most.
    pub(crate) fn oauth_status(&self) -> StatusCode {
        match self.oauth {
            OAuthCode::InvalidGrant
            | OAuthCode::InvalidScope
            | OAuthCode::InvalidTarget
            | OAuthCode::UnauthorizedClient
            | OAuthCode::UnsupportedGrantType => StatusCode::BAD_REQUEST,
            OAuthCode::InvalidClient => StatusCode::UNAUTHORIZED,
            OAuthCode::InvalidRequest | OAuthCode::TemporarilyUnavailable | OAuthCode::ServerError => {
                self.status
            }
        }
    }

    pub(crate) const fn then(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    pub(crate) const fn ask(mut self, challenge: Challenge) -> Self {
        self.challenge = challenge;
        self
    }
}

/// A row with nothing to do and nothing to ask for.
pub(crate) const fn row(
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    oauth: OAuthCode,
) -> Row {
    Row { status, code, title, action: None, challenge: Challenge::None, oauth }
}

/// The request is at fault.
pub(crate) const fn malformed(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::BAD_REQUEST, code, title, OAuthCode::InvalidRequest)
}

/// The request did not arrive in time.
pub(crate) const fn too_slow() -> Row {
    let title = "The body came too slowly";
    row(StatusCode::REQUEST_TIMEOUT, "request_timeout", title, OAuthCode::InvalidRequest).then(Action::Retry)
}

/// It works later.
pub(crate) const fn unavailable(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::SERVICE_UNAVAILABLE, code, title, OAuthCode::TemporarilyUnavailable).then(Action::Retry)
}

/// The service is at fault.
pub(crate) const fn our_fault() -> Row {
    row(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something failed in the service",
        OAuthCode::ServerError,
    )
}

/// Credentials are missing or wrong.
pub(crate) const fn unauthorized(code: &'static str, title: &'static str, challenge: Challenge) -> Row {
    row(StatusCode::UNAUTHORIZED, code, title, OAuthCode::InvalidClient).ask(challenge)
}

/// A refresh token that is no good: the one place where `/v1` says 401 and OAuth says 400.
pub(crate) const fn ended(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::UNAUTHORIZED, code, title, OAuthCode::InvalidGrant)
        .then(Action::Reauthenticate)
        .ask(Challenge::BearerInvalid)
}
