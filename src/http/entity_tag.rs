//! `If-None-Match` (RFC 9110 §13.1.2).

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};

/// Whether the client says that it has what this entity tag stands for: `*`, or a list of tags, compared weakly.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    let lines = headers.get_all(IF_NONE_MATCH).filter_map(|line| line.to_str().ok());
    lines.flat_map(entity_tags).any(|tag| tag == "*" || tag == opaque)
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
        assert!(known(&[r#""a""#], r#"W/"a""#) && known(&[r#"W/"a""#], r#"W/"a""#), "weak on our side");
    }

    #[test]
    fn other_tags_and_unquoted_text_are_not_known() {
        for line in ["", "a", r#""b""#, r#""aa""#, r#""a"#, r#"w/"a""#, "W/"] {
            assert!(!known(&[line], r#""a""#), "{line}");
        }
        assert!(!known(&[], r#""a""#));
    }
}
