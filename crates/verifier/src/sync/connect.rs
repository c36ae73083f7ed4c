//! From an issuer's URL to a verifier that follows it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::follow::{self, Follower};
use super::introspection::Introspects;
use super::keys;
use super::link::{Link, Progress};
use super::live::LiveVerifier;
use super::policy::{StalenessPolicy, WhenStale};
use super::state::{Settings, State};
use super::transport::{Base, Credentials, Place, PlainHttp, Service, Transport, TransportError, shown};
use crate::clock::{BootClock, Clock, SystemBootClock, SystemClock};
use crate::crypto;
use crate::expected::AudienceRule;
use crate::id::IssuerUrl;
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
    issuer: String,
    at: Option<String>,
    audiences: Vec<Arc<str>>,
    credentials: Option<Credentials>,
    name: String,
    leeway: Option<Duration>,
    policy: StalenessPolicy,
    remembered: usize,
    plain: PlainHttp,
    trusted_pem: Vec<Vec<u8>>,
    wall: Arc<dyn Clock>,
    boot: Arc<dyn BootClock>,
}

impl Verifier {
    /// A verifier that keeps itself up to date with this issuer.
    pub fn connect(issuer: &str) -> Connect {
        Connect {
            issuer: issuer.to_owned(),
            at: None,
            audiences: Vec::new(),
            credentials: None,
            name: "verifier".to_owned(),
            leeway: None,
            policy: StalenessPolicy::default(),
            remembered: Self::DEFAULT_REMEMBERED,
            plain: PlainHttp::Loopback,
            trusted_pem: Vec::new(),
            wall: Arc::new(SystemClock),
            boot: Arc::new(SystemBootClock),
        }
    }
}

impl Connect {
    /// How long [`Connect::start`] waits.
    const START_WITHIN: Duration = Duration::from_secs(10);
    /// How much of a name is kept: with the random part it stays within what the service takes.
    const NAME_BYTES: usize = 40;

