//! What to do with a token when the verifier has not heard from the service for too long.

use std::time::Duration;

/// How stale a verifier may be, and what it does past that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StalenessPolicy {
    /// Up to here it vouches.
    pub max_staleness: Duration,
    /// Past it, this.
    pub when_stale: WhenStale,
}

/// What to do with a token past the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenStale {
    /// Believe it: availability first. What was revoked meanwhile is let in.
    Accept,
    /// Believe it if it was issued (`jti`) within this time: what was revoked before that would not have been issued.
    AcceptYoungerThan(Duration),
    /// Ask the service about each token and remember the answer for a moment. [`LiveVerifier::verify`], which never touches
    /// the network, answers `Stale`; [`LiveVerifier::check`] asks.
    ///
    /// [`LiveVerifier::verify`]: super::LiveVerifier::verify
    /// [`LiveVerifier::check`]: super::LiveVerifier::check
    Introspect,
    /// Refuse it: revocation first.
    Refuse,
}

impl Default for StalenessPolicy {
    /// Thirty seconds, then refuse.
    fn default() -> Self {
        Self { max_staleness: Duration::from_secs(30), when_stale: WhenStale::Refuse }
    }
}

/// What the policy says of one token that is good in all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Within the bound: believe it.
    Vouch,
    /// Past the bound: believe it all the same.
    AcceptStale,
    /// Past the bound: ask the service.
    Ask,
    /// Past the bound: refuse it.
    Refuse,
}

impl StalenessPolicy {
    /// Judges a token of this age by how stale the verifier is; `None`: it does not know.
    pub(super) fn judge(&self, staleness: Option<Duration>, age: Duration) -> Judgement {
        if staleness.is_some_and(|staleness| staleness <= self.max_staleness) {
            return Judgement::Vouch;
        }
        match self.when_stale {
            WhenStale::Accept => Judgement::AcceptStale,
            WhenStale::AcceptYoungerThan(limit) if age < limit => Judgement::AcceptStale,
            WhenStale::Introspect => Judgement::Ask,
            WhenStale::AcceptYoungerThan(_) | WhenStale::Refuse => Judgement::Refuse,
        }
    }

    /// For how long the judgement holds if no news come; `None`: for good.
    pub(super) fn holds_for(&self, staleness: Duration, age: Duration) -> Option<Duration> {
        // What is at the bound is within it: a moment more.
        let moment = Duration::from_millis(1);
        match (self.max_staleness.checked_sub(staleness), self.when_stale) {
            (_, WhenStale::Accept) => None,
            (Some(left), _) => Some(left + moment),
            (None, WhenStale::AcceptYoungerThan(limit)) => Some(limit.saturating_sub(age) + moment),
            (None, WhenStale::Introspect | WhenStale::Refuse) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(30);

    fn judged(when_stale: WhenStale, staleness: Option<u64>, age: u64) -> Judgement {
        let policy = StalenessPolicy { max_staleness: BOUND, when_stale };
        policy.judge(staleness.map(Duration::from_secs), Duration::from_secs(age))
    }

    #[test]
    fn within_the_bound_every_policy_vouches() {
        let young = WhenStale::AcceptYoungerThan(Duration::ZERO);
        for when_stale in [WhenStale::Accept, young, WhenStale::Introspect, WhenStale::Refuse] {
            assert_eq!(judged(when_stale, Some(30), 1000), Judgement::Vouch);
        }
    }

    #[test]
    fn past_it_or_without_knowing_each_does_what_it_says() {
        let young = WhenStale::AcceptYoungerThan(Duration::from_secs(10));
        for staleness in [Some(31), None] {
            assert_eq!(judged(WhenStale::Accept, staleness, 1000), Judgement::AcceptStale);
            assert_eq!(judged(young, staleness, 9), Judgement::AcceptStale);
            assert_eq!(judged(young, staleness, 10), Judgement::Refuse);
            assert_eq!(judged(WhenStale::Introspect, staleness, 0), Judgement::Ask);
            assert_eq!(judged(WhenStale::Refuse, staleness, 0), Judgement::Refuse);
        }
    }

    #[test]
    fn when_a_judgement_has_ceased_to_hold_it_is_another() {
        let secs = Duration::from_secs;
        let young = |limit| WhenStale::AcceptYoungerThan(secs(limit));
        for (when_stale, staleness, age) in [
            (WhenStale::Refuse, 0, 0),
            (WhenStale::Introspect, 29, 5),
            (young(100), 10, 95),
            (young(100), 40, 95),
        ] {
            let policy = StalenessPolicy { max_staleness: BOUND, when_stale };
            let holds = policy.holds_for(secs(staleness), secs(age)).unwrap();
            let at = |later| policy.judge(Some(secs(staleness) + later), secs(age) + later);
            let before = holds.checked_sub(Duration::from_millis(2)).unwrap();
            assert_eq!(at(before), at(Duration::ZERO), "{when_stale:?}");
            assert_ne!(at(holds), at(Duration::ZERO), "{when_stale:?}");
        }
        let accept = StalenessPolicy { max_staleness: BOUND, when_stale: WhenStale::Accept };
        assert_eq!(accept.holds_for(secs(10), secs(10)), None);
    }
}
