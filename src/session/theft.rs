//! What happens when a copy of a refresh token is in use.

use signet_verifier::{Reason, UnixMs};

use super::policy::OnTheft;
use super::refresh::Refresher;
use super::refresh_request::{RefreshError, Seen};
use super::register::Theft;
use super::sealed::SealedSession;
use crate::telemetry::audit;

impl Refresher {
    /// A copy is in use: say so, and end what the policy says. The answer is a refusal whether or not that worked.
    pub(super) async fn theft(
        &self,
        theft: Theft,
        current_at: UnixMs,
        session: &SealedSession,
        seen: &Seen,
        now: UnixMs,
    ) -> RefreshError {
        audit::theft(&audit::Theft {
            session: session.sid,
            subject: &session.grant.subject,
            client: &session.grant.client_id,
            kind: theft.name(),
            minted: session.presented.minted,
            current_at,
            address: seen.address.as_deref(),
            user_agent: seen.user_agent.as_deref(),
            action: self.policy.on_theft.name(),
        });
        let ended = match self.policy.on_theft {
            OnTheft::RevokeSession => {
                self.revoker.revoke_session(session.sid, theft_reason(theft), now).await.map(drop)
            }
            OnTheft::RevokeSubject => {
                self.revoker.revoke_subject(&session.grant.subject, theft_reason(theft), now).await.map(drop)
            }
            OnTheft::Report => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(session.id = %session.sid, error = &error as &dyn std::error::Error, "a stolen session could not be ended");
        }
        RefreshError::Reused(theft)
    }
}

fn theft_reason(theft: Theft) -> Option<Reason> {
    Reason::parse(&format!("refresh_reused: {}", theft.name())).ok()
}
