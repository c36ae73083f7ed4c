//! The feed over a log in memory, with a follower that is told when to look.

mod snapshots;
mod streams;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use signet_verifier::{
    Batch, ClientId, Denylist, Effect, Event, Frame, Heartbeat, Hello, Patch, Scope, SessionId, Subject,
};

use super::*;
use crate::random::SystemRandom;
use crate::revocation::Follower;
use crate::session::register::Register;
use crate::store::{MemoryStore, Swap, Tail};

const NOW: UnixMs = UnixMs::from_secs(1_795_000_000);
const TTL: Duration = Duration::from_mins(5);
const MONTH: Duration = Duration::from_hours(30 * 24);
const STALENESS: Duration = Duration::from_secs(30);

struct Rig {
    store: Arc<Counted>,
    feed: Arc<Feed>,
    follower: Follower,
    lags: Arc<Mutex<Vec<Duration>>>,
}

impl Rig {
    /// With the (empty) log loaded.
    async fn start() -> Self {
        let rig = Self::over(Counted::new(Duration::ZERO));
        rig.follow().await;
        rig
    }

    fn over(store: Counted) -> Self {
        let store = Arc::new(store);
        let horizon = AccessHorizon {
            longest_access_ttl: TTL,
            leeway: Duration::ZERO,
            furthest_ahead: Duration::from_secs(4),
        };
        let lags = Arc::<Mutex<Vec<Duration>>>::default();
        let heard = Arc::clone(&lags);
        let feed = Arc::new(Feed::new(FeedParts {
            store: Arc::clone(&store) as _,
            limits: Limits { longest_access_ttl: TTL, leeway: Duration::ZERO, revocable_claims: Vec::new() },
            horizon,
            random: Arc::new(SystemRandom::new()),
            applied_after: Arc::new(move |lag| heard.lock().unwrap().push(lag)),
        }));
        let denylist = Arc::new(Denylist::default());
        let follower = Follower::new(Arc::clone(&store) as _, denylist, Arc::clone(&feed), horizon);
        Self { store, feed, follower, lags }
    }

    async fn follow(&self) {
        self.follower.catch_up(NOW).await.unwrap();
    }

    /// Revokes subjects of these numbers, and has the follower pass it on.
    async fn revoke(&self, numbers: std::ops::Range<usize>) -> Position {
        let position = self.append(numbers).await;
        self.follow().await;
        position
    }

    async fn append(&self, numbers: std::ops::Range<usize>) -> Position {
        self.store.append(&numbers.map(logout).collect::<Vec<_>>()).await.unwrap()
    }

    async fn open(&self, subscriber: Subscriber) -> Stream {
        let mut subscription = self.feed.subscribe(subscriber, NOW).await.unwrap();
        let Event::Hello(hello) = event(&subscription.next().await.unwrap()) else { panic!("no hello") };
        assert_eq!(hello.stream_id, *subscription.stream_id());
        Stream { subscription, hello }
    }
}

/// A stream whose greeting has been read.
struct Stream {
    subscription: Subscription,
    hello: Hello,
}

impl Stream {
    async fn next(&mut self) -> Option<Event> {
        self.subscription.next().await.map(|frame| event(&frame))
    }

    async fn batch(&mut self) -> Batch {
        match self.next().await {
            Some(Event::Revocations(batch)) => batch,
            other => panic!("no batch: {other:?}"),
        }
    }

    async fn heartbeat(&mut self) -> Heartbeat {
        match self.next().await {
            Some(Event::Heartbeat(beat)) => beat,
            other => panic!("no heartbeat: {other:?}"),
        }
    }

    async fn assert_is_reset(&mut self) {
        let next = self.next().await;
        assert!(matches!(next, Some(Event::Reset(_))), "{next:?}");
        assert_eq!(self.next().await, None);
        assert_eq!(self.next().await, None, "and it stays over");
    }

    fn id(&self) -> &str {
        &self.hello.stream_id
    }
}

/// A log in memory that counts its snapshots, each of which takes its time.
struct Counted {
    inner: MemoryStore,
    takes: Duration,
    snapshots: Mutex<u32>,
}

impl Counted {
    fn new(takes: Duration) -> Self {
        Self { inner: MemoryStore::new([1; 8]), takes, snapshots: Mutex::new(0) }
    }

    fn snapshots(&self) -> u32 {
        *self.snapshots.lock().unwrap()
    }
}

#[async_trait]
impl Store for Counted {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        self.inner.load_register(sid).await
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        self.inner.swap_register(sid, seen, new, expires_at).await
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        self.inner.append(cutoffs).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.inner.head().await
    }

    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        *self.snapshots.lock().unwrap() += 1;
        let snapshot = self.inner.snapshot(made_since, now).await;
        tokio::time::sleep(self.takes).await;
        snapshot
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.inner.tail(after, limit).await
    }

    async fn changed(&self, after: &Position) {
        self.inner.changed(after).await;
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.inner.sweep(now).await
    }
}

fn logout(number: usize) -> Cutoff {
    cutoff(subject(number), Effect::Logout, NOW)
}

/// New claims for a session, and nothing denied.
fn patch(number: u8) -> Cutoff {
    let patch = Patch { at: NOW, value: "admin".into() };
    Cutoff {
        claims: [("role".into(), patch)].into(),
        ..cutoff(Scope::Sid(SessionId::new(NOW, &[number; 10])), Effect::Refresh, UnixMs::default())
    }
}

fn cutoff(scope: Scope, effect: Effect, issued_before: UnixMs) -> Cutoff {
    Cutoff {
        scope,
        effect,
        issued_before,
        made_at: NOW,
        expires_at: NOW.after(MONTH),
        reason: None,
        kept: None,
        claims: BTreeMap::new(),
    }
}

fn subject(number: usize) -> Scope {
    Scope::Sub(Subject::parse(&format!("user-{number}")).unwrap())
}

fn named(name: &str) -> Subscriber {
    Subscriber { verifier: VerifierId { name: Some(name.into()), ..nameless().verifier }, ..nameless() }
}

fn nameless() -> Subscriber {
    let verifier = VerifierId { client: client(), name: None };
    Subscriber { verifier, cursor: None, max_staleness: STALENESS }
}

fn from(subscriber: Subscriber, cursor: &impl ToString) -> Subscriber {
    Subscriber { cursor: Some(cursor.to_string()), ..subscriber }
}

fn scopes(batch: &Batch) -> Vec<Scope> {
    batch.entries.iter().map(|entry| entry.scope.clone()).collect()
}

fn subjects(numbers: std::ops::Range<usize>) -> Vec<Scope> {
    numbers.map(subject).collect()
}

/// A frame as its reader understands it.
fn event(text: &str) -> Event {
    let mut frame = Frame::default();
    for line in text.strip_suffix("\n\n").unwrap().lines() {
        match line.split_once(": ").unwrap() {
            ("id", id) => frame.id = Some(id.to_owned()),
            ("event", event) => frame.event = event.to_owned(),
            ("data", data) => frame.data = data.to_owned(),
            other => panic!("{other:?}"),
        }
    }
    Event::parse(&frame).unwrap().unwrap()
}

fn client() -> ClientId {
    ClientId::parse("api").unwrap()
}
