//! The one table of refusals: domain error → status, code, title, action, and the word that OAuth has for it. No other
//! file knows an error's status.

use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::rfc3339;
use super::credentials::{AccessError, Scheme};
use super::json::BodyError;
use crate::keys::{KeysError, SigningKeyError};
use crate::session::{CustomClaimsError, IssueError, RefreshError, RevokeError};

/// Everything that an endpoint may refuse with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The caller was not let in.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The body or a parameter was not understood.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The address was not understood.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The OAuth request asks for something that there is not.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Custom claims with names that are taken.
    #[error(transparent)]
    Claims(#[from] CustomClaimsError),
    /// A session was not issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A session was not refreshed.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// A revocation was not taken.
    #[error(transparent)]
    Revoke(#[from] RevokeError),
    /// The key ring was not changed.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// What is wrong with where a request went.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// No such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// The path is known, the method is not.
    #[error("this path takes {0}")]
    Method(String),
    /// `{sid}` is not a session id.
    #[error("sid: not a UUIDv7 in lower case")]
    SessionId,
    /// `{kid}` is not a key id.
    #[error("no key has this kid")]
    KeyId,
    /// Not ready to serve; says why.
    #[error("{0}")]
    NotReady(String),
    /// The process is ending and takes no work.
    #[error("the service is shutting down")]
    Stopping,
    /// The routes were mounted without their services.
    #[error("the service is not set up")]
    NotWired,
}

/// What is wrong with an OAuth request beyond its form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GrantError {
    /// A `grant_type` that is not offered.
    #[error("grant_type: client_credentials or refresh_token")]
    Unsupported,
    /// A `scope` that is not one.
    #[error("scope: not a list of scope tokens")]
    Scope,
    /// A `resource` or `audience` that cannot be one.
    #[error("audience, resource: not usable")]
    Target,
    /// A `resource` or `audience` at refresh.
    #[error("audience, resource: the session's audience is fixed")]
    TargetFixed,
}

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

    const fn then(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    const fn ask(mut self, challenge: Challenge) -> Self {
        self.challenge = challenge;
        self
    }
}

const fn row(status: StatusCode, code: &'static str, title: &'static str, oauth: OAuthCode) -> Row {
    Row { status, code, title, action: None, challenge: Challenge::None, oauth }
}

const fn malformed(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::BAD_REQUEST, code, title, OAuthCode::InvalidRequest)
}

const fn unavailable(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::SERVICE_UNAVAILABLE, code, title, OAuthCode::TemporarilyUnavailable).then(Action::Retry)
}

const fn our_fault() -> Row {
    row(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something failed in the service",
        OAuthCode::ServerError,
    )
}

const fn unauthorized(code: &'static str, title: &'static str, challenge: Challenge) -> Row {
    row(StatusCode::UNAUTHORIZED, code, title, OAuthCode::InvalidClient).ask(challenge)
}

/// A refresh token that is no good: the one place where `/v1` says 401 and OAuth says 400.
const fn ended(code: &'static str, title: &'static str) -> Row {
    row(StatusCode::UNAUTHORIZED, code, title, OAuthCode::InvalidGrant)
        .then(Action::Reauthenticate)
        .ask(Challenge::BearerInvalid)
}

impl ApiError {
    /// The error's row.
    pub(crate) fn row(&self) -> Row {
        match self {
            Self::Access(error) => access(error),
            Self::Body(error) => body(error),
            Self::Route(error) => route(error),
            Self::Grant(error) => grant(error),
            Self::Claims(error) => claims(error),
            Self::Issue(error) => issue(error),
            Self::Refresh(error) => refresh(error),
            Self::Revoke(error) => revoke(error),
            Self::Keys(error) => keys(error),
        }
    }

    /// What went wrong this time.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Keys(KeysError::StandbyTooYoung { ready_at }) => {
                format!(
                    "the standby key is not known to every verifier yet; it will be at {}",
                    rfc3339(*ready_at)
                )
            }
            Self::Access(_)
            | Self::Body(_)
            | Self::Route(_)
            | Self::Grant(_)
            | Self::Claims(_)
            | Self::Issue(_)
            | Self::Refresh(_)
            | Self::Revoke(_)
            | Self::Keys(_) => self.to_string(),
        }
    }

    /// After how many seconds another attempt makes sense.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            // Rounded up: an attempt at the second named is let in.
            Self::Access(AccessError::TooManyFailures(wait)) => {
                Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
            }
            Self::Access(_)
            | Self::Body(_)
            | Self::Route(_)
            | Self::Grant(_)
            | Self::Claims(_)
            | Self::Issue(_)
            | Self::Refresh(_)
            | Self::Revoke(_)
            | Self::Keys(_) => (self.row().status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
        }
    }
}

