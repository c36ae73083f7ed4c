//! What the journal says of one session: whether it has been taken back, and which claims were changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use signet_verifier::{Cutoff, Effect, Patch, Scope, UnixMs};

use super::grant::CustomClaims;
use super::sealed::SealedSession;
use crate::store::{Journal, StoreError};

/// The cutoffs that touch a session, to the refresh horizon.
pub(super) struct History {
    /// Those that deny it, or that would deny its next token.
    cutoffs: Vec<Cutoff>,
    /// Those that patch it.
    patches: Vec<Cutoff>,
    claims: CustomClaims,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing denies it.
    Live,
    /// It was kept when everything else of its subject was signed out: this token continues in a new session.
    Kept(Kept),
    /// It has been taken back.
    Denied,
}

/// How a session was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// When the new session began: just not before the cutoff, which lies a little ahead of the clock.
    pub(super) at: UnixMs,
    /// When that was decided, by the clock: what the new session's tokens are dated.
    pub(super) made_at: UnixMs,
}

impl History {
    /// Reads what the journal has on the session.
    ///
    /// Patches find the session by the claims that it was granted. A logout by claim finds it by the claims that its next
    /// token would show, so that a session moved to another tenant answers to that tenant's cutoffs, and by those that it
    /// had when the cutoff was made, so that no move brings back what its tenant had ended.
    pub(super) fn read(
        journal: &dyn Journal,
        session: &SealedSession,
        revocable_claims: &[String],
    ) -> Result<Self, StoreError> {
        let granted = session.grant.claims.as_map();
        let mut cutoffs = journal.matching(&scopes(session, granted, revocable_claims))?;
        let patches: Vec<Cutoff> =
            cutoffs.iter().filter(|cutoff| !cutoff.claims.is_empty()).cloned().collect();
        let claims = patched(session, &patches, UnixMs::from_millis(u64::MAX));
        let moves = moves(&patches, granted, revocable_claims);
        let shown = claim_scopes(claims.as_map(), revocable_claims);
        if !moves.is_empty() || shown != claim_scopes(granted, revocable_claims) {
            cutoffs.extend(journal.matching(&moves)?);
            cutoffs.retain(|cutoff| match (&cutoff.scope, cutoff.effect) {
                (scope @ Scope::Claim { .. }, Effect::Refresh) => shown.contains(scope),
                (scope @ Scope::Claim { .. }, Effect::Logout) => {
                    let then = patched(session, &patches, cutoff.issued_before);
                    shown.contains(scope) || claim_scopes(then.as_map(), revocable_claims).contains(scope)
                }
                _ => true,
            });
        }
        Ok(Self { cutoffs, patches, claims })
    }

    /// Whether the session goes on.
    pub(super) fn verdict(&self, session: &SealedSession) -> Verdict {
        let kept = self.kept(session);
        let start = kept.map_or_else(|| session.sid.time(), |kept| kept.at);
        let denied = self
            .cutoffs
            .iter()
            .filter(|cutoff| cutoff.effect == Effect::Logout && cutoff.kept != Some(session.presented.id))
            .any(|cutoff| cutoff.is_timeless() || start < cutoff.issued_before);
        match (denied, kept) {
            (true, _) => Verdict::Denied,
            (false, Some(kept)) => Verdict::Kept(kept),
            (false, None) => Verdict::Live,
        }
    }

    /// The custom claims of the session's next token: those granted, with every later patch on top. A function of the
    /// grant and the set of patches alone, so the order in which they came does not matter.
    pub(super) fn claims(&self) -> &CustomClaims {
        &self.claims
    }

    /// The claims as they stood at an instant.
    pub(super) fn claims_before(&self, session: &SealedSession, at: UnixMs) -> CustomClaims {
        patched(session, &self.patches, at)
    }

    /// Whether any patch is known, applied or not.
    pub(super) fn has_patches(&self) -> bool {
        !self.patches.is_empty()
    }

