//! What the journal says of one session: whether it has been taken back, and which claims were changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use signet_verifier::{Cutoff, Effect, Patch, Scope, SessionId, UnixMs};

use super::grant::CustomClaims;
use super::sealed::SealedSession;
use crate::store::{Journal, StoreError};

/// The cutoffs that touch a session, to the refresh horizon.
pub(super) struct History {
    cutoffs: Vec<Cutoff>,
    claims: CustomClaims,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing denies it.
    Live,
    /// It was kept when everything else of its subject was signed out: this token continues in a new session that
    /// began at this instant.
    Kept(UnixMs),
    /// It has been taken back.
    Denied,
}

impl History {
    /// Reads what the journal has on the session.
    ///
    /// Patches find the session by the claims that it was granted; denials find it by the claims that its next token
    /// would show, so that a session moved to another tenant answers to that tenant's cutoffs.
    pub(super) fn read(
        journal: &dyn Journal,
        session: &SealedSession,
        revocable_claims: &[String],
    ) -> Result<Self, StoreError> {
        let granted = session.grant.claims.as_map();
        let mut cutoffs = journal.matching(&scopes(session, granted, revocable_claims))?;
        let claims = patched(session, &cutoffs, UnixMs::from_millis(u64::MAX));
        let moved = claim_scopes(claims.as_map(), revocable_claims);
        if moved != claim_scopes(granted, revocable_claims) {
            cutoffs.retain(|cutoff| {
                !matches!(cutoff.scope, Scope::Claim { .. }) || moved.contains(&cutoff.scope)
            });
            cutoffs.extend(journal.matching(&moved)?);
        }
        Ok(Self { cutoffs, claims })
    }

    /// Whether the session goes on.
    pub(super) fn verdict(&self, session: &SealedSession) -> Verdict {
        let kept = self.kept_at(session);
        let start = kept.unwrap_or_else(|| session.sid.time());
        let denied = self
            .cutoffs
            .iter()
            .filter(|cutoff| cutoff.effect == Effect::Logout && cutoff.kept != Some(session.presented.id))
            .any(|cutoff| cutoff.is_timeless() || start < cutoff.issued_before);
        match (denied, kept) {
            (true, _) => Verdict::Denied,
            (false, Some(at)) => Verdict::Kept(at),
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
        patched(session, &self.cutoffs, at)
    }

    fn kept_at(&self, session: &SealedSession) -> Option<UnixMs> {
        let kept = |cutoff: &&Cutoff| cutoff.kept == Some(session.presented.id);
        self.cutoffs.iter().filter(kept).map(|cutoff| cutoff.issued_before).max()
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
    let mut scopes = Vec::new();
    for name in revocable_claims {
        let scope = |value: &str| Scope::Claim { name: name.as_str().into(), value: value.into() };
        match claims.get(name) {
            Some(Value::String(value)) => scopes.push(scope(value)),
            Some(Value::Array(values)) => scopes.extend(values.iter().filter_map(Value::as_str).map(scope)),
            _ => {}
        }
    }
    scopes
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

/// Where a session stands in time when everything else of its subject is signed out: the new session's id and root.
pub(super) fn kept_session_id(at: UnixMs, chance: &[u8; 32]) -> SessionId {
    let mut random = [0; 10];
    random.iter_mut().zip(chance).for_each(|(out, byte)| *out = *byte);
    SessionId::new(at, &random)
}