    /// An audience that this service is; one of several must be in a token's `aud`. At least one is needed.
    pub fn audience(mut self, audience: &str) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How the verifier authenticates: a client with the permission `revocations:read` (and `tokens:introspect` where the
    /// policy asks).
    pub fn credentials(mut self, client_id: &str, secret: &str) -> Self {
        self.credentials = Credentials::basic(client_id, secret);
        self
    }

    /// Where the service is reached, if not under the issuer's URL.
    pub fn at(mut self, base_url: &str) -> Self {
        self.at = Some(base_url.to_owned());
        self
    }

    /// Who this is, for operators: shown by a revocation that waits. A random part is added.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// How far clocks may be apart; default: what the issuer allows.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// How stale it may be, and what it does past that.
    pub fn staleness(mut self, policy: StalenessPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// How stale it may be.
    pub fn max_staleness(mut self, max: Duration) -> Self {
        self.policy.max_staleness = max;
        self
    }

    /// What it does past the bound.
    pub fn when_stale(mut self, when: WhenStale) -> Self {
        self.policy.when_stale = when;
        self
    }

    /// How many tokens are remembered (default [`Verifier::DEFAULT_REMEMBERED`]).
    pub fn remembering(mut self, tokens: usize) -> Self {
        self.remembered = tokens;
        self
    }

    /// Takes plain http to another machine: only within a network that nobody else is on.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain = PlainHttp::Anywhere;
        self
    }

    /// A certificate authority to trust beside the system's, as PEM.
    pub fn trust_pem(mut self, certificates: &[u8]) -> Self {
        self.trusted_pem.push(certificates.to_vec());
        self
    }

    /// Other clocks than the machine's: for tests.
    pub fn clocks(mut self, wall: Arc<dyn Clock>, boot: Arc<dyn BootClock>) -> Self {
        self.wall = wall;
        self.boot = boot;
        self
    }

    /// Connects and waits, ten seconds at most, until keys and snapshot are there and the stream is open: from then on a
    /// revocation that waits for verifiers waits for this one, too. Needs a tokio runtime.
    ///
    /// # Errors
    /// Those of [`Connect::spawn`]; at once `Refused`, `Issuer` and `Leeway`, and `Unavailable` for a feed of another version;
    /// `Unavailable` with the last failure if ten seconds were not enough.
    pub async fn start(self) -> Result<LiveVerifier, ConnectError> {
        let asked = self.leeway;
        let Launched { verifier, keys, feed } = self.launch()?;
        let both = async { tokio::try_join!(arrival(keys.clone()), arrival(feed.clone())) };
        match tokio::time::timeout(Self::START_WITHIN, both).await {
            Ok(arrived) => arrived.map_err(ConnectError::from)?,
            Err(_) => return Err(unavailable([&keys, &feed])),
        };
        let allowed = verifier.state.limits().map(|limits| limits.leeway);
        match (asked, allowed) {
            (Some(asked), Some(allowed)) if asked > allowed => Err(ConnectError::Leeway { asked, allowed }),
            _ => Ok(verifier),
        }
    }

    /// Connects in the background; until keys and snapshot are there every answer is `Stale`. Fails only on what no waiting
    /// could mend: a bad URL, plain http, no audience. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Url`, `PlainHttp`, `NoAudience`; `Client` if the HTTP client cannot be made or there is no runtime.
    pub fn spawn(self) -> Result<LiveVerifier, ConnectError> {
        self.launch().map(|launched| launched.verifier)
    }

    fn launch(self) -> Result<Launched, ConnectError> {
        let issuer = IssuerUrl::parse(&self.issuer).map_err(|_| ConnectError::Url(shown(&self.issuer)))?;
        let place = match &self.at {
            Some(base) => Place::At(Base::parse(base, self.plain)?),
            None => Place::Issuer(Base::parse(&self.issuer, self.plain)?),
        };
        if self.audiences.is_empty() {
            return Err(ConnectError::NoAudience);
        }
        tokio::runtime::Handle::try_current()
            .map_err(|_| ConnectError::Client("there is no tokio runtime here".to_owned()))?;
        let who = Follower { verifier: self.verifier_id()?, max_staleness: self.policy.max_staleness };
        let service = Service {
            issuer: self.issuer,
            place,
            credentials: self.credentials,
            trusted_pem: self.trusted_pem,
        };
        let transport = Arc::new(Transport::new(service).map_err(ConnectError::Client)?);
        let state = Arc::new(State::new(Settings {
            issuer,
            audience: AudienceRule::AnyOf(self.audiences),
            leeway: self.leeway,
            policy: self.policy,
            remembered: self.remembered,
            wall: self.wall,
            boot: self.boot,
        }));
        state.introspects(Arc::clone(&transport) as Arc<dyn Introspects>);
        let (keys, feed) = (Link::new(&state, &transport), Link::new(&state, &transport));
        let launched =
            Launched { keys: keys.progress(), feed: feed.progress(), verifier: LiveVerifier { state } };
        tokio::spawn(keys::keep(keys));
        tokio::spawn(follow::follow(feed, who));
        Ok(launched)
    }

    /// The name, with whatever the service does not take replaced, and a part that no other process has.
    fn verifier_id(&self) -> Result<String, ConnectError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let name = self.name.chars().map(|c| if allowed(c) { c } else { '-' });
        let name: String = name.take(Self::NAME_BYTES).collect();
        let random = crypto::random().map(u64::from_ne_bytes);
        let random = random.ok_or_else(|| ConnectError::Client("the system has no randomness".to_owned()))?;
        Ok(format!("{name}-{random:016x}"))
    }
}

/// A verifier, and how far its tasks are.
struct Launched {
    verifier: LiveVerifier,
    keys: watch::Receiver<Progress>,
    feed: watch::Receiver<Progress>,
}

/// Resolves when what a task fetches is here, or it has failed in a way that waiting does not mend.
async fn arrival(mut progress: watch::Receiver<Progress>) -> Result<(), TransportError> {
    loop {
        match &*progress.borrow_and_update() {
            Progress::Done => return Ok(()),
            Progress::Failed(error) if error.is_final() => return Err(error.clone()),
            Progress::Failed(_) | Progress::Waiting => {}
        }
        if progress.changed().await.is_err() {
            return Err(TransportError::Unreachable("the verifier's task has ended".to_owned()));
        }
    }
}

/// What was wrong last, where the time is up.
fn unavailable(tasks: [&watch::Receiver<Progress>; 2]) -> ConnectError {
    let failure = |task: &watch::Receiver<Progress>| match &*task.borrow() {
        Progress::Failed(error) => Some(error.to_string()),
        Progress::Waiting | Progress::Done => None,
    };
    let last = tasks.into_iter().find_map(failure);
    ConnectError::Unavailable(last.unwrap_or_else(|| "nothing came within ten seconds".to_owned()))
}

impl From<TransportError> for ConnectError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Refused(status) => Self::Refused(status.to_string()),
            TransportError::Issuer(other) => Self::Issuer(other),
            other @ (TransportError::Unreachable(_)
            | TransportError::Status(_)
            | TransportError::Malformed(_)
            | TransportError::Feed(_)
            | TransportError::TooLarge) => Self::Unavailable(other.to_string()),
        }
    }
}
