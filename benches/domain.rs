//! Issue and refresh without HTTP, against the least that the same bytes can cost.
//!
//! `cargo bench --bench domain`. The floor is taken in the same run: one raw signature over the same payload, one raw
//! AES-256-GCM seal of the same plaintext, and the JSON and base64 of the same bytes, with keys parsed and headers encoded
//! once, and each buffer allocated once. Requests are made before the clock starts, as a handler would have read them.
#![expect(clippy::unwrap_used, reason = "a bench reports and measures")]
#![allow(missing_docs, reason = "criterion's macros")]

mod floor;
mod in_turn;
mod summary;

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;
use signet::keys::{Directory, KeyEncryptionKey, Keys, SchedulePolicy};
use signet::random::{Random, SystemRandom};
use signet::session::{
    Client, ClientRegistry, Credential, CustomClaims, IssueRequest, Issuer, OnTheft, RefreshBinding,
    RefreshCaller, RefreshPolicy, RefreshRequest, Refresher, RefresherParts, RevocationPolicy, Revoker,
    RevokerParts, Seen, TokenPair, TokenPolicy, TokenSealer, WhenStoreDown,
};
use signet::store::{Journal, MemoryStore, Store};
use signet_verifier::{
    Algorithm, Audience, Clock, Denylist, IssuerUrl, ScopeTokens, Subject, SystemClock, UnixMs,
};

use crate::floor::Floor;
use crate::in_turn::{in_turn, timed};
use crate::summary::report;

/// Calls a sample: about a millisecond, shorter than a time slice.
const CALLS: usize = 32;
const SAMPLES: usize = 1000;

struct Rooms {
    issuer: Arc<Issuer>,
    refresher: Refresher,
    client: Client,
    now: UnixMs,
    /// A session that goes on: its newest refresh token, and when it was made.
    session: RefCell<(String, UnixMs)>,
    _directory: tempfile::TempDir,
}

impl Rooms {
    fn build(algorithm: Algorithm) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let now = SystemClock.now();
        let (tokens, refresh) = (Arc::new(token_policy(algorithm)), Arc::new(refresh_policy()));
        let (kek, _) = KeyEncryptionKey::beside_ring(directory.path(), &*random).unwrap();
        let ring = Directory::open(directory.path(), kek).unwrap();
        let keys = Arc::new(Keys::open(ring, schedule(algorithm), Arc::clone(&random), now).unwrap());
        let denylist = Arc::new(Denylist::default());
        let sealer = Arc::new(TokenSealer::new(Arc::clone(&keys)));
        let issuer = Arc::new(Issuer::new(
            Arc::clone(&keys),
            Arc::clone(&denylist),
            Arc::clone(&sealer),
            random,
            Arc::clone(&tokens),
            Arc::clone(&refresh),
        ));
        let client = client();
        let clients = Arc::new(ClientRegistry::new([client.clone()]));
        let memory = Arc::new(MemoryStore::new([1; 8]));
        let (store, journal): (Arc<dyn Store>, Arc<dyn Journal>) = (memory.clone(), memory);
        let revoker = Arc::new(Revoker::new(RevokerParts {
            issuer: Arc::clone(&issuer),
            sealer: Arc::clone(&sealer),
            denylist,
            store: Arc::clone(&store),
            journal: Arc::clone(&journal),
            keys,
            clients: Arc::clone(&clients),
            tokens: Arc::clone(&tokens),
            refresh: Arc::clone(&refresh),
            policy: RevocationPolicy { max_skew: Duration::from_secs(2) },
        }));
        let parts = RefresherParts {
            issuer: Arc::clone(&issuer),
            sealer,
            revoker,
            store,
            journal,
            clients,
            tokens,
            policy: refresh,
        };
        let pair = issuer.issue(&client, request(), now).unwrap();
        let session = RefCell::new((pair.refresh_token.unwrap(), now));
        Self { issuer, refresher: Refresher::new(parts), client, now, session, _directory: directory }
    }

    fn issue(&self, request: IssueRequest) -> TokenPair {
        self.issuer.issue(&self.client, request, self.now).unwrap()
    }

    /// The ordinary step: the newest token, five minutes later; a new session where the old one has lived its month.
    fn refresh(&self) -> TokenPair {
        let (mut token, mut now) = self.session.take();
        if now.since(self.now) > Duration::from_hours(29 * 24) {
            (token, now) = (self.issue(request()).refresh_token.unwrap(), self.now);
        }
        now = now.after(Duration::from_mins(5));
        let request = RefreshRequest {
            token: &token,
            caller: RefreshCaller::Holder,
            claims: None,
            scope: None,
            seen: Seen::default(),
        };
        let pair =
            futures_util::FutureExt::now_or_never(self.refresher.refresh(request, now)).unwrap().unwrap();
        self.session.replace((pair.refresh_token.clone().unwrap(), now));
        pair
    }
}

