//! What is counted, in the format that Prometheus reads. Every metric name of the service is in this file.

use std::time::Duration;

use prometheus_client::registry::Registry;

/// The metrics of one process. No globals: whoever counts is handed this.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// All of them at zero.
    pub fn new() -> Self {
        Self { registry: Registry::with_prefix("signet") }
    }

    /// The gauge `signet_feed_verifiers_connected`.
    pub fn verifiers_connected(&self, count: usize) {
        let _ = count;
        unimplemented!()
    }

    /// The histogram `signet_feed_apply_lag_seconds`: from when a revocation was written to when a verifier said that it applied it.
    pub fn applied_after(&self, lag: Duration) {
        let _ = lag;
        unimplemented!()
    }

    /// All of them, as text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        drop(prometheus_client::encoding::text::encode(&mut text, &self.registry));
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
