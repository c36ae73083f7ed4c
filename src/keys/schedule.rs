//! When which key does what: pure functions of timestamps and `now`.
//!
//! The keys of one use stand in a line: the one in use, and behind it its standbys, published and waiting. Each begins
//! in the instant in which the one before it ends, and none begins before it has been published for the publish-ahead
//! time: a verifier that cached the JWKS for all of its `max-age` knows it by then. Where that cannot be had, because the
//! service slept or a standby was lost, the key in use goes on a little longer; it is the one that everybody knows.
//!
//! [`due`] looks at each line, completes it, and says the difference as [`Step`]s. Sudden changes (a rotation asked for,
//! a compromise, an import) change the line first and close it up by the same rule.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use signet_verifier::{Algorithm, KeyId, UnixMs};

use self::plan::{Plan, Slot, differences};
use super::key_ring::KeyRing;

mod plan;
mod policy;

pub use policy::{PolicyError, SchedulePolicy};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyUse {
    /// Signs access tokens; its public half is published.
    #[serde(rename = "sig")]
    Signing(Algorithm),
    /// Seals refresh tokens; never leaves.
    #[serde(rename = "seal")]
    Sealing,
}

/// The timestamps that decide a key's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyTimes {
    /// When it was made (and published).
    pub created_at: UnixMs,
    /// From when it signs or seals.
    pub activates_at: UnixMs,
    /// From when it no longer does, though still published.
    pub retires_at: UnixMs,
    /// From when it is gone.
    pub expires_at: UnixMs,
    /// When it was said to be compromised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_at: Option<UnixMs>,
}

/// What a key does at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not yet used.
    Pending,
    /// Used.
    Active,
    /// Published, no longer used.
    Retiring,
    /// Gone.
    Retired,
    /// Gone at once.
    Compromised,
}

impl KeyTimes {
    /// How long a key that is gone is still listed and its name still known.
    pub const REMEMBERED: Duration = Duration::from_hours(24);

    /// The state at `now`.
    pub fn state(&self, now: UnixMs) -> KeyState {
        // Without a look at the clock: one that steps back must not bring a compromised key back.
        if self.compromised_at.is_some() {
            KeyState::Compromised
        } else if now < self.activates_at {
            KeyState::Pending
        } else if now < self.retires_at {
            KeyState::Active
        } else if now < self.expires_at {
            KeyState::Retiring
        } else {
            KeyState::Retired
        }
    }

    /// Until when the ring remembers the key: a day after no good token of it can be left.
    pub fn remembered_until(&self) -> UnixMs {
        self.expires_at.after(Self::REMEMBERED)
    }

    /// Every instant at which something about the key changes by itself.
    pub(super) fn changes(&self) -> [UnixMs; 4] {
        [self.activates_at, self.retires_at, self.expires_at, self.remembered_until()]
    }

    fn new(created_at: UnixMs, activates_at: UnixMs, usage: KeyUse, policy: &SchedulePolicy) -> Self {
        let retires_at = activates_at.after(policy.rotate_every);
        let expires_at = retires_at.after(policy.outlives_use_by(usage));
        Self { created_at, activates_at, retires_at, expires_at, compromised_at: None }
    }

    /// The same key, in use until another instant. It outlives its use by as much as before, or as the policy now says,
    /// whichever is longer: tokens made under a policy before this one may be about.
    fn retiring_at(self, retires_at: UnixMs, usage: KeyUse, policy: &SchedulePolicy) -> Self {
        let outlives_by = self.expires_at.since(self.retires_at).max(policy.outlives_use_by(usage));
        Self { retires_at, expires_at: retires_at.after(outlives_by), ..self }
    }
}

/// When a rotation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activate {
    /// The standby becomes active after the publish-ahead time.
    Scheduled,
    /// The standby, long published, becomes active at once (a sealing key: a second later).
    Now,
}

/// The standby has not been published for the publish-ahead time; from `ready_at` on it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooYoung {
    pub(super) ready_at: UnixMs,
}

