//! Refreshing: the next tokens of a session.
//!
//! `open → whose is it → lifetimes → cutoffs (journal) → register (store) → answer`. What may be given without the store
//! is decided in `degraded`; what the register says is decided by the pure rule in [`super::register`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use signet_verifier::UnixMs;

use super::grant::TokenPair;
use super::history::{History, Verdict};
use super::issue::Issuer;
use super::lineage::{AccessContent, Lineage};
use super::policy::{ClientRegistry, RefreshPolicy, TokenPolicy, WhenStoreDown};
use super::refresh_request::{RefreshError, RefreshRequest};
use super::register::{Outcome, decide, decide_kept};
use super::revocation_request::RevokeError;
use super::revoke::Revoker;
use super::sealed::{SealedSession, TokenSealer};
use crate::store::{Journal, Store, StoreError, Swap};
use crate::telemetry::audit;

/// What a refresher works with.
pub struct RefresherParts {
    /// Makes access tokens.
    pub issuer: Arc<Issuer>,
    /// Seals and opens refresh tokens.
    pub sealer: Arc<TokenSealer>,
    /// Ends sessions of which a copied token was used, and stores patches of claims.
    pub revoker: Arc<Revoker>,
    /// Holds the registers.
    pub store: Arc<dyn Store>,
    /// Knows every cutoff.
    pub journal: Arc<dyn Journal>,
    /// Who the sessions belong to.
    pub clients: Arc<ClientRegistry>,
    /// What tokens are like.
    pub tokens: Arc<TokenPolicy>,
    /// How refresh works.
    pub policy: Arc<RefreshPolicy>,
}

/// Refreshes sessions.
pub struct Refresher {
    lineage: Lineage,
    sealer: Arc<TokenSealer>,
    pub(super) revoker: Arc<Revoker>,
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    tokens: Arc<TokenPolicy>,
    pub(super) policy: Arc<RefreshPolicy>,
    /// Since when the store has not answered, in milliseconds; 0 while it does.
    degraded_since: AtomicU64,
}

/// What the rule said, and when the newest token was first presented.
struct Step {
    outcome: Outcome,
    current_at: UnixMs,
}

/// How often a lost compare-and-swap is tried again. Each loss means that another request moved the register, after
/// which the rule mostly has nothing left to write.
const SWAP_ATTEMPTS: usize = 64;
/// Registers outlive the refresh token by this much, so that clocks and leeways do not matter.
const REGISTER_MARGIN: Duration = Duration::from_mins(5);

impl Refresher {
    /// A refresher over these parts.
    pub fn new(parts: RefresherParts) -> Self {
        let RefresherParts { issuer, sealer, revoker, store, journal, clients, tokens, policy } = parts;
        let lineage = Lineage::new(issuer, Arc::clone(&sealer), clients, Arc::clone(&policy));
        let degraded_since = AtomicU64::new(0);
        Self { lineage, sealer, revoker, store, journal, tokens, policy, degraded_since }
    }

    /// The next tokens. Authentication of the caller comes before this call; theft is acted upon within it.
    pub async fn refresh(&self, request: RefreshRequest<'_>, now: UnixMs) -> Result<TokenPair, RefreshError> {
        let session = self.sealer.open(request.token, now).map_err(|_| RefreshError::Invalid)?;
        self.authorise(&request, &session)?;
        if now >= session.idle_expires_at || now >= session.absolute_expires_at {
            return Err(RefreshError::Expired);
        }
        let history = self.history(&session)?;
        match history.verdict(&session) {
            Verdict::Live => {
                let history = self.patched(&session, history, &request, now).await?;
                let content = AccessContent::of(&history, request.scope.as_ref());
                match self.step(&session, now).await {
                    Ok(step) => {
                        self.degraded_since.store(0, Ordering::Relaxed);
                        self.answer(&step, &session, &content, &request, now).await
                    }
                    Err(error) => self.degraded(&session, &content, &error, now),
                }
            }
            Verdict::Kept(kept) => {
                let root = self.lineage.kept_root(&session, &history, kept, now);
                self.kept(&root.map_err(|_| RefreshError::Unavailable)?, &request, now).await
            }
            Verdict::Denied => Err(RefreshError::Revoked),
        }
    }

    /// What is known of the session once the caller's claims have been stored. Claims that make its tokens too large are
    /// refused before the register moves: otherwise the owner's attempts would look like a thief's.
    async fn patched(
        &self,
        session: &SealedSession,
        history: History,
        request: &RefreshRequest<'_>,
        now: UnixMs,
    ) -> Result<History, RefreshError> {
        let Some(claims) = &request.claims else {
            if history.has_patches() {
                self.lineage.check_size(session, history.claims(), now)?;
            }
            return Ok(history);
        };
        self.lineage.check_size(session, &history.claims().with(claims), now)?;
        self.revoker
            .patch_session(session, &history, claims, now)
            .await
            .map_err(|error| unpatched(&error))?;
        self.history(session)
    }

