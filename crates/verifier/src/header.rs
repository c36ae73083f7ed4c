//! The JOSE header of a compact JWS (RFC 7515 §4), read strictly.

use std::cell::Cell;

use serde::de::DeserializeSeed;
use serde_json::{Map, Value};

use crate::error::VerifyError;
use crate::json::{Fault, Strict};

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
        let value = Strict { fault: &fault }.deserialize(&mut deserializer);
        let value =
            value.and_then(|value| deserializer.end().map(|()| value)).map_err(|_| match fault.get() {
                Fault::Duplicate => VerifyError::HeaderDuplicate,
                Fault::Syntax => VerifyError::HeaderMalformed,
            })?;
        let Value::Object(mut members) = value else { return Err(VerifyError::HeaderMalformed) };
        if let Some(member) = FORBIDDEN.into_iter().find(|name| members.contains_key(*name)) {
            return Err(VerifyError::HeaderForbidden { member });
        }
        let mut text = |name| take_text(&mut members, name);
        Ok(Self { alg: text("alg")?, kid: text("kid")?, typ: text("typ")? })
    }

    /// Whether `typ` names this media type: case-insensitive, with or without `application/` (RFC 7515 §4.1.9).
    pub fn is_type(&self, expected: &str) -> bool {
        let Some(typ) = self.typ.as_deref() else { return false };
        let prefixed = typ.get(..12).is_some_and(|prefix| prefix.eq_ignore_ascii_case("application/"));
        let bare = if prefixed { typ.get(12..).unwrap_or_default() } else { typ };
        bare.eq_ignore_ascii_case(expected)
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, VerifyError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(VerifyError::HeaderMalformed),
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
