//! A compromised key: out of the ring, and out of everybody's set.

use std::collections::BTreeMap;

use signet_verifier::{Cutoff, Effect, KeyId, Reason, Scope, UnixMs};

use super::revocation_request::{RevocationRequest, RevokeError, Revoked};
use super::revoke::Revoker;
use crate::keys::{KeyState, KeyUse, KeysError, RingEntry};
use crate::telemetry::audit;

impl Revoker {
    /// Takes a compromised key out of the ring, promotes its standby, and says so on the feed: a `kid` cutoff for a signing
    /// key; for a sealing key a refresh of everything, which sessions sealed under that key cannot follow.
    pub async fn revoke_key(
        &self,
        kid: &KeyId,
        reason: Option<Reason>,
        now: UnixMs,
    ) -> Result<Revoked, RevokeError> {
        let known = self.keys.ring().entries().iter().find(|entry| entry.kid == *kid).cloned();
        let entry = match known {
            None => return Err(KeysError::UnknownKey.into()),
            Some(entry) if entry.times.state(now) == KeyState::Compromised => entry,
            Some(_) => {
                let entry = self.keys.compromise(kid, now)?;
                audit::key_changed(Some(&entry.kid), "compromise");
                entry
            }
        };
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
            let Some(compromised_at) = entry.times.compromised_at else { continue };
            if entry.usage() == KeyUse::Sealing {
                self.republish_compromised_sealing_key(compromised_at, now).await?;
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

    /// What was got with the key in the meantime has to be refreshed, unless it has expired by itself since.
    async fn republish_compromised_sealing_key(
        &self,
        compromised_at: UnixMs,
        now: UnixMs,
    ) -> Result<(), RevokeError> {
        if now >= compromised_at.after(self.tokens.longest_access_ttl).after(self.tokens.leeway) {
            return Ok(());
        }
        let known = self.journal.matching(&[Scope::All]).map_err(|_| RevokeError::Unavailable)?;
        if known.iter().all(|cutoff| cutoff.issued_before <= compromised_at) {
            self.revoke(RevocationRequest::refresh(Scope::All, None), now).await?;
        }
        Ok(())
    }

    fn key_cutoff(&self, entry: &RingEntry, reason: Option<Reason>, now: UnixMs) -> Cutoff {
        Cutoff {
            scope: Scope::Kid(entry.kid.clone()),
            effect: Effect::Logout,
            issued_before: now.after(self.policy.max_skew),
            made_at: now,
            expires_at: entry.times.remembered_until(),
            reason,
            kept: None,
            claims: BTreeMap::new(),
        }
    }
}
