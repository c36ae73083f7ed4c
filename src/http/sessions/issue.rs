//! `POST /v1/sessions`: the start of a session.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use signet_verifier::{Audience, NumericDate, ScopeTokens, Subject};
use utoipa::ToSchema;

use super::SessionTokens;
use crate::http::Services;
use crate::http::answer::uncached;
use crate::http::error::ApiError;
use crate::http::extract::{Authorised, Now, SessionsIssue};
use crate::http::json::{BodyError, JsonBody};
use crate::http::openapi::{BodyRefusals, ClientRefusals};
use crate::http::problem::Problem;
use crate::session::{CustomClaims, IssueRequest, RefreshBinding};

/// The most entries of `amr`, and the greatest length of one and of `acr` in bytes.
const MAX_AMR: usize = 16;
const MAX_METHOD_BYTES: usize = 128;

/// What a session is to be like.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"sub": "user-1", "aud": "api", "scope": "read write", "access_ttl": "5m"})))]
pub(crate) struct IssueBody {
    /// Whom the session is for.
    #[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    sub: Subject,
    /// The services that may take its tokens; omitted: all that the client may ask for.
    #[schema(schema_with = crate::http::openapi::audience)]
    aud: Option<Audience>,
    /// What it allows: distinct tokens separated by single spaces.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024, pattern = r"^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$")]
    scope: Option<ScopeTokens>,
    /// More claims, at the top level of the access token. Registered names are refused.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
    /// When the user authenticated: seconds since the epoch, not in the future.
    #[serde(default, deserialize_with = "numeric_date")]
    #[schema(value_type = Option<u64>, maximum = 253_402_300_799_u64)]
    auth_time: Option<NumericDate>,
    /// How the user authenticated (RFC 8176).
    #[schema(schema_with = crate::http::openapi::methods)]
    amr: Option<Vec<String>>,
    /// How strongly the user authenticated.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    acr: Option<String>,
    /// The life of the access tokens, like `5m` or `90s`; omitted: the default.
    #[serde(default, deserialize_with = "duration")]
    #[schema(value_type = Option<String>, max_length = 64, pattern = "^([0-9]{1,9}(ms|s|m|h|d))+$", example = "5m")]
    access_ttl: Option<Duration>,
    /// Whether a refresh token is wanted.
    #[serde(default = "yes")]
    #[schema(default = true)]
    refresh: bool,
    /// Who may present the refresh token: whoever holds it, or only this client, authenticated.
    #[serde(default)]
    refresh_by: RefreshBy,
}

/// Who may present a refresh token.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RefreshBy {
    /// Whoever holds it.
    #[default]
    Holder,
    /// The client, authenticated.
    Client,
}

/// Issue a session
///
/// Starts a session for a user whom the caller has authenticated, and returns its first tokens. Nothing is stored.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", operation_id = "issueSession",
    request_body = IssueBody,
    security(("basic" = []), ("clientToken" = [])),
    responses((status = 201, description = "The session's tokens", body = SessionTokens), ClientRefusals, BodyRefusals)
)]
pub(crate) async fn issue(
    caller: Authorised<SessionsIssue>,
    services: Data<Services>,
    now: Now,
    body: JsonBody<IssueBody>,
) -> Result<HttpResponse, Problem> {
    let pair = services.issuer.issue(&caller.client, body.0.into_request()?, now.0)?;
    Ok(uncached(StatusCode::CREATED).json(SessionTokens::from(pair)))
}

impl IssueBody {
    fn into_request(self) -> Result<IssueRequest, ApiError> {
        let refresh = self.refresh.then_some(match self.refresh_by {
            RefreshBy::Holder => RefreshBinding::Holder,
            RefreshBy::Client => RefreshBinding::Client,
        });
        Ok(IssueRequest {
            subject: self.sub,
            audience: self.aud,
            scope: self.scope,
            claims: CustomClaims::new(self.claims.unwrap_or_default())?,
            auth_time: self.auth_time,
            amr: self.amr.map(methods).transpose()?,
            acr: self.acr.map(|acr| method("acr", acr)).transpose()?,
            access_ttl: self.access_ttl,
            refresh,
        })
    }
}

