//! The one table of refusals: domain error → status, code, title, action, and the word that OAuth has for it. No other
//! file knows an error's status.

mod forward_auth;
mod session;

use std::time::Duration;

use actix_web::http::StatusCode;

use self::forward_auth::forward_auth;
use self::session::{claims, issue, refresh, revoke};
use super::answer::rfc3339;
use super::credentials::{AccessError, Scheme};
use super::forward_auth::ForwardAuthError;
use super::json::BodyError;
use super::revocations::FeedRefusal;
use super::routes::RouteError;
use super::row::{
    Action, Challenge, OAuthCode, Row, malformed, our_fault, row, too_slow, unauthorized, unavailable,
};
use super::token::GrantError;
use crate::keys::{KeysError, SigningKeyError};
use crate::revocation::AckError;
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
    /// The feed was not served.
    #[error(transparent)]
    Feed(#[from] FeedRefusal),
    /// The key ring was not changed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A proxy's request was not let through.
    #[error(transparent)]
    ForwardAuth(#[from] ForwardAuthError),
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
            Self::Feed(error) => feed(error),
            Self::Keys(error) => keys(error),
            Self::ForwardAuth(error) => forward_auth(error),
        }
    }

    /// What went wrong this time.
    pub(crate) fn detail(&self) -> String {
        if let Self::Keys(error) = self { detail_of_keys(error) } else { self.to_string() }
    }

    /// After how many seconds another attempt makes sense.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        // Rounded up: an attempt at the second named is let in.
        let whole = |wait: &Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        if let Self::Access(AccessError::TooManyFailures(wait))
        | Self::ForwardAuth(ForwardAuthError::Stale { retry_after: wait }) = self
        {
            return Some(whole(wait));
        }
        (self.row().status == StatusCode::SERVICE_UNAVAILABLE).then_some(1)
    }
}

