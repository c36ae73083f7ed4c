//! The service from outside: every test talks HTTP to a real listener.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod events;
mod harness;

mod ceilings;
mod compromise;
mod errors;
mod feed;
mod feed_load;
mod feed_wait;
mod forward_auth;
mod hostile;
mod issue;
mod kept;
mod keys;
mod late;
mod logs;
mod oauth;
mod patches;
mod process;
mod refresh;
mod revoke;
mod stock;
