//! Logs and audit events. Every field name of the service is in this file.
//!
//! Logs go to standard error: for people where that is a terminal, one JSON object a line otherwise. `RUST_LOG` chooses
//! what is shown (default `info`); audit events (target [`audit::TARGET`]) are shown whatever it says.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

mod agent_metrics;
pub mod audit;
mod metrics;

pub use agent_metrics::VerifierState;
pub use metrics::{ForwardAuthOutcome, Metrics, SnapshotAnswer, StreamEnd};

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For machines.
    Json,
}

/// Where log lines end up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSink {
    /// Somebody's screen.
    Terminal,
    /// A file, a pipe, a collector.
    Pipe,
}

impl LogFormat {
    /// The format for a sink.
    pub const fn of(sink: LogSink) -> Self {
        match sink {
            LogSink::Terminal => Self::Human,
            LogSink::Pipe => Self::Json,
        }
    }
}

/// The variable that chooses what is shown: the tracing ecosystem's name for it.
pub const WANTED: &str = EnvFilter::DEFAULT_ENV;

/// Starts logging for this process with the value of [`WANTED`]; a second call changes nothing.
pub fn init(wanted: Option<&str>) {
    let terminal = std::io::stderr().is_terminal();
    let sink = if terminal { LogSink::Terminal } else { LogSink::Pipe };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(wanted))
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    // Somebody else's subscriber (a test's, an embedder's) stays: not an error.
    let started = match LogFormat::of(sink) {
        LogFormat::Human => subscriber.with_ansi(true).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
    };
    drop(started);
}

/// What is shown: what was asked for where that can be read, else `info`, of which the web server's own notes on its
/// workers and on requests that are no HTTP are not worth a line; audit events always.
fn filter(wanted: Option<&str>) -> EnvFilter {
    let asked = wanted.filter(|text| !text.trim().is_empty()).and_then(|text| EnvFilter::try_new(text).ok());
    let base = asked.unwrap_or_else(|| EnvFilter::new("info,actix_server=warn,actix_http=off"));
    match format!("{}=info", audit::TARGET).parse() {
        Ok(always) => base.add_directive(always),
        Err(_) => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_text_and_machines_get_json() {
        assert_eq!(LogFormat::of(LogSink::Terminal), LogFormat::Human);
        assert_eq!(LogFormat::of(LogSink::Pipe), LogFormat::Json);
    }

    #[test]
    fn audit_events_are_shown_whatever_is_asked_for() {
        for wanted in [None, Some(""), Some("off"), Some("signet=debug,audit=off"), Some("=,=,nonsense[")] {
            let shown = filter(wanted).to_string();
            assert!(shown.contains("audit=info"), "{wanted:?}: {shown}");
        }
        assert!(filter(None).to_string().contains("info"));
        assert!(filter(Some("signet=debug")).to_string().contains("signet=debug"));
    }
}