    /// Who may present this token, and what they may ask for with it.
    fn authorise(&self, request: &RefreshRequest<'_>, session: &SealedSession) -> Result<(), RefreshError> {
        if self.lineage.client(session).is_none() {
            return Err(RefreshError::WrongClient);
        }
        request.check(session)
    }

    /// Without the journal nobody can say whether the session was taken back: then nothing is given.
    fn history(&self, session: &SealedSession) -> Result<History, RefreshError> {
        History::read(&*self.journal, session, &self.tokens.revocable_claims)
            .map_err(|_| RefreshError::Unavailable)
    }

    /// Moves the register by the rule.
    async fn step(&self, session: &SealedSession, now: UnixMs) -> Result<Step, StoreError> {
        let mut register = self.store.load_register(session.sid).await?;
        // Tokens made when the idle lifetime was longer must not outlive the register that knows them for old.
        let kept_until = now.after(self.policy.idle_ttl).max(session.idle_expires_at).after(REGISTER_MARGIN);
        for _ in 0..SWAP_ATTEMPTS {
            let (outcome, next) = decide(register.as_ref(), &session.presented, self.policy.window, now);
            let current_at = register.map_or(now, |register| register.at);
            let Some(next) = next else { return Ok(Step { outcome, current_at }) };
            match self.store.swap_register(session.sid, register.as_ref(), &next, kept_until).await? {
                Swap::Done => return Ok(Step { outcome, current_at }),
                Swap::Lost(found) => register = found,
            }
        }
        Err(StoreError::Unavailable(None))
    }

    async fn answer(
        &self,
        step: &Step,
        session: &SealedSession,
        content: &AccessContent<'_>,
        request: &RefreshRequest<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, RefreshError> {
        let unsealed = |_| RefreshError::Unavailable;
        let pair = match step.outcome {
            Outcome::Behind { since }
            | Outcome::Advance { since }
            | Outcome::Again { since }
            | Outcome::Remint { since } => {
                let child = self.lineage.child(session, since, now).map_err(unsealed)?;
                self.lineage.pair(&child, content, now)?
            }
            Outcome::Straggler { current } => {
                self.lineage.pair_issued_now(&self.lineage.at(session, current), content, now)?
            }
            Outcome::TooSoon => {
                let mut pair = self.lineage.access_only(session, content, now)?;
                pair.refresh_token = Some(request.token.to_owned());
                pair.refresh_expires_in = Some(session.idle_expires_at.since(now).as_secs());
                pair
            }
            Outcome::Theft(theft) => {
                return Err(self.theft(theft, step.current_at, session, &request.seen, now).await);
            }
        };
        audit::refreshed(session.sid, &session.grant.client_id, step.outcome.name());
        Ok(pair)
    }

    /// The session goes on under another name, from `root`; see [`Verdict::Kept`].
    async fn kept(
        &self,
        root: &SealedSession,
        request: &RefreshRequest<'_>,
        now: UnixMs,
    ) -> Result<TokenPair, RefreshError> {
        let history = self.history(root)?;
        if history.verdict(root) != Verdict::Live {
            return Err(RefreshError::Revoked);
        }
        let history = self.patched(root, history, request, now).await?;
        let content = AccessContent::of(&history, request.scope.as_ref());
        let register = match self.store.load_register(root.sid).await {
            Ok(register) => register,
            Err(error) => return self.degraded(root, &content, &error, now),
        };
        if let Err(theft) = decide_kept(register.as_ref(), &root.presented, self.policy.window, now) {
            let current_at = register.map_or(now, |register| register.at);
            return Err(self.theft(theft, current_at, root, &request.seen, now).await);
        }
        audit::refreshed(root.sid, &root.grant.client_id, "kept");
        Ok(self.lineage.kept_pair(root, &content, now)?)
    }

    /// The store is away: an access token, and the refresh token stays as it is. Nothing moves, nothing forks.
    fn degraded(
        &self,
        session: &SealedSession,
        content: &AccessContent<'_>,
        error: &StoreError,
        now: UnixMs,
    ) -> Result<TokenPair, RefreshError> {
        let since = match self.degraded_since.compare_exchange(
            0,
            now.as_millis(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            Ok(_) => {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "refresh is degraded: the store does not answer"
                );
                now
            }
            Err(since) => UnixMs::from_millis(since),
        };
        let over = now.since(since) >= self.policy.max_degraded;
        if self.policy.when_store_down == WhenStoreDown::Refuse || over || !self.journal.is_complete() {
            return Err(RefreshError::Unavailable);
        }
        audit::refreshed(session.sid, &session.grant.client_id, "degraded");
        Ok(self.lineage.access_only(session, content, now)?)
    }
}

fn unpatched(error: &RevokeError) -> RefreshError {
    if let RevokeError::PatchTooLarge(limit) = error {
        RefreshError::ClaimsTooLarge(*limit)
    } else {
        RefreshError::Unavailable
    }
}