/// One change to the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a key with these times.
    Create {
        /// What for.
        usage: KeyUse,
        /// Its times.
        times: KeyTimes,
    },
    /// Give a key other times.
    Reschedule {
        /// Which.
        kid: KeyId,
        /// Its new times.
        times: KeyTimes,
    },
    /// Forget a key that is gone.
    Remove {
        /// Which.
        kid: KeyId,
    },
}

impl Step {
    /// The key; a new one has its name only once it is in the ring.
    pub const fn key(&self) -> Option<&KeyId> {
        match self {
            Self::Create { .. } => None,
            Self::Reschedule { kid, .. } | Self::Remove { kid } => Some(kid),
        }
    }

    /// What is done to it, in one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Reschedule { .. } => "reschedule",
            Self::Remove { .. } => "remove",
        }
    }
}

/// What is to be done at `now`: nothing, most of the time.
pub fn due(ring: &KeyRing, policy: &SchedulePolicy, now: UnixMs) -> Vec<Step> {
    let plan = Plan { ring, policy, now };
    let mut steps: Vec<Step> = policy.uses().flat_map(|usage| plan.complete(usage)).collect();
    let phased_out = plan.phase_out(&steps);
    steps.extend(phased_out);
    let forgotten = plan.forget(&steps);
    steps.extend(forgotten);
    steps
}

/// The steps by which the standby of a use takes over, at once or after the publish-ahead time.
pub(super) fn rotation(
    ring: &KeyRing,
    policy: &SchedulePolicy,
    usage: KeyUse,
    activate: Activate,
    now: UnixMs,
) -> Result<Vec<Step>, TooYoung> {
    let plan = Plan { ring, policy, now };
    let mut line = plan.line(usage);
    let [head, next, ..] = line.as_mut_slice() else { return Ok(Vec::new()) };
    let head_waits = now < head.times.activates_at;
    let ready_at = if head_waits { head.times.activates_at } else { plan.known_from(&next.times) };
    let ends_at = match activate {
        Activate::Now if now < ready_at => return Err(TooYoung { ready_at }),
        // Nodes hear of it one after the other, and what one sealed a moment ago another must be able to seal again with
        // the key of that moment: so the moment lies a little ahead.
        Activate::Now if usage == KeyUse::Sealing => now.after(SchedulePolicy::SLACK),
        Activate::Now => now,
        Activate::Scheduled => now.after(policy.publish_ahead),
    };
    if !head_waits && ends_at < head.times.retires_at {
        head.times = head.times.retiring_at(ends_at, usage, policy);
    }
    plan.close_up(usage, &mut line);
    Ok(differences(usage, line))
}

/// The steps by which the standby that has been published the longest replaces a key that is gone at once, however
/// young it is. None where a key is in use.
pub(super) fn promotion(ring: &KeyRing, policy: &SchedulePolicy, usage: KeyUse, now: UnixMs) -> Vec<Step> {
    let plan = Plan { ring, policy, now };
    let mut line = plan.line(usage);
    if ring.active(usage, now).is_none() {
        plan.promote(usage, &mut line);
    }
    plan.close_up(usage, &mut line);
    differences(usage, line)
}

/// The times of a key that joins as the next standby, and the steps by which the line makes room. Standbys that were
/// there stay, behind it: they are what verifiers know if the key in use is lost before the new one has been seen.
pub(super) fn arrival(
    ring: &KeyRing,
    policy: &SchedulePolicy,
    usage: KeyUse,
    now: UnixMs,
) -> (KeyTimes, Vec<Step>) {
    let plan = Plan { ring, policy, now };
    let mut line = plan.line(usage);
    let begins_at = line.first().map_or(now, |head| head.times.retires_at);
    let place = line.len().min(1);
    let fallback = KeyTimes::new(now, begins_at, usage, policy);
    line.insert(place, Slot::new(fallback));
    plan.close_up(usage, &mut line);
    let times = line.get(place).map_or(fallback, |slot| slot.times);
    line.remove(place);
    (times, differences(usage, line))
}

#[cfg(test)]
mod tests;