/// The ring knows neither calendars nor what the members of a request are called.
fn detail_of_keys(error: &KeysError) -> String {
    match error {
        KeysError::StandbyTooYoung { ready_at } => {
            let ready_at = rfc3339(*ready_at);
            format!("the standby key is not known to every verifier yet; it will be at {ready_at}")
        }
        KeysError::Key(SigningKeyError::OtherAlgorithm(_)) => format!("alg: {error}"),
        KeysError::Key(SigningKeyError::Unreadable | SigningKeyError::Rejected) => {
            format!("private_key_pem: {error}")
        }
        KeysError::UnknownKey
        | KeysError::AlgorithmNotConfigured(_)
        | KeysError::Duplicate
        | KeysError::Policy(_)
        | KeysError::Key(_)
        | KeysError::Directory(_) => error.to_string(),
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
        BodyError::TooSlow => too_slow(),
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

fn feed(error: &FeedRefusal) -> Row {
    match error {
        FeedRefusal::Ack(AckError::UnknownStream) => {
            row(StatusCode::NOT_FOUND, "unknown_stream", "Unknown stream", OAuthCode::InvalidRequest)
        }
        FeedRefusal::Ack(AckError::UnknownCursor) => {
            malformed("unknown_cursor", "The cursor is not one of this feed")
        }
        FeedRefusal::NotAcceptable => {
            let title = "No acceptable content coding";
            row(StatusCode::NOT_ACCEPTABLE, "not_acceptable", title, OAuthCode::InvalidRequest)
        }
        FeedRefusal::Unavailable(_) => unavailable("store_unavailable", "The session store is not available"),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signet_verifier::{Algorithm, UnixMs, VerifyError};

    use super::*;
    use crate::session::Permission;

    /// Status and code under `/v1`, status and word under `/oauth2`.
    fn seen(error: impl Into<ApiError>) -> (u16, &'static str, u16, String) {
        let row = error.into().row();
        let word = serde_json::to_value(row.oauth).unwrap().as_str().unwrap().to_owned();
        (row.status.as_u16(), row.code, row.oauth_status().as_u16(), word)
    }

    #[test]
    fn a_session_that_has_ended_is_401_with_its_own_code_and_invalid_grant_for_oauth() {
        for (error, code) in [
            (RefreshError::Invalid, "refresh_invalid"),
            (RefreshError::WrongClient, "refresh_invalid"),
            (RefreshError::Expired, "refresh_expired"),
            (RefreshError::Revoked, "session_revoked"),
        ] {
            assert_eq!(ApiError::from(RefreshError::Revoked).row().action, Some(Action::Reauthenticate));
            assert_eq!(seen(error), (401, code, 400, "invalid_grant".into()));
        }
    }

    #[test]
    fn what_a_client_may_not_do_is_403_and_what_it_got_wrong_is_400() {
        let permission =
            AccessError::NotPermitted { permission: Permission::KeysManage, scheme: Scheme::Basic };
        assert_eq!(seen(permission), (403, "insufficient_permission", 400, "unauthorized_client".into()));
        assert_eq!(seen(RefreshError::ClaimsNotAllowed).0, 403);
        assert_eq!(
            seen(AccessError::PublicClient),
            (403, "public_client", 400, "unauthorized_client".into())
        );
        let audience = IssueError::AudienceNotAllowed("x".into());
        assert_eq!(seen(audience), (403, "audience_not_allowed", 400, "invalid_target".into()));
        let ceiling = IssueError::LifetimeTooLong(Duration::from_mins(5));
        assert_eq!(seen(ceiling), (400, "lifetime_not_allowed", 400, "invalid_request".into()));
        assert_eq!(seen(GrantError::Unsupported).3, "unsupported_grant_type");
        assert_eq!(seen(RevokeError::KeepRefused).1, "keep_refused");
        assert_eq!(seen(CustomClaimsError::Reserved("iss".into())).1, "reserved_claim");
    }

    #[test]
    fn what_passes_is_503_and_retried_and_what_is_in_the_way_is_409() {
        for error in [ApiError::from(RefreshError::Unavailable), RevokeError::Unavailable.into()] {
            assert_eq!((error.row().action, error.retry_after()), (Some(Action::Retry), Some(1)));
            assert_eq!(seen(error), (503, "store_unavailable", 503, "temporarily_unavailable".into()));
        }
        assert_eq!(seen(IssueError::NoKey(Algorithm::Es256)).0, 503);
        let young =
            ApiError::from(KeysError::StandbyTooYoung { ready_at: UnixMs::from_millis(1_795_000_000_123) });
        assert!(young.detail().ends_with("at 2026-11-18T11:06:40.123Z"), "{}", young.detail());
        assert_eq!(seen(young).0, 409);
        assert_eq!(seen(KeysError::UnknownKey).0, 404);
        assert_eq!(seen(KeysError::Key(SigningKeyError::Sign)).0, 500);
    }

    #[test]
    fn the_feed_says_whether_it_is_the_stream_the_cursor_or_the_store() {
        let ack = |error| seen(FeedRefusal::Ack(error));
        assert_eq!(ack(AckError::UnknownStream).1, "unknown_stream");
        assert_eq!(ack(AckError::UnknownStream).0, 404);
        assert_eq!((ack(AckError::UnknownCursor).0, ack(AckError::UnknownCursor).1), (400, "unknown_cursor"));
        assert_eq!(seen(FeedRefusal::NotAcceptable).0, 406);
        let away = ApiError::from(FeedRefusal::Unavailable("the disk".into()));
        assert_eq!((away.row().action, away.retry_after()), (Some(Action::Retry), Some(1)));
        assert!(!away.detail().contains("disk"), "what failed is for the log");
    }

    #[test]
    fn an_expired_access_token_is_to_be_refreshed_and_any_other_bad_one_is_not() {
        let action = |error| ApiError::from(AccessError::InvalidToken(error)).row().action;
        assert_eq!(action(VerifyError::Expired), Some(Action::Refresh));
        assert_eq!(action(VerifyError::Signature), Some(Action::Reauthenticate));
    }
}
