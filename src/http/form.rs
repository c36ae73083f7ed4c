//! `application/x-www-form-urlencoded` as OAuth reads it (RFC 6749 §3.2): a repeated parameter is an error, an empty one
//! counts as omitted, an unknown one is ignored.

use actix_web::http::header::HeaderMap;

use super::json::{BodyError, check_body};

/// The parameters that our endpoints read; the flag is in [`Repeat`].
const KNOWN: [(&str, Repeat); 10] = [
    ("grant_type", Repeat::Refused),
    ("client_id", Repeat::Refused),
    ("client_secret", Repeat::Refused),
    ("refresh_token", Repeat::Refused),
    ("scope", Repeat::Refused),
    ("token", Repeat::Refused),
    ("token_type_hint", Repeat::Refused),
    // RFC 8707 §2 and RFC 8693 §2.1 let these occur more than once.
    ("resource", Repeat::Allowed),
    ("audience", Repeat::Allowed),
    ("client_assertion", Repeat::Refused),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Refused,
    Allowed,
}

/// The parameters of a form. Does not print: some are secrets.
pub(crate) struct Form(Vec<(&'static str, String)>);

impl Form {
    /// Reads a body.
    pub(crate) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, BodyError> {
        check_body(headers, body, "application/x-www-form-urlencoded")?;
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            // The decoder puts U+FFFD where bytes are not UTF-8; no parameter has a use for the character itself.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(BodyError::NotUtf8);
            }
            let Some((name, repeat)) = KNOWN.into_iter().find(|(known, _)| *known == name) else { continue };
            if repeat == Repeat::Refused && fields.iter().any(|(known, _)| *known == name) {
                return Err(BodyError::Repeated(name));
            }
            fields.push((name, value.into_owned()));
        }
        Ok(Self(fields))
    }

    /// A parameter, if it was given and is not empty.
    pub(crate) fn get(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter that may repeat.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(known, value)| *known == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }

    /// A parameter that is needed.
    pub(crate) fn require(&self, name: &'static str) -> Result<&str, BodyError> {
        self.get(name).ok_or(BodyError::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{CONTENT_TYPE, HeaderValue};

    use super::*;

    fn parse(body: &[u8]) -> Result<Form, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8"),
        );
        Form::parse(&headers, body)
    }

    #[test]
    fn a_repeated_parameter_is_refused_by_name_even_if_empty() {
        assert_eq!(parse(b"token=a&token=a").err(), Some(BodyError::Repeated("token")));
        assert_eq!(parse(b"scope=&scope=a").err(), Some(BodyError::Repeated("scope")));
        let form = parse(b"resource=a&resource=b&audience=c&other=1&other=2").ok().unwrap();
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_empty_parameter_counts_as_omitted() {
        let form = parse(b"token=&scope=a+b%20c").ok().unwrap();
        assert_eq!(form.get("token"), None);
        assert_eq!(form.require("token"), Err(BodyError::Missing("token")));
        assert_eq!(form.get("scope"), Some("a b c"));
    }

    #[test]
    fn what_is_not_utf8_or_not_a_form_is_refused() {
        assert_eq!(parse(b"token=%ff").err(), Some(BodyError::NotUtf8));
        assert_eq!(parse(b"token=\xff").err(), Some(BodyError::NotUtf8));
        assert_eq!(parse(b"").err(), Some(BodyError::Empty));
        let json = Form::parse(&HeaderMap::new(), b"{}").err();
        assert_eq!(json, Some(BodyError::ContentType("application/x-www-form-urlencoded")));
    }
}
