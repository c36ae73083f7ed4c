//! The order of construction.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use signet_verifier::{Clock, Denylist, Limits, UnixMs, Verifier};

use super::error::AppError;
use super::watch::Watch;
use super::{App, AppBuilder, Ground, Watches};
use crate::config::{Config, EncryptionKey, KeysConfig, ServerConfig, StoreUrl};
use crate::http::{EncodedSnapshots, ForwardAuth, Gate, ProxyRange, Readiness, Services, ThisNode};
use crate::keys::{Directory, DirectoryError, KeyEncryptionKey, Keys};
use crate::random::Random;
use crate::revocation::{AccessHorizon, Feed, FeedParts, Follower};
use crate::session::{
    ClientRegistry, ForwardAuthProfile, Introspector, Issuer, Refresher, RefresherParts, Revoker,
    RevokerParts, TokenSealer,
};
use crate::store::{EmbeddedStore, GuardedStore, Journal, Store};
use crate::telemetry::{Metrics, audit};

/// An engine that takes longer than this counts as lost: callers wait no longer, and refresh degrades.
const STORE_DEADLINE: Duration = Duration::from_millis(500);

/// Builds everything; reads and writes the key directory and opens the store.
pub(super) fn build(builder: AppBuilder) -> Result<App, AppError> {
    let AppBuilder { config, clock, random, store } = builder;
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let keys = Arc::new(open_keys(&config.keys, &random, clock.now())?);
    let Engine { store, journal, embedded } = if let Some((store, journal)) = store {
        Engine { store, journal, embedded: None }
    } else {
        Engine::open(&config.store.url, &*random)?
    };
    let denylist = Arc::new(Denylist::new(config.tokens.revocable_claims.clone()));
    let metrics = Arc::new(Metrics::new());
    let feed = Arc::new(feed(&config, &store, &random, &metrics));
    let follower =
        Follower::new(Arc::clone(&store), Arc::clone(&denylist), Arc::clone(&feed), horizon(&config));
    let readiness = Arc::new(Readiness::default());
    let ground = Ground {
        sealer: Arc::new(TokenSealer::new(Arc::clone(&keys))),
        keys,
        denylist,
        store,
        journal,
        random,
        tokens: Arc::new(config.tokens),
        refresh: Arc::new(config.refresh),
        revocation: config.revocation,
    };
    let edge = Edge {
        clock: Arc::clone(&clock),
        readiness: Arc::clone(&readiness),
        clients: Arc::new(ClientRegistry::new(config.clients)),
        server: &config.server,
        jwks_max_age: config.keys.schedule.jwks_max_age,
        feed,
        metrics,
        forward_auth: config.forward_auth,
    };
    let services = Data::new(services(&ground, edge)?);
    Ok(App {
        server: config.server,
        clock,
        follower,
        services,
        ground,
        readiness,
        engine: embedded,
        watches: Watches {
            keys: Watch::new("keep the key ring on schedule"),
            follow: Watch::new("follow the store's revocations"),
            sweep: Watch::new("sweep the store"),
        },
    })
}

/// The store as the domain sees it, and the engine to close at the end.
struct Engine {
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    embedded: Option<Arc<EmbeddedStore>>,
}

impl Engine {
    fn open(url: &StoreUrl, random: &dyn Random) -> Result<Self, AppError> {
        let StoreUrl::Redb(path) = url;
        let opened = EmbeddedStore::open(path, random);
        let embedded = Arc::new(opened.map_err(|source| AppError::Store { path: path.clone(), source })?);
        let store: Arc<dyn Store> = Arc::clone(&embedded) as Arc<dyn Store>;
        Ok(Self {
            store: Arc::new(GuardedStore::new(store, STORE_DEADLINE)),
            journal: Arc::clone(&embedded) as Arc<dyn Journal>,
            embedded: Some(embedded),
        })
    }
}

fn open_keys(config: &KeysConfig, random: &Arc<dyn Random>, now: UnixMs) -> Result<Keys, AppError> {
    let kek = open_key_encryption_key(config, &**random)?;
    let directory = Directory::open(&config.directory, kek)?;
    let keys = Keys::open(directory, config.schedule.clone(), Arc::clone(random), now)?;
    let ring = keys.ring();
    let made_now = ring.entries().iter().filter(|entry| entry.times.created_at == now);
    made_now.for_each(|entry| audit::key_changed(Some(&entry.kid), "create"));
    drop(ring);
    Ok(keys)
}

/// The key-encryption key from where the configuration says; one beside the ring is made where there is none.
pub fn open_key_encryption_key(
    config: &KeysConfig,
    random: &dyn Random,
) -> Result<KeyEncryptionKey, DirectoryError> {
    match &config.encryption_key {
        EncryptionKey::File(path) => KeyEncryptionKey::from_file(path),
        EncryptionKey::Text(text) => KeyEncryptionKey::from_base64(text),
        EncryptionKey::BesideRing => beside_ring(&config.directory, random),
    }
}

fn beside_ring(directory: &Path, random: &dyn Random) -> Result<KeyEncryptionKey, DirectoryError> {
    let (kek, made_now) = KeyEncryptionKey::beside_ring(directory, random)?;
    tracing::warn!(
        "The key-encryption key lies beside the keys that it seals, in {}{}: whoever copies that directory has the keys. \
         Good enough for development only; otherwise set keys.encryption_key_file.",
        directory.display(),
        if made_now { ", where it was made just now" } else { "" }
    );
    Ok(kek)
}

