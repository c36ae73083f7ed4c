//! The JOSE header of a compact JWS (RFC 7515 §4), read strictly.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;

use crate::error::VerifyError;
use crate::json::{Fault, Name, Strict};

/// Members that would let a token choose its own key or its own rules. Never honoured, so never let pass.
const FORBIDDEN: [&str; 10] = ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc"];

/// What a token's header says. Nothing of it is to be believed before the signature has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// `alg`, as written.
    pub alg: Option<String>,
    /// `kid`, as written.
    pub kid: Option<String>,
    /// `typ`, as written.
    pub typ: Option<String>,
}

impl Header {
    /// Reads the decoded first segment.
    ///
    /// Members that are neither known nor forbidden are ignored, as RFC 7515 §4 wants it.
    pub fn parse(bytes: &[u8]) -> Result<Self, VerifyError> {
        let fault = Cell::new(Fault::Syntax);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let raw = RawSeed { fault: &fault }.deserialize(&mut deserializer);
        let raw = raw.and_then(|raw| deserializer.end().map(|()| raw)).map_err(|_| match fault.get() {
            Fault::Duplicate => VerifyError::HeaderDuplicate,
            Fault::Syntax => VerifyError::HeaderMalformed,
        })?;
        if let Some(member) = raw.forbidden.and_then(|place| FORBIDDEN.get(place)) {
            return Err(VerifyError::HeaderForbidden { member });
        }
        Ok(Self { alg: text(raw.alg)?, kid: text(raw.kid)?, typ: text(raw.typ)? })
    }

    /// Whether `typ` names this media type: case-insensitive, with or without `application/` (RFC 7515 §4.1.9).
    pub fn is_type(&self, expected: &str) -> bool {
        let Some(typ) = self.typ.as_deref() else { return false };
        let prefixed = typ.get(..12).is_some_and(|prefix| prefix.eq_ignore_ascii_case("application/"));
        let bare = if prefixed { typ.get(12..).unwrap_or_default() } else { typ };
        bare.eq_ignore_ascii_case(expected)
    }
}

fn text(member: Option<Value>) -> Result<Option<String>, VerifyError> {
    match member {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(VerifyError::HeaderMalformed)
        }
    }
}

/// A header as found. The whole of it is read before any of it is judged.
#[derive(Default)]
struct RawHeader {
    alg: Option<Value>,
    kid: Option<Value>,
    typ: Option<Value>,
    /// Of the forbidden members that occur the first in the order of [`FORBIDDEN`].
    forbidden: Option<usize>,
}

struct RawSeed<'a> {
    fault: &'a Cell<Fault>,
}

impl<'de> DeserializeSeed<'de> for RawSeed<'_> {
    type Value = RawHeader;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawHeader, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawSeed<'_> {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawHeader, A::Error> {
        let mut raw = RawHeader::default();
        // Our own headers have no others, so this allocates nothing for them.
        let mut others: BTreeSet<Cow<'de, str>> = BTreeSet::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let value = map.next_value_seed(Strict { fault: self.fault })?;
            let repeated = match &*name.0 {
                "alg" => raw.alg.replace(value).is_some(),
                "kid" => raw.kid.replace(value).is_some(),
                "typ" => raw.typ.replace(value).is_some(),
                other => {
                    if let Some(place) = FORBIDDEN.iter().position(|forbidden| *forbidden == other) {
                        raw.forbidden = Some(raw.forbidden.map_or(place, |known| known.min(place)));
                    }
                    !others.insert(name.0)
                }
            };
            if repeated {
                self.fault.set(Fault::Duplicate);
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_compared_as_a_media_type() {
        for (typ, same) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("Application/AT+jwt", true),
            ("JWT", false),
            ("at+jwt ", false),
            ("application/", false),
            ("text/at+jwt", false),
            ("", false),
        ] {
            let header = Header { alg: None, kid: None, typ: Some(typ.into()) };
            assert_eq!(header.is_type("at+jwt"), same, "{typ}");
        }
    }

    #[test]
    fn what_names_a_key_or_changes_the_rules_is_refused_by_name() {
        for member in FORBIDDEN {
            let text = format!(r#"{{"alg":"ES256","{member}":null}}"#);
            assert_eq!(Header::parse(text.as_bytes()), Err(VerifyError::HeaderForbidden { member }));
        }
    }

    #[test]
    fn members_have_one_value_and_that_is_text() {
        assert_eq!(Header::parse(br#"{"alg":"a","alg":"b"}"#), Err(VerifyError::HeaderDuplicate));
        assert_eq!(Header::parse(br#"{"alg":1}"#), Err(VerifyError::HeaderMalformed));
        assert_eq!(Header::parse(br#"["alg"]"#), Err(VerifyError::HeaderMalformed));
        assert!(Header::parse(br#"{"alg":"ES256","kid":"k","typ":"at+jwt","x":1}"#).is_ok());
    }
}
