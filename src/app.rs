//! The composition root: puts the rooms together, in the only order that works, and takes them down again.
//!
//! Keys first (nothing can be signed, sealed or verified without them), then the store, then the denylist that follows
//! it, then the domain over all three, and the web server on top. Everything is built once, before there are workers.
//!
//! Clock, randomness and store can be handed in: a test runs the whole service on a clock that stands still.

mod agent;
mod build;
mod client_secret;
mod development;
mod error;
mod serve;
mod watch;

use std::sync::Arc;

use signet_verifier::{Clock, Denylist, SystemClock, UnixMs};

pub use agent::{Agent, AgentListener};
pub use build::open_key_encryption_key;
pub use client_secret::ClientSecret;
pub use development::{DEVELOPMENT_CLIENT, DevelopmentClient};
pub use error::AppError;
pub use serve::{block_on, openapi, shutdown_signal};

use crate::config::{Config, ServerConfig};
use crate::http::{Readiness, Requirement, Services};
use crate::keys::Keys;
use crate::random::{Random, SystemRandom};
use crate::revocation::Follower;
use crate::session::{RefreshPolicy, RevocationPolicy, TokenPolicy, TokenSealer};
use crate::store::{EmbeddedStore, Journal, Store};
use crate::telemetry::audit;
use watch::Watch;

/// A node, ready to serve.
pub struct App {
    server: ServerConfig,
    clock: Arc<dyn Clock>,
    follower: Follower,
    services: actix_web::web::Data<Services>,
    ground: Ground,
    readiness: Arc<Readiness>,
    /// The engine to close at the end; none where the store was handed in.
    engine: Option<Arc<EmbeddedStore>>,
    watches: Watches,
}

/// What the domain stands on.
struct Ground {
    keys: Arc<Keys>,
    denylist: Arc<Denylist>,
    sealer: Arc<TokenSealer>,
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    random: Arc<dyn Random>,
    tokens: Arc<TokenPolicy>,
    refresh: Arc<RefreshPolicy>,
    revocation: RevocationPolicy,
}

/// One for each thing that the ticks do: a failure is logged when it begins and when it is over.
struct Watches {
    keys: Watch,
    follow: Watch,
    sweep: Watch,
}

/// What a node is made of; see [`App::builder`].
pub struct AppBuilder {
    config: Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    store: Option<(Arc<dyn Store>, Arc<dyn Journal>)>,
}

impl AppBuilder {
    /// Another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Other randomness than the system's.
    #[must_use]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Another store than the configured one, with its journal. Whoever hands it in closes it.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>, journal: Arc<dyn Journal>) -> Self {
        self.store = Some((store, journal));
        self
    }

    /// Opens keys and store, loads the revocations and builds the rest. Nothing listens yet.
    pub async fn build(self) -> Result<App, AppError> {
        let app = build::build(self)?;
        app.readiness.reached(Requirement::KeysLoaded);
        let now = app.clock.now();
        app.follow(now).await;
        app.watches.follow.note(app.services.revoker.republish_compromised_keys(now).await);
        Ok(app)
    }
}

impl App {
    /// A node of this configuration, with the machine's clock and randomness and the configured store.
    pub fn builder(config: Config) -> AppBuilder {
        AppBuilder {
            config,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom::new()),
            store: None,
        }
    }

    /// The key ring.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.ground.keys)
    }

    /// The denylist.
    pub fn denylist(&self) -> &Arc<Denylist> {
        &self.ground.denylist
    }

    /// The store, behind its deadline where it was not handed in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.ground.store
    }

    /// What the handlers work with.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Does what is due: rotates keys, takes in revocations, forgets what has expired. [`App::run_until`] calls it every
    /// second.
    pub async fn tick(&self) {
        let now = self.clock.now();
        self.tick_keys(now).await;
        self.follow(now).await;
        self.ground.denylist.sweep(now);
        self.watches.sweep.note(self.ground.store.sweep(now).await);
    }

    /// On a thread where waiting for the disk and making a key hold up no request.
    async fn tick_keys(&self, now: UnixMs) {
        let keys = Arc::clone(&self.ground.keys);
        let Ok(done) = tokio::task::spawn_blocking(move || keys.tick(now)).await else { return };
        for step in self.watches.keys.note(done).unwrap_or_default() {
            audit::key_changed(step.key(), step.name());
        }
    }

    /// Takes in what the store knows and this node does not; everything, the first time. A node that has never managed to
    /// is not ready.
    async fn follow(&self, now: UnixMs) -> Option<()> {
        let followed = self.watches.follow.note(self.follower.catch_up(now).await);
        if followed.is_some() {
            self.readiness.reached(Requirement::StoreLoaded);
        }
        followed
    }

    /// Ends it: what was asked for is on disk afterwards.
    fn close(&self) {
        if let Some(engine) = &self.engine {
            engine.close();
        }
    }
}