fn access(error: &AccessError) -> Row {
    match error {
        AccessError::NoCredentials => {
            unauthorized("authentication_required", "Client authentication is needed", Challenge::Client)
        }
        AccessError::NoToken => {
            unauthorized("authentication_required", "A token is needed", Challenge::Bearer)
        }
        AccessError::InvalidClient => {
            unauthorized("invalid_client", "Client authentication failed", Challenge::Client)
        }
        AccessError::InvalidToken(signet_verifier::VerifyError::Expired) => {
            unauthorized("token_expired", "The access token has expired", Challenge::BearerInvalid)
                .then(Action::Refresh)
        }
        AccessError::InvalidToken(_) | AccessError::NotClientToken => {
            unauthorized("invalid_token", "The access token is not valid", Challenge::BearerInvalid)
                .then(Action::Reauthenticate)
        }
        AccessError::TwoMethods | AccessError::OtherClientId => {
            malformed("invalid_request", "The request contradicts itself")
        }
        AccessError::PublicClient => row(
            StatusCode::FORBIDDEN,
            "public_client",
            "Not for public clients",
            OAuthCode::UnauthorizedClient,
        ),
        AccessError::NotPermitted { scheme, .. } => {
            let challenge = match scheme {
                Scheme::Basic => Challenge::None,
                Scheme::Bearer => Challenge::BearerInsufficient,
            };
            let title = "Insufficient permission";
            row(StatusCode::FORBIDDEN, "insufficient_permission", title, OAuthCode::UnauthorizedClient)
                .ask(challenge)
        }
        AccessError::TooManyFailures(_) => {
            let title = "Too many failed attempts";
            row(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", title, OAuthCode::TemporarilyUnavailable)
                .then(Action::Retry)
        }
    }
}

fn body(error: &BodyError) -> Row {
    match error {
        BodyError::TooLong => {
            let title = "The body is too long";
            row(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title, OAuthCode::InvalidRequest)
        }
        BodyError::ContentType(_) => {
            let title = "The body is of another type";
            row(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                title,
                OAuthCode::InvalidRequest,
            )
        }
        BodyError::Empty
        | BodyError::Interrupted
        | BodyError::NotAnObject
        | BodyError::Duplicate
        | BodyError::NotUtf8
        | BodyError::Unknown(_)
        | BodyError::Missing(_)
        | BodyError::Repeated(_)
        | BodyError::Invalid { .. } => malformed("invalid_request", "The request is not understood"),
    }
}

fn route(error: &RouteError) -> Row {
    match error {
        RouteError::NotFound => {
            row(StatusCode::NOT_FOUND, "not_found", "Not found", OAuthCode::InvalidRequest)
        }
        RouteError::Method(_) => {
            let title = "Method not allowed";
            row(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title, OAuthCode::InvalidRequest)
        }
        RouteError::SessionId => malformed("invalid_request", "The request is not understood"),
        RouteError::KeyId => unknown_key(),
        RouteError::NotReady(_) => unavailable("not_ready", "Not ready"),
        RouteError::Stopping => unavailable("shutting_down", "Shutting down"),
        RouteError::NotWired => our_fault(),
    }
}

fn grant(error: &GrantError) -> Row {
    let (code, oauth) = match error {
        GrantError::Unsupported => ("unsupported_grant_type", OAuthCode::UnsupportedGrantType),
        GrantError::Scope => ("invalid_scope", OAuthCode::InvalidScope),
        GrantError::Target | GrantError::TargetFixed => ("invalid_target", OAuthCode::InvalidTarget),
    };
    row(StatusCode::BAD_REQUEST, code, "The grant is not possible", oauth)
}

fn claims(error: &CustomClaimsError) -> Row {
    match error {
        CustomClaimsError::Reserved(_) => malformed("reserved_claim", "A claim's name is reserved"),
        CustomClaimsError::Name => malformed("invalid_request", "The request is not understood"),
    }
}

fn issue(error: &IssueError) -> Row {
    let forbidden = |code, title, oauth| row(StatusCode::FORBIDDEN, code, title, oauth);
    match error {
        IssueError::AudienceNotAllowed(_) => {
            forbidden("audience_not_allowed", "Audience not allowed", OAuthCode::InvalidTarget)
        }
        IssueError::AudienceRequired => row(
            StatusCode::BAD_REQUEST,
            "audience_required",
            "An audience is needed",
            OAuthCode::InvalidTarget,
        ),
        IssueError::ScopeNotAllowed(_) => {
            forbidden("scope_not_allowed", "Scope not allowed", OAuthCode::InvalidScope)
        }
        IssueError::LifetimeTooLong(_) | IssueError::LifetimeTooShort(_) => {
            malformed("lifetime_not_allowed", "Lifetime not allowed")
        }
        IssueError::AuthTimeInFuture => malformed("invalid_request", "The request is not understood"),
        IssueError::TooLarge { .. } => malformed("token_too_large", "The token would be too large"),
        IssueError::NoKey(_) | IssueError::NoSealingKey => {
            unavailable("no_signing_key", "No key can sign now")
        }
        IssueError::UnknownClient => ended("refresh_invalid", "The refresh token is not valid"),
    }
}

fn refresh(error: &RefreshError) -> Row {
    match error {
        RefreshError::Invalid | RefreshError::WrongClient => {
            ended("refresh_invalid", "The refresh token is not valid")
        }
        RefreshError::Expired => ended("refresh_expired", "The session has expired"),
        RefreshError::Revoked => ended("session_revoked", "The session has been revoked"),
        // Which theft it was, the audit says; the answer is the same for all.
        RefreshError::Reused(_) => ended("refresh_reused", "The refresh token was copied"),
        RefreshError::ScopeNotGranted => {
            row(StatusCode::BAD_REQUEST, "scope_not_granted", "Scope not granted", OAuthCode::InvalidScope)
        }
        RefreshError::ClaimsNotAllowed => {
            let title = "Insufficient permission";
            row(StatusCode::FORBIDDEN, "insufficient_permission", title, OAuthCode::UnauthorizedClient)
        }
        RefreshError::ClaimsTooLarge(_) => malformed("patch_too_large", "The claims are too long"),
        RefreshError::Unavailable => unavailable("store_unavailable", "The session store is not available"),
        RefreshError::Issue(error) => issue(error),
    }
}

fn revoke(error: &RevokeError) -> Row {
    match error {
        RevokeError::RefreshOfToken | RevokeError::ClaimsWithoutRefresh | RevokeError::TooFarAhead(_) => {
            malformed("invalid_request", "The request is not understood")
        }
        RevokeError::Claims(error) => claims(error),
        RevokeError::ClaimNotRevocable(_) => malformed("claim_not_revocable", "The claim is not revocable"),
        RevokeError::KeepScope | RevokeError::KeepRefused => {
            malformed("keep_refused", "The session cannot be kept")
        }
        RevokeError::PatchTooLarge(_) => malformed("patch_too_large", "The claims are too long"),
        RevokeError::Keys(KeysError::UnknownKey) => malformed("unknown_key", "Unknown key"),
        RevokeError::Keys(error) => keys(error),
        RevokeError::Unavailable => unavailable("store_unavailable", "The session store is not available"),
        RevokeError::Issue(error) => issue(error),
    }
}

fn unknown_key() -> Row {
    row(StatusCode::NOT_FOUND, "unknown_key", "Unknown key", OAuthCode::InvalidRequest)
}

fn keys(error: &KeysError) -> Row {
    let conflict = |code, title| row(StatusCode::CONFLICT, code, title, OAuthCode::InvalidRequest);
    match error {
        KeysError::UnknownKey => unknown_key(),
        KeysError::AlgorithmNotConfigured(_) => {
            malformed("algorithm_not_configured", "Algorithm not configured")
        }
        KeysError::StandbyTooYoung { .. } => {
            conflict("standby_too_young", "The standby key is too young").then(Action::Retry)
        }
        KeysError::Duplicate => conflict("duplicate_key", "The key is in the ring"),
        KeysError::Key(error) => match error {
            SigningKeyError::Unreadable | SigningKeyError::Rejected | SigningKeyError::OtherAlgorithm(_) => {
                malformed("key_refused", "The key cannot be used")
            }
            SigningKeyError::CannotGenerate(_) => {
                conflict("cannot_generate", "Keys of this algorithm can only be imported")
            }
            SigningKeyError::Sign => our_fault(),
        },
        KeysError::Policy(_) | KeysError::Directory(_) => our_fault(),
    }
}
