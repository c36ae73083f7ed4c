//! The refresh rule against worlds that try to break it.
//!
//! Each world is a discrete-event simulation in milliseconds around `decide`: clients that read a token, refresh and
//! store the answer, with answers late, out of order and lost, nodes whose clocks differ, a store that forgets, and
//! thieves. Everything follows from a seed, so a failure names the run that showed it.
//!
//! Two laws: an owner alone is never refused (`owners`, `interleavings`), and a thief who goes on is caught in every
//! run (`thieves`). `limits` shows where they end, so that a change of the rule cannot move the limits unseen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod interleavings;
mod limits;
mod owners;
mod thieves;
mod timed_thieves;
mod world;

/// Runs of each world. The laws have no tolerance: more runs only look further.
const RUNS: u64 = 500;
