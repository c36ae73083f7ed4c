//! `GET /.well-known/jwks.json` (RFC 7517 §5): the public keys, with everything that a cache needs.
//!
//! `max-age` is a promise about emergencies: a revoked key is gone from every cache when it has passed. Nothing here lets
//! a cache go past it (no `stale-while-revalidate`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::ToSchema;

use super::Services;
use super::answer::public;

/// The public keys.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document is made in the keys room; this describes it")]
pub(crate) struct Jwks {
    /// JWKs (RFC 7517): `kty`, its parameters, `kid`, `use` and `alg`.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<()>,
}

/// Public keys
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "metadata", operation_id = "jwks", security(()),
    params(("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has")),
    responses(
        (status = 200, description = "The keys that verify access tokens", body = Jwks, content_type = "application/json",
            headers(("ETag" = String), ("Cache-Control" = String))),
        (status = 304, description = "The client has them already")
    )
)]
pub(crate) async fn jwks(request: HttpRequest, services: Data<Services>) -> HttpResponse {
    let published = services.keys.jwks();
    let known = is_known(request.headers(), &published.etag);
    let status = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut builder = public(status, services.jwks_max_age);
    builder.insert_header((ETAG, published.etag.as_str()));
    if known {
        return builder.finish();
    }
    builder.insert_header((CONTENT_TYPE, "application/json")).body(published.body.clone())
}

/// `If-None-Match` (RFC 9110 §13.1.2): `*`, or a list of entity tags, compared weakly.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).filter_map(|line| line.to_str().ok());
    lines.flat_map(entity_tags).any(|tag| tag == "*" || tag == etag)
}

/// The tags of a list, quotes included, weakness dropped. A comma within quotes belongs to the tag.
fn entity_tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        rest = rest.strip_prefix("W/").unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        let end = match rest.strip_prefix('"').and_then(|tag| tag.find('"')) {
            Some(closing) => closing + 2,
            None => rest.find(',').unwrap_or(rest.len()),
        };
        let (tag, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(tag.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn known(lines: &[&str], etag: &str) -> bool {
        let request = lines
            .iter()
            .fold(TestRequest::default(), |request, line| request.append_header((IF_NONE_MATCH, *line)));
        is_known(request.to_http_request().headers(), etag)
    }

    #[test]
    fn any_listed_tag_weak_or_strong_and_the_star_are_known() {
        for line in [r#""a""#, r#"W/"a""#, r#""x", "a""#, r#""x",W/"a" , "y""#, r#","a","#, "*"] {
            assert!(known(&[line], r#""a""#), "{line}");
        }
        assert!(known(&[r#""x""#, r#""a""#], r#""a""#), "two lines are one list");
        assert!(known(&[r#""x", "a,b""#], r#""a,b""#), "a comma within quotes");
    }

    #[test]
    fn other_tags_and_unquoted_text_are_not_known() {
        for line in ["", "a", r#""b""#, r#""aa""#, r#""a"#, r#"w/"a""#, "W/"] {
            assert!(!known(&[line], r#""a""#), "{line}");
        }
        assert!(!known(&[], r#""a""#));
    }
}
