//! What the agent counts, in the format that Prometheus reads. Every metric name of the agent is in this file.

use std::time::Duration;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use signet_verifier::Counters;

/// What a verifier is like at this moment.
#[derive(Clone, Copy, Debug)]
pub struct VerifierState {
    /// What it has been through.
    pub counters: Counters,
    /// How old its knowledge is; `None`: it vouches for nothing.
    pub staleness: Option<Duration>,
    /// How many revocations it holds.
    pub denylist_entries: usize,
}

impl VerifierState {
    /// As text, ready to be scraped.
    pub fn encode(&self) -> String {
        let mut registry = Registry::with_prefix("signet_verifier");
        for (name, help, value) in self.counted() {
            registry.register(name, help, ConstCounter::new(value));
        }
        // Never having known anything is the greatest staleness there is: an alert on a bound fires.
        let staleness = self.staleness.map_or(f64::INFINITY, |staleness| staleness.as_secs_f64());
        let help = "How long ago everything that had been revoked was known";
        registry.register("staleness_seconds", help, ConstGauge::new(staleness));
        let entries = i64::try_from(self.denylist_entries).unwrap_or(i64::MAX);
        registry.register("denylist_entries", "Revocations held in memory", ConstGauge::new(entries));
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    /// Each with its name (`_total` is added) and what it counts.
    fn counted(&self) -> [(&'static str, &'static str, u64); 13] {
        let counters = &self.counters;
        [
            ("tokens_accepted", "Tokens believed", counters.accepted),
            ("tokens_revoked", "Tokens refused because they were revoked", counters.revoked),
            ("tokens_invalid", "Tokens refused for any other fault of theirs", counters.invalid),
            ("stale_refused", "Tokens not vouched for, past the bound", counters.stale_refused),
            ("stale_accepted", "Tokens believed past the bound, as configured", counters.stale_accepted),
            ("introspections", "Questions put to the service about a token", counters.introspected),
            ("connects", "Streams of revocations opened", counters.connects),
            ("snapshots", "Snapshots of revocations loaded", counters.snapshots),
            ("resyncs", "Times that the stream could not be gone on with", counters.resyncs),
            ("malformed", "Events and snapshots that could not be understood", counters.malformed),
            ("key_fetches", "Key sets fetched", counters.key_fetches),
            ("failed_requests", "Requests to the service that failed", counters.failed_requests),
            ("entries_applied", "Revocations applied", counters.entries),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(staleness: Option<Duration>) -> VerifierState {
        VerifierState { counters: Counters::default(), staleness, denylist_entries: 3 }
    }

    #[test]
    fn counters_and_gauges_have_names_types_and_values() {
        let text = state(Some(Duration::from_millis(1_500))).encode();
        for line in [
            "# TYPE signet_verifier_tokens_accepted counter",
            "signet_verifier_tokens_accepted_total 0",
            "# TYPE signet_verifier_staleness_seconds gauge",
            "signet_verifier_staleness_seconds 1.5",
            "signet_verifier_denylist_entries 3",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_verifier_that_knows_nothing_is_infinitely_stale() {
        let text = state(None).encode();
        let line = text.lines().find(|line| line.starts_with("signet_verifier_staleness_seconds ")).unwrap();
        let value: f64 = line.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(value.is_infinite() && value.is_sign_positive(), "{line}");
    }
}
