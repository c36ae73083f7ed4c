//! A refresh as asked for, and why one is refused.

use std::sync::Arc;

use signet_verifier::ScopeTokens;

use super::grant::CustomClaims;
use super::issue::IssueError;
use super::policy::{Client, Permission};
use super::register::Theft;
use super::sealed::{RefreshBinding, SealedSession};

/// Who presents the token.
#[derive(Clone)]
pub enum RefreshCaller {
    /// Somebody who holds it.
    Holder,
    /// A client, authenticated (or a public client that named itself).
    Client(Arc<Client>),
}

/// What a request showed of its sender: for the audit of thefts.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The peer's address.
    pub address: Option<String>,
    /// `User-Agent`, cut to 200 characters.
    pub user_agent: Option<String>,
}

/// A refresh.
pub struct RefreshRequest<'a> {
    /// The refresh token.
    pub token: &'a str,
    /// Who presents it.
    pub caller: RefreshCaller,
    /// New custom claims, whole per name (null takes one away): only from a client that may issue sessions.
    pub claims: Option<CustomClaims>,
    /// A narrower scope for this access token alone (RFC 6749 §6).
    pub scope: Option<ScopeTokens>,
    /// What the request showed.
    pub seen: Seen,
}

impl RefreshRequest<'_> {
    /// Whether this caller may present the session's token, and ask for what it asks.
    pub(super) fn check(&self, session: &SealedSession) -> Result<(), RefreshError> {
        let may_set_claims = match &self.caller {
            RefreshCaller::Client(client) if client.id != session.grant.client_id => {
                return Err(RefreshError::WrongClient);
            }
            RefreshCaller::Holder if session.binding == RefreshBinding::Client => {
                return Err(RefreshError::WrongClient);
            }
            RefreshCaller::Client(client) => client.permissions.contains(&Permission::SessionsIssue),
            RefreshCaller::Holder => false,
        };
        if self.claims.is_some() && !may_set_claims {
            return Err(RefreshError::ClaimsNotAllowed);
        }
        match (&self.scope, &session.grant.scope) {
            (None, _) => Ok(()),
            (Some(asked), Some(granted)) if asked.is_within(granted) => Ok(()),
            (Some(_), _) => Err(RefreshError::ScopeNotGranted),
        }
    }
}

/// Why a refresh was refused.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not a refresh token of ours, or sealed by a key that is gone.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Idle or absolute lifetime has passed.
    #[error("the session has expired")]
    Expired,
    /// The session has been revoked.
    #[error("the session has been revoked")]
    Revoked,
    /// A copy of the token was used; the session has ended.
    #[error("the refresh token was used before in a way that only a copy explains")]
    Reused(Theft),
    /// The token belongs to a client that has to authenticate, or to another client.
    #[error("the refresh token belongs to another client")]
    WrongClient,
    /// The scope asked for is not within the session's.
    #[error("scope: not within the session's")]
    ScopeNotGranted,
    /// The caller may not set claims.
    #[error("claims: only for a client with sessions:issue")]
    ClaimsNotAllowed,
    /// The claims are too long to fit into tokens.
    #[error("claims: at most {0} bytes of JSON")]
    ClaimsTooLarge(usize),
    /// The store did not answer and degraded refresh is off, over, or not safe.
    #[error("the session store is not available")]
    Unavailable,
    /// The next access token could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}
