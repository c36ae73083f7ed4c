//! The claims of an access token (RFC 9068 §2.2), read strictly and once.

mod custom;
mod parse;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::UnixMs;
use crate::error::VerifyError;
use crate::id::{ClientId, IssuerUrl, SessionId, Subject, TokenId};
use crate::json::Name;

pub(crate) use custom::CustomClaims;

/// Claim names with a meaning of their own: a caller's custom claims may not use them.
pub const RESERVED_CLAIMS: [&str; 19] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "jti",
    "sid",
    "client_id",
    "scope",
    "auth_time",
    "amr",
    "acr",
    "cnf",
    "nbf",
    "act",
    "may_act",
    "status",
    "events",
    "sub_id",
];

/// `NumericDate` (RFC 7519 §2), whole seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumericDate(u64);

impl NumericDate {
    /// 9999-12-31T23:59:59Z: later dates are refused, so that arithmetic on dates cannot overflow.
    pub const MAX: Self = Self(253_402_300_799);

    /// So many seconds after the epoch; `None` past the year 9999.
    pub fn from_secs(secs: u64) -> Option<Self> {
        (secs <= Self::MAX.0).then_some(Self(secs))
    }

    /// The second that `at` lies in.
    pub fn from_ms(at: UnixMs) -> Self {
        Self(at.as_secs().min(Self::MAX.0))
    }

    /// Seconds since the epoch.
    pub fn as_secs(self) -> u64 {
        self.0
    }

    /// The instant at which this second begins.
    pub fn as_ms(self) -> UnixMs {
        UnixMs::from_secs(self.0)
    }
}

/// `aud` (RFC 7519 §4.1.3): one audience is a string on the wire, several are an array.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Audience(Vec<Arc<str>>);

impl Audience {
    /// The most audiences that one token may have.
    pub const MAX: usize = 32;
    /// The greatest length of one audience in bytes.
    pub const MAX_BYTES: usize = 255;

    /// One to [`Audience::MAX`] distinct values, each of 1 to [`Audience::MAX_BYTES`] bytes without control characters.
    pub fn new<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Result<Self, ClaimsError> {
        let mut audience: Vec<Arc<str>> = Vec::new();
        for value in values {
            let value = value.as_ref();
            let valid =
                !value.is_empty() && value.len() <= Self::MAX_BYTES && !value.chars().any(char::is_control);
            if !valid || audience.len() == Self::MAX || audience.iter().any(|known| &**known == value) {
                return Err(ClaimsError::Invalid("aud"));
            }
            audience.push(value.into());
        }
        if audience.is_empty() { Err(ClaimsError::Invalid("aud")) } else { Ok(Self(audience)) }
    }

    /// Whether `value` is among them.
    pub fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|known| &**known == value)
    }

    /// Takes over `shared` in place of an equal value.
    pub(crate) fn share(&mut self, shared: &Arc<str>) {
        if let Some(own) = self.0.iter_mut().find(|own| *own == shared) {
            *own = Arc::clone(shared);
        }
    }

    /// The values, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [one] = self.0.as_slice() {
            return serializer.serialize_str(one);
        }
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for value in &self.0 {
            seq.serialize_element(&**value)?;
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Audience;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }
            fn visit_str<E: serde::de::Error>(self, one: &str) -> Result<Audience, E> {
                Audience::new([one]).map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
                let mut many: Vec<Cow<'de, str>> = Vec::new();
                while let Some(name) = seq.next_element::<Name<'de>>()? {
                    many.push(name.0);
                }
                Audience::new(many).map_err(A::Error::custom)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// `scope` (RFC 6749 §3.3): distinct tokens separated by single spaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ScopeTokens(Arc<str>);

impl ScopeTokens {
    /// The greatest length in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Reads the text; refuses an empty one, double spaces, repeated tokens and characters outside %x21 / %x23-5B / %x5D-7E.
    pub fn parse(text: &str) -> Result<Self, ClaimsError> {
        let allowed = |token: &str| {
            !token.is_empty() && token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        let mut seen: Vec<&str> = Vec::new();
        for token in text.split(' ') {
            if text.len() > Self::MAX_BYTES || !allowed(token) || seen.contains(&token) {
                return Err(ClaimsError::Invalid("scope"));
            }
            seen.push(token);
        }
        Ok(Self(text.into()))
    }

    /// The text, tokens separated by single spaces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    /// Whether every token of this is also in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.iter().all(|token| other.iter().any(|known| known == token))
    }
}

impl<'de> Deserialize<'de> for ScopeTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

/// What is wrong with a set of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// Not a JSON object, or nested too deeply.
    #[error("not a JSON object")]
    Malformed,
    /// A member name occurs twice.
    #[error("duplicate member")]
    Duplicate,
    /// A required claim is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A claim has the wrong type or form.
    #[error("{0} is malformed")]
    Invalid(&'static str),
}

impl From<ClaimsError> for VerifyError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Malformed => Self::ClaimsMalformed,
            ClaimsError::Duplicate => Self::ClaimsDuplicate,
            ClaimsError::Missing(claim) => Self::ClaimMissing { claim },
            ClaimsError::Invalid(claim) => Self::ClaimInvalid { claim },
        }
    }
}

