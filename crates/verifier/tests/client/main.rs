//! The verifier that keeps itself up to date, against a service that may lie, stall and break off: `service`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod following;
mod keys;
mod lies;
mod secured;
mod service;
#[path = "../signer/mod.rs"]
mod signer;
mod stage;
mod starting;
