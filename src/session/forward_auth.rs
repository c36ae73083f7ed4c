//! What a proxy's requests must bring to be let through: the profiles of forward-auth.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use signet_verifier::ScopeTokens;

/// What the requests of one proxy, or of one part of a site, must bring. It comes from the configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuthProfile {
    /// What the proxy calls it: part of the path that it asks.
    pub name: ProfileName,
    /// The audience that the token must be for; `None`: any that this issuer issues for.
    pub audience: Option<Arc<str>>,
    /// The scopes that the token must all have.
    pub scopes: Option<ScopeTokens>,
    /// The cookie that holds the token of a request without `Authorization`; `None`: there is none.
    pub cookie: Option<CookieName>,
}

impl Default for ForwardAuthProfile {
    /// The profile `default`: any token of ours, in `Authorization`.
    fn default() -> Self {
        Self { name: ProfileName(ProfileName::DEFAULT.into()), audience: None, scopes: None, cookie: None }
    }
}

/// The name of a profile. It stands in a path, so it needs no escapes there and cannot be mistaken for `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProfileName(Arc<str>);

/// The name of a cookie: a token (RFC 6265 §4.1.1, RFC 9110 §5.6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieName(Arc<str>);

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not the name of a profile.
    #[error("expected 1 to {} of A-Z a-z 0-9 - _", ProfileName::MAX_BYTES)]
    Profile,
    /// Not the name of a cookie.
    #[error(
        "expected 1 to {} characters that a cookie's name may have (RFC 6265): no spaces, no ; = , \"",
        CookieName::MAX_BYTES
    )]
    Cookie,
}

impl ProfileName {
    /// The profile that always exists.
    pub const DEFAULT: &'static str = "default";
    /// The greatest length in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Takes the text as it is, or refuses it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let valid = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Self(text.into())) } else { Err(NameError::Profile) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CookieName {
    /// The greatest length in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes the text as it is, or refuses it.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let valid = (1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(Self(text.into())) } else { Err(NameError::Cookie) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A profile is looked up by the text of a path.
impl Borrow<str> for ProfileName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profiles_name_needs_no_escapes_in_a_path_and_is_no_step_of_one() {
        for good in ["default", "a", "Admin-2_x", &"x".repeat(64)] {
            assert_eq!(ProfileName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a.b", "a/b", "a%2fb", "a b", "ä", "a?", &"x".repeat(65)] {
            assert_eq!(ProfileName::parse(bad), Err(NameError::Profile), "{bad}");
        }
    }

    #[test]
    fn a_cookies_name_is_a_token() {
        for good in ["signet_access", "__Host-signet", "!#$%&'*+-.^_`|~09azAZ"] {
            assert_eq!(CookieName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a;b", "a=b", "a,b", "\"a\"", "a\t", "é", "a\\", "(a)", &"x".repeat(129)] {
            assert_eq!(CookieName::parse(bad), Err(NameError::Cookie), "{bad}");
        }
    }
}
