//! A verifier on clocks that tests move, fed by a service that is played here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use serde_json::{Value, json};

use super::live::LiveVerifier;
use super::policy::{StalenessPolicy, WhenStale};
use super::state::{Settings, Stamp, State, Why};
use crate::clock::{Clock, ManualBootClock, ManualClock, UnixMs};
use crate::cutoff::{Effect, Scope};
use crate::expected::AudienceRule;
use crate::feed::{Batch, Cursor, FeedEntry, Hello, Limits, Snapshot};
use crate::id::{IssuerUrl, SessionId, Subject, TokenId};
use crate::signer::{Signer, jwks};
use crate::verifier::Verified;

pub(super) const START: UnixMs = UnixMs::from_secs(1_800_000_000);
pub(super) const ISSUER: &str = "https://auth.example";

pub(super) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) struct Rig {
    pub(super) wall: Arc<ManualClock>,
    pub(super) boot: Arc<ManualBootClock>,
    pub(super) live: LiveVerifier,
    pub(super) signer: Signer,
    pub(super) limits: Limits,
}

impl Rig {
    /// Thirty seconds, then refuse; no keys and no snapshot yet.
    pub(super) fn new() -> Self {
        Self::with(WhenStale::Refuse, None)
    }

    /// With keys and an empty snapshot.
    pub(super) fn vouching(when_stale: WhenStale) -> Self {
        let rig = Self::with(when_stale, None);
        rig.keys();
        rig.load(&[]);
        rig.hello().unwrap();
        rig
    }

    pub(super) fn with(when_stale: WhenStale, leeway: Option<Duration>) -> Self {
        let (wall, boot) = (Arc::new(ManualClock::at(START)), Arc::new(ManualBootClock::default()));
        let settings = Settings {
            issuer: IssuerUrl::parse(ISSUER).unwrap(),
            audience: AudienceRule::AnyOf(vec!["api".into()]),
            leeway,
            policy: StalenessPolicy { max_staleness: secs(30), when_stale },
            remembered: 1000,
            wall: wall.clone(),
            boot: boot.clone(),
        };
        let limits = Limits {
            longest_access_ttl: secs(300),
            leeway: secs(20),
            revocable_claims: vec!["tenant".to_owned()],
        };
        let live = LiveVerifier { state: Arc::new(State::new(settings)) };
        Self { wall, boot, live, signer: Signer::eddsa(), limits }
    }

    pub(super) fn state(&self) -> &State {
        &self.live.state
    }

    /// Time passes, on all clocks.
    pub(super) fn pass(&self, time: Duration) {
        self.wall.advance(time);
        self.boot.advance(time);
    }

    pub(super) fn wall_secs(&self) -> u64 {
        self.wall.now().as_secs()
    }

    /// The service's clock, which nobody sets.
    pub(super) fn server_time(&self) -> UnixMs {
        START.after(self.state().boot_now())
    }

    pub(super) fn keys(&self) {
        self.state().keys.accept(&jwks(&[&self.signer]), self.wall.now(), secs(300)).unwrap();
        self.state().keys_changed();
    }

    /// An answer at once to a request sent now.
    pub(super) fn answered(&self) -> Stamp {
        let now = self.state().boot_now();
        Stamp { sent: Some(now), received: now }
    }

    /// An event read now.
    pub(super) fn read(&self) -> Stamp {
        Stamp { sent: None, ..self.answered() }
    }

    pub(super) fn snapshot(&self, entries: &[FeedEntry]) -> Snapshot {
        let now = self.server_time();
        let (limits, entries) = (self.limits.clone(), entries.to_vec());
        Snapshot { version: 1, cursor: cursor(), as_of: now, server_time: now, limits, entries }
    }

    pub(super) fn load(&self, entries: &[FeedEntry]) {
        self.state().load(&self.snapshot(entries), self.answered());
    }

    pub(super) fn hello(&self) -> Result<(), Why> {
        let (stream_id, limits, now) = ("s".into(), self.limits.clone(), self.server_time());
        let (cursor, heartbeat) = (cursor(), secs(5));
        let hello = Hello { version: 1, stream_id, cursor, as_of: now, server_time: now, heartbeat, limits };
        self.state().hello(&hello, self.answered())
    }

    pub(super) fn batch(&self, as_of: Option<UnixMs>, entries: &[FeedEntry]) -> Batch {
        let (server_time, entries) = (self.server_time(), entries.to_vec());
        Batch { cursor: cursor(), as_of, server_time, ack: false, entries }
    }

    /// Revocations arrive at once.
    pub(super) fn revoke(&self, entries: &[FeedEntry]) {
        self.state().apply(&self.batch(Some(self.server_time()), entries), self.read()).unwrap();
    }

    /// A heartbeat arrives at once.
    pub(super) fn beat(&self) {
        self.state().beat(self.server_time(), self.server_time(), self.read()).unwrap();
    }

    /// The claims of user 1's token, issued now for five minutes.
    pub(super) fn claims(&self) -> Value {
        let now = self.wall.now();
        json!({
            "iss": ISSUER, "sub": "user-1", "aud": "api", "exp": now.as_secs() + 300, "iat": now.as_secs(),
            "jti": TokenId::new(now, &[1; 10]), "sid": SessionId::new(now, &[2; 10]), "client_id": "web",
            "tenant": "acme",
        })
    }

    pub(super) fn token_of(&self, claims: &Value) -> String {
        self.signer.token(&self.signer.header(), &claims.to_string())
    }

    pub(super) fn token(&self) -> String {
        self.token_of(&self.claims())
    }

    pub(super) fn verified(&self) -> Verified {
        self.live.verify(&self.token()).unwrap()
    }

    /// A logout of everything in a scope that began until now.
    pub(super) fn entry(&self, scope: Scope) -> FeedEntry {
        let issued_before = self.server_time().after(ms(1));
        let expires_at = issued_before.after(secs(320));
        FeedEntry { scope, effect: Effect::Logout, issued_before, expires_at }
    }
}

pub(super) fn sub(name: &str) -> Scope {
    Scope::Sub(Subject::parse(name).unwrap())
}

fn cursor() -> Cursor {
    Cursor::parse("c").unwrap()
}

/// Counts how often it was woken.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wakes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Polls a future, to be woken here.
    pub(super) fn poll<F: Future>(self: &Arc<Self>, future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(self))))
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
