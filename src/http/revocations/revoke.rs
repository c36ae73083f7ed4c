//! `POST /v1/revocations`: any cutoff.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::DateTime;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use signet_verifier::{ClientId, Effect, KeyId, Reason, Scope, SessionId, Subject, TokenId, UnixMs};
use tracing::Instrument;
use utoipa::ToSchema;

use super::{RevocationStatus, TimeoutMs, Wait, Waiting};
use crate::http::Services;
use crate::http::extract::{Authorised, RevocationsWrite};
use crate::http::json::{BodyError, JsonBody};
use crate::http::openapi::{BodyRefusals, ClientRefusals};
use crate::http::problem::Problem;
use crate::session::RevocationRequest;
use crate::telemetry::audit;

/// What is to be revoked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"scope": {"sub": "user-1"}, "reason": "password changed"})))]
pub(crate) struct RevocationBody {
    /// Which tokens: exactly one member.
    #[schema(schema_with = crate::http::openapi::scope)]
    scope: ScopeBody,
    /// `logout` ends sessions; `refresh` denies access tokens only, and their holders refresh.
    #[serde(default)]
    #[schema(schema_with = crate::http::openapi::effect)]
    effect: Effect,
    /// Claims to set at the next refresh, null taking one away; only with effect `refresh`.
    #[serde(default)]
    #[schema(value_type = Object)]
    claims: BTreeMap<String, Value>,
    /// Sessions begun before this: RFC 3339, or milliseconds since the epoch; omitted: until now.
    #[serde(default, deserialize_with = "instant")]
    #[schema(schema_with = crate::http::openapi::instant)]
    issued_before: Option<UnixMs>,
    /// Why, for the record.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: Option<Reason>,
    /// Whom to wait for before answering.
    #[serde(default)]
    wait: Wait,
    /// How long to wait at most, in milliseconds; 5,000 unless said otherwise.
    #[schema(value_type = Option<u32>, maximum = 60_000)]
    timeout_ms: Option<TimeoutMs>,
    /// A refresh token whose session goes on: "sign out everywhere else". Only with `scope.sub` and effect `logout`.
    keep: Option<String>,
}

/// Which tokens: those whose claim has the value. Documented by [`crate::http::openapi::scope`].
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScopeBody {
    Jti(TokenId),
    Sid(SessionId),
    Sub(Subject),
    ClientId(ClientId),
    Aud(String),
    Kid(KeyId),
    Claim(Map<String, Value>),
    All(bool),
}

/// Revoke
///
/// Takes back every token in a scope. 200: durable. 202: in force on this node, delivery to the others pending.
#[utoipa::path(
    post, path = "/v1/revocations", tag = "revocations", operation_id = "revoke",
    request_body = RevocationBody,
    security(("basic" = []), ("clientToken" = [])),
    responses(
        (status = 200, description = "Durable", body = RevocationStatus),
        (status = 202, description = "In force here, delivery pending", body = RevocationStatus),
        ClientRefusals, BodyRefusals
    )
)]
pub(crate) async fn revoke(
    caller: Authorised<RevocationsWrite>,
    services: Data<Services>,
    body: JsonBody<RevocationBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.0;
    // Read once the body is here, which may take its time: what is issued meanwhile is revoked too.
    let now = services.clock.now();
    let waiting = Waiting::begin(&services, body.wait, body.timeout_ms);
    let revoking = services.revoker.revoke(body.into_request()?, now);
    let revoked = revoking.instrument(audit::asked_by(&caller.client.id)).await?;
    Ok(waiting.answer(revoked).await)
}

impl RevocationBody {
    fn into_request(self) -> Result<RevocationRequest, BodyError> {
        Ok(RevocationRequest {
            scope: self.scope.into_scope()?,
            effect: self.effect,
            claims: self.claims,
            issued_before: self.issued_before,
            reason: self.reason,
            keep: self.keep,
        })
    }
}

impl ScopeBody {
    fn into_scope(self) -> Result<Scope, BodyError> {
        Ok(match self {
            Self::Jti(jti) => Scope::Jti(jti),
            Self::Sid(sid) => Scope::Sid(sid),
            Self::Sub(sub) => Scope::Sub(sub),
            Self::ClientId(client) => Scope::ClientId(client),
            Self::Aud(aud) => Scope::Aud(value("scope.aud", &aud)?),
            Self::Kid(kid) => Scope::Kid(kid),
            Self::Claim(members) => claim(&members)?,
            Self::All(true) => Scope::All,
            Self::All(false) => return Err(BodyError::invalid("scope.all", "expected true")),
        })
    }
}

