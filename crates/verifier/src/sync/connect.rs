//! From an issuer's URL to a verifier that follows it.

use std::sync::Arc;
use std::time::Duration;

use super::live::LiveVerifier;
use super::policy::{StalenessPolicy, WhenStale};
use crate::clock::{BootClock, Clock};
use crate::verifier::Verifier;

/// Why a verifier could not be connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The issuer, or the address given for it, is not an http or https URL.
    #[error("{0} is not a URL of an issuer")]
    Url(String),
    /// Plain http to another machine, without [`Connect::allow_plain_http`].
    #[error(
        "{0} is plain http to another machine: credentials and revocations could be read and changed on the way"
    )]
    PlainHttp(String),
    /// No audience was named: a service takes only tokens that are meant for it.
    #[error("no audience: name the one that this service is")]
    NoAudience,
    /// The leeway is over what the issuer allows.
    #[error("a leeway of {asked:?} is over the {allowed:?} that the issuer remembers revocations for")]
    Leeway {
        /// Asked for.
        asked: Duration,
        /// The most.
        allowed: Duration,
    },
    /// The metadata speaks for another issuer.
    #[error("the metadata is that of {0}")]
    Issuer(String),
    /// The service does not know these credentials, or they lack `revocations:read`.
    #[error("the service refused these credentials: {0}")]
    Refused(String),
    /// Something did not answer in time, or not in a form that is understood.
    #[error("the service did not answer: {0}")]
    Unavailable(String),
    /// The HTTP client could not be made: a certificate that cannot be read, no trust roots.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// A verifier about to be connected: see [`Verifier::connect`].
#[must_use = "nothing happens before `start` or `spawn`"]
pub struct Connect {
    // Fields are this room's.
    pub(super) issuer: String,
}

impl Verifier {
    /// A verifier that keeps itself up to date with this issuer.
    pub fn connect(issuer: &str) -> Connect {
        Connect { issuer: issuer.to_owned() }
    }
}

impl Connect {
    /// An audience that this service is; one of several must be in a token's `aud`. At least one is needed.
    pub fn audience(self, audience: &str) -> Self {
        let _ = audience;
        unimplemented!()
    }

    /// How the verifier authenticates: a client with the permission `revocations:read` (and `tokens:introspect` where the
    /// policy asks).
    pub fn credentials(self, client_id: &str, secret: &str) -> Self {
        let _ = (client_id, secret);
        unimplemented!()
    }

    /// Where the service is reached, if not under the issuer's URL.
    pub fn at(self, base_url: &str) -> Self {
        let _ = base_url;
        unimplemented!()
    }

    /// Who this is, for operators: shown by a revocation that waits. A random part is added.
    pub fn name(self, name: &str) -> Self {
        let _ = name;
        unimplemented!()
    }

    /// How far clocks may be apart; default: what the issuer allows.
    pub fn leeway(self, leeway: Duration) -> Self {
        let _ = leeway;
        unimplemented!()
    }

    /// How stale it may be, and what it does past that.
    pub fn staleness(self, policy: StalenessPolicy) -> Self {
        let _ = policy;
        unimplemented!()
    }

    /// How stale it may be.
    pub fn max_staleness(self, max: Duration) -> Self {
        let _ = max;
        unimplemented!()
    }

    /// What it does past the bound.
    pub fn when_stale(self, when: WhenStale) -> Self {
        let _ = when;
        unimplemented!()
    }

    /// How many tokens are remembered (default [`Verifier::DEFAULT_REMEMBERED`]).
    pub fn remembering(self, tokens: usize) -> Self {
        let _ = tokens;
        unimplemented!()
    }

    /// Takes plain http to another machine: only within a network that nobody else is on.
    pub fn allow_plain_http(self) -> Self {
        unimplemented!()
    }

    /// A certificate authority to trust beside the system's, as PEM.
    pub fn trust_pem(self, certificates: &[u8]) -> Self {
        let _ = certificates;
        unimplemented!()
    }

    /// Other clocks than the machine's: for tests.
    pub fn clocks(self, wall: Arc<dyn Clock>, boot: Arc<dyn BootClock>) -> Self {
        let _ = (wall, boot);
        unimplemented!()
    }

    /// Connects and waits, ten seconds at most, until keys and snapshot are there. Needs a tokio runtime.
    pub async fn start(self) -> Result<LiveVerifier, ConnectError> {
        unimplemented!()
    }

    /// Connects in the background; until keys and snapshot are there every answer is `Stale`. Fails only on what no waiting
    /// could mend: a bad URL, plain http, no audience. Needs a tokio runtime.
    pub fn spawn(self) -> Result<LiveVerifier, ConnectError> {
        unimplemented!()
    }
}
