//! A verifier that keeps itself up to date: keys and revocations over HTTP, and a bound on how stale they may be.
//!
//! [`connect`] finds the issuer's addresses and starts two tasks: one keeps the keys ([`keys`]), one follows the revocation
//! feed ([`follow`]). Both write into one [`state`], which verification reads without waiting for anybody. What is known and
//! how old it is, [`freshness`] says; what to do when it is too old, [`policy`]. Nothing that [`LiveVerifier::verify`] calls
//! touches the network; [`LiveVerifier::check`] may, where the policy says so.

mod backoff;
mod by_hand;
mod connect;
mod counters;
mod follow;
mod freshness;
mod introspection;
mod keys;
mod knowledge;
mod link;
mod live;
mod policy;
mod revoked;
#[cfg(test)]
mod rig;
mod state;
mod transport;
mod vouching;

pub use by_hand::ByHand;
pub use connect::{Connect, ConnectError};
pub use counters::Counters;
pub use live::{Check, LiveVerifier, Refusal};
pub use policy::{StalenessPolicy, WhenStale};
pub use revoked::{Ended, Revocation};
pub use transport::tls_client_config;
