//! Revoking: taking tokens and sessions back.

//!
//! Every revocation is a [`Cutoff`] and takes one path: choose its time, put it in force here, make it durable. A key that
//! was compromised and a stolen session end up on it like an administrator's request does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use signet_verifier::{Cutoff, Denylist, Effect, KeyId, Patch, Reason, Scope, SessionId, Subject, UnixMs};

use super::grant::{CustomClaims, TokenPair};
use super::history::{History, Verdict};
use super::issue::Issuer;
use super::lineage::{AccessContent, Lineage};
use super::policy::{ClientRegistry, RefreshPolicy, RevocationPolicy, TokenPolicy};
use super::register::{Outcome, RefreshId, decide};
use super::sealed::{SealedSession, TokenSealer};
use crate::keys::{KeyState, KeyUse, Keys, KeysError, RingEntry};
use crate::store::{Journal, Position, Store};
use crate::telemetry::audit;

/// A revocation as asked for. Does not print: it may hold a refresh token.
#[derive(Clone)]
pub struct RevocationRequest {
    /// Which tokens.
    pub scope: Scope,
    /// Ends sessions, or only access tokens.
    pub effect: Effect,
    /// Claims to set at the next refresh; only with [`Effect::Refresh`].
    pub claims: BTreeMap<String, Value>,
    /// Tokens begun before this; `None`: until now, this millisecond included.
    pub issued_before: Option<UnixMs>,
    /// Why.
    pub reason: Option<Reason>,
    /// A refresh token whose session goes on ("sign out everywhere else"); only with a `sub` scope and a logout.
    pub keep: Option<String>,
}

/// Where a revocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Durable, and on its way to every node.
    Durable,
    /// In force and journalled here; the shared store is away, it will be delivered.
    Pending,
}

/// What became of a revocation.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// Where it is.
    pub delivery: Delivery,
    /// Its place in the log; `None` while pending.
    pub position: Option<Position>,
    /// The kept session's new tokens.
    pub kept: Option<TokenPair>,
}

