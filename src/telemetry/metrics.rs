//! What is counted, in the format that Prometheus reads. Every metric name of the service is in this file.
//!
//! What is so many now (verifiers, entries) is asked for when somebody reads; what happens is counted when it happens. No
//! label has a value that a request could choose.

use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The metrics of one process. No globals: whoever counts is handed this.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    verifiers_connected: Gauge,
    apply_lag: Histogram,
    snapshots: Family<Label, Counter>,
    streams_opened: Counter,
    streams_cut_off: Counter,
    resets: Counter,
    forward_auth: Family<Label, Counter>,
    denylist_entries: Gauge,
}

/// How a reader of the snapshot was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotAnswer {
    /// With the snapshot.
    Full,
    /// It had it already: 304.
    NotModified,
}

/// Why a stream was ended by us, while the node goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Its reader was too slow.
    CutOff,
    /// Its cursor could not be served, or the log was replaced.
    Reset,
}

/// What a proxy was told of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardAuthOutcome {
    /// 200: let it through.
    Allowed,
    /// 401: no token, or one that is not good.
    Unauthenticated,
    /// 403: the token does not allow it.
    Forbidden,
    /// 503: this node does not know enough to vouch.
    Unavailable,
}

/// One name, one value.
type Label = [(&'static str, &'static str); 1];

/// Half a millisecond to ten seconds; the promise is ten milliseconds.
const LAG_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Metrics {
    /// The media type of [`Metrics::encode`].
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All of them at zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("signet"),
            verifiers_connected: Gauge::default(),
            apply_lag: Histogram::new(LAG_SECONDS),
            snapshots: Family::default(),
            streams_opened: Counter::default(),
            streams_cut_off: Counter::default(),
            resets: Counter::default(),
            forward_auth: Family::default(),
            denylist_entries: Gauge::default(),
        };
        metrics.with_every_label().registered()
    }

    /// The gauge `signet_feed_verifiers_connected`.
    pub fn verifiers_connected(&self, count: usize) {
        self.verifiers_connected.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The histogram `signet_feed_apply_lag_seconds`: from when a revocation was written to when a verifier said that it
    /// applied it.
    pub fn applied_after(&self, lag: Duration) {
        self.apply_lag.observe(lag.as_secs_f64());
    }

    /// The counter `signet_feed_snapshots_total`.
    pub fn snapshot_served(&self, answer: SnapshotAnswer) {
        self.snapshots.get_or_create(&answer.label()).inc();
    }

    /// The counter `signet_feed_streams_opened_total`.
    pub fn stream_opened(&self) {
        self.streams_opened.inc();
    }

    /// The counters `signet_feed_streams_cut_off_total` and `signet_feed_resets_total`.
    pub fn stream_ended(&self, end: StreamEnd) {
        match end {
            StreamEnd::CutOff => self.streams_cut_off.inc(),
            StreamEnd::Reset => self.resets.inc(),
        };
    }

    /// The counter `signet_forward_auth_requests_total`.
    pub fn forward_auth(&self, outcome: ForwardAuthOutcome) {
        self.forward_auth.get_or_create(&outcome.label()).inc();
    }

    /// The gauge `signet_denylist_entries`.
    pub fn denylist_entries(&self, count: usize) {
        self.denylist_entries.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All of them, as text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let written = text::encode(&mut text, &self.registry);
        debug_assert!(written.is_ok(), "writing to a String does not fail");
        text
    }

    /// A counter that nobody has counted yet is there, at zero: a rate over it needs that.
    fn with_every_label(self) -> Self {
        for answer in [SnapshotAnswer::Full, SnapshotAnswer::NotModified] {
            drop(self.snapshots.get_or_create(&answer.label()));
        }
        for outcome in ForwardAuthOutcome::ALL {
            drop(self.forward_auth.get_or_create(&outcome.label()));
        }
        self
    }

    fn registered(mut self) -> Self {
        let feed = self.registry.sub_registry_with_prefix("feed");
        feed.register("verifiers_connected", "Open streams of the feed", self.verifiers_connected.clone());
        let lag = "From when a revocation was written to when a verifier said that it applied it";
        feed.register_with_unit("apply_lag", lag, Unit::Seconds, self.apply_lag.clone());
        feed.register("snapshots", "Snapshots asked for", self.snapshots.clone());
        feed.register("streams_opened", "Streams opened", self.streams_opened.clone());
        feed.register("streams_cut_off", "Readers that were too slow", self.streams_cut_off.clone());
        feed.register("resets", "Streams that could not go on from where they were", self.resets.clone());
        let asked = "Requests that proxies asked about";
        self.registry.register("forward_auth_requests", asked, self.forward_auth.clone());
        let entries = "Revocations in force in memory";
        self.registry.register("denylist_entries", entries, self.denylist_entries.clone());
        self
    }
}

