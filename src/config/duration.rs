//! Durations as people write them: `250ms`, `10s`, `5m`, `12h`, `30d`.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration with a unit, in the file and in the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(pub(super) Duration);

impl Span {
    /// So many seconds.
    pub(super) const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// So many minutes.
    pub(super) const fn mins(mins: u64) -> Self {
        Self::secs(mins * 60)
    }

    /// So many days.
    pub(super) const fn days(days: u64) -> Self {
        Self::mins(days * 24 * 60)
    }
}

/// Each unit with its length in milliseconds, longest first.
const UNITS: [(&str, u128); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let fitting = UNITS.into_iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
        let (name, unit) = fitting.unwrap_or(("s", 1_000));
        write!(f, "{}{name}", millis / unit)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor;
        impl Visitor<'_> for SpanVisitor {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with its unit, such as \"10s\", \"5m\" or \"30d\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                let span = humantime::parse_duration(text.trim());
                span.map(Span).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(SpanVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        serde_json::from_value::<Span>(text.into()).ok().map(|span| span.0)
    }

    #[test]
    fn a_duration_is_read_with_its_unit() {
        for (text, secs) in
            [("10s", 10), ("5m", 300), ("12h", 43_200), ("30d", 2_592_000), (" 1h 30m ", 5_400)]
        {
            assert_eq!(read(text), Some(Duration::from_secs(secs)), "{text}");
        }
        assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_bare_number_is_no_duration() {
        for text in ["", "5", "-5m", "5 parsecs", "5m5"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(serde_json::from_value::<Span>(300.into()).is_err());
    }

    #[test]
    fn a_duration_is_written_in_the_longest_unit_that_fits_it() {
        for text in ["250ms", "90s", "5m", "36h", "30d", "0s"] {
            assert_eq!(Span(read(text).unwrap()).to_string(), text);
        }
    }
}
