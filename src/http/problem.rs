//! Refusals on the wire: RFC 9457 problem documents, and RFC 6749 error bodies under `/oauth2`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::uncached;
use super::error::ApiError;
use super::routes::RouteError;
use super::row::{Action, Challenge, OAuthCode};

/// A refusal of the API, shown as a problem document.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) ApiError);

/// A refusal of an OAuth endpoint, shown as RFC 6749 §5.2 has it.
#[derive(Debug)]
pub(crate) struct OAuthRefusal(pub(crate) ApiError);

/// A problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem, examples(json!({
    "type": "about:blank", "title": "The session has been revoked", "status": 401,
    "detail": "the session has been revoked", "code": "session_revoked", "action": "reauthenticate"
})))]
pub(crate) struct ProblemDocument {
    /// Always `about:blank`: the code tells problems apart.
    #[serde(rename = "type")]
    #[schema(required)]
    kind: &'static str,
    /// What kind of problem it is, the same each time.
    title: &'static str,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// The stable name of the problem, for programs.
    #[schema(value_type = String, pattern = "^[a-z_]+$")]
    code: &'static str,
    /// What the client can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    action: Option<Action>,
}

impl ProblemDocument {
    /// What an error is shown as.
    pub(crate) fn of(error: &ApiError) -> Self {
        let row = error.row();
        Self {
            kind: "about:blank",
            title: row.title,
            status: row.status.as_u16(),
            detail: error.detail(),
            code: row.code,
            action: row.action,
        }
    }
}

/// An error body (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = OAuthError, examples(json!({"error": "invalid_grant", "error_description": "the session has expired"})))]
pub(crate) struct OAuthErrorBody {
    /// What kind of error it is.
    error: OAuthCode,
    /// What went wrong this time.
    #[schema(pattern = r"^[\x20-\x21\x23-\x5B\x5D-\x7E]*$")]
    error_description: String,
}

impl<E: Into<ApiError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<ApiError>> From<E> for OAuthRefusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for OAuthRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.row().status
    }

    fn error_response(&self) -> HttpResponse {
        let row = self.0.row();
        let document = ProblemDocument::of(&self.0);
        let mut builder = refusal(row.status, &self.0);
        challenge(&mut builder, row.challenge);
        builder.content_type("application/problem+json").json(document)
    }
}

impl ResponseError for OAuthRefusal {
    fn status_code(&self) -> StatusCode {
        self.0.row().oauth_status()
    }

    fn error_response(&self) -> HttpResponse {
        let row = self.0.row();
        let status = row.oauth_status();
        let mut builder = refusal(status, &self.0);
        if status == StatusCode::UNAUTHORIZED {
            challenge(&mut builder, Challenge::Basic);
        }
        builder.json(OAuthErrorBody { error: row.oauth, error_description: describe(&self.0.detail()) })
    }
}

/// What both kinds have in common. Our own failures are logged here, once. That a proxy cannot be answered is no news: it
/// asks for each request that it gets, and readiness says what stands in the way.
fn refusal(status: StatusCode, error: &ApiError) -> HttpResponseBuilder {
    if status.is_server_error() && !matches!(error, ApiError::ForwardAuth(_)) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(error.code = error.row().code, error.cause = cause, "refused a request: {error}");
    }
    let mut builder = uncached(status);
    if let Some(seconds) = error.retry_after() {
        builder.insert_header((RETRY_AFTER, seconds));
    }
    if status == StatusCode::REQUEST_TIMEOUT {
        // RFC 9110 §15.5.9: what is left of the request would be read as the next one.
        builder.force_close();
    }
    if let ApiError::Route(RouteError::Method(allowed)) = error {
        builder.insert_header((ALLOW, allowed.as_str()));
    }
    builder
}

