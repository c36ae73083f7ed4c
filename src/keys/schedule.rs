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

use super::key_ring::{KeyRing, RingEntry};

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

/// One place in a line of keys: a key of the ring, or one yet to be made.
struct Slot {
    known: Option<(KeyId, KeyTimes)>,
    times: KeyTimes,
}

impl Slot {
    fn new(times: KeyTimes) -> Self {
        Self { known: None, times }
    }

    fn of(entry: &RingEntry) -> Self {
        Self { known: Some((entry.kid.clone(), entry.times)), times: entry.times }
    }
}

fn differences(usage: KeyUse, line: Vec<Slot>) -> Vec<Step> {
    let step = |slot: Slot| match slot.known {
        None => Some(Step::Create { usage, times: slot.times }),
        Some((kid, before)) if before != slot.times => Some(Step::Reschedule { kid, times: slot.times }),
        Some(_) => None,
    };
    line.into_iter().filter_map(step).collect()
}

struct Plan<'a> {
    ring: &'a KeyRing,
    policy: &'a SchedulePolicy,
    now: UnixMs,
}

impl Plan<'_> {
    /// The key in use, then the standbys in the order in which they will be.
    fn line(&self, usage: KeyUse) -> Vec<Slot> {
        let mut standbys: Vec<&RingEntry> =
            self.ring.of(usage).filter(|entry| entry.times.state(self.now) == KeyState::Pending).collect();
        standbys.sort_by_key(|entry| entry.times.activates_at);
        self.ring.active(usage, self.now).into_iter().chain(standbys).map(Slot::of).collect()
    }

    /// Sees to it that a use has a key in use, or one that will be, and a standby.
    fn complete(&self, usage: KeyUse) -> Vec<Step> {
        let mut line = self.line(usage);
        if self.ring.active(usage, self.now).is_none() {
            self.lead(usage, &mut line);
        }
        if line.len() == 1 {
            let begins_at = line.first().map_or(self.now, |head| head.times.retires_at);
            line.push(Slot::new(KeyTimes::new(self.now, begins_at, usage, self.policy)));
        }
        self.close_up(usage, &mut line);
        differences(usage, line)
    }

    /// Finds a head for a line that has none in use.
    fn lead(&self, usage: KeyUse, line: &mut Vec<Slot>) {
        let can_wait = self.another_can_stand_in(usage);
        if !line.is_empty() {
            if !can_wait {
                self.promote(usage, line);
            }
        } else if let Some(last) = self.last_used(usage, can_wait) {
            // The service slept past the end of a key that had no successor yet: it goes on until one is known.
            let mut slot = Slot::of(last);
            slot.times = slot.times.retiring_at(self.now, usage, self.policy);
            line.push(slot);
        } else {
            let begins_at = if can_wait { self.now.after(self.policy.publish_ahead) } else { self.now };
            line.push(Slot::new(KeyTimes::new(self.now, begins_at, usage, self.policy)));
        }
    }

    /// Whether tokens can be signed with another algorithm until this one has a key that verifiers know.
    fn another_can_stand_in(&self, usage: KeyUse) -> bool {
        let mut entries = self.ring.entries().iter();
        usage != KeyUse::Sealing
            && entries.any(|e| e.usage() != KeyUse::Sealing && e.times.state(self.now) == KeyState::Active)
    }

    /// The key that went out of use last. One that is no longer published is as unknown to verifiers as a new one, so it
    /// is worth something only where nothing else signs at all: then the service slept, and caches kept what they had.
    fn last_used(&self, usage: KeyUse, can_wait: bool) -> Option<&RingEntry> {
        let usable = |entry: &&RingEntry| match entry.times.state(self.now) {
            KeyState::Retiring => true,
            KeyState::Retired => !can_wait,
            KeyState::Pending | KeyState::Active | KeyState::Compromised => false,
        };
        self.ring.of(usage).filter(usable).max_by_key(|entry| entry.times.retires_at)
    }

    fn promote(&self, usage: KeyUse, line: &mut Vec<Slot>) {
        let longest_published = (0..).zip(line.iter()).min_by_key(|(_, slot)| slot.times.created_at);
        if let Some(place) = longest_published.map(|(place, _)| place) {
            let mut slot = line.remove(place);
            slot.times = KeyTimes::new(slot.times.created_at, self.now, usage, self.policy);
            line.insert(0, slot);
        }
    }

    /// Makes each key begin where the one before it ends, and not before it is known. Whoever is not known in time makes
    /// the one before it go on.
    fn close_up(&self, usage: KeyUse, line: &mut [Slot]) {
        let mut before: Option<&mut Slot> = None;
        for slot in line {
            if let Some(before) = before {
                let begins_at = before.times.retires_at.max(self.known_from(&slot.times));
                before.times = before.times.retiring_at(begins_at, usage, self.policy);
                if slot.times.activates_at != begins_at {
                    slot.times = KeyTimes::new(slot.times.created_at, begins_at, usage, self.policy);
                }
            }
            slot.times = slot.times.retiring_at(slot.times.retires_at, usage, self.policy);
            before = Some(slot);
        }
    }

    fn known_from(&self, times: &KeyTimes) -> UnixMs {
        times.created_at.after(self.policy.publish_ahead)
    }

    /// Ends the keys of algorithms that are no longer configured: standbys, which never signed, at once; the key in use
    /// as soon as every configured algorithm has one that is known.
    fn phase_out(&self, steps: &[Step]) -> Vec<Step> {
        let configured = |usage: KeyUse| self.policy.uses().any(|known| known == usage);
        let ends_at = self.policy.uses().map(|usage| self.first_use(usage, steps)).max().unwrap_or(self.now);
        let step = |entry: &RingEntry| match entry.times.state(self.now) {
            KeyState::Pending => Some(Step::Remove { kid: entry.kid.clone() }),
            KeyState::Active if entry.times.retires_at != ends_at => {
                let times = entry.times.retiring_at(ends_at, entry.usage(), self.policy);
                Some(Step::Reschedule { kid: entry.kid.clone(), times })
            }
            KeyState::Active | KeyState::Retiring | KeyState::Retired | KeyState::Compromised => None,
        };
        self.ring.entries().iter().filter(|entry| !configured(entry.usage())).filter_map(step).collect()
    }

    /// From when a use has a key, `steps` done: now, or when the first that waits begins.
    fn first_use(&self, usage: KeyUse, steps: &[Step]) -> UnixMs {
        let of_steps = steps.iter().filter_map(|step| match step {
            Step::Create { usage: made, times } => (*made == usage).then_some(times.activates_at),
            Step::Reschedule { kid, times } => {
                self.ring.entry(kid).filter(|entry| entry.usage() == usage).map(|_| times.activates_at)
            }
            Step::Remove { .. } => None,
        });
        let of_ring = self.line(usage).into_iter().map(|slot| slot.times.activates_at);
        of_ring.chain(of_steps).min().unwrap_or(self.now).max(self.now)
    }

    /// Forgets keys that have been gone for long, unless one of them has just been called back.
    fn forget(&self, steps: &[Step]) -> Vec<Step> {
        let called_back = |entry: &RingEntry| {
            steps.iter().any(|step| matches!(step, Step::Reschedule { kid, .. } if *kid == entry.kid))
        };
        let gone = self.ring.entries().iter().filter(|entry| self.now >= entry.times.remembered_until());
        gone.filter(|entry| !called_back(entry))
            .map(|entry| Step::Remove { kid: entry.kid.clone() })
            .collect()
    }
}

#[cfg(test)]
mod tests;
