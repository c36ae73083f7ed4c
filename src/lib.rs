//! Signet: a stateless session service.
//!
//! A token service is a verifier with an issuer on top. Data falls straight down and answers return the same way:
//! `request → http → session (issue | refresh | revoke | introspect) → keys | denylist | store → verifier`.
//!
//! | room | what it knows |
//! |---|---|
//! | `signet-verifier` | what a token is, and when it is believed |
//! | [`keys`] | the ring: which key signs, seals, is published, is gone |
//! | [`store`] | registers and the log of cutoffs, durable |
//! | [`revocation`] | keeps the in-memory denylist in step with the store |
//! | [`session`] | the domain: issue, refresh, revoke, introspect |
//! | [`http`] | the only room that knows the web server |
//! | [`config`] | defaults, file, environment, parsed once |
//! | [`app`] | puts the rooms together |
//! | [`cli`] | the command line |
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::wildcard_enum_match_arm,
        reason = "tests fail by panicking"
    )
)]

pub mod app;
pub mod cli;
pub mod config;
mod crypto;
pub mod http;
pub mod keys;
pub mod random;
pub mod revocation;
pub mod session;
pub mod store;
pub mod telemetry;
