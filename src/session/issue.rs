//! Issuing: the start of a session. Touches no store.

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Algorithm, Audience, Denylist, NumericDate, ScopeTokens, Subject, UnixMs};

use super::grant::{CustomClaims, TokenPair};
use super::policy::{Client, RefreshPolicy, TokenPolicy};
use super::sealed::RefreshBinding;
use crate::keys::Keys;
use crate::random::Random;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct IssueRequest {
    /// Whom the session is for.
    pub subject: Subject,
    /// Which services; `None`: all that the client may ask for.
    pub audience: Option<Audience>,
    /// What it allows.
    pub scope: Option<ScopeTokens>,
    /// Custom claims.
    pub claims: CustomClaims,
    /// When the user authenticated; not in the future.
    pub auth_time: Option<NumericDate>,
    /// How.
    pub amr: Option<Vec<String>>,
    /// How strongly.
    pub acr: Option<String>,
    /// The life of the access tokens; `None`: the default.
    pub access_ttl: Option<Duration>,
    /// Whether a refresh token is wanted, and who may present it.
    pub refresh: Option<RefreshBinding>,
}

/// Why a session was not issued.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IssueError {
    /// An audience that the client may not ask for.
    #[error("aud: this client may not issue for {0}")]
    AudienceNotAllowed(Arc<str>),
    /// No audience asked for and none configured.
    #[error("aud: required, because neither the client nor tokens.audiences lists any")]
    AudienceRequired,
    /// A scope that the client may not ask for.
    #[error("scope: this client may not issue {0}")]
    ScopeNotAllowed(String),
    /// A life over the client's ceiling.
    #[error("access_ttl: at most {} s for this client", .0.as_secs())]
    LifetimeTooLong(Duration),
    /// A life too short to be refreshed in peace: under 12 windows.
    #[error("access_ttl: at least {} s", .0.as_secs())]
    LifetimeTooShort(Duration),
    /// `auth_time` in the future.
    #[error("auth_time: lies in the future")]
    AuthTimeInFuture,
    /// The token would be too long; the fattest claims with their sizes in bytes, fattest first.
    #[error("the access token would have {bytes} bytes, over the limit of {limit}; largest claims: {}", list(.largest))]
    TooLarge {
        /// What it would have.
        bytes: usize,
        /// What it may have.
        limit: usize,
        /// The fattest claims, name and size.
        largest: Vec<(String, usize)>,
    },
    /// No active key for the algorithm, or signing failed.
    #[error("no key can sign with {0} now")]
    NoKey(Algorithm),
}

fn list(claims: &[(String, usize)]) -> String {
    claims.iter().map(|(name, bytes)| format!("{name} ({bytes} bytes)")).collect::<Vec<_>>().join(", ")
}

/// Issues sessions.
pub struct Issuer {
    _todo: (),
}

impl Issuer {
    /// An issuer over this ring and these policies. The denylist tells which times are taken.
    pub fn new(
        _keys: Arc<Keys>,
        _denylist: Arc<Denylist>,
        _random: Arc<dyn Random>,
        _tokens: Arc<TokenPolicy>,
        _refresh: Arc<RefreshPolicy>,
    ) -> Self {
        todo!()
    }

    /// Starts a session.
    pub fn issue(&self, _client: &Client, _request: IssueRequest, _now: UnixMs) -> Result<TokenPair, IssueError> {
        todo!()
    }

    /// A token of the client for itself (RFC 6749 §4.4): `sub` is the client, no `sid`, no refresh token. Without an
    /// audience: the client's; the issuer itself is always allowed, and is what the API of this service asks for.
    pub fn issue_to_client(
        &self,
        _client: &Client,
        _audience: Option<Audience>,
        _scope: Option<ScopeTokens>,
        _now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        todo!()
    }
}
