//! `POST /verify`: is this token good, and what does it say?
//!
//! The token is the member `token` of a JSON body, or in `Authorization: Bearer`; `scope` in the body names what it must
//! allow. The refusals are those of the verifier's integrations: one code table, whether a program embeds it or asks here.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use signet_verifier::{Cause, Claims, Rejection, ScopeTokens};

use super::AgentServices;
use crate::http::answer::uncached;
use crate::http::credentials::Authorization;
use crate::http::json::{BodyError, read, whole};
use crate::http::problem::Problem;

/// What is asked.
pub(crate) struct Question {
    token: Result<String, Cause>,
    scope: Option<ScopeTokens>,
}

/// The body, which may be missing where the header has the token.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    token: Option<String>,
    scope: Option<ScopeTokens>,
}

/// What a good token says.
#[derive(Serialize)]
struct Answer<'a> {
    active: bool,
    claims: &'a Claims,
}

/// Verifies a token.
pub(crate) async fn verify(services: Data<AgentServices>, question: Question) -> HttpResponse {
    answer(&services, question).await.unwrap_or_else(|rejection| refuse(&rejection))
}

async fn answer(services: &AgentServices, question: Question) -> Result<HttpResponse, Rejection> {
    let verified = services.verifier.check(&question.token?).await?;
    let claims = verified.claims();
    if let Some(needed) = question.scope {
        let granted = claims.scope.as_ref().is_some_and(|scope| needed.is_within(scope));
        if !granted {
            return Err(Cause::Scope(needed.as_str().into()).into());
        }
    }
    Ok(uncached(StatusCode::OK).json(Answer { active: true, claims }))
}

fn refuse(rejection: &Rejection) -> HttpResponse {
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = uncached(status);
    for header in rejection.headers() {
        builder.insert_header(header);
    }
    builder.body(rejection.body())
}

impl FromRequest for Question {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers().clone();
        let body = whole(request, payload);
        Box::pin(async move { Ok(Self::parse(&headers, &body.await?)?) })
    }
}

impl Question {
    fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, BodyError> {
        let in_header = match Authorization::of(headers) {
            Authorization::Absent => None,
            Authorization::Bearer(token) => Some(Ok(token.to_owned())),
            Authorization::Basic(_) | Authorization::Unusable => Some(Err(Cause::Unreadable)),
        };
        let body: Body =
            if body.is_empty() && in_header.is_some() { Body::default() } else { read(headers, body)? };
        let token = match (in_header, body.token) {
            (Some(token), None) => token,
            (None, Some(token)) => Ok(token),
            (None, None) => return Err(BodyError::Missing("token")),
            (Some(_), Some(_)) => {
                return Err(BodyError::invalid("token", "there is an Authorization header, too"));
            }
        };
        Ok(Self { token, scope: body.scope })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};

    use super::*;

    fn ask(authorization: &[&str], body: &str) -> Result<(Result<String, Cause>, Option<String>), BodyError> {
        let mut headers = HeaderMap::new();
        for line in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let question = Question::parse(&headers, body.as_bytes())?;
        Ok((question.token, question.scope.map(|scope| scope.as_str().to_owned())))
    }

    #[test]
    fn the_token_is_in_the_body_or_in_the_header() {
        assert_eq!(ask(&[], r#"{"token":"a.b.c"}"#), Ok((Ok("a.b.c".into()), None)));
        assert_eq!(ask(&["Bearer a.b.c"], ""), Ok((Ok("a.b.c".into()), None)));
        assert_eq!(
            ask(&["bearer a.b.c"], r#"{"scope":"read write"}"#),
            Ok((Ok("a.b.c".into()), Some("read write".into())))
        );
    }

    #[test]
    fn a_token_in_both_or_in_neither_is_a_mistake() {
        assert_eq!(ask(&[], ""), Err(BodyError::Empty));
        assert_eq!(ask(&[], "{}"), Err(BodyError::Missing("token")));
        let both = ask(&["Bearer a.b.c"], r#"{"token":"a.b.c"}"#);
        assert!(matches!(both, Err(BodyError::Invalid { member, .. }) if member == "token"));
    }

    #[test]
    fn a_header_that_is_not_one_bearer_token_is_not_guessed_at() {
        for lines in [&["Basic dTpw"][..], &["Bearer a", "Bearer a"], &["Bearer"]] {
            assert_eq!(ask(lines, ""), Ok((Err(Cause::Unreadable), None)), "{lines:?}");
        }
    }

    #[test]
    fn a_scope_that_is_none_and_members_that_nobody_knows_are_refused_by_name() {
        for (body, named) in [
            (r#"{"token":"a","scope":""}"#, "scope"),
            (r#"{"token":"a","scope":"a  b"}"#, "scope"),
            (r#"{"token":7}"#, "token"),
            (r#"{"token":"a","audience":"x"}"#, "audience"),
        ] {
            let error = ask(&[], body).unwrap_err().to_string();
            assert!(error.starts_with(named), "{body}: {error}");
        }
    }
}
