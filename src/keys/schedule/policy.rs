//! How the ring is kept, and the arithmetic under which no good token is refused.

use std::time::Duration;

use signet_verifier::Algorithm;

use super::KeyUse;

/// How the ring is kept.
#[derive(Clone, Debug)]
pub struct SchedulePolicy {
    /// The algorithms that always have an active key and a standby; the first is the default.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long verifiers may cache the JWKS.
    pub jwks_max_age: Duration,
    /// The longest life of an access token, any client's.
    pub longest_access_ttl: Duration,
    /// The longest life of a refresh token: the absolute lifetime.
    pub longest_refresh_ttl: Duration,
    /// How far clocks may be apart.
    pub leeway: Duration,
}

/// A policy under which a good token could be refused; says the arithmetic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

impl SchedulePolicy {
    /// How long a fetched JWKS may have been on its way: it is older by this than its `max-age` says.
    pub const SLACK: Duration = Duration::from_secs(1);
    /// The longest that verifiers may be allowed to cache the JWKS: it bounds how long a compromised key is believed.
    pub const LONGEST_JWKS_MAX_AGE: Duration = Duration::from_mins(15);
    /// No duration is longer, so that every instant can be written as a date.
    pub const LONGEST: Duration = Duration::from_hours(24 * 366 * 100);

    /// Refuses a policy that cannot hold.
    pub fn check(&self) -> Result<(), PolicyError> {
        self.check_algorithms()?;
        for (name, duration) in [
            ("keys.rotate_every", self.rotate_every),
            ("keys.publish_ahead", self.publish_ahead),
            ("keys.jwks_max_age", self.jwks_max_age),
            ("tokens.access_ttl", self.longest_access_ttl),
            ("refresh.absolute_ttl", self.longest_refresh_ttl),
        ] {
            refuse_if(duration < Duration::from_secs(1), || format!("{name} must be at least 1s"))?;
            refuse_if(duration > Self::LONGEST, || format!("{name} must be at most a hundred years"))?;
        }
        refuse_if(self.leeway > Self::LONGEST, || "tokens.leeway must be at most a hundred years".into())?;
        self.check_cache()
    }

    /// Everything that the ring has keys for.
    pub(in crate::keys) fn uses(&self) -> impl Iterator<Item = KeyUse> {
        self.algorithms.iter().copied().map(KeyUse::Signing).chain([KeyUse::Sealing])
    }

    /// How long after its last use a key must still be there: until the last token of it is refused by every clock, and
    /// no verifier still trusts a JWKS that was cached without need.
    pub(super) fn outlives_use_by(&self, usage: KeyUse) -> Duration {
        match usage {
            KeyUse::Signing(_) => {
                let token = self.longest_access_ttl.saturating_add(self.leeway);
                token.saturating_add(self.jwks_max_age).saturating_add(Self::SLACK)
            }
            KeyUse::Sealing => {
                self.longest_refresh_ttl.saturating_add(self.leeway).saturating_add(Self::SLACK)
            }
        }
    }

    fn check_algorithms(&self) -> Result<(), PolicyError> {
        refuse_if(self.algorithms.is_empty(), || "keys.algorithms must name at least one algorithm".into())?;
        let mut rest = self.algorithms.as_slice();
        while let Some((first, others)) = rest.split_first() {
            refuse_if(others.contains(first), || format!("keys.algorithms names {first} twice"))?;
            rest = others;
        }
        Ok(())
    }

    fn check_cache(&self) -> Result<(), PolicyError> {
        let Self { rotate_every, publish_ahead, jwks_max_age, .. } = self;
        let (slack, cap) = (Self::SLACK, Self::LONGEST_JWKS_MAX_AGE);
        refuse_if(*jwks_max_age > cap, || {
            format!(
                "keys.jwks_max_age ({jwks_max_age:?}) must be at most {cap:?}: \
                 a verifier may believe a compromised key for that long"
            )
        })?;
        let cached = *jwks_max_age + slack;
        refuse_if(*publish_ahead < cached, || {
            format!(
                "keys.publish_ahead ({publish_ahead:?}) must be at least keys.jwks_max_age ({jwks_max_age:?}) \
                 + {slack:?} on its way = {cached:?}: a verifier may not have seen a key before that"
            )
        })?;
        let shortest = *publish_ahead + slack;
        refuse_if(*rotate_every < shortest, || {
            format!(
                "keys.rotate_every ({rotate_every:?}) must be at least keys.publish_ahead ({publish_ahead:?}) \
                 + {slack:?} to make the standby = {shortest:?}: the next key is published while this one signs"
            )
        })
    }
}

fn refuse_if(refused: bool, why: impl FnOnce() -> String) -> Result<(), PolicyError> {
    if refused { Err(PolicyError(why())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> SchedulePolicy {
        SchedulePolicy {
            algorithms: vec![Algorithm::Es256, Algorithm::EdDsa],
            rotate_every: Duration::from_hours(30 * 24),
            publish_ahead: Duration::from_mins(30),
            jwks_max_age: Duration::from_mins(5),
            longest_access_ttl: Duration::from_mins(5),
            longest_refresh_ttl: Duration::from_hours(30 * 24),
            leeway: Duration::from_secs(30),
        }
    }

    fn refusal(change: impl FnOnce(&mut SchedulePolicy)) -> String {
        let mut policy = policy();
        change(&mut policy);
        policy.check().unwrap_err().0
    }

    #[test]
    fn the_defaults_hold() {
        assert_eq!(policy().check(), Ok(()));
    }

    #[test]
    fn the_edges_hold_and_one_step_beyond_does_not() {
        let edge = SchedulePolicy {
            publish_ahead: Duration::from_secs(301),
            rotate_every: Duration::from_secs(302),
            ..policy()
        };
        assert_eq!(edge.check(), Ok(()));
        let below = SchedulePolicy { publish_ahead: Duration::from_millis(300_999), ..edge.clone() };
        assert!(
            below.check().unwrap_err().0.contains("at least keys.jwks_max_age (300s) + 1s on its way = 301s")
        );
        let below = SchedulePolicy { rotate_every: Duration::from_millis(301_999), ..edge };
        assert!(below.check().unwrap_err().0.contains("at least keys.publish_ahead (301s) + 1s"));
    }

    #[test]
    fn each_refusal_names_its_key() {
        assert!(refusal(|p| p.algorithms.clear()).contains("at least one algorithm"));
        assert!(refusal(|p| p.algorithms.push(Algorithm::Es256)).contains("names ES256 twice"));
        assert!(refusal(|p| p.jwks_max_age = Duration::from_secs(901)).contains("keys.jwks_max_age (901s)"));
        assert!(refusal(|p| p.jwks_max_age = Duration::ZERO).contains("keys.jwks_max_age"));
        assert!(refusal(|p| p.rotate_every = Duration::MAX).contains("keys.rotate_every"));
        assert!(refusal(|p| p.longest_access_ttl = Duration::ZERO).contains("tokens.access_ttl"));
        assert!(refusal(|p| p.longest_refresh_ttl = Duration::MAX).contains("refresh.absolute_ttl"));
        assert!(refusal(|p| p.leeway = Duration::MAX).contains("tokens.leeway"));
    }
}
