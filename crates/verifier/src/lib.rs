//! Verifies Signet access tokens in your own process, revocations included.
//!
//! A token is taken apart, checked and believed in one place and one order: [`Verifier::verify_at`]. It needs
//! three things: keys ([`KeySource`]), what is expected of a token ([`Expected`]), and what has been taken back
//! ([`Denylist`]). Nothing here does I/O, reads a clock behind your back, or waits for a lock that a writer may
//! hold for long.
//!
//! ```
//! use std::sync::Arc;
//! use signet_verifier::{Denylist, Expected, StaticKeys, UnixMs, Verifier, VerifyError};
//!
//! let jwks = br#"{"keys":[]}"#; // GET /.well-known/jwks.json
//! let keys = Arc::new(StaticKeys::from_jwks(jwks)?);
//! let denylist = Arc::new(Denylist::default());
//! let verifier = Verifier::new(keys, denylist);
//! let expected = Expected::access_token("https://auth.example", "api")?;
//! let refused = verifier.verify_at("not.a.token", &expected, UnixMs::from_millis(0));
//! assert_eq!(refused.unwrap_err(), VerifyError::Base64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]
// The lines that the README shows compile.
#![cfg_attr(all(doctest, feature = "client"), doc = include_str!("../../../README.md"))]

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(any(feature = "actix", feature = "tower"))]
mod admission;
mod algorithm;
mod claims;
mod clock;
mod crypto;
mod cutoff;
mod denylist;
mod error;
mod expected;
mod feed;
mod header;
mod id;
mod json;
mod jwk;
mod jws;
mod key_source;
mod known_headers;
#[cfg(feature = "client")]
mod rejection;
#[cfg(feature = "client")]
mod sync;
mod token_cache;
#[cfg(feature = "tower")]
pub mod tower;
mod verifier;

// Unit tests sign tokens as the tests outside do, who know the crate by its name.
#[cfg(all(test, feature = "client"))]
extern crate self as signet_verifier;
#[cfg(all(test, feature = "client"))]
#[path = "../tests/signer/mod.rs"]
mod signer;

pub use algorithm::Algorithm;
pub use claims::{Audience, Claims, ClaimsError, NumericDate, RESERVED_CLAIMS, ScopeTokens};
pub use clock::{BootClock, Clock, ManualBootClock, ManualClock, SystemBootClock, SystemClock, UnixMs};
pub use cutoff::{Cutoff, CutoffKey, Effect, Patch, Reason, Scope, ScopeKind};
pub use denylist::{Denylist, ScopeKeys};
pub use error::VerifyError;
pub use expected::{AudienceRule, Expected, ExpiryRule};
pub use feed::{
    Acknowledgement, Batch, Cursor, Event, EventReader, FEED_VERSION, FeedEntry, FeedError, Frame, Heartbeat,
    Hello, Limits, Reset, Snapshot,
};
pub use header::Header;
pub use id::{ClientId, IdError, IssuerUrl, KeyId, SessionId, Subject, TokenId};
pub use json::{StrictValue, strict_from_slice};
pub use jwk::{Jwk, JwkError, JwkSet};
pub use jws::{CompactJws, VerifyingKey};
pub use key_source::{CachedKeys, KeySet, KeySource, StaticKeys};
#[cfg(feature = "client")]
pub use rejection::{Cause, Rejection};
#[cfg(feature = "client")]
pub use sync::{
    ByHand, Check, Connect, ConnectError, Counters, Ended, LiveVerifier, Refusal, Revocation,
    StalenessPolicy, WhenStale, tls_client_config,
};
pub use verifier::{Verified, Verifier};
