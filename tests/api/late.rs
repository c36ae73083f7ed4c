//! A node that has not heard of a cutoff yet: two sets of rooms over one ring, one of them with an old journal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use signet::random::SystemRandom;
use signet::session::{
    Issuer, OnTheft, RefreshCaller, RefreshError, RefreshPolicy, RefreshRequest, Refresher, RefresherParts,
    RevocationPolicy, Revoker, RevokerParts, Seen, TokenSealer, WhenStoreDown,
};
use signet::store::{Journal, MemoryStore, Store};
use signet_verifier::{Clock, Denylist, Expected, UnixMs, Verifier, VerifyError};

use crate::harness::{TestApp, run};

/// Another node: its own denylist, store and journal, the ring of `app`.
struct Node {
    denylist: Arc<Denylist>,
    refresher: Refresher,
    verifier: Verifier,
}

impl Node {
    fn beside(app: &TestApp) -> Self {
        let services = app.app.services();
        let keys = app.app.keys();
        let store = Arc::new(MemoryStore::new([7; 8]));
        let (engine, journal): (Arc<dyn Store>, Arc<dyn Journal>) = (store.clone(), store);
        let denylist = Arc::new(Denylist::new(services.tokens.revocable_claims.clone()));
        let refresh = Arc::new(refresh_policy());
        let sealer = Arc::new(TokenSealer::new(keys.clone()));
        let issuer = Arc::new(Issuer::new(
            keys.clone(),
            denylist.clone(),
            sealer.clone(),
            Arc::new(SystemRandom::new()),
            services.tokens.clone(),
            refresh.clone(),
        ));
        let revoker = Arc::new(Revoker::new(RevokerParts {
            issuer: issuer.clone(),
            sealer: sealer.clone(),
            denylist: denylist.clone(),
            store: engine.clone(),
            journal: journal.clone(),
            keys: keys.clone(),
            clients: services.clients.clone(),
            tokens: services.tokens.clone(),
            refresh: refresh.clone(),
            policy: RevocationPolicy { max_skew: Duration::from_secs(2) },
        }));
        let refresher = Refresher::new(RefresherParts {
            issuer,
            sealer,
            revoker,
            store: engine,
            journal,
            clients: services.clients.clone(),
            tokens: services.tokens.clone(),
            policy: refresh,
        });
        let verifier = Verifier::new(keys.clone(), denylist.clone());
        Self { denylist, refresher, verifier }
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

#[test]
fn a_token_refreshed_after_the_cutoff_by_a_node_that_had_not_heard_of_it_is_denied_too() {
    run(async {
        let app = TestApp::start().await;
        let other = Node::beside(&app);
        let session = app.issue(json!({"sub": "u", "aud": "api"})).await;
        app.clock.advance(Duration::from_secs(30));
        app.post_as("app", "/v1/revocations", json!({"scope": {"sub": "u"}})).await.expect(200);
        app.clock.advance(Duration::from_secs(30));

        let now = app.clock.now();
        let token = session.refresh_token();
        let request = || RefreshRequest {
            token: &token,
            caller: RefreshCaller::Holder,
            claims: None,
            scope: None,
            seen: Seen::default(),
        };
        let minted = other.refresher.refresh(request(), now).await.unwrap();
        let expected = Expected::access_token(app.issuer(), "api").unwrap();
        assert!(other.verifier.verify_at(&minted.access_token, &expected, now).is_ok(), "it cannot know yet");

        let (_, cutoffs) = app.app.store().snapshot(UnixMs::default(), now).await.unwrap();
        for cutoff in &cutoffs {
            other.denylist.apply(cutoff);
        }
        let refused = other.verifier.verify_at(&minted.access_token, &expected, now);
        assert!(matches!(refused, Err(VerifyError::Revoked { .. })), "{refused:?}");
        assert!(!app.is_active(&minted.access_token).await, "and never on the node that knew");
        let next = app.refresh(minted.refresh_token.as_deref().unwrap()).await;
        next.expect(401);
        assert!(!matches!(other.refresher.refresh(request(), now).await, Err(RefreshError::Reused(_))));
    });
}
