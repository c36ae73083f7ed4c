//! The query of an address, read strictly: a parameter that nobody knows, or that occurs twice, is refused by name. Whoever
//! misspells `cursor` must not get a stream from now instead.

use std::borrow::Cow;

use super::json::BodyError;

/// The parameters of a query.
pub(crate) struct Query<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads a query of these parameters, each at most once.
    pub(crate) fn parse(query: &'a str, known: &[&'static str]) -> Result<Self, BodyError> {
        let mut found: Vec<(&'static str, Cow<'a, str>)> = Vec::new();
        for (given, value) in form_urlencoded::parse(query.as_bytes()) {
            let name = known.iter().copied().find(|name| *name == given).ok_or_else(|| unknown(&given))?;
            if found.iter().any(|(other, _)| *other == name) {
                return Err(BodyError::Repeated(name));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    /// A parameter; `Some("")` if it was given without a value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

/// At most so much of a name is repeated to whoever sent it, and nothing that a screen would obey.
fn unknown(name: &str) -> BodyError {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    BodyError::invalid(&shown, "unknown parameter")
}

/// A whole number in decimal digits, and nothing else (no sign, no space).
pub(crate) fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["cursor", "wait"];

    #[test]
    fn what_was_given_is_found_and_what_was_not_is_none() {
        let query = Query::parse("wait=a%2Bb&cursor=", &KNOWN).unwrap();
        assert_eq!(
            (query.get("wait"), query.get("cursor"), query.get("other")),
            (Some("a+b"), Some(""), None)
        );
        assert_eq!(Query::parse("", &KNOWN).unwrap().get("wait"), None);
        assert!(Query::parse("&&wait=x&", &KNOWN).is_ok());
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused_by_name() {
        let refusal = |query: &str| Query::parse(query, &KNOWN).err().unwrap().to_string();
        assert_eq!(refusal("cursr=a"), "cursr: unknown parameter");
        assert_eq!(refusal("Cursor=a"), "Cursor: unknown parameter");
        assert_eq!(refusal("=a"), ": unknown parameter");
        assert_eq!(refusal("cursor=a&cursor=a"), "cursor: occurs more than once");
        assert_eq!(refusal("cursor&cursor=a"), "cursor: occurs more than once");
        assert_eq!(refusal("%63ursor=a&cursor=b"), "cursor: occurs more than once");
        assert_eq!(refusal("a%00%0ab"), "ab: unknown parameter");
        assert!(refusal(&"x".repeat(10_000)).len() < 100);
    }

    #[test]
    fn a_number_is_digits() {
        assert_eq!((digits("0"), digits("86400000")), (Some(0), Some(86_400_000)));
        for bad in ["", "+1", "-1", " 1", "1 ", "1e3", "0x1", "1_000", "1.0", "99999999999", "٣"] {
            assert_eq!(digits(bad), None, "{bad}");
        }
    }
}
