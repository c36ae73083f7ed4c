//! What a proxy hears: the token's claims in headers, or a refusal with the same headers empty.

use std::borrow::Cow;
use std::fmt::Write;

use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, InvalidHeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use signet_verifier::{Claims, ScopeTokens};

use super::{ForwardAuthError, RequiredScopes};
use crate::http::problem::Problem;

static SUBJECT: HeaderName = HeaderName::from_static("x-auth-subject");
static SESSION: HeaderName = HeaderName::from_static("x-auth-session");
static SCOPE: HeaderName = HeaderName::from_static("x-auth-scope");
static CLAIMS: HeaderName = HeaderName::from_static("x-auth-claims");

/// 200, and what the token says.
///
/// `token` is the one that was verified: its middle segment is the JSON of all claims in base64url already, so that is what
/// `X-Auth-Claims` holds.
pub(super) fn allowed(token: &str, claims: &Claims) -> Result<HttpResponse, InvalidHeaderValue> {
    let session = claims.sid.map_or(Ok(HeaderValue::from_static("")), |sid| sid.to_string().try_into())?;
    let mut response = HttpResponse::new(actix_web::http::StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(SUBJECT.clone(), HeaderValue::from_str(&visible(claims.sub.as_str()))?);
    headers.insert(SESSION.clone(), session);
    headers
        .insert(SCOPE.clone(), HeaderValue::from_str(claims.scope.as_ref().map_or("", ScopeTokens::as_str))?);
    headers.insert(CLAIMS.clone(), HeaderValue::from_str(token.split('.').nth(1).unwrap_or_default())?);
    Ok(response)
}

/// The refusal as a problem document. A proxy that copies the headers all the same copies nothing.
pub(super) fn refused(error: ForwardAuthError) -> HttpResponse {
    let challenge = if let ForwardAuthError::InsufficientScope { challenge, .. } = &error {
        Some(challenge.clone())
    } else {
        None
    };
    let mut response = Problem::from(error).error_response();
    let headers = response.headers_mut();
    if let Some(challenge) = challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    for name in [&SUBJECT, &SESSION, &SCOPE, &CLAIMS] {
        headers.insert(name.clone(), HeaderValue::from_static(""));
    }
    response
}

/// A subject as a header can hold it: bytes of its UTF-8 that are not visible ASCII, and `%`, are percent-encoded (RFC 3986
/// §2.1). Decoding gives the subject back, and no two subjects look alike.
fn visible(subject: &str) -> Cow<'_, str> {
    let stays = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
    if subject.bytes().all(stays) {
        return subject.into();
    }
    let mut text = String::with_capacity(subject.len() * 3);
    for byte in subject.bytes() {
        if stays(byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.into()
}

impl RequiredScopes {
    pub(super) fn new(scopes: ScopeTokens) -> Self {
        let text =
            format!(r#"Bearer realm="signet", error="insufficient_scope", scope="{}""#, scopes.as_str());
        // The characters of scope tokens (RFC 6749 §3.3) are those of a quoted string.
        let plain = HeaderValue::from_static(r#"Bearer realm="signet", error="insufficient_scope""#);
        Self { challenge: HeaderValue::try_from(text).unwrap_or(plain), scopes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_subject_that_is_plain_stays_as_it_is_and_another_is_escaped_byte_for_byte() {
        for (subject, shown) in [
            ("user-1", "user-1"),
            ("auth0|5f7c8ec7c33c6c004bbafe82", "auth0|5f7c8ec7c33c6c004bbafe82"),
            ("https://id.example/u?x=1", "https://id.example/u?x=1"),
            ("søren", "s%C3%B8ren"),
            ("a b", "a%20b"),
            (" admin", "%20admin"),
            ("100%", "100%25"),
            ("a%20b", "a%2520b"),
            ("🙂", "%F0%9F%99%82"),
        ] {
            assert_eq!(visible(subject), shown);
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_the_subject_back(subject in "\\PC{1,60}") {
            let shown = visible(&subject);
            prop_assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(HeaderValue::from_str(&shown).is_ok());
            // As an upstream would: `+` is not a space in a path.
            let decoded = form_urlencoded::parse(format!("={}", shown.replace('+', "%2B").replace('&', "%26")).as_bytes())
                .map(|(_, value)| value.into_owned()).collect::<String>();
            prop_assert_eq!(decoded, subject);
        }
    }
}
