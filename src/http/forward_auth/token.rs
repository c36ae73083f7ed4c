//! Which token a request presents. Strict: where two could be meant, none is.

use actix_web::http::header::{COOKIE, HeaderMap};

use super::ForwardAuthError;
use crate::http::credentials::Authorization;
use crate::session::CookieName;

/// The token in `Authorization`, or else in the cookie. Where there is an `Authorization` header, whatever it holds, the
/// cookie is not looked at.
pub(super) fn presented<'a>(
    headers: &'a HeaderMap,
    cookie: Option<&CookieName>,
) -> Result<&'a str, ForwardAuthError> {
    match Authorization::of(headers) {
        Authorization::Bearer(token) => Ok(token),
        Authorization::Absent => in_cookie(headers, cookie.ok_or(ForwardAuthError::NoToken)?.as_str()),
        Authorization::Basic(_) => Err(ForwardAuthError::NoToken),
        Authorization::Unusable => Err(ForwardAuthError::Ambiguous),
    }
}

/// The value of the one cookie of this name (RFC 6265 §5.4: pairs separated by semicolons, over one header or, from HTTP/2,
/// several). A second one of the same name was set for a wider domain or a shorter path, possibly by somebody else, and
/// which of the two is meant cannot be known: refused. Names are compared byte for byte; pieces that are no pair, and pairs
/// of other names, whatever is in them, are not ours.
fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, ForwardAuthError> {
    let pairs = headers.get_all(COOKIE).flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| value_of(pair.trim_ascii(), name.as_bytes()));
    match (values.next(), values.next()) {
        (None, _) => Err(ForwardAuthError::NoToken),
        (Some(value), None) => std::str::from_utf8(value).map_err(|_| ForwardAuthError::Ambiguous),
        (Some(_), Some(_)) => Err(ForwardAuthError::Ambiguous),
    }
}

/// Spaces around `=` belong to neither side for a browser (RFC 6265 §5.2), so they do not make another name here.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let (left, right) = pair.split_at_checked(equals)?;
    (left.trim_ascii() == name)
        .then(|| right.trim_ascii_start().strip_prefix(b"=").unwrap_or_default().trim_ascii())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// What is presented by these headers to a profile with the cookie `t`.
    fn of(authorization: &[&str], cookies: &[&[u8]]) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        for line in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        for line in cookies {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        let cookie = CookieName::parse("t").unwrap();
        presented(&headers, Some(&cookie)).map(str::to_owned).map_err(|error| match error {
            ForwardAuthError::NoToken => "none".to_owned(),
            ForwardAuthError::Ambiguous => "ambiguous".to_owned(),
            other => panic!("{other}"),
        })
    }

    fn ok(token: &str) -> Result<String, String> {
        Ok(token.to_owned())
    }

    fn refused(why: &str) -> Result<String, String> {
        Err(why.to_owned())
    }

    #[test]
    fn authorization_wins_whatever_it_holds() {
        assert_eq!(of(&["Bearer a.b.c"], &[b"t=x"]), ok("a.b.c"));
        assert_eq!(of(&["bearer   a.b.c"], &[]), ok("a.b.c"));
        assert_eq!(of(&["Basic dTpw"], &[b"t=x"]), refused("none"));
        assert_eq!(of(&["Bearer a", "Bearer b"], &[b"t=x"]), refused("ambiguous"));
        assert_eq!(of(&["Digest a"], &[b"t=x"]), refused("ambiguous"));
        assert_eq!(of(&["Bearer"], &[b"t=x"]), refused("ambiguous"));
        assert_eq!(of(&[""], &[b"t=x"]), refused("ambiguous"));
    }

    #[test]
    fn the_one_cookie_of_the_name_is_found_among_whatever_else_there_is() {
        for line in [
            "t=x",
            "a=1; t=x",
            "t=x; a=1",
            ";;t=x;",
            "  t=x  ",
            "broken; t=x; =; a=t=y",
            "T=y; t=x; tt=z",
            "t =x",
            "t= x",
        ] {
            assert_eq!(of(&[], &[line.as_bytes()]), ok("x"), "{line}");
        }
        assert_eq!(of(&[], &[b"a=1", b"t=x", b"b=2"]), ok("x"), "a line each, as HTTP/2 may send them");
        assert_eq!(of(&[], &[b"a=\xff\xfe; t=x"]), ok("x"), "what others store is not ours");
        assert_eq!(of(&[], &[b"t==x"]), ok("=x"));
        assert_eq!(of(&[], &[b"t="]), ok(""));
    }

    #[test]
    fn none_is_none_and_two_are_refused_even_if_they_are_the_same() {
        for line in ["", "a=1", "T=x", "t", "\"t=x\"", "t,a=x", "a=1, t=x", "%74=x"] {
            assert_eq!(of(&[], &[line.as_bytes()]), refused("none"), "{line}");
        }
        assert_eq!(of(&[], &[b"t=x; t=x"]), refused("ambiguous"));
        assert_eq!(of(&[], &[b"t=x; t =y"]), refused("ambiguous"));
        assert_eq!(of(&[], &[b"t=x", b"t=y"]), refused("ambiguous"));
        assert_eq!(of(&[], &[b"t=\xff"]), refused("ambiguous"));
    }

    #[test]
    fn without_a_cookie_in_the_profile_none_is_looked_at() {
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("t=x"))]);
        assert!(matches!(presented(&headers, None), Err(ForwardAuthError::NoToken)));
    }

    proptest! {
        /// However a line is put together, a token is found exactly where it holds one pair of that name.
        #[test]
        fn any_line_with_one_pair_of_the_name_presents_it_and_any_other_does_not(
            pieces in prop::collection::vec("(t|a|T| ?t |tt)?=?[a-z=\" ]{0,4}", 0..6),
        ) {
            let ours = |piece: &&String| piece.split_once('=').is_some_and(|(name, _)| name.trim() == "t");
            let found: Vec<&String> = pieces.iter().filter(ours).collect();
            let seen = of(&[], &[pieces.join(";").as_bytes()]);
            match found.as_slice() {
                [] => prop_assert_eq!(seen, refused("none")),
                [one] => prop_assert_eq!(seen, ok(one.split_once('=').unwrap().1.trim())),
                _ => prop_assert_eq!(seen, refused("ambiguous")),
            }
        }
    }
}