/// The claims of one access token. Parsing them says nothing about whether they are true: see [`crate::Verified`].
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who issued it.
    pub iss: IssuerUrl,
    /// Whom it is for.
    pub sub: Subject,
    /// Which services may take it.
    pub aud: Audience,
    /// From this second on it is expired.
    pub exp: NumericDate,
    /// When it was issued.
    pub iat: NumericDate,
    /// Its own name.
    pub jti: TokenId,
    /// The session it belongs to; a token of a client for itself has none.
    pub sid: Option<SessionId>,
    /// Which client asked for it.
    pub client_id: ClientId,
    /// What it allows.
    pub scope: Option<ScopeTokens>,
    /// When the user authenticated (OpenID Connect Core §2).
    pub auth_time: Option<NumericDate>,
    /// How the user authenticated (RFC 8176).
    pub amr: Option<Vec<String>>,
    /// How strongly the user authenticated.
    pub acr: Option<String>,
    /// What key the sender must prove (RFC 7800 §3.1).
    pub cnf: Option<Map<String, Value>>,
    /// Everything else at the top level.
    pub custom: Map<String, Value>,
}

impl Claims {
    /// Reads a payload. Duplicate members at any depth, missing or ill-typed claims are refused by name.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClaimsError> {
        parse::parse(bytes)
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", &self.iss)?;
        map.serialize_entry("sub", &self.sub)?;
        map.serialize_entry("aud", &self.aud)?;
        map.serialize_entry("exp", &self.exp)?;
        map.serialize_entry("iat", &self.iat)?;
        map.serialize_entry("jti", &self.jti)?;
        entry_if(&mut map, "sid", self.sid.as_ref())?;
        map.serialize_entry("client_id", &self.client_id)?;
        entry_if(&mut map, "scope", self.scope.as_ref())?;
        entry_if(&mut map, "auth_time", self.auth_time.as_ref())?;
        entry_if(&mut map, "amr", self.amr.as_ref())?;
        entry_if(&mut map, "acr", self.acr.as_ref())?;
        entry_if(&mut map, "cnf", self.cnf.as_ref())?;
        for (name, value) in &self.custom {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn entry_if<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"iss":"https://a","sub":"u","aud":["x","y"],"exp":20,"iat":10,
        "jti":"01900000-0000-7000-8000-000000000000","sid":"01900000-0000-7000-8000-000000000001",
        "client_id":"web","scope":"a b","auth_time":9,"amr":["pwd"],"acr":"1","cnf":{"jkt":"k"},"tenant":{"id":[1,2]}}"#;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let claims = Claims::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(Claims::parse(&serde_json::to_vec(&claims).unwrap()), Ok(claims));
    }

    #[test]
    fn each_missing_claim_is_named() {
        for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "client_id"] {
            let mut object: Map<String, Value> = serde_json::from_str(GOOD).unwrap();
            object.remove(claim);
            assert_eq!(
                Claims::parse(&serde_json::to_vec(&object).unwrap()),
                Err(ClaimsError::Missing(claim))
            );
        }
    }

    #[test]
    fn each_ill_typed_claim_is_named() {
        for (claim, bad) in [
            ("iss", "1"),
            ("sub", "\"\""),
            ("aud", "[]"),
            ("aud", "[\"x\",\"x\"]"),
            ("exp", "1.5"),
            ("exp", "\"20\""),
            ("exp", "-1"),
            ("exp", "1e3"),
            ("iat", "99999999999999"),
            ("jti", "\"x\""),
            ("sid", "null"),
            ("client_id", "{}"),
            ("scope", "\"a  b\""),
            ("scope", "[\"a\"]"),
            ("amr", "\"pwd\""),
            ("acr", "1"),
            ("cnf", "\"x\""),
            ("nbf", "1"),
        ] {
            let mut object: Map<String, Value> = serde_json::from_str(GOOD).unwrap();
            object.insert(claim.into(), serde_json::from_str(bad).unwrap());
            let text = serde_json::to_vec(&object).unwrap();
            assert_eq!(Claims::parse(&text), Err(ClaimsError::Invalid(claim)), "{claim}: {bad}");
        }
    }

    #[test]
    fn duplicates_are_refused_at_the_top_and_below() {
        for bad in [
            GOOD.replacen("\"sub\":\"u\"", "\"sub\":\"u\",\"sub\":\"u\"", 1),
            GOOD.replacen("\"sub\":\"u\"", "\"sub\":\"u\",\"s\\u0075b\":\"v\"", 1),
            GOOD.replacen("\"id\":[1,2]", "\"id\":1,\"id\":2", 1),
            GOOD.replacen("\"tenant\":", "\"x\":1,\"x\":1,\"tenant\":", 1),
            GOOD.replacen("\"jkt\":\"k\"", "\"jkt\":\"k\",\"jkt\":\"l\"", 1),
        ] {
            assert_eq!(Claims::parse(bad.as_bytes()), Err(ClaimsError::Duplicate));
        }
    }

    #[test]
    fn anything_but_one_object_is_malformed() {
        for bad in ["", "[]", "1", "{", "{}{}", "{\"iss\":"] {
            assert_eq!(Claims::parse(bad.as_bytes()), Err(ClaimsError::Malformed), "{bad}");
        }
    }
}