fn methods(amr: Vec<String>) -> Result<Vec<String>, BodyError> {
    if amr.is_empty() || amr.len() > MAX_AMR {
        return Err(BodyError::invalid("amr", format_args!("1 to {MAX_AMR} methods")));
    }
    amr.into_iter().map(|one| method("amr", one)).collect()
}

fn method(member: &str, text: String) -> Result<String, BodyError> {
    let valid = !text.is_empty() && text.len() <= MAX_METHOD_BYTES && !text.chars().any(char::is_control);
    if valid {
        Ok(text)
    } else {
        Err(BodyError::invalid(member, format_args!("1 to {MAX_METHOD_BYTES} bytes, no control characters")))
    }
}

fn yes() -> bool {
    true
}

fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NumericDate>, D::Error> {
    let secs = Option::<u64>::deserialize(deserializer)?;
    let date = |secs| NumericDate::from_secs(secs).ok_or_else(|| de::Error::custom("past the year 9999"));
    secs.map(date).transpose()
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    // humantime also knows years and spaces; a session needs neither.
    let plain =
        |text: &String| text.chars().all(|c| c.is_ascii_digit() || matches!(c, 'm' | 's' | 'h' | 'd'));
    let parse =
        |text: String| Some(text).filter(plain).and_then(|text| humantime::parse_duration(&text).ok());
    let needed = || de::Error::custom("a duration like 5m or 90s is needed");
    text.map(|text| parse(text).ok_or_else(needed)).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(body: Value) -> Result<IssueRequest, ApiError> {
        serde_json::from_value::<IssueBody>(body).unwrap().into_request()
    }

    #[test]
    fn a_refresh_token_for_its_holder_is_the_default() {
        assert_eq!(request(json!({"sub": "u"})).unwrap().refresh, Some(RefreshBinding::Holder));
        let by_client = json!({"sub": "u", "refresh_by": "client"});
        assert_eq!(request(by_client).unwrap().refresh, Some(RefreshBinding::Client));
        assert_eq!(request(json!({"sub": "u", "refresh": false})).unwrap().refresh, None);
    }

    #[test]
    fn every_member_reaches_the_domain() {
        let body = json!({"sub": "u", "aud": ["a", "b"], "scope": "r w", "claims": {"role": "x"}, "auth_time": 1,
            "amr": ["pwd"], "acr": "2", "access_ttl": "5m"});
        let request = request(body).unwrap();
        assert_eq!(request.audience, Audience::new(["a", "b"]).ok());
        assert_eq!(request.scope, ScopeTokens::parse("r w").ok());
        assert_eq!(request.claims.as_map()["role"], "x");
        assert_eq!(request.auth_time, NumericDate::from_secs(1));
        assert_eq!((request.amr, request.acr), (Some(vec!["pwd".into()]), Some("2".into())));
        assert_eq!(request.access_ttl, Some(Duration::from_mins(5)));
    }

    #[test]
    fn members_out_of_range_are_refused() {
        for body in [
            json!({"sub": ""}),
            json!({"sub": "u", "auth_time": 253_402_300_800_u64}),
            json!({"sub": "u", "auth_time": -1}),
            json!({"sub": "u", "access_ttl": "5 parsecs"}),
            json!({"sub": "u", "access_ttl": "1 year"}),
            json!({"sub": "u", "access_ttl": ""}),
            json!({"sub": "u", "aud": []}),
            json!({"sub": "u", "refresh_by": "anyone"}),
            json!({"sub": "u", "refresh": null}),
            json!({"sub": "u", "ttl": 1}),
        ] {
            assert!(serde_json::from_value::<IssueBody>(body.clone()).is_err(), "{body}");
        }
        for body in [
            json!({"sub": "u", "amr": []}),
            json!({"sub": "u", "acr": "\n"}),
            json!({"sub": "u", "claims": {"iss": 1}}),
        ] {
            assert!(request(body.clone()).is_err(), "{body}");
        }
    }
}
