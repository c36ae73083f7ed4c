//! The agent's endpoints: a verifier that follows the service, for programs in any language on the same machine.
//!
//! | method, path | what |
//! |---|---|
//! | `POST /verify` | a token, and what it says |
//! | any `/forward-auth/{profile}…` | proxies, as in the service |
//! | `GET /livez`, `/readyz`, `/metrics` | operations |

mod following;
mod health;
mod verify;

use actix_web::http::Method;
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use signet_verifier::LiveVerifier;

pub use following::Following;

use super::forward_auth::{self, ForwardAuth};
use super::health::livez;
use super::json::MAX_BODY_BYTES;
use super::routes::{Endpoint, mount_table, on};
use crate::session::ForwardAuthProfile;

/// What the agent's handlers work with. Built once, outside the worker closure, and shared by all workers.
pub struct AgentServices {
    verifier: LiveVerifier,
    forward_auth: Data<ForwardAuth<Following>>,
}

impl AgentServices {
    /// Over this verifier, for proxies that ask by these profiles.
    pub fn new(verifier: LiveVerifier, profiles: impl IntoIterator<Item = ForwardAuthProfile>) -> Self {
        let forward_auth = Data::new(ForwardAuth::new(Following(verifier.clone()), profiles));
        Self { verifier, forward_auth }
    }
}

/// Everything but forward-auth, which takes any method and any path below it.
const TABLE: [Endpoint; 4] = [
    on(Method::POST, "/verify", || web::to(verify::verify)),
    on(Method::GET, "/livez", || web::to(livez)),
    on(Method::GET, "/readyz", || web::to(health::readyz)),
    on(Method::GET, "/metrics", || web::to(health::metrics)),
];

/// Mounts the agent's table on an actix application; called once per worker.
pub fn agent_routes(services: Data<AgentServices>) -> impl Fn(&mut ServiceConfig) + Clone + Send {
    move |config| {
        config.app_data(services.clone()).app_data(PayloadConfig::new(MAX_BODY_BYTES));
        // First: proxies ask it for each request that they get, and rows are tried in turn.
        forward_auth::mount("/forward-auth", services.forward_auth.clone())(config);
        mount_table(config, &TABLE);
    }
}
