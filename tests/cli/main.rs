//! The `signet` program as people and scripts use it: what it prints, where, and with which exit code.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod program;

mod configuration;
mod first_contact;
mod keys;
mod service;
mod tokens;
