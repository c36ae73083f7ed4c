//! "Sign out everywhere else": everything of a subject ends but one session, which goes on under another name.
//!
//! The cutoff carries the kept token's id in its key, and the new session is made of that id and the cutoff's time by keyed
//! hashes. So the answer can be given again to whoever presents the same token again, here or at refresh.

use std::sync::PoisonError;

use signet_verifier::{Cutoff, Scope, UnixMs};

use super::history::{History, Kept, Verdict};
use super::lineage::AccessContent;
use super::register::{Outcome, decide, decide_kept};
use super::revocation_request::{Delivery, RevocationRequest, RevokeError, Revoked};
use super::revoke::Revoker;
use super::sealed::SealedSession;

impl Revoker {
    /// "Sign out everywhere else": the cutoff and the kept session, or neither.
    pub(super) async fn keep(
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
        let history = self.history(&session)?;
        let (kept, mut revoked) = match history.verdict(&session) {
            Verdict::Denied => return Err(RevokeError::KeepRefused),
            Verdict::Kept(kept) => {
                let position = self.store.head().await.map_err(|_| RevokeError::Unavailable)?;
                (kept, Revoked { delivery: Delivery::Durable, position: Some(position), kept: None })
            }
            Verdict::Live => {
                self.lineage.check_size(&session, history.claims(), now)?;
                self.check_register(&session, now).await?;
                self.publish_kept(request, &session, now).await?
            }
        };
        let root =
            self.lineage.kept_root(&session, &history, kept, now).map_err(|_| RevokeError::Unavailable)?;
        let history = self.history(&root)?;
        self.check_root(&root, &history, now).await?;
        revoked.kept = Some(self.lineage.kept_pair(&root, &AccessContent::of(&history, None), now)?);
        Ok(revoked)
    }

    fn history(&self, session: &SealedSession) -> Result<History, RevokeError> {
        History::read(&*self.journal, session, &self.tokens.revocable_claims)
            .map_err(|_| RevokeError::Unavailable)
    }

    /// The session that went on may have ended since, or moved on so far that only a copy explains the old token.
    async fn check_root(
        &self,
        root: &SealedSession,
        history: &History,
        now: UnixMs,
    ) -> Result<(), RevokeError> {
        if history.verdict(root) != Verdict::Live {
            return Err(RevokeError::KeepRefused);
        }
        let register = self.store.load_register(root.sid).await.map_err(|_| RevokeError::Unavailable)?;
        decide_kept(register.as_ref(), &root.presented, self.refresh.window, now)
            .map_err(|_| RevokeError::KeepRefused)
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
    ) -> Result<(Kept, Revoked), RevokeError> {
        let kept = session.presented.id;
        let mut cutoff = self.cutoff(request.clone(), now);
        cutoff.kept = Some(kept);
        {
            let mut keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
            // Times of requests long answered are in the journal by now.
            keeping.retain(|_, kept| now.before(self.policy.max_skew) < kept.at);
            let Cutoff { issued_before: at, made_at, .. } = cutoff;
            let first = keeping.entry(kept).or_insert(Kept { at, made_at });
            (cutoff.issued_before, cutoff.made_at) = (first.at, first.made_at);
        }
        let revoked = self.publish(cutoff.clone()).await?;
        self.denylist.apply(&self.for_memory(&cutoff, now));
        Ok((Kept { at: cutoff.issued_before, made_at: cutoff.made_at }, revoked))
    }
}