fn domain(criterion: &mut Criterion) {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let rooms = Rooms::build(algorithm);
        let floor = Floor::of(algorithm, &rooms.issue(request()));
        let mut group = criterion.benchmark_group(algorithm.name());
        group.sample_size(50).measurement_time(Duration::from_secs(3));
        group.bench_function("floor", |b| b.iter(|| floor.run()));
        group.bench_function("issue", |b| {
            b.iter_batched(request, |request| rooms.issue(request), BatchSize::SmallInput);
        });
        group.bench_function("refresh", |b| b.iter(|| rooms.refresh()));
        group.finish();
        let [least, issue, refresh] = in_turn(
            SAMPLES,
            [
                &mut || timed(vec![(); CALLS], |()| drop(black_box(floor.run()))),
                &mut || timed(requests(), |request| drop(black_box(rooms.issue(request)))),
                &mut || timed(vec![(); CALLS], |()| drop(black_box(rooms.refresh()))),
            ],
        );
        for (what, time, target) in [("issue", issue, "at most 1.25"), ("refresh", refresh, "")] {
            let measured = format!("{:.2} / {:.2} µs = {:.2}", time / 1000.0, least / 1000.0, time / least);
            report(&format!("{algorithm}: {what} / sign, seal, JSON and base64"), &measured, target);
        }
    }
}

fn requests() -> Vec<IssueRequest> {
    std::iter::repeat_with(request).take(CALLS).collect()
}

fn request() -> IssueRequest {
    let claims = json!({"tenant": "acme", "roles": ["admin", "auditor"]}).as_object().unwrap().clone();
    IssueRequest {
        subject: Subject::parse("user-123456").unwrap(),
        audience: Some(Audience::new(["api"]).unwrap()),
        scope: Some(ScopeTokens::parse("read write").unwrap()),
        claims: CustomClaims::new(claims).unwrap(),
        auth_time: None,
        amr: Some(vec!["pwd".into()]),
        acr: None,
        access_ttl: None,
        refresh: Some(RefreshBinding::Holder),
    }
}

fn client() -> Client {
    Client {
        id: signet_verifier::ClientId::parse("web").unwrap(),
        credential: Credential::Public,
        permissions: std::collections::BTreeSet::new(),
        audiences: vec!["api".into()],
        scopes: None,
        max_access_ttl: None,
        algorithm: None,
    }
}

fn token_policy(default_algorithm: Algorithm) -> TokenPolicy {
    TokenPolicy {
        issuer: IssuerUrl::parse("https://auth.example.com").unwrap(),
        access_ttl: Duration::from_mins(5),
        longest_access_ttl: Duration::from_mins(5),
        leeway: Duration::from_secs(30),
        max_bytes: 3800,
        audiences: Vec::new(),
        revocable_claims: vec!["tenant".into()],
        default_algorithm,
    }
}

fn refresh_policy() -> RefreshPolicy {
    RefreshPolicy {
        idle_ttl: Duration::from_hours(14 * 24),
        absolute_ttl: Duration::from_hours(30 * 24),
        window: Duration::from_secs(10),
        on_theft: OnTheft::RevokeSession,
        when_store_down: WhenStoreDown::Degrade,
        max_degraded: Duration::from_hours(1),
    }
}

fn schedule(algorithm: Algorithm) -> SchedulePolicy {
    SchedulePolicy {
        algorithms: vec![algorithm],
        rotate_every: Duration::from_hours(30 * 24),
        publish_ahead: Duration::from_mins(30),
        jwks_max_age: Duration::from_mins(5),
        longest_access_ttl: Duration::from_mins(5),
        longest_refresh_ttl: Duration::from_hours(30 * 24),
        leeway: Duration::from_secs(30),
    }
}

criterion_group!(benches, domain);
criterion_main!(benches);
