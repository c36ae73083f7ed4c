//! A node that has not heard of a cutoff yet: two sets of rooms over one ring, one of them with an old journal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use signet::session::{
    ClientRegistry, RefreshCaller, RefreshError, RefreshRequest, Refresher, RefresherParts, Revoker,
    RevokerParts, Seen,
};
use signet::store::{Journal, MemoryStore, Store};
use signet_verifier::{Clock, Denylist, Expected, Verifier, VerifyError};

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
        let store = Arc::new(MemoryStore::new([7; 8]));
        let (engine, journal): (Arc<dyn Store>, Arc<dyn Journal>) = (store.clone(), store);
        let denylist = Arc::new(Denylist::new(vec!["tenant".into()]));
        let clients = Arc::new(ClientRegistry::new(services.clients.iter().map(|client| (**client).clone())));
        let issuer = app.app.issuer_with(denylist.clone());
        let revoker = Revoker::new(RevokerParts {
            issuer: issuer.clone(),
            sealer: app.app.sealer(),
            denylist: denylist.clone(),
            store: engine.clone(),
            journal: journal.clone(),
            keys: app.app.keys(),
            clients: clients.clone(),
            tokens: services.tokens.clone(),
            refresh: app.app.refresh_policy(),
            policy: app.app.revocation_policy(),
        });
        let refresher = Refresher::new(RefresherParts {
            issuer,
            sealer: app.app.sealer(),
            revoker: Arc::new(revoker),
            store: engine,
            journal,
            clients,
            tokens: services.tokens.clone(),
            policy: app.app.refresh_policy(),
        });
        let verifier = Verifier::new(app.app.keys(), denylist.clone());
        Self { denylist, refresher, verifier }
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

        let (_, cutoffs) = app.app.store().snapshot(now).await.unwrap();
        cutoffs.iter().for_each(|cutoff| drop(other.denylist.apply(cutoff)));
        let refused = other.verifier.verify_at(&minted.access_token, &expected, now);
        assert!(matches!(refused, Err(VerifyError::Revoked { .. })), "{refused:?}");
        assert!(!app.is_active(&minted.access_token).await, "and never on the node that knew");
        let next = app.refresh(minted.refresh_token.as_deref().unwrap()).await;
        next.expect(401);
        assert!(!matches!(other.refresher.refresh(request(), now).await, Err(RefreshError::Reused(_))));
    });
}