fn claim(members: &Map<String, Value>) -> Result<Scope, BodyError> {
    let mut members = members.iter();
    match (members.next(), members.next()) {
        (Some((name, Value::String(text))), None) => {
            Ok(Scope::Claim { name: value("scope.claim", name)?, value: value("scope.claim", text)? })
        }
        _ => Err(BodyError::invalid("scope.claim", "expected one member with a string")),
    }
}

fn value(member: &str, text: &str) -> Result<Arc<str>, BodyError> {
    let valid = !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
    if valid {
        Ok(text.into())
    } else {
        Err(BodyError::invalid(member, "1 to 255 bytes, no control characters"))
    }
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnixMs>, D::Error> {
    let given = match Option::<Value>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Value::String(text)) => DateTime::parse_from_rfc3339(&text).ok(),
        // In milliseconds these would be the first years of the epoch: somebody sends seconds.
        Some(Value::Number(number)) => {
            let millis = number.as_i64().filter(|millis| *millis >= 100_000_000_000);
            millis.and_then(DateTime::from_timestamp_millis).map(|time| time.fixed_offset())
        }
        Some(_) => None,
    };
    let millis = given.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    let problem = "an RFC 3339 time, or milliseconds since the epoch, is needed";
    millis.map(|millis| Some(UnixMs::from_millis(millis))).ok_or_else(|| de::Error::custom(problem))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(body: Value) -> Option<RevocationRequest> {
        serde_json::from_value::<RevocationBody>(body).ok()?.into_request().ok()
    }

    #[test]
    fn each_scope_is_spelled_as_its_claim() {
        let scope = |scope: Value| request(json!({"scope": scope})).map(|request| request.scope);
        assert_eq!(scope(json!({"sub": "u"})), Some(Scope::Sub(Subject::parse("u").unwrap())));
        assert_eq!(scope(json!({"all": true})), Some(Scope::All));
        assert_eq!(scope(json!({"aud": "api"})), Some(Scope::Aud("api".into())));
        let claim = Scope::Claim { name: "tenant".into(), value: "acme".into() };
        assert_eq!(scope(json!({"claim": {"tenant": "acme"}})), Some(claim));
        let sid = "019a6b3c-7f00-7abc-8def-0123456789ab";
        assert_eq!(scope(json!({"sid": sid})), Some(Scope::Sid(SessionId::parse(sid).unwrap())));
        for bad in [
            json!({}),
            json!({"sub": "u", "aud": "api"}),
            json!({"all": false}),
            json!({"claim": {"a": "b", "c": "d"}}),
            json!({"claim": {"a": 1}}),
            json!({"aud": ""}),
            json!({"iss": "x"}),
            json!("all"),
        ] {
            assert_eq!(scope(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn issued_before_is_rfc_3339_or_milliseconds_and_never_seconds() {
        let before = |value: Value| {
            request(json!({"scope": {"all": true}, "issued_before": value}))
                .map(|request| request.issued_before)
        };
        let at = Some(Some(UnixMs::from_millis(1_795_000_000_123)));
        assert_eq!(before(json!("2026-11-18T11:06:40.123Z")), at);
        assert_eq!(before(json!("2026-11-18T12:06:40.123+01:00")), at);
        assert_eq!(before(json!(1_795_000_000_123_u64)), at);
        assert_eq!(before(json!(null)), Some(None));
        for bad in
            [json!(1_795_000_000), json!("1795000000"), json!(-1), json!("1969-01-01T00:00:00Z"), json!(true)]
        {
            assert_eq!(before(bad.clone()), None, "{bad}");
        }
    }

    #[test]
    fn wait_and_its_timeout_are_read() {
        let body = |wait: Value, timeout: Value| {
            request(json!({"scope": {"all": true}, "wait": wait, "timeout_ms": timeout})).is_some()
        };
        assert!(body(json!("nodes"), json!(60_000)) && body(json!("verifiers"), json!(null)));
        assert!(!body(json!("all"), json!(1)) && !body(json!("none"), json!(60_001)));
    }
}
