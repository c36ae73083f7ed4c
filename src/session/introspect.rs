//! Introspection (RFC 7662): what a token says, if it is believed now.

use std::sync::Arc;

use serde::Serialize;
use signet_verifier::{Claims, UnixMs, Verifier};

use super::policy::{Client, TokenPolicy};
use super::sealed::TokenSealer;

/// The answer (RFC 7662 §2.2). Inactive is `{"active":false}` and nothing else.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum IntrospectionResponse {
    /// Believed.
    Active(Box<ActiveToken>),
    /// Not, for whatever reason.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// What is said of a token that is believed.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveToken {
    /// Always true.
    pub active: bool,
    /// `Bearer` or `refresh_token`.
    pub token_type: &'static str,
    /// The token's claims.
    #[serde(flatten)]
    pub claims: Claims,
}

/// Introspects tokens.
pub struct Introspector {
    _todo: (),
}

impl Introspector {
    /// An introspector over the one verification path.
    pub fn new(_verifier: Arc<Verifier>, _sealer: Arc<TokenSealer>, _tokens: Arc<TokenPolicy>) -> Self {
        todo!()
    }

    /// What the token says, for this caller: its own tokens, or any with `tokens:introspect`, or those for one of its
    /// audiences.
    pub fn introspect(&self, _token: &str, _caller: &Client, _now: UnixMs) -> IntrospectionResponse {
        todo!()
    }

    /// The session or token to revoke when this client asks (RFC 7009): verified, expired ones included, its own only.
    pub fn revocable(&self, _token: &str, _caller: &Client, _now: UnixMs) -> Option<signet_verifier::Scope> {
        todo!()
    }

    /// The session to revoke when its holder presents a refresh token of it: one that opens and has not expired, whoever
    /// it is bound to (its holder may always end it). Says nothing about its place in the session.
    pub fn revocable_by_holder(&self, _refresh_token: &str, _now: UnixMs) -> Option<signet_verifier::Scope> {
        todo!()
    }
}
