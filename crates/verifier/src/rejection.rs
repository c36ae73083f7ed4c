//! Refusals as HTTP says them: status, `WWW-Authenticate` (RFC 6750 §3), `Retry-After`, and a problem document (RFC 9457).
//!
//! Nothing here knows a web framework: the integrations and `signet agent` share it. Codes, titles and actions are those of
//! the service where it refuses for the same reason, so that a client needs one table for both. Beside them `reason` has
//! the name of the check that failed (docs/feed.md, "Checks and their names").

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::error::VerifyError;
use crate::sync::Refusal;

/// Why a request was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// There is no `Authorization` header.
    #[error("an access token is needed")]
    NoToken,
    /// There is one, and it is not the one bearer token of the request.
    #[error("the Authorization header is not one bearer token")]
    Unreadable,
    /// The token was not believed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token was believed and does not allow this; the scope that is needed.
    #[error("the token does not have the scope that is needed")]
    Scope(Arc<str>),
    /// The application was put together without its verifier.
    #[error("the application has no verifier")]
    NotWired,
}

/// A request that was not let in: why, and how HTTP says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct Rejection {
    cause: Cause,
    realm: Arc<str>,
}

/// One row of the table of refusals.
struct Row {
    status: u16,
    code: &'static str,
    title: &'static str,
    action: Option<&'static str>,
    challenge: Challenge,
}

/// How a refusal asks for (other) credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Challenge {
    /// It does not.
    None,
    /// For a token. No error: the request did not try (RFC 6750 §3.1).
    Token,
    /// For another token, with this error.
    Another(&'static str),
}

/// RFC 9457.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl Rejection {
    /// The realm where none is named.
    pub const DEFAULT_REALM: &'static str = "signet";

    /// A refusal within the default realm.
    pub fn new(cause: impl Into<Cause>) -> Self {
        Self { cause: cause.into(), realm: Self::DEFAULT_REALM.into() }
    }

    /// The same within another realm.
    #[must_use]
    pub fn within(self, realm: impl Into<Arc<str>>) -> Self {
        Self { realm: realm.into(), ..self }
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// The stable name, for programs.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    /// The headers of the answer, names in lower case; those of its body included.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/problem+json".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ];
        headers.extend(self.challenge().map(|challenge| ("www-authenticate", challenge)));
        headers.extend(self.retry_after().map(|seconds| ("retry-after", seconds.to_string())));
        headers
    }

    /// The body: a problem document.
    pub fn body(&self) -> String {
        let row = self.row();
        let (reason, scope) = match &self.cause {
            Cause::Refused(refusal) => (Some(refusal.code()), None),
            Cause::Scope(needed) => (None, Some(&**needed)),
            Cause::NoToken | Cause::Unreadable | Cause::NotWired => (None, None),
        };
        let document = Document {
            kind: "about:blank",
            title: row.title,
            status: row.status,
            detail: self.to_string(),
            code: row.code,
            reason,
            action: row.action,
            scope,
        };
        // Strings and a number: JSON can always say that.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The value of `WWW-Authenticate`, if another token would help.
    pub fn challenge(&self) -> Option<String> {
        let realm = quoted(&self.realm);
        let error = match self.row().challenge {
            Challenge::None => return None,
            Challenge::Token => return Some(format!("Bearer realm={realm}")),
            Challenge::Another(error) => error,
        };
        let scope = match &self.cause {
            Cause::Scope(needed) => format!(", scope={}", quoted(needed)),
            Cause::NoToken | Cause::Unreadable | Cause::Refused(_) | Cause::NotWired => String::new(),
        };
        let description = quoted(&self.to_string());
        Some(format!("Bearer realm={realm}, error=\"{error}\", error_description={description}{scope}"))
    }

    /// After how many seconds it is worth asking again, if that would help.
    pub fn retry_after(&self) -> Option<u64> {
        let Cause::Refused(Refusal::Stale { retry_after, .. }) = &self.cause else { return None };
        Some(whole_seconds(*retry_after))
    }

    fn row(&self) -> Row {
        let row = |status, code, title, challenge| Row { status, code, title, action: None, challenge };
        match &self.cause {
            Cause::NoToken | Cause::Unreadable => {
                row(401, "authentication_required", "A token is needed", Challenge::Token)
            }
            Cause::Refused(Refusal::Stale { .. }) => {
                let title = "The verifier is not up to date";
                Row { action: Some("retry"), ..row(503, "stale", title, Challenge::None) }
            }
            Cause::Refused(Refusal::Token(VerifyError::Expired)) => {
                let title = "The access token has expired";
                let another = Challenge::Another("invalid_token");
                Row { action: Some("refresh"), ..row(401, "token_expired", title, another) }
            }
            Cause::Refused(Refusal::Token(_) | Refusal::Inactive) => {
                let title = "The access token is not valid";
                let another = Challenge::Another("invalid_token");
                Row { action: Some("reauthenticate"), ..row(401, "invalid_token", title, another) }
            }
            Cause::Scope(_) => {
                let another = Challenge::Another("insufficient_scope");
                row(403, "insufficient_scope", "Insufficient scope", another)
            }
            Cause::NotWired => row(500, "internal_error", "Something failed in the service", Challenge::None),
        }
    }
}

