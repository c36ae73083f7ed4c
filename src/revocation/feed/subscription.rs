//! One stream: catches up from the log, then takes what everybody gets.

use std::sync::Arc;
use std::time::Duration;

use super::registry::VerifierId;

/// Who wants a stream, and from where.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Who.
    pub verifier: VerifierId,
    /// From where; `None`: from now.
    pub cursor: Option<String>,
    /// How long it vouches without news.
    pub max_staleness: Duration,
}

/// One stream. Dropping it ends it; its verifier still counts until its bound has passed.
pub struct Subscription {}

impl Subscription {
    /// The stream's name.
    pub fn stream_id(&self) -> &Arc<str> {
        unimplemented!()
    }

    /// The next frames; `None` when the stream is over: reset, too slow, or the node is going.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        unimplemented!()
    }
}
