//! What comes after a refresh token: its child, or the root of the session that was kept.
//!
//! Both are made again from the same inputs whenever the same token is presented again: ids are keyed hashes, times come
//! from when the child was first made. Custom claims are sealed as they were granted; patches are applied to access
//! tokens only. So a patch never gives one successor two contents: it gives the *access token* another `jti`.

use std::sync::Arc;

use signet_verifier::{ScopeTokens, SessionId, UnixMs};

use super::access::leading;
use super::grant::{CustomClaims, TokenPair};
use super::history::{History, Kept};
use super::issue::{IssueError, Issuer};
use super::policy::{Client, ClientRegistry, RefreshPolicy};
use super::register::Presented;
use super::sealed::{SealedError, SealedSession, TokenSealer};
use crate::random::bytes;

/// Makes the tokens that follow a token.
pub(super) struct Lineage {
    issuer: Arc<Issuer>,
    sealer: Arc<TokenSealer>,
    clients: Arc<ClientRegistry>,
    policy: Arc<RefreshPolicy>,
}

/// What an access token of a session says beyond the session itself.
pub(super) struct AccessContent<'a> {
    /// The custom claims, patched.
    pub(super) claims: &'a CustomClaims,
    /// A narrower scope for this token alone.
    pub(super) scope: Option<&'a ScopeTokens>,
    /// Its `jti` takes a time not before this.
    pub(super) not_before: UnixMs,
}

impl<'a> AccessContent<'a> {
    /// What the session's next access token says, after all that is known of the session.
    pub(super) fn of(history: &'a History, scope: Option<&'a ScopeTokens>) -> Self {
        Self { claims: history.claims(), scope, not_before: history.tokens_denied_before() }
    }
}

impl Lineage {
    pub(super) fn new(
        issuer: Arc<Issuer>,
        sealer: Arc<TokenSealer>,
        clients: Arc<ClientRegistry>,
        policy: Arc<RefreshPolicy>,
    ) -> Self {
        Self { issuer, sealer, clients, policy }
    }

    /// The registered client of a session; a client that is no longer registered has no sessions.
    pub(super) fn client(&self, session: &SealedSession) -> Option<&Arc<Client>> {
        self.clients.find(session.grant.client_id.as_str())
    }

    /// The presented token's child, minted at `since`.
    pub(super) fn child(
        &self,
        session: &SealedSession,
        since: UnixMs,
        now: UnixMs,
    ) -> Result<SealedSession, SealedError> {
        let presented = &session.presented;
        let parts: [&[u8]; 2] = [&presented.id, &since.as_millis().to_be_bytes()];
        let hash = self.sealer.prf("refresh token id", &parts, since, now)?;
        let child = Presented {
            generation: presented.generation.saturating_add(1),
            id: leading(&hash),
            parent: presented.id,
            minted: since,
        };
        Ok(self.at(session, child))
    }

    /// The session as one of its other tokens holds it.
    pub(super) fn at(&self, session: &SealedSession, presented: Presented) -> SealedSession {
        let idle_expires_at = presented.minted.after(self.policy.idle_ttl).min(session.absolute_expires_at);
        SealedSession { presented, idle_expires_at, ..session.clone() }
    }

    /// The root of the session that goes on when everything else of the subject is signed out.
    pub(super) fn kept_root(
        &self,
        session: &SealedSession,
        history: &History,
        kept: Kept,
        now: UnixMs,
    ) -> Result<SealedSession, SealedError> {
        let Kept { at, made_at } = kept;
        let parts: [&[u8]; 2] = [&session.presented.id, &at.as_millis().to_be_bytes()];
        let sid = SessionId::new(at, &leading(&self.sealer.prf("kept session", &parts, made_at, now)?));
        let id = leading(&self.sealer.prf("kept root", &parts, made_at, now)?);
        let mut root = self.at(session, Presented { generation: 0, id, parent: [0; 16], minted: made_at });
        root.sid = sid;
        // Patches of the old `sid` would not find the new one: what they said is granted now.
        root.grant.claims = history.claims_before(session, at);
        root.claims_at = at;
        Ok(root)
    }