impl SnapshotAnswer {
    fn label(self) -> Label {
        let value = match self {
            Self::Full => "full",
            Self::NotModified => "not_modified",
        };
        [("answer", value)]
    }
}

impl ForwardAuthOutcome {
    const ALL: [Self; 4] = [Self::Allowed, Self::Unauthenticated, Self::Forbidden, Self::Unavailable];

    fn label(self) -> Label {
        let value = match self {
            Self::Allowed => "allowed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
        };
        [("outcome", value)]
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a sample, by its name and labels.
    fn sample(metrics: &Metrics, name: &str) -> String {
        let text = metrics.encode();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).to_owned()
    }

    #[test]
    fn every_metric_is_there_before_anything_has_happened() {
        let metrics = Metrics::new();
        for name in [
            "signet_feed_verifiers_connected",
            "signet_feed_apply_lag_seconds_count",
            "signet_feed_snapshots_total{answer=\"full\"}",
            "signet_feed_snapshots_total{answer=\"not_modified\"}",
            "signet_feed_streams_opened_total",
            "signet_feed_streams_cut_off_total",
            "signet_feed_resets_total",
            "signet_forward_auth_requests_total{outcome=\"unauthenticated\"}",
            "signet_denylist_entries",
        ] {
            assert_eq!(sample(&metrics, name), "0", "{name}");
        }
        assert!(metrics.encode().ends_with("# EOF\n"));
    }

    #[test]
    fn what_happens_is_counted_where_it_belongs() {
        let metrics = Metrics::new();
        metrics.verifiers_connected(3);
        metrics.denylist_entries(7);
        metrics.stream_opened();
        metrics.stream_ended(StreamEnd::Reset);
        metrics.stream_ended(StreamEnd::Reset);
        metrics.stream_ended(StreamEnd::CutOff);
        metrics.snapshot_served(SnapshotAnswer::NotModified);
        metrics.forward_auth(ForwardAuthOutcome::Forbidden);
        for (name, value) in [
            ("signet_feed_verifiers_connected", "3"),
            ("signet_denylist_entries", "7"),
            ("signet_feed_streams_opened_total", "1"),
            ("signet_feed_resets_total", "2"),
            ("signet_feed_streams_cut_off_total", "1"),
            ("signet_feed_snapshots_total{answer=\"not_modified\"}", "1"),
            ("signet_feed_snapshots_total{answer=\"full\"}", "0"),
            ("signet_forward_auth_requests_total{outcome=\"forbidden\"}", "1"),
        ] {
            assert_eq!(sample(&metrics, name), value, "{name}");
        }
    }

    #[test]
    fn a_lag_falls_into_its_buckets() {
        let metrics = Metrics::new();
        metrics.applied_after(Duration::from_micros(400));
        metrics.applied_after(Duration::from_millis(7));
        metrics.applied_after(Duration::from_mins(1));
        let below =
            |le: &str| sample(&metrics, &format!("signet_feed_apply_lag_seconds_bucket{{le=\"{le}\"}}"));
        assert_eq!(
            [below("0.0005"), below("0.005"), below("0.01"), below("10.0"), below("+Inf")],
            ["1", "1", "2", "2", "3"]
        );
    }
}
