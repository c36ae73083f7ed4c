//! The only room that knows the web server: routes, extractors, wire types, and the one table of refusals.
//!
//! A request falls through [`routes`] to one handler per file. What a handler needs is in its signature: who asks and
//! whether they may (`Authorised<P>`, `ClientForm<A>`, `Presenter`, `Bearer`), what they ask (`JsonBody<T>`, a form), and
//! when (`Now`). What it refuses is a domain error; `error.rs` alone knows which status that is.

mod agent;
mod answer;
mod credentials;
mod entity_tag;
mod error;
mod extract;
mod form;
mod forward_auth;
mod gate;
mod health;
mod introspection;
mod json;
mod jwks;
mod keys;
mod metadata;
mod metrics;
mod openapi;
mod peer;
mod problem;
mod query;
mod readiness;
mod revocation;
mod revocations;
mod routes;
mod row;
mod services;
mod sessions;
mod token;

pub use agent::{AgentServices, Following, agent_routes};
pub use forward_auth::{Authority, ForwardAuth, ThisNode, mount as mount_forward_auth};
pub use gate::Gate;
pub use openapi::openapi;
pub use peer::{ProxyRange, ProxyRangeError};
pub use readiness::{Readiness, Requirement};
pub use revocations::EncodedSnapshots;
pub use routes::routes;
pub use services::Services;
