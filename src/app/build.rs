//! The order of construction.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Denylist, UnixMs, Verifier};

use super::error::AppError;
use super::watch::Watch;
use super::{App, AppBuilder, Watches};
use crate::config::{Config, EncryptionKey, KeysConfig, StoreUrl};
use crate::http::{Gate, ProxyRange, Readiness, Services};
use crate::keys::{Directory, DirectoryError, KeyEncryptionKey, Keys};
use crate::random::Random;
use crate::revocation::{AccessHorizon, Follower};
use crate::session::{
    ClientRegistry, Introspector, Issuer, Refresher, RefresherParts, Revoker, RevokerParts, TokenSealer,
};
use crate::store::{EmbeddedStore, GuardedStore, Journal, Store};
use crate::telemetry::audit;

/// An engine that takes longer than this counts as lost: callers wait no longer, and refresh degrades.
const STORE_DEADLINE: Duration = Duration::from_millis(500);

/// Builds everything; reads and writes the key directory and opens the store.
pub(super) fn build(builder: AppBuilder) -> Result<App, AppError> {
    let AppBuilder { config, clock, random, store } = builder;
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let keys = Arc::new(open_keys(&config.keys, &random, clock.now())?);
    let engine = if let Some((store, journal)) = store {
        Engine { store, journal, embedded: None }
    } else {
        Engine::open(&config.store.url, &*random)?
    };
    let denylist = Arc::new(Denylist::new(config.tokens.revocable_claims.clone()));
    let follower = Follower::new(Arc::clone(&engine.store), Arc::clone(&denylist), horizon(&config));
    let readiness = Arc::new(Readiness::default());
    let server = config.server.clone();
    let ground = Ground { keys: &keys, denylist: &denylist, engine: &engine, random: &random };
    let services = services(config, &ground, Arc::clone(&clock), Arc::clone(&readiness))?;
    Ok(App {
        server,
        clock,
        keys,
        denylist,
        store: engine.store,
        follower,
        services: actix_web::web::Data::new(services),
        readiness,
        engine: engine.embedded,
        watches: Watches {
            keys: Watch::new("keep the key ring on schedule"),
            follow: Watch::new("follow the store's revocations"),
            sweep: Watch::new("sweep the store"),
        },
    })
}

/// What the domain stands on.
struct Ground<'a> {
    keys: &'a Arc<Keys>,
    denylist: &'a Arc<Denylist>,
    engine: &'a Engine,
    random: &'a Arc<dyn Random>,
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

/// The domain, and what the web server needs beside it.
fn services(
    config: Config,
    ground: &Ground<'_>,
    clock: Arc<dyn signet_verifier::Clock>,
    readiness: Arc<Readiness>,
) -> Result<Services, AppError> {
    let proxies =
        config.server.trusted_proxies.iter().map(|proxy| ProxyRange::new(proxy.network, proxy.prefix));
    let trusted_proxies = proxies.collect::<Result<Vec<_>, _>>()?;
    let clients = Arc::new(ClientRegistry::new(config.clients));
    let (tokens, refresh) = (Arc::new(config.tokens), Arc::new(config.refresh));
    let Ground { keys, denylist, engine, random } = ground;
    let (store, journal) = (&engine.store, &engine.journal);
    let verifier = Arc::new(Verifier::new(Arc::clone(keys) as _, Arc::clone(denylist)));
    let sealer = Arc::new(TokenSealer::new(Arc::clone(keys)));
    let issuer = Arc::new(Issuer::new(
        Arc::clone(keys),
        Arc::clone(denylist),
        Arc::clone(&sealer),
        Arc::clone(random),
        Arc::clone(&tokens),
        Arc::clone(&refresh),
    ));
    let revoker = Arc::new(Revoker::new(RevokerParts {
        issuer: Arc::clone(&issuer),
        sealer: Arc::clone(&sealer),
        denylist: Arc::clone(denylist),
        store: Arc::clone(store),
        journal: Arc::clone(journal),
        keys: Arc::clone(keys),
        clients: Arc::clone(&clients),
        tokens: Arc::clone(&tokens),
        refresh: Arc::clone(&refresh),
        policy: config.revocation,
    }));
    let refresher = Arc::new(Refresher::new(RefresherParts {
        issuer: Arc::clone(&issuer),
        sealer: Arc::clone(&sealer),
        revoker: Arc::clone(&revoker),
        store: Arc::clone(store),
        journal: Arc::clone(journal),
        clients: Arc::clone(&clients),
        tokens: Arc::clone(&tokens),
        policy: refresh,
    }));
    let introspector =
        Arc::new(Introspector::new(Arc::clone(&verifier), sealer, Arc::clone(journal), Arc::clone(&tokens)));
    Ok(Services {
        issuer,
        refresher,
        revoker,
        introspector,
        verifier,
        keys: Arc::clone(keys),
        clients,
        tokens,
        clock,
        public_url: config.server.public_url,
        jwks_max_age: config.keys.schedule.jwks_max_age,
        readiness,
        gate: Gate::new(),
        trusted_proxies,
    })
}
