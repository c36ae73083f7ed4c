//! Issuing: the start of a session. Touches no store.

use std::sync::Arc;
use std::time::Duration;

use signet_verifier::{Algorithm, Audience, Denylist, NumericDate, ScopeTokens, SessionId, Subject, UnixMs};

use super::access::{AccessMinter, AccessToken, FreeTime, leading};
use super::grant::{CustomClaims, Grant, TokenPair};
use super::policy::{Client, RefreshPolicy, TokenPolicy};
use super::register::Presented;
use super::sealed::{RefreshBinding, SealedSession, TokenSealer};
use crate::keys::Keys;
use crate::random::{Random, bytes};
use crate::telemetry::audit;

/// An access token lives at least so many refresh windows: below that, ordinary retries would look like polling.
pub const WINDOWS_PER_ACCESS_TTL: u32 = 12;

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
    /// The session's client is no longer registered.
    #[error("the session's client is not registered")]
    UnknownClient,
    /// No active key to seal the refresh token with.
    #[error("no key can seal now")]
    NoSealingKey,
}

fn list(claims: &[(String, usize)]) -> String {
    claims.iter().map(|(name, bytes)| format!("{name} ({bytes} bytes)")).collect::<Vec<_>>().join(", ")
}

/// Issues sessions.
pub struct Issuer {
    minter: AccessMinter,
    sealer: Arc<TokenSealer>,
    random: Arc<dyn Random>,
    tokens: Arc<TokenPolicy>,
    refresh: Arc<RefreshPolicy>,
}

impl Issuer {
    /// An issuer over this ring and these policies. The denylist tells which times are taken.
    pub fn new(
        keys: Arc<Keys>,
        denylist: Arc<Denylist>,
        sealer: Arc<TokenSealer>,
        random: Arc<dyn Random>,
        tokens: Arc<TokenPolicy>,
        refresh: Arc<RefreshPolicy>,
    ) -> Self {
        let minter = AccessMinter::new(keys, denylist, Arc::clone(&tokens));
        Self { minter, sealer, random, tokens, refresh }
    }

    /// Starts a session.
    pub fn issue(
        &self,
        client: &Client,
        request: IssueRequest,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let binding = request.refresh;
        let grant = self.grant(client, request, now)?;
        let chance = bytes::<38>(&*self.random);
        let (sid_chance, rest) = chance.split_at(10);
        let (root_id, access_chance) = rest.split_at(16);
        let free = self.minter.free_time(now, &grant.free_time());
        let sid = SessionId::new(free, &leading(sid_chance));
        let minted = self.minter.mint(
            client,
            &grant.access_token(&grant.claims, Some(sid), now, free, leading(access_chance)),
            now,
        )?;
        audit::issued(Some(sid), minted.jti, &client.id, &grant.subject);
        let mut pair = TokenPair::of_access(minted, Some(sid), grant.scope.clone(), now);
        if let Some(binding) = binding {
            let root = SealedSession {
                sid,
                presented: Presented { generation: 0, id: leading(root_id), parent: [0; 16], minted: now },
                binding,
                claims_at: free,
                idle_expires_at: now.after(self.refresh.idle_ttl.min(self.refresh.absolute_ttl)),
                absolute_expires_at: now.after(self.refresh.absolute_ttl),
                grant,
            };
            pair.refresh_expires_in = Some(root.idle_expires_at.since(now).as_secs());
            pair.refresh_token = Some(self.sealer.seal(&root, now).map_err(|_| IssueError::NoSealingKey)?);
        }
        Ok(pair)
    }

