//! `Accept-Encoding` (RFC 9110 §12.5.3): which of our content codings the client prefers.

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};

/// A content coding in which a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// Ours, the better one first: of two that the client likes equally it gets that one.
    const PREFERRED: [Self; 3] = [Self::Zstd, Self::Gzip, Self::Identity];

    /// The one that the client likes best; `None` if it takes none of ours, not even the body as it is.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let lines: Vec<&str> =
            headers.get_all(ACCEPT_ENCODING).filter_map(|line| line.to_str().ok()).collect();
        // A client that says nothing may take anything, and is not known to decode anything.
        if lines.is_empty() {
            return Some(Self::Identity);
        }
        let asked: Vec<(&str, Weight)> =
            lines.iter().flat_map(|line| line.split(',')).filter_map(element).collect();
        let liked = Self::PREFERRED.map(|coding| (coding, coding.weight(&asked)));
        let best =
            liked.iter().map(|(_, weight)| *weight).max().filter(|weight| *weight > Weight::REFUSED)?;
        liked.into_iter().find(|(_, weight)| *weight == best).map(|(coding, _)| coding)
    }

    /// The value of `Content-Encoding`, if there is one to be sent.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }

    /// What the client says of this coding by name, else by `*`. Of what it does not mention it takes the body as it is, if
    /// there is nothing that it asked for.
    fn weight(self, asked: &[(&str, Weight)]) -> Weight {
        let said = |wanted: &dyn Fn(&str) -> bool| {
            asked.iter().find(|(name, _)| wanted(name)).map(|(_, weight)| *weight)
        };
        let otherwise = if self == Self::Identity { Weight::LAST_RESORT } else { Weight::REFUSED };
        said(&|name| self.is_named(name)).or_else(|| said(&|name| name == "*")).unwrap_or(otherwise)
    }

    fn is_named(self, name: &str) -> bool {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match self {
            Self::Identity => is("identity"),
            // RFC 9110 §8.4.1.3: the same, in old programs.
            Self::Gzip => is("gzip") || is("x-gzip"),
            Self::Zstd => is("zstd"),
        }
    }
}

/// How much a coding is liked: thousandths (RFC 9110 §12.4.2), and one step between refused and the least of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weight(u16);

impl Weight {
    const REFUSED: Self = Self(0);
    const LAST_RESORT: Self = Self(1);

    /// `0`, `1`, and up to three decimals.
    fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let valid = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
        let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| valid)?;
        match (whole, thousandths) {
            ("0", 0) => Some(Self::REFUSED),
            ("0", thousandths) => Some(Self(thousandths + 1)),
            ("1", 0) => Some(Self(1001)),
            _ => None,
        }
    }
}

/// One member of the list: a coding and how much it is liked. One that is malformed says nothing.
fn element(text: &str) -> Option<(&str, Weight)> {
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = match (parts.next(), parts.next()) {
        (None, _) => Weight::parse("1")?,
        (Some(parameter), None) => {
            Weight::parse(parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?)?
        }
        (Some(_), Some(_)) => return None,
    };
    Some((name, weight))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn chosen(lines: &[&str]) -> Option<Coding> {
        let request = lines
            .iter()
            .fold(TestRequest::default(), |request, line| request.append_header((ACCEPT_ENCODING, *line)));
        Coding::negotiate(request.to_http_request().headers())
    }

    #[test]
    fn what_the_client_likes_best_is_chosen_and_zstd_where_it_likes_two_equally() {
        for (line, coding) in [
            ("gzip", Coding::Gzip),
            ("zstd", Coding::Zstd),
            ("gzip, zstd", Coding::Zstd),
            ("gzip, deflate, br, zstd", Coding::Zstd),
            ("zstd;q=0.5, gzip;q=0.8", Coding::Gzip),
            ("zstd;q=0.999, gzip", Coding::Gzip),
            ("GZIP ; q=1.000", Coding::Gzip),
            ("x-gzip", Coding::Gzip),
            ("*", Coding::Zstd),
            ("*;q=0.1, gzip;q=0.2", Coding::Gzip),
            ("zstd;q=0, *", Coding::Gzip),
            ("identity, gzip", Coding::Gzip),
            ("identity;q=1, gzip;q=0.5", Coding::Identity),
            ("gzip;q=0.001", Coding::Gzip),
        ] {
            assert_eq!(chosen(&[line]), Some(coding), "{line}");
        }
        assert_eq!(chosen(&["gzip;q=0.5", "zstd;q=0.4"]), Some(Coding::Gzip), "two lines are one list");
    }

    #[test]
    fn the_body_is_sent_as_it_is_where_nothing_of_ours_is_asked_for() {
        for line in ["", " ", ",", "br", "deflate;q=1", "gzip;q=0", "gzip;q=0, zstd;q=0.000", "identity"] {
            assert_eq!(chosen(&[line]), Some(Coding::Identity), "{line}");
        }
        assert_eq!(chosen(&[]), Some(Coding::Identity), "no header");
        assert_eq!(chosen(&["*;q=0, identity;q=0.1"]), Some(Coding::Identity));
    }

    #[test]
    fn a_client_that_takes_nothing_is_told_so() {
        for line in ["identity;q=0", "*;q=0", "identity;q=0, br", "gzip;q=0, identity;q=0.0"] {
            assert_eq!(chosen(&[line]), None, "{line}");
        }
        assert_eq!(chosen(&["identity;q=0, gzip"]), Some(Coding::Gzip));
        assert_eq!(chosen(&["*;q=0, gzip"]), Some(Coding::Gzip));
    }

    #[test]
    fn a_malformed_member_says_nothing() {
        for bad in [
            "gzip;q=2",
            "gzip;q=",
            "gzip;q=0.1234",
            "gzip;q=-1",
            "gzip;q=.5",
            "gzip;x=1",
            "gzip;q=1;x",
            "gzip;q=1.001",
            "gz ip",
        ] {
            assert_eq!(chosen(&[bad]), Some(Coding::Identity), "{bad}");
        }
    }
}