fn challenge(builder: &mut HttpResponseBuilder, challenge: Challenge) {
    const BASIC: &str = r#"Basic realm="signet", charset="UTF-8""#;
    const BEARER: &str = r#"Bearer realm="signet""#;
    let lines: &[&str] = match challenge {
        Challenge::None => &[],
        Challenge::Client => &[BASIC, BEARER],
        Challenge::Basic => &[BASIC],
        Challenge::Bearer => &[BEARER],
        Challenge::BearerInvalid => &[r#"Bearer realm="signet", error="invalid_token""#],
        Challenge::BearerInsufficient => &[r#"Bearer realm="signet", error="insufficient_scope""#],
    };
    for line in lines {
        builder.append_header((WWW_AUTHENTICATE, *line));
    }
}

/// Keeps to the characters that RFC 6749 §5.2 allows.
fn describe(detail: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    detail.chars().map(|c| if allowed(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::body::to_bytes;
    use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
    use serde_json::{Value, json};
    use signet_verifier::VerifyError;

    use super::*;
    use crate::http::credentials::{AccessError, Scheme};
    use crate::http::json::BodyError;
    use crate::session::{IssueError, Permission, RefreshError};

    fn header(response: &HttpResponse, name: HeaderName) -> Vec<String> {
        response.headers().get_all(name).map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    async fn json_of(response: HttpResponse) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_refusal_under_v1_is_a_problem_document() {
        let response = Problem::from(RefreshError::Revoked).error_response();
        assert_eq!(response.status(), 401);
        assert_eq!(header(&response, CONTENT_TYPE), ["application/problem+json"]);
        assert_eq!(header(&response, CACHE_CONTROL), ["no-store"]);
        assert_eq!(header(&response, WWW_AUTHENTICATE), [r#"Bearer realm="signet", error="invalid_token""#]);
        let expected = json!({"type": "about:blank", "title": "The session has been revoked", "status": 401,
            "detail": "the session has been revoked", "code": "session_revoked", "action": "reauthenticate"});
        assert_eq!(json_of(response).await, expected);
    }

    #[tokio::test]
    async fn the_same_refusal_under_oauth2_is_invalid_grant() {
        for error in
            [RefreshError::Revoked, RefreshError::Expired, RefreshError::Invalid, RefreshError::WrongClient]
        {
            let response = OAuthRefusal::from(error).error_response();
            assert_eq!(response.status(), 400);
            assert_eq!(header(&response, CONTENT_TYPE), ["application/json"]);
            assert_eq!(header(&response, CACHE_CONTROL), ["no-store"]);
            assert_eq!(json_of(response).await["error"], "invalid_grant");
        }
    }

    #[tokio::test]
    async fn descriptions_keep_to_the_characters_of_rfc_6749() {
        let detail = IssueError::ScopeNotAllowed("a\"b\\c\u{e9}\n".into());
        let body = json_of(OAuthRefusal::from(detail).error_response()).await;
        assert_eq!(body["error_description"], "scope: this client may not issue a?b?c??");
        assert_eq!(body["error"], "invalid_scope");
    }

    #[test]
    fn a_401_asks_for_what_would_help_and_has_no_error_without_credentials() {
        let asks = |error: AccessError| header(&Problem::from(error).error_response(), WWW_AUTHENTICATE);
        let both = [r#"Basic realm="signet", charset="UTF-8""#, r#"Bearer realm="signet""#];
        assert_eq!(asks(AccessError::NoCredentials), both);
        assert_eq!(asks(AccessError::InvalidClient), both);
        assert_eq!(asks(AccessError::NoToken), [both[1]]);
        let invalid = [r#"Bearer realm="signet", error="invalid_token""#];
        assert_eq!(asks(AccessError::InvalidToken(VerifyError::Signature)), invalid);
        let permission = Permission::KeysManage;
        let insufficient = [r#"Bearer realm="signet", error="insufficient_scope""#];
        assert_eq!(asks(AccessError::NotPermitted { permission, scheme: Scheme::Bearer }), insufficient);
        assert!(asks(AccessError::NotPermitted { permission, scheme: Scheme::Basic }).is_empty());
        let oauth = OAuthRefusal::from(AccessError::InvalidClient).error_response();
        assert_eq!(
            (oauth.status().as_u16(), header(&oauth, WWW_AUTHENTICATE)),
            (401, vec![both[0].to_owned()])
        );
    }

    #[test]
    fn a_429_and_a_503_say_when_to_come_back() {
        let wait = AccessError::TooManyFailures(Duration::from_millis(59_001));
        let response = Problem::from(wait).error_response();
        assert_eq!(
            (response.status().as_u16(), header(&response, RETRY_AFTER)),
            (429, vec!["60".to_owned()])
        );
        let response = OAuthRefusal::from(RefreshError::Unavailable).error_response();
        assert_eq!((response.status().as_u16(), header(&response, RETRY_AFTER)), (503, vec!["1".to_owned()]));
    }

    #[tokio::test]
    async fn a_missing_permission_is_named() {
        let error = AccessError::NotPermitted { permission: Permission::KeysManage, scheme: Scheme::Basic };
        let body = json_of(Problem::from(error).error_response()).await;
        assert_eq!((&body["status"], &body["code"]), (&json!(403), &json!("insufficient_permission")));
        assert_eq!(body["detail"], "insufficient permission: keys:manage is needed");
    }

    #[test]
    fn bodies_too_long_or_of_another_type_have_their_own_status() {
        let status = |error: BodyError| {
            (
                Problem::from(error.clone()).status_code().as_u16(),
                OAuthRefusal::from(error).status_code().as_u16(),
            )
        };
        assert_eq!(status(BodyError::TooLong), (413, 413));
        assert_eq!(status(BodyError::ContentType("application/json")), (415, 415));
        assert_eq!(status(BodyError::Empty), (400, 400));
        assert_eq!(status(BodyError::Repeated("token")), (400, 400));
    }
}