    /// A token of the client for itself (RFC 6749 §4.4): `sub` is the client, no `sid`, no refresh token. Without an
    /// audience: the client's; the issuer itself is always allowed, and is what the API of this service asks for.
    pub fn issue_to_client(
        &self,
        client: &Client,
        audience: Option<Audience>,
        scope: Option<ScopeTokens>,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let issuer = self.tokens.issuer.as_str();
        let audience = match audience {
            Some(audience) if audience.iter().all(|one| &**one == issuer) => audience,
            None if client.audiences.is_empty() && self.tokens.audiences.is_empty() => {
                Audience::new([issuer]).map_err(|_| IssueError::AudienceRequired)?
            }
            other => self.audience(client, other)?,
        };
        check_scope(client, scope.as_ref())?;
        let subject = Subject::parse(client.id.as_str()).map_err(|_| IssueError::AudienceRequired)?;
        let claims = CustomClaims::default();
        let of = FreeTime { subject: &subject, client_id: &client.id, audience: &audience, claims: &claims };
        let jti_time = self.minter.free_time(now, &of);
        let access = AccessToken {
            subject: &subject,
            audience: &audience,
            scope: scope.as_ref(),
            claims: &claims,
            auth_time: None,
            amr: None,
            acr: None,
            sid: None,
            ttl: self.ceiling(client).min(self.tokens.access_ttl),
            issued_at: now,
            jti_time,
            chance: bytes(&*self.random),
        };
        let minted = self.minter.mint(client, &access, now)?;
        audit::issued(None, minted.jti, &client.id, &subject);
        Ok(TokenPair::of_access(minted, None, scope, now))
    }

    pub(super) fn minter(&self) -> &AccessMinter {
        &self.minter
    }

    pub(super) fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// What is granted of what is asked for.
    fn grant(&self, client: &Client, request: IssueRequest, now: UnixMs) -> Result<Grant, IssueError> {
        check_scope(client, request.scope.as_ref())?;
        if request.auth_time.is_some_and(|time| time.as_ms() > now.after(self.tokens.leeway)) {
            return Err(IssueError::AuthTimeInFuture);
        }
        Ok(Grant {
            audience: self.audience(client, request.audience)?,
            access_ttl: self.access_ttl(client, request.access_ttl)?,
            subject: request.subject,
            client_id: client.id.clone(),
            scope: request.scope,
            claims: request.claims,
            auth_time: request.auth_time,
            amr: request.amr,
            acr: request.acr,
        })
    }

    fn audience(&self, client: &Client, asked: Option<Audience>) -> Result<Audience, IssueError> {
        let allowed = if client.audiences.is_empty() { &self.tokens.audiences } else { &client.audiences };
        let Some(asked) = asked else {
            return Audience::new(allowed).map_err(|_| IssueError::AudienceRequired);
        };
        let foreign = asked.iter().find(|one| !allowed.contains(one)).cloned();
        match foreign {
            Some(foreign) => Err(IssueError::AudienceNotAllowed(foreign)),
            None => Ok(asked),
        }
    }

    /// The longest life that the client may ask for.
    fn ceiling(&self, client: &Client) -> Duration {
        client.max_access_ttl.unwrap_or(self.tokens.access_ttl)
    }

    fn access_ttl(&self, client: &Client, asked: Option<Duration>) -> Result<Duration, IssueError> {
        let ceiling = self.ceiling(client);
        let shortest = self.refresh.window * WINDOWS_PER_ACCESS_TTL;
        match asked {
            None => Ok(self.tokens.access_ttl.min(ceiling)),
            Some(ttl) if ttl > ceiling => Err(IssueError::LifetimeTooLong(ceiling)),
            Some(ttl) if ttl < shortest => Err(IssueError::LifetimeTooShort(shortest)),
            Some(ttl) => Ok(ttl),
        }
    }
}

fn check_scope(client: &Client, scope: Option<&ScopeTokens>) -> Result<(), IssueError> {
    let (Some(asked), Some(allowed)) = (scope, &client.scopes) else { return Ok(()) };
    match asked.iter().find(|token| !allowed.iter().any(|known| known == *token)) {
        Some(foreign) => Err(IssueError::ScopeNotAllowed(foreign.to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