fn horizon(config: &Config) -> AccessHorizon {
    AccessHorizon {
        longest_access_ttl: config.tokens.longest_access_ttl,
        leeway: config.tokens.leeway,
        // A cutoff is dated a skew ahead of a clock that may itself be a skew ahead.
        furthest_ahead: config.revocation.max_skew * 2,
    }
}

fn feed(config: &Config, store: &Arc<dyn Store>, random: &Arc<dyn Random>, metrics: &Arc<Metrics>) -> Feed {
    let metrics = Arc::clone(metrics);
    Feed::new(FeedParts {
        store: Arc::clone(store),
        limits: limits(config),
        horizon: horizon(config),
        random: Arc::clone(random),
        applied_after: Arc::new(move |lag| metrics.applied_after(lag)),
    })
}

/// What verifiers are told of all tokens.
fn limits(config: &Config) -> Limits {
    Limits {
        longest_access_ttl: config.tokens.longest_access_ttl,
        leeway: config.tokens.leeway,
        revocable_claims: config.tokens.revocable_claims.clone(),
    }
}

/// What the web server needs beside the domain.
struct Edge<'a> {
    clock: Arc<dyn Clock>,
    readiness: Arc<Readiness>,
    clients: Arc<ClientRegistry>,
    server: &'a ServerConfig,
    jwks_max_age: Duration,
    feed: Arc<Feed>,
    metrics: Arc<Metrics>,
    forward_auth: Vec<ForwardAuthProfile>,
}

/// The domain from the ground up, and the edge.
fn services(ground: &Ground, edge: Edge<'_>) -> Result<Services, AppError> {
    let proxies = edge.server.trusted_proxies.iter();
    let trusted_proxies = proxies.map(|proxy| ProxyRange::new(proxy.network, proxy.prefix));
    let verifier = Arc::new(Verifier::new(Arc::clone(&ground.keys) as _, Arc::clone(&ground.denylist)));
    let issuer = ground.issuer(Arc::clone(&ground.denylist));
    let revoker = ground.revoker(&issuer, &edge.clients);
    let refresher = ground.refresher(&issuer, &revoker, &edge.clients);
    let introspector = Introspector::new(
        Arc::clone(&verifier),
        Arc::clone(&ground.sealer),
        Arc::clone(&ground.journal),
        Arc::clone(&ground.tokens),
    );
    let this_node = ThisNode {
        verifier: Arc::clone(&verifier),
        feed: Arc::clone(&edge.feed),
        readiness: Arc::clone(&edge.readiness),
        clock: Arc::clone(&edge.clock),
        tokens: Arc::clone(&ground.tokens),
        audiences: edge.clients.audiences(&ground.tokens),
        metrics: Arc::clone(&edge.metrics),
    };
    Ok(Services {
        issuer,
        refresher,
        revoker,
        introspector: Arc::new(introspector),
        verifier,
        keys: Arc::clone(&ground.keys),
        clients: edge.clients,
        tokens: Arc::clone(&ground.tokens),
        clock: edge.clock,
        public_url: edge.server.public_url.clone(),
        jwks_max_age: edge.jwks_max_age,
        readiness: edge.readiness,
        feed: edge.feed,
        encoded_snapshots: EncodedSnapshots::default(),
        metrics: edge.metrics,
        forward_auth: Data::new(ForwardAuth::new(this_node, edge.forward_auth)),
        gate: Gate::new(),
        trusted_proxies: trusted_proxies.collect::<Result<_, _>>()?,
    })
}

impl Ground {
    /// An issuer that keeps clear of these revocations.
    pub(super) fn issuer(&self, denylist: Arc<Denylist>) -> Arc<Issuer> {
        Arc::new(Issuer::new(
            Arc::clone(&self.keys),
            denylist,
            Arc::clone(&self.sealer),
            Arc::clone(&self.random),
            Arc::clone(&self.tokens),
            Arc::clone(&self.refresh),
        ))
    }

    fn revoker(&self, issuer: &Arc<Issuer>, clients: &Arc<ClientRegistry>) -> Arc<Revoker> {
        Arc::new(Revoker::new(RevokerParts {
            issuer: Arc::clone(issuer),
            sealer: Arc::clone(&self.sealer),
            denylist: Arc::clone(&self.denylist),
            store: Arc::clone(&self.store),
            journal: Arc::clone(&self.journal),
            keys: Arc::clone(&self.keys),
            clients: Arc::clone(clients),
            tokens: Arc::clone(&self.tokens),
            refresh: Arc::clone(&self.refresh),
            policy: self.revocation.clone(),
        }))
    }

    fn refresher(
        &self,
        issuer: &Arc<Issuer>,
        revoker: &Arc<Revoker>,
        clients: &Arc<ClientRegistry>,
    ) -> Arc<Refresher> {
        Arc::new(Refresher::new(RefresherParts {
            issuer: Arc::clone(issuer),
            sealer: Arc::clone(&self.sealer),
            revoker: Arc::clone(revoker),
            store: Arc::clone(&self.store),
            journal: Arc::clone(&self.journal),
            clients: Arc::clone(clients),
            tokens: Arc::clone(&self.tokens),
            policy: Arc::clone(&self.refresh),
        }))
    }
}
