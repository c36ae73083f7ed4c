//! Identifiers, each its own type and parsed once at the edge.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::UnixMs;

/// Why an identifier was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID of version 7 (RFC 9562 §5.7) in its canonical lower-case spelling.
    #[error("not a UUIDv7 in lower case with hyphens")]
    NotUuidV7,
    /// Empty, too long, or with a character that this kind of identifier does not have.
    #[error("empty, longer than {max} bytes, or with characters that are not allowed")]
    Text {
        /// The greatest length in bytes.
        max: usize,
    },
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes the identifier for an instant from 10 random bytes (RFC 9562 §5.7).
            pub fn new(at: UnixMs, random: &[u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(at.as_millis(), random).into_uuid())
            }

            /// Reads the canonical spelling: 36 characters, lower case, version 7.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
                let uuid = Uuid::try_parse(text).ok().filter(|u| canonical && u.get_version_num() == 7);
                let rfc = uuid.filter(|u| u.get_variant() == uuid::Variant::RFC4122);
                rfc.map(Self).ok_or(IdError::NotUuidV7)
            }

            /// The millisecond in which it was made.
            pub fn time(&self) -> UnixMs {
                let [a, b, c, d, e, f, ..] = *self.0.as_bytes();
                UnixMs::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From the 16 bytes; refuses what is not a UUIDv7.
            pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, IdError> {
                let uuid = Uuid::from_bytes(bytes);
                let valid = uuid.get_version_num() == 7 && uuid.get_variant() == uuid::Variant::RFC4122;
                if valid { Ok(Self(uuid)) } else { Err(IdError::NotUuidV7) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = Uuid::encode_buffer();
                f.write_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a UUIDv7 in lower case")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

uuid_id! {
    /// `jti` (RFC 7519 §4.1.7): one access token. A UUIDv7, so that the millisecond of issue is in the token.
    TokenId
}
uuid_id! {
    /// `sid`: one session. A UUIDv7, so that the millisecond in which the session began is in the token.
    SessionId
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The greatest length in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Takes the text as it is, or refuses it: empty, too long, or with a character not allowed.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let allowed: fn(char) -> bool = $allowed;
                let valid = !text.is_empty() && text.len() <= $max && text.chars().all(allowed);
                if valid { Ok(Self(text.into())) } else { Err(IdError::Text { max: $max }) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

text_id! {
    /// `sub` (RFC 7519 §4.1.2): whom the session is for. 1 to 255 bytes, no control characters.
    Subject, 255, |c| !c.is_control()
}
text_id! {
    /// `client_id` (RFC 6749 §2.2): who asked for the token. 1 to 128 unreserved characters (RFC 3986 §2.3), because
    /// real clients disagree on how anything else is escaped in HTTP Basic; `:`, `/` and `@` would need escaping.
    ClientId, 128, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}
text_id! {
    /// `iss` (RFC 7519 §4.1.1): the issuer's URL, compared byte for byte.
    IssuerUrl, 512, |c| c.is_ascii_graphic()
}
text_id! {
    /// `kid` (RFC 7515 §4.1.4): names a key; an RFC 7638 thumbprint where Signet made it.
    KeyId, 128, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_millisecond_of_issue_is_in_the_identifier() {
        let id = SessionId::new(UnixMs::from_millis(1_795_000_000_123), &[0xff; 10]);
        assert_eq!(id.time(), UnixMs::from_millis(1_795_000_000_123));
        assert_eq!(SessionId::parse(&id.to_string()), Ok(id));
        assert_eq!(SessionId::from_bytes(*id.as_bytes()), Ok(id));
    }

    #[test]
    fn only_the_canonical_spelling_of_a_uuid_v7_is_read() {
        let good = TokenId::new(UnixMs::from_millis(1), &[1; 10]).to_string();
        for bad in [
            good.to_uppercase().replace("00000000-0001-7", "00000000-0001-7A"),
            good.replace('-', ""),
            format!("{{{good}}}"),
            format!("urn:uuid:{good}"),
            good.replacen("-7", "-4", 1),
            String::new(),
        ] {
            assert_eq!(TokenId::parse(&bad), Err(IdError::NotUuidV7), "{bad}");
        }
    }

    #[test]
    fn text_identifiers_have_a_length_and_an_alphabet() {
        assert!(Subject::parse("søren 🙂").is_ok());
        assert!(Subject::parse("").is_err());
        assert!(Subject::parse("a\nb").is_err());
        assert!(Subject::parse(&"x".repeat(255)).is_ok());
        assert!(Subject::parse(&"x".repeat(256)).is_err());
        assert!(ClientId::parse("a:b").is_err());
        assert!(KeyId::parse("../../etc/passwd").is_err());
    }
}
