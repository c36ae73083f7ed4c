//! The rows of the session room: issue, refresh, revoke.

use actix_web::http::StatusCode;

use super::keys;
use crate::http::row::{OAuthCode, Row, ended, malformed, row, unavailable};
use crate::keys::KeysError;
use crate::session::{CustomClaimsError, IssueError, RefreshError, RevokeError};

pub(super) fn claims(error: &CustomClaimsError) -> Row {
    match error {
        CustomClaimsError::Reserved(_) => malformed("reserved_claim", "A claim's name is reserved"),
        CustomClaimsError::Name => malformed("invalid_request", "The request is not understood"),
    }
}

pub(super) fn issue(error: &IssueError) -> Row {
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

pub(super) fn refresh(error: &RefreshError) -> Row {
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

pub(super) fn revoke(error: &RevokeError) -> Row {
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
