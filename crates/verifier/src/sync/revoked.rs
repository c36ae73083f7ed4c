//! The cancellation signal: long-lived connections learn that their session has ended.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use super::live::LiveVerifier;
use super::policy::Judgement;
use crate::claims::Claims;
use crate::cutoff::ScopeKind;
use crate::verifier::Verified;

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What kind of cutoff matched.
    pub by: ScopeKind,
}

/// Why a long-lived connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The token has been revoked.
    Revoked(Revocation),
    /// It has expired.
    Expired,
    /// The verifier is past its bound and its policy is not to go on.
    Stale,
}

impl<C> Verified<C> {
    /// Resolves when a cutoff denies this token. Pending for ever where the token was not verified by a
    /// [`LiveVerifier`](super::LiveVerifier). Cheap while nothing happens: only cutoffs that name this token wake it.
    pub async fn revoked(&self) -> Revocation {
        match self.succession() {
            Some(succession) => Revocation { by: succession.denied(self.claims(), self.kid()).await },
            None => pending().await,
        }
    }
}

impl LiveVerifier {
    /// Resolves when the session must end: revoked, expired, or no longer vouched for. For long-lived connections.
    ///
    /// Past the bound is counted from when the verifier last knew everything, also over a resynchronisation in between: one
    /// that takes a moment ends nothing, although new tokens are `Stale` for that moment.
    pub async fn ended<C>(&self, verified: &Verified<C>) -> Ended {
        let succession = self.state.succession();
        let mut denied = pin!(succession.denied(verified.claims(), verified.kid()));
        loop {
            // Made before the look: it hears of what happens from then on.
            let changed = self.state.changed();
            let next_look = match self.may_go_on(verified.claims()) {
                Ok(next_look) => next_look,
                Err(ended) => return ended,
            };
            tokio::select! {
                biased;
                by = &mut denied => return Ended::Revoked(Revocation { by }),
                () = changed => {}
                () = tokio::time::sleep(next_look) => {}
            }
        }
    }

    /// When to look again, or why not to go on.
    fn may_go_on(&self, claims: &Claims) -> Result<Duration, Ended> {
        let (now, policy) = (self.state.now(), &self.state.settings.policy);
        let end = claims.exp.as_ms().after(self.state.leeway());
        let time = self.state.token_time(now);
        if time >= end {
            return Err(Ended::Expired);
        }
        if self.state.is_closed() {
            return Err(Ended::Stale);
        }
        let until_end = end.since(time);
        let staleness = self.state.since_heard(now);
        let age = self.state.age(claims, now);
        match policy.judge(staleness, age) {
            Judgement::Vouch | Judgement::AcceptStale => {
                let holds_for = staleness.and_then(|staleness| policy.holds_for(staleness, age));
                Ok(holds_for.map_or(until_end, |holds| holds.min(until_end)))
            }
            Judgement::Ask | Judgement::Refuse => Err(Ended::Stale),
        }
    }
}

#[cfg(test)]
mod tests;