impl<C: Into<Cause>> From<C> for Rejection {
    fn from(cause: C) -> Self {
        Self::new(cause)
    }
}

/// Rounded up, and never "at once".
fn whole_seconds(wait: Duration) -> u64 {
    let rounded = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    rounded.max(1)
}

/// A quoted string (RFC 9110 §5.6.4) of the characters that RFC 6750 §3 allows; others become `?`.
fn quoted(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    let inner: String = text.chars().map(|c| if allowed(c) { c } else { '?' }).collect();
    format!("\"{inner}\"")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cutoff::ScopeKind;

    fn document(rejection: &Rejection) -> Value {
        serde_json::from_str(&rejection.body()).unwrap()
    }

    fn stale(retry_after: Duration) -> Rejection {
        Rejection::new(Refusal::Stale { staleness: None, retry_after })
    }

    #[test]
    fn a_request_that_did_not_try_is_asked_for_a_token_without_an_error() {
        for cause in [Cause::NoToken, Cause::Unreadable] {
            let rejection = Rejection::new(cause).within("orders");
            assert_eq!((rejection.status(), rejection.code()), (401, "authentication_required"));
            assert_eq!(rejection.challenge().unwrap(), r#"Bearer realm="orders""#);
        }
    }

    #[test]
    fn a_revoked_token_is_a_problem_with_the_services_code_and_the_shared_name() {
        let revoked = Rejection::new(Refusal::Token(VerifyError::Revoked { by: ScopeKind::Sid }));
        let expected = json!({"type": "about:blank", "title": "The access token is not valid", "status": 401,
            "detail": "the token has been revoked", "code": "invalid_token", "reason": "revoked",
            "action": "reauthenticate"});
        assert_eq!(document(&revoked), expected);
        assert_eq!(
            revoked.challenge().unwrap(),
            r#"Bearer realm="signet", error="invalid_token", error_description="the token has been revoked""#
        );
    }

    #[test]
    fn an_expired_token_is_to_be_refreshed() {
        let expired = document(&Rejection::new(Refusal::Token(VerifyError::Expired)));
        assert_eq!((&expired["code"], &expired["action"]), (&json!("token_expired"), &json!("refresh")));
    }

    #[test]
    fn a_missing_scope_is_403_and_named() {
        let rejection = Rejection::new(Cause::Scope("read write".into()));
        assert_eq!(rejection.status(), 403);
        let challenge = rejection.challenge().unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        assert!(challenge.ends_with(r#", scope="read write""#), "{challenge}");
        assert_eq!(document(&rejection)["scope"], "read write");
    }

    #[test]
    fn a_stale_verifier_is_503_and_asks_for_patience_instead_of_a_token() {
        let rejection = stale(Duration::from_millis(1_001));
        assert_eq!((rejection.status(), rejection.code()), (503, "stale"));
        assert_eq!((rejection.challenge(), rejection.retry_after()), (None, Some(2)));
        assert!(rejection.headers().contains(&("retry-after", "2".to_owned())));
        assert_eq!(stale(Duration::ZERO).retry_after(), Some(1), "at once would be a loop");
        assert_eq!(document(&rejection)["action"], "retry");
    }

    #[test]
    fn no_refusal_may_be_cached() {
        let rejections = [Rejection::new(Cause::NoToken), stale(Duration::ZERO)];
        for rejection in rejections {
            assert!(rejection.headers().contains(&("cache-control", "no-store".to_owned())));
        }
    }

    #[test]
    fn a_realm_cannot_leave_its_quotes() {
        let rejection = Rejection::new(Cause::NoToken).within("a\", error=\"x\r\nSet-Cookie: b\\");
        assert_eq!(rejection.challenge().unwrap(), r#"Bearer realm="a?, error=?x??Set-Cookie: b?""#);
    }
}