    /// The pair of a token made again: its text, and the access token that went with it when it was minted. Where that
    /// access token has expired meanwhile, a new one.
    pub(super) fn pair(
        &self,
        next: &SealedSession,
        content: &AccessContent<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let client = self.client(next).ok_or(IssueError::UnknownClient)?;
        let issued_at = next.presented.minted;
        let jti_time = issued_at.max(content.not_before);
        let says = serde_json::to_vec(&(content.claims.as_map(), content.scope))
            .map_err(|_| IssueError::NoSealingKey)?;
        let parts: [&[u8]; 3] = [&next.presented.id, &jti_time.as_millis().to_be_bytes(), &says];
        let chance = self
            .sealer
            .prf("access token id", &parts, issued_at, now)
            .map_err(|_| IssueError::NoSealingKey)?;
        let mut pair = self.access(next, client, content, (issued_at, jti_time, leading(&chance)), now)?;
        if pair.expires_in == 0 {
            pair = self.access_only(next, content, now)?;
        }
        self.with_refresh_token(pair, next, now)
    }

    /// The root of a kept session, with the access token that went with it, or a new one for whoever comes back late.
    pub(super) fn kept_pair(
        &self,
        root: &SealedSession,
        content: &AccessContent<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let late = now.since(root.presented.minted) > self.policy.window;
        if late { self.pair_issued_now(root, content, now) } else { self.pair(root, content, now) }
    }

    /// Refuses claims with which the session's tokens would be too large, before anything is moved or written.
    pub(super) fn check_size(
        &self,
        session: &SealedSession,
        claims: &CustomClaims,
        now: UnixMs,
    ) -> Result<(), IssueError> {
        let content = AccessContent { claims, scope: None, not_before: now };
        self.access_only(session, &content, now).map(drop)
    }

    /// The text of a token made again, with a new access token: what a late sibling or parent gets.
    pub(super) fn pair_issued_now(
        &self,
        next: &SealedSession,
        content: &AccessContent<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        self.with_refresh_token(self.access_only(next, content, now)?, next, now)
    }

    fn with_refresh_token(
        &self,
        pair: TokenPair,
        next: &SealedSession,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let refresh_token = self.sealer.seal(next, now).map_err(|_| IssueError::NoSealingKey)?;
        let refresh_expires_in = next.idle_expires_at.since(now).as_secs();
        Ok(TokenPair {
            refresh_token: Some(refresh_token),
            refresh_expires_in: Some(refresh_expires_in),
            rotated: Some(true),
            ..pair
        })
    }

    /// A new access token of the session, issued now, and no refresh token.
    pub(super) fn access_only(
        &self,
        session: &SealedSession,
        content: &AccessContent<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let client = self.client(session).ok_or(IssueError::UnknownClient)?;
        let jti_time = now.max(content.not_before);
        let mut pair =
            self.access(session, client, content, (now, jti_time, bytes(self.issuer.random())), now)?;
        pair.rotated = Some(false);
        Ok(pair)
    }

    fn access(
        &self,
        session: &SealedSession,
        client: &Client,
        content: &AccessContent<'_>,
        (issued_at, jti_time, chance): (UnixMs, UnixMs, [u8; 12]),
        now: UnixMs,
    ) -> Result<TokenPair, IssueError> {
        let mut access =
            session.grant.access_token(content.claims, Some(session.sid), issued_at, jti_time, chance);
        access.scope = content.scope.or(access.scope);
        let scope = access.scope.cloned();
        let minted = self.issuer.minter().mint(client, &access, now)?;
        Ok(TokenPair::of_access(minted, Some(session.sid), scope, now))
    }
}
