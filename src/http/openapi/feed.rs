//! The feed's documents as the contract describes them. What is written and read are `signet_verifier`'s types, which know
//! nothing of OpenAPI; a test holds the two together.
#![expect(dead_code, reason = "these describe; others are written and read")]

use utoipa::ToSchema;
use utoipa::openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, Type};

use super::schemas::{PLAIN, UUID_V7, text};

/// Everything that an access token could still run into.
#[derive(ToSchema)]
#[schema(examples(json!({
    "version": 1, "cursor": "q83vEjRWeJoAAAAAAAAAKpw", "as_of": 1_795_262_400_250_u64,
    "server_time": 1_795_262_400_251_u64,
    "limits": {"longest_access_ttl_ms": 300_000, "leeway_ms": 30_000, "revocable_claims": ["tenant"]},
    "entries": [{
        "scope": {"sid": "019aa9a0-1c00-7abc-8def-0123456789ab"}, "effect": "logout",
        "issued_before": 1_795_262_402_250_u64, "expires_at": 1_795_262_732_250_u64
    }]
})))]
pub(crate) struct FeedSnapshot {
    /// The version of the format.
    #[schema(minimum = 1, maximum = 1)]
    version: u32,
    /// Where to go on: what is not among the entries comes after it.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    cursor: (),
    /// Everything that anybody had been promised by then is known; milliseconds since the epoch.
    as_of: u64,
    /// When this was written; milliseconds since the epoch.
    server_time: u64,
    limits: FeedLimits,
    /// What was revoked.
    entries: Vec<FeedEntry>,
}

/// What holds for all tokens.
#[derive(ToSchema)]
struct FeedLimits {
    /// No access token lives longer (`exp` − `iat`).
    longest_access_ttl_ms: u64,
    /// No verifier may allow more leeway.
    leeway_ms: u64,
    /// The custom claims that can be revoked.
    revocable_claims: Vec<String>,
}

/// What a verifier has to know of a revocation.
#[derive(ToSchema)]
struct FeedEntry {
    /// Which tokens.
    #[schema(schema_with = feed_scope)]
    scope: (),
    /// By whose time: that of the session, or that of the token.
    #[schema(value_type = String, pattern = "^(logout|refresh)$")]
    effect: (),
    /// Denied is what began, or was issued, before this; milliseconds since the epoch.
    issued_before: u64,
    /// When it may be forgotten; milliseconds since the epoch.
    expires_at: u64,
}

/// How far a verifier has come.
#[derive(ToSchema)]
#[schema(examples(json!({"stream_id": "0123456789abcdef", "cursor": "q83vEjRWeJoAAAAAAAAAKpw"})))]
#[serde(deny_unknown_fields)]
pub(crate) struct AcknowledgementBody {
    /// As in the stream's `hello`.
    stream_id: String,
    /// Everything up to this is in force.
    #[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[!-~]+$")]
    cursor: (),
    /// The verifier vouches for nothing any more: nobody waits for it.
    #[schema(required = false)]
    leaving: bool,
}

/// `"all"`, or an object with one member.
fn feed_scope() -> RefOr<Schema> {
    let claim = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("name", text(255, PLAIN))
        .property("value", text(255, PLAIN))
        .required("name")
        .required("value");
    let one = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("jti", text(36, UUID_V7))
        .property("sid", text(36, UUID_V7))
        .property("sub", text(255, PLAIN))
        .property("client_id", text(128, "^[A-Za-z0-9._~-]+$"))
        .property("aud", text(255, PLAIN))
        .property("kid", text(128, "^[A-Za-z0-9_-]+$"))
        .property("claim", claim)
        .min_properties(Some(1))
        .max_properties(Some(1));
    let all = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["all"]));
    OneOfBuilder::new().item(all).item(one).description(Some("`all`, or an object with one member")).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use serde_json::Value;
    use signet_verifier::{Acknowledgement, Cursor, Effect, FEED_VERSION, Limits, Scope, Snapshot, UnixMs};

    use crate::http::openapi;

    fn members(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_described_documents_have_the_members_of_the_real_ones() {
        let cursor = Cursor::parse("c").unwrap();
        let entry = signet_verifier::FeedEntry {
            scope: Scope::All,
            effect: Effect::Logout,
            issued_before: UnixMs::default(),
            expires_at: UnixMs::default(),
        };
        let limits = Limits {
            longest_access_ttl: Duration::ZERO,
            leeway: Duration::ZERO,
            revocable_claims: Vec::new(),
        };
        let snapshot = Snapshot {
            version: FEED_VERSION,
            cursor: cursor.clone(),
            as_of: UnixMs::default(),
            server_time: UnixMs::default(),
            limits,
            entries: vec![entry],
        };
        let snapshot = serde_json::to_value(snapshot).unwrap();
        let ack = Acknowledgement { stream_id: "s".into(), cursor, leaving: true };
        let ack = serde_json::to_value(ack).unwrap();
        let document = serde_json::to_value(openapi()).unwrap();
        for (name, real) in [
            ("FeedSnapshot", &snapshot),
            ("FeedLimits", &snapshot["limits"]),
            ("FeedEntry", &snapshot["entries"][0]),
            ("AcknowledgementBody", &ack),
        ] {
            let described = &document["components"]["schemas"][name]["properties"];
            assert_eq!(members(described), members(real), "{name}");
        }
    }

    #[test]
    fn every_kind_of_scope_is_described() {
        let document = serde_json::to_value(openapi()).unwrap();
        let scope = &document["components"]["schemas"]["FeedEntry"]["properties"]["scope"]["oneOf"];
        assert_eq!(scope[0]["enum"][0], serde_json::to_value(Scope::All).unwrap());
        let claim = Scope::Claim { name: "n".into(), value: "v".into() };
        let claim = serde_json::to_value(claim).unwrap();
        assert_eq!(members(&scope[1]["properties"]["claim"]["properties"]), members(&claim["claim"]));
    }
}
