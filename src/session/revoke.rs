//! Revoking: taking tokens and sessions back.

//!
//! Every revocation is a [`Cutoff`] and takes one path: choose its time, put it in force here, make it durable. A key that
//! was compromised and a stolen session end up on it like an administrator's request does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use signet_verifier::{Cutoff, Denylist, Effect, Patch, Reason, Scope, SessionId, Subject, UnixMs};

use super::grant::CustomClaims;
use super::history::{History, Kept};
use super::issue::Issuer;
use super::lineage::Lineage;
use super::policy::{ClientRegistry, RefreshPolicy, RevocationPolicy, TokenPolicy};
use super::register::RefreshId;
use super::revocation_request::{Delivery, RevocationRequest, RevokeError, Revoked};
use super::sealed::{SealedSession, TokenSealer};
use crate::keys::{KeyUse, Keys};
use crate::store::{Journal, Store};
use crate::telemetry::audit;

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
    pub(super) lineage: Lineage,
    pub(super) sealer: Arc<TokenSealer>,
    pub(super) denylist: Arc<Denylist>,
    pub(super) store: Arc<dyn Store>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) keys: Arc<Keys>,
    pub(super) tokens: Arc<TokenPolicy>,
    pub(super) refresh: Arc<RefreshPolicy>,
    pub(super) policy: RevocationPolicy,
    /// Held while a time is chosen and taken, so that two cutoffs of one scope never take the same one; and the times of
    /// sessions being kept, so that the same request sent twice at once keeps one session, not two.
    pub(super) keeping: Mutex<HashMap<RefreshId, Kept>>,
}

/// The longest JSON of the claims in one patch, in bytes: they must fit into every access token of the scope.
const MAX_PATCH_BYTES: usize = 1024;
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
        if self.is_known(&cutoff)? {
            let position = self.store.head().await.map_err(|_| RevokeError::Unavailable)?;
            return Ok(Revoked { delivery: Delivery::Durable, position: Some(position), kept: None });
        }
        self.publish(cutoff).await
    }

    /// Whether the journal has this logout of one token or session already: whoever holds a token may end its session, but
    /// not make the log grow with each request.
    fn is_known(&self, cutoff: &Cutoff) -> Result<bool, RevokeError> {
        if !cutoff.is_timeless() {
            return Ok(false);
        }
        let known = self.journal.matching(std::slice::from_ref(&cutoff.scope));
        Ok(known.map_err(|_| RevokeError::Unavailable)?.iter().any(Cutoff::is_timeless))
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

    /// Stores new claims of one session as a patch that denies nothing.
    pub(super) async fn patch_session(
        &self,
        session: &SealedSession,
        history: &History,
        claims: &CustomClaims,
        now: UnixMs,
    ) -> Result<(), RevokeError> {
        check_patch_size(claims)?;
        // Later than every patch that the session has: those of a wider scope are dated a little ahead of the clock.
        let latest = history.latest_patch().unwrap_or_default().max(session.claims_at);
        let at = now.max(latest.after(Duration::from_millis(1)));
        let cutoff = Cutoff {
            scope: Scope::Sid(session.sid),
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

    pub(super) fn cutoff(&self, request: RevocationRequest, now: UnixMs) -> Cutoff {
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

    /// As long as a refresh token may live, a cutoff must be remembered: also one that was made when tokens were allowed to
    /// live longer than they are now. The ring knows, because its sealing keys outlive the longest token made with them.
    fn horizon(&self) -> Duration {
        let ring = self.keys.ring();
        let sealers = ring.entries().iter().filter(|entry| entry.usage() == KeyUse::Sealing);
        let ceilings = sealers.map(|entry| entry.times.expires_at.since(entry.times.retires_at));
        ceilings.fold(self.refresh.absolute_ttl.max(self.tokens.longest_access_ttl), Duration::max)
    }

    pub(super) fn for_memory(&self, cutoff: &Cutoff, now: UnixMs) -> Cutoff {
        cutoff.within_access_horizon(now, self.tokens.longest_access_ttl, self.tokens.leeway)
    }

    pub(super) async fn publish(&self, cutoff: Cutoff) -> Result<Revoked, RevokeError> {
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
}

fn check_patch_size(claims: &CustomClaims) -> Result<(), RevokeError> {
    let bytes = serde_json::to_vec(claims.as_map()).map_or(usize::MAX, |json| json.len());
    if bytes > MAX_PATCH_BYTES { Err(RevokeError::PatchTooLarge(MAX_PATCH_BYTES)) } else { Ok(()) }
}

fn patches(claims: &Map<String, Value>, at: UnixMs) -> BTreeMap<Arc<str>, Patch> {
    claims.iter().map(|(name, value)| (name.as_str().into(), Patch { at, value: value.clone() })).collect()
}
