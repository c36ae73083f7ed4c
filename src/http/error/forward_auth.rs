//! The rows of forward-auth.

use actix_web::http::StatusCode;

use super::access;
use crate::http::credentials::AccessError;
use crate::http::forward_auth::ForwardAuthError;
use crate::http::row::{Action, Challenge, OAuthCode, Row, our_fault, row, unauthorized, unavailable};

/// 401 and 403 are what every proxy passes on; 400 would be a failure of the proxy's own for nginx.
pub(super) fn forward_auth(error: &ForwardAuthError) -> Row {
    match error {
        ForwardAuthError::UnknownProfile => {
            row(StatusCode::NOT_FOUND, "unknown_profile", "Unknown profile", OAuthCode::InvalidRequest)
        }
        ForwardAuthError::NoToken => access(&AccessError::NoToken),
        ForwardAuthError::Token(error) => access(&AccessError::InvalidToken(error.clone())),
        ForwardAuthError::Ambiguous | ForwardAuthError::Inactive => {
            let title = "The access token is not valid";
            unauthorized("invalid_token", title, Challenge::BearerInvalid).then(Action::Reauthenticate)
        }
        ForwardAuthError::InsufficientScope { .. } => {
            let title = "The access token allows too little";
            row(StatusCode::FORBIDDEN, "insufficient_scope", title, OAuthCode::InvalidScope)
                .ask(Challenge::BearerInsufficient)
        }
        ForwardAuthError::Stale { .. } => unavailable("stale", "Not known well enough to vouch"),
        ForwardAuthError::Unwritable(_) => our_fault(),
    }
}