    /// The time of the latest patch.
    pub(super) fn latest_patch(&self) -> Option<UnixMs> {
        self.patches.iter().flat_map(|cutoff| cutoff.claims.values()).map(|patch| patch.at).max()
    }

    /// The time before which access tokens of the session are denied though it goes on: its next one takes a time not
    /// before it. Only cutoffs that are known *here*, with the claims that they brought, are stepped over: one that
    /// arrives while a refresh is under way denies the token that was made without it.
    pub(super) fn tokens_denied_before(&self) -> UnixMs {
        let refreshed = self.cutoffs.iter().filter(|cutoff| cutoff.effect == Effect::Refresh);
        refreshed.map(|cutoff| cutoff.issued_before).max().unwrap_or_default()
    }

    fn kept(&self, session: &SealedSession) -> Option<Kept> {
        let kept = self.cutoffs.iter().filter(|cutoff| cutoff.kept == Some(session.presented.id));
        kept.map(|cutoff| Kept { at: cutoff.issued_before, made_at: cutoff.made_at })
            .max_by_key(|kept| kept.at)
    }
}

/// Every scope that a cutoff of this session may have.
fn scopes(session: &SealedSession, claims: &Map<String, Value>, revocable_claims: &[String]) -> Vec<Scope> {
    let grant = &session.grant;
    let mut scopes = vec![
        Scope::All,
        Scope::Sid(session.sid),
        Scope::Sub(grant.subject.clone()),
        Scope::ClientId(grant.client_id.clone()),
    ];
    scopes.extend(grant.audience.iter().map(|audience| Scope::Aud(Arc::clone(audience))));
    scopes.extend(claim_scopes(claims, revocable_claims));
    scopes
}

fn claim_scopes(claims: &Map<String, Value>, revocable_claims: &[String]) -> Vec<Scope> {
    revocable_claims
        .iter()
        .flat_map(|name| claims.get(name).into_iter().flat_map(|value| values_as_scopes(name, value)))
        .collect()
}

/// The scopes of claims to which patches would move the session, beyond those granted; none where no patch names a claim
/// by which sessions are revoked.
fn moves(patches: &[Cutoff], granted: &Map<String, Value>, revocable_claims: &[String]) -> Vec<Scope> {
    let known = claim_scopes(granted, revocable_claims);
    let mut moves = Vec::new();
    for name in revocable_claims {
        let named = patches.iter().filter_map(|cutoff| cutoff.claims.get(name.as_str()));
        let scopes = named.flat_map(|patch| values_as_scopes(name, &patch.value));
        moves.extend(scopes.filter(|scope| !known.contains(scope)));
    }
    moves
}

/// A claim that is a string is one scope; an array, one for each string in it.
fn values_as_scopes(name: &str, value: &Value) -> impl Iterator<Item = Scope> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    values
        .iter()
        .filter_map(Value::as_str)
        .map(move |value| Scope::Claim { name: name.into(), value: value.into() })
}

/// The granted claims with the patches that are later than them and earlier than `until`.
fn patched(session: &SealedSession, cutoffs: &[Cutoff], until: UnixMs) -> CustomClaims {
    let mut merged: BTreeMap<&str, Patch> = BTreeMap::new();
    let patches =
        cutoffs.iter().filter(|cutoff| cutoff.effect == Effect::Refresh).flat_map(|cutoff| &cutoff.claims);
    for (name, patch) in patches.filter(|(_, patch)| patch.at > session.claims_at && patch.at < until) {
        merged.entry(name).and_modify(|known| known.merge(patch)).or_insert_with(|| patch.clone());
    }
    if merged.is_empty() {
        return session.grant.claims.clone();
    }
    let mut claims = session.grant.claims.as_map().clone();
    for (name, patch) in merged {
        if patch.value.is_null() {
            claims.remove(name);
        } else {
            claims.insert(name.to_owned(), patch.value);
        }
    }
    CustomClaims::checked_before(claims)
}
