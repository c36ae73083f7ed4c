//! Asks the service about one token, and remembers the answer for a moment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// The service could not be asked, or gave no answer that is understood. The transport says why in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service gave no answer")
    }
}

/// A question under way.
pub(super) type Asking<'a> = Pin<Box<dyn Future<Output = Result<bool, Unanswered>> + Send + 'a>>;

/// Who knows whether a token is active: the transport to the service, and in tests a stand-in.
pub(super) trait Introspects: Send + Sync {
    /// Asks whether the token is active (RFC 7662 §2). Has a timeout of its own; does not remember, join or count.
    fn is_active<'a>(&'a self, token: &'a str) -> Asking<'a>;
}
