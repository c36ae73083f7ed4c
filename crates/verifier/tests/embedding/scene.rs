//! A verifier on clocks that the test moves, fed by hand; and the answers of servers.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use signet_verifier::{
    AudienceRule, Batch, ByHand, Check, Clock, Cursor, Effect, FEED_VERSION, FeedEntry, Limits, LiveVerifier,
    ManualBootClock, ManualClock, Scope, SessionId, Snapshot, StalenessPolicy, TokenId, UnixMs, WhenStale,
};

use crate::signer::{Signer, encode, jwks};

const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
const ISSUER: &str = "https://auth.example";

/// Runs a test on a runtime of its own.
pub(crate) fn run(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}

pub(crate) struct Scene {
    hand: ByHand,
    wall: Arc<ManualClock>,
    boot: Arc<ManualBootClock>,
    signer: Signer,
    runs: Arc<AtomicUsize>,
}

impl Scene {
    /// A verifier with a bound of thirty seconds that has just heard from its service.
    pub(crate) fn new() -> Self {
        let (wall, boot) = (Arc::new(ManualClock::at(NOW)), Arc::new(ManualBootClock::default()));
        let policy =
            StalenessPolicy { max_staleness: Duration::from_secs(30), when_stale: WhenStale::Refuse };
        let hand = ByHand::new(ISSUER, "api", policy, wall.clone(), boot.clone()).unwrap();
        let signer = Signer::es256();
        hand.keys(&jwks(&[&signer])).unwrap();
        let limits = Limits {
            longest_access_ttl: Duration::from_mins(5),
            leeway: Duration::from_secs(30),
            revocable_claims: Vec::new(),
        };
        hand.load(&Snapshot {
            version: FEED_VERSION,
            cursor: cursor(),
            as_of: NOW,
            server_time: NOW,
            limits,
            entries: Vec::new(),
        });
        Self { hand, wall, boot, signer, runs: Arc::default() }
    }

    pub(crate) fn verifier(&self) -> LiveVerifier {
        self.hand.verifier()
    }

    /// Both clocks.
    pub(crate) fn goes_on(&self, by: Duration) {
        self.wall.advance(by);
        self.boot.advance(by);
    }

    pub(crate) fn hears_from_the_service(&self) {
        self.hand.beat(self.wall.now(), self.wall.now());
    }

    pub(crate) fn revoke_session(&self) {
        let now = self.wall.now();
        let entry = FeedEntry {
            scope: Scope::Sid(session()),
            effect: Effect::Logout,
            issued_before: now,
            expires_at: now.after(Duration::from_secs(330)),
        };
        self.hand.apply(&Batch {
            cursor: cursor(),
            as_of: Some(now),
            server_time: now,
            ack: false,
            entries: vec![entry],
        });
    }

    pub(crate) fn good(&self) -> String {
        self.with_claims(|_| {})
    }

    pub(crate) fn with_scope(&self, scope: &str) -> String {
        self.with_claims(|claims| drop(claims.insert("scope".into(), json!(scope))))
    }

    pub(crate) fn with_claims(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let now = NOW.as_secs();
        let Value::Object(mut claims) = json!({
            "iss": ISSUER, "sub": "user-1", "aud": "api", "exp": now + 300, "iat": now, "client_id": "web",
            "jti": TokenId::new(NOW, &[1; 10]), "sid": session(), "scope": "read write", "tenant": "acme",
        }) else {
            panic!("an object")
        };
        change(&mut claims);
        self.signer.token(&self.signer.header(), &Value::Object(claims).to_string())
    }

    /// A token that names our key and was signed with another.
    pub(crate) fn signed_by_a_stranger(&self) -> String {
        let good = self.good();
        let (input, _) = good.rsplit_once('.').unwrap();
        format!("{input}.{}", encode(Signer::es256().sign(input.as_bytes())))
    }

    /// What a handler does.
    pub(crate) fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.runs)
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

/// Tokens for `files`, from a verifier that has heard from its service within ten seconds.
pub(crate) fn for_files() -> Check {
    let staleness = StalenessPolicy { max_staleness: Duration::from_secs(10), when_stale: WhenStale::Refuse };
    Check { audience: Some(AudienceRule::AnyOf(vec!["files".into()])), staleness: Some(staleness) }
}

fn session() -> SessionId {
    SessionId::new(NOW, &[2; 10])
}

fn cursor() -> Cursor {
    Cursor::parse("somewhere").unwrap()
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn problem(&self) -> Value {
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{problem}");
        problem
    }
}