/// Why a revocation was refused.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// `effect: refresh` of a `jti`: use a logout.
    #[error("effect: a single token cannot be refreshed, only logged out")]
    RefreshOfToken,
    /// `claims` without `effect: refresh`.
    #[error("claims: only with effect \"refresh\"")]
    ClaimsWithoutRefresh,
    /// A claim name that is reserved or unusable.
    #[error("{0}")]
    Claims(#[from] super::grant::CustomClaimsError),
    /// A claim name that is not configured as revocable.
    #[error("scope.claim: {0} is not among tokens.revocable_claims")]
    ClaimNotRevocable(String),
    /// `issued_before` too far ahead.
    #[error("issued_before: more than {} ms ahead of this service's clock", .0.as_millis())]
    TooFarAhead(Duration),
    /// `keep` with another scope than `sub`, with `effect: refresh`, or with a token of another subject.
    #[error("keep: only with scope.sub, effect \"logout\" and a refresh token of that subject")]
    KeepScope,
    /// The kept token is invalid, expired, revoked, or would be refused as a copy.
    #[error("keep: the refresh token is not valid")]
    KeepRefused,
    /// The patch is too long to fit into tokens.
    #[error("claims: at most {0} bytes of JSON")]
    PatchTooLarge(usize),
    /// The key could not be taken out of the ring.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The cutoff could not be made durable. It may be in force on this node until it restarts; ask again.
    #[error("the store did not take the revocation")]
    Unavailable,
    /// The kept session's tokens could not be made.
    #[error(transparent)]
    Issue(#[from] super::issue::IssueError),
}

/// What a revoker works with.
pub struct RevokerParts {
    /// Makes the kept session's access token.
    pub issuer: Arc<Issuer>,
    /// Opens and seals refresh tokens.
    pub sealer: Arc<TokenSealer>,
    /// Where a revocation is in force first.
    pub denylist: Arc<Denylist>,
    /// Where it becomes durable.
    pub store: Arc<dyn Store>,
    /// Knows every cutoff.
    pub journal: Arc<dyn Journal>,
    /// The ring, from which compromised keys are taken.
    pub keys: Arc<Keys>,
    /// Who sessions belong to.
    pub clients: Arc<ClientRegistry>,
    /// What tokens are like.
    pub tokens: Arc<TokenPolicy>,
    /// How refresh works.
    pub refresh: Arc<RefreshPolicy>,
    /// How revocation works.
    pub policy: RevocationPolicy,
}

/// Revokes.
pub struct Revoker {
    lineage: Lineage,
    sealer: Arc<TokenSealer>,
    denylist: Arc<Denylist>,
    store: Arc<dyn Store>,
    journal: Arc<dyn Journal>,
    keys: Arc<Keys>,
    tokens: Arc<TokenPolicy>,
    refresh: Arc<RefreshPolicy>,
    policy: RevocationPolicy,
    /// Held while a time is chosen and taken, so that two cutoffs of one scope never take the same one; and the times of
    /// sessions being kept, so that the same request sent twice at once keeps one session, not two.
    keeping: Mutex<HashMap<RefreshId, UnixMs>>,
}

/// The longest JSON of the claims in one patch, in bytes: they must fit into every access token of the scope.
const MAX_PATCH_BYTES: usize = 1024;
/// How long a `kid` cutoff outlives the key.
const KEY_CUTOFF_MARGIN: Duration = Duration::from_hours(24);
/// A cutoff takes a time this much after any that a new token may have taken to escape an earlier one.
const STEP: Duration = Duration::from_millis(2);

impl Revoker {
    /// A revoker over these parts.
    pub fn new(parts: RevokerParts) -> Self {
        let RevokerParts { issuer, sealer, denylist, store, journal, keys, clients, tokens, refresh, policy } =
            parts;
        let lineage = Lineage::new(issuer, Arc::clone(&sealer), clients, Arc::clone(&refresh));
        let keeping = Mutex::default();
        Self { lineage, sealer, denylist, store, journal, keys, tokens, refresh, policy, keeping }
    }

    /// Makes a cutoff of the request, applies it, makes it durable.
    pub async fn revoke(&self, request: RevocationRequest, now: UnixMs) -> Result<Revoked, RevokeError> {
        self.check(&request, now)?;
        if let Scope::Kid(kid) = &request.scope {
            return self.revoke_key(kid, request.reason, now).await;
        }
        if let Some(token) = &request.keep {
            return self.keep(&request, token, now).await;
        }
        let cutoff = self.apply(request, now);
        self.publish(cutoff).await
    }

    /// Ends one session.
    pub async fn revoke_session(
        &self,
        sid: SessionId,
        reason: Option<Reason>,
        now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        self.revoke(RevocationRequest::logout(Scope::Sid(sid), reason), now).await
    }

    /// Ends all sessions of a subject.
    pub async fn revoke_subject(
        &self,
        subject: &Subject,
        reason: Option<Reason>,
        now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        self.revoke(RevocationRequest::logout(Scope::Sub(subject.clone()), reason), now).await
    }

    /// Takes a compromised key out of the ring, promotes its standby, and says so on the feed: a `kid` cutoff for a signing
    /// key; for a sealing key a refresh of everything, which sessions sealed under that key cannot follow.
    pub async fn revoke_key(
        &self,
        kid: &KeyId,
        reason: Option<Reason>,
        now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        let entry = self.keys.compromise(kid, now)?;
        audit::key_changed(Some(&entry.kid), "compromise");
        let cutoff = match entry.usage() {
            KeyUse::Signing(_) => self.key_cutoff(&entry, reason, now),
            KeyUse::Sealing => {
                return Box::pin(self.revoke(RevocationRequest::refresh(Scope::All, reason), now)).await;
            }
        };
        self.denylist.apply(&cutoff);
        self.publish(cutoff).await
    }

    /// Publishes the cutoffs of keys that were compromised when the process died before it could say so.
    pub async fn republish_compromised_keys(&self, now: UnixMs) -> Result<(), RevokeError> {
        for entry in self.keys.ring().entries() {
            let compromised = entry.times.state(now) == KeyState::Compromised;
            if !compromised || entry.usage() == KeyUse::Sealing {
                continue;
            }
            let cutoff = self.key_cutoff(entry, None, now);
            self.denylist.apply(&cutoff);
            let known = self
                .journal
                .matching(std::slice::from_ref(&cutoff.scope))
                .map_err(|_| RevokeError::Unavailable)?;
            if known.is_empty() {
                self.publish(cutoff).await?;
            }
        }
        Ok(())
    }

    /// Stores new claims of one session as a patch that denies nothing.
    pub(super) async fn patch_session(
        &self,
        session: &SealedSession,
        claims: &CustomClaims,
        now: UnixMs,
    ) -> Result<(), RevokeError> {
        check_patch_size(claims)?;
        let scope = Scope::Sid(session.sid);
        let known =
            self.journal.matching(std::slice::from_ref(&scope)).map_err(|_| RevokeError::Unavailable)?;
        let latest = known.iter().flat_map(|cutoff| cutoff.claims.values()).map(|patch| patch.at).max();
        let after = latest.unwrap_or_default().max(session.claims_at).after(Duration::from_millis(1));
        let at = now.max(after);
        let cutoff = Cutoff {
            scope,
            effect: Effect::Refresh,
            issued_before: UnixMs::default(),
            made_at: now,
            expires_at: session.absolute_expires_at.after(self.tokens.leeway),
            reason: None,
            kept: None,
            claims: patches(claims.as_map(), at),
        };
        self.publish(cutoff).await.map(drop)
    }

    fn check(&self, request: &RevocationRequest, now: UnixMs) -> Result<(), RevokeError> {
        if matches!(request.scope, Scope::Jti(_)) && request.effect == Effect::Refresh {
            return Err(RevokeError::RefreshOfToken);
        }
        if !request.claims.is_empty() && request.effect != Effect::Refresh {
            return Err(RevokeError::ClaimsWithoutRefresh);
        }
        check_patch_size(&CustomClaims::new(request.claims.clone().into_iter().collect())?)?;
        if let Scope::Claim { name, .. } = &request.scope
            && !self.tokens.revocable_claims.iter().any(|known| **known == **name)
        {
            return Err(RevokeError::ClaimNotRevocable(name.to_string()));
        }
        if request.issued_before.is_some_and(|at| at > now.after(self.policy.max_skew)) {
            return Err(RevokeError::TooFarAhead(self.policy.max_skew));
        }
        let keepable = matches!(request.scope, Scope::Sub(_)) && request.effect == Effect::Logout;
        if request.keep.is_some() && (!keepable || request.issued_before.is_some()) {
            return Err(RevokeError::KeepScope);
        }
        Ok(())
    }

    /// Chooses the cutoff's time and puts it in force here.
    fn apply(&self, request: RevocationRequest, now: UnixMs) -> Cutoff {
        let _choosing = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let cutoff = self.cutoff(request, now);
        self.denylist.apply(&self.for_memory(&cutoff, now));
        cutoff
    }

    fn cutoff(&self, request: RevocationRequest, now: UnixMs) -> Cutoff {
        let everything = self.everything_until_now(&request.scope, now);
        let timeless =
            matches!((&request.scope, request.effect), (Scope::Jti(_) | Scope::Sid(_), Effect::Logout));
        let issued_before = request.issued_before.filter(|_| !timeless).unwrap_or(everything);
        Cutoff {
            expires_at: everything.after(self.horizon()).after(self.tokens.leeway),
            claims: patches(&request.claims.into_iter().collect(), issued_before),
            scope: request.scope,
            effect: request.effect,
            issued_before,
            made_at: now,
            reason: request.reason,
            kept: None,
        }
    }

    /// A time after that of every token made so far, on whichever node, sign-ins that escaped an earlier cutoff included.
    fn everything_until_now(&self, scope: &Scope, now: UnixMs) -> UnixMs {
        let ahead = now.after(self.policy.max_skew);
        match scope {
            // These deny whatever the time: nothing to run ahead of.
            Scope::Jti(_) | Scope::Kid(_) => ahead,
            Scope::Sid(_)
            | Scope::Sub(_)
            | Scope::ClientId(_)
            | Scope::Aud(_)
            | Scope::Claim { .. }
            | Scope::All => ahead.max(self.denylist.latest_touching(scope).after(STEP)),
        }
    }

    /// As long as a refresh token may live, a cutoff must be remembered.
    fn horizon(&self) -> Duration {
        self.refresh.absolute_ttl.max(self.tokens.longest_access_ttl)
    }

    fn for_memory(&self, cutoff: &Cutoff, now: UnixMs) -> Cutoff {
        cutoff.within_access_horizon(now, self.tokens.longest_access_ttl, self.tokens.leeway)
    }

    fn key_cutoff(&self, entry: &RingEntry, reason: Option<Reason>, now: UnixMs) -> Cutoff {
        Cutoff {
            scope: Scope::Kid(entry.kid.clone()),
            effect: Effect::Logout,
            issued_before: now.after(self.policy.max_skew),
            made_at: now,
            expires_at: entry
                .times
                .expires_at
                .max(now.after(self.tokens.longest_access_ttl))
                .after(KEY_CUTOFF_MARGIN),
            reason,
            kept: None,
            claims: BTreeMap::new(),
        }
    }

    async fn publish(&self, cutoff: Cutoff) -> Result<Revoked, RevokeError> {
        let position = self.store.append(std::slice::from_ref(&cutoff)).await.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a revocation could not be made durable"
            );
            RevokeError::Unavailable
        })?;
        audit::revoked(cutoff.scope.kind(), cutoff.effect, cutoff.reason.as_ref(), "durable");
        Ok(Revoked { delivery: Delivery::Durable, position: Some(position), kept: None })
    }

    /// "Sign out everywhere else": the cutoff and the kept session, or neither.
    async fn keep(
        &self,
        request: &RevocationRequest,
        token: &str,
        now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        let session = self.sealer.open(token, now).map_err(|_| RevokeError::KeepRefused)?;
        if request.scope != Scope::Sub(session.grant.subject.clone()) {
            return Err(RevokeError::KeepScope);
        }
        if now >= session.idle_expires_at || now >= session.absolute_expires_at {
            return Err(RevokeError::KeepRefused);
        }
        let history = History::read(&*self.journal, &session, &self.tokens.revocable_claims)
            .map_err(|_| RevokeError::Unavailable)?;
        let (at, mut revoked) = match history.verdict(&session) {
            Verdict::Denied => return Err(RevokeError::KeepRefused),
            Verdict::Kept(at) => {
                let position = self.store.head().await.map_err(|_| RevokeError::Unavailable)?;
                (at, Revoked { delivery: Delivery::Durable, position: Some(position), kept: None })
            }
            Verdict::Live => {
                self.check_register(&session, now).await?;
                self.publish_kept(request, &session, now).await?
            }
        };
        let root =
            self.lineage.kept_root(&session, &history, at, now).map_err(|_| RevokeError::Unavailable)?;
        let content = AccessContent { claims: &root.grant.claims, scope: None };
        revoked.kept = Some(self.lineage.pair(&root, &content, now)?);
        Ok(revoked)
    }

    /// A token that a refresh would refuse is not kept either. Nothing is written.
    async fn check_register(&self, session: &SealedSession, now: UnixMs) -> Result<(), RevokeError> {
        let register = self.store.load_register(session.sid).await.map_err(|_| RevokeError::Unavailable)?;
        match decide(register.as_ref(), &session.presented, self.refresh.window, now).0 {
            Outcome::Theft(_) => Err(RevokeError::KeepRefused),
            Outcome::Behind { .. }
            | Outcome::Advance { .. }
            | Outcome::Again { .. }
            | Outcome::Remint { .. }
            | Outcome::TooSoon
            | Outcome::Straggler { .. } => Ok(()),
        }
    }

    async fn publish_kept(
        &self,
        request: &RevocationRequest,
        session: &SealedSession,
        now: UnixMs,
    ) -> Result<(UnixMs, Revoked), RevokeError> {
        let kept = session.presented.id;
        let mut cutoff = self.cutoff(request.clone(), now);
        cutoff.kept = Some(kept);
        {
            let mut keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
            // Times of requests long answered are in the journal by now.
            keeping.retain(|_, at| now.before(self.policy.max_skew) < *at);
            cutoff.issued_before = *keeping.entry(kept).or_insert(cutoff.issued_before);
        }
        let revoked = self.publish(cutoff.clone()).await?;
        self.denylist.apply(&self.for_memory(&cutoff, now));
        Ok((cutoff.issued_before, revoked))
    }
}

impl RevocationRequest {
    /// "Log out what is in this scope, until now."
    pub fn logout(scope: Scope, reason: Option<Reason>) -> Self {
        Self {
            scope,
            effect: Effect::Logout,
            claims: BTreeMap::new(),
            issued_before: None,
            reason,
            keep: None,
        }
    }

    /// "Everything in this scope has to refresh."
    pub fn refresh(scope: Scope, reason: Option<Reason>) -> Self {
        Self { effect: Effect::Refresh, ..Self::logout(scope, reason) }
    }
}

fn check_patch_size(claims: &CustomClaims) -> Result<(), RevokeError> {
    let bytes = serde_json::to_vec(claims.as_map()).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_PATCH_BYTES { Err(RevokeError::PatchTooLarge(MAX_PATCH_BYTES)) } else { Ok(()) }
}

fn patches(claims: &Map<String, Value>, at: UnixMs) -> BTreeMap<Arc<str>, Patch> {
    claims.iter().map(|(name, value)| (name.as_str().into(), Patch { at, value: value.clone() })).collect()
}
