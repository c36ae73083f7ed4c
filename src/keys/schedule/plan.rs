//! The line of keys of one use: who is in it, who leads it, and how it closes up.

use signet_verifier::{KeyId, UnixMs};

use super::{KeyState, KeyTimes, KeyUse, SchedulePolicy, Step};
use crate::keys::key_ring::{KeyRing, RingEntry};

/// One place in a line of keys: a key of the ring, or one yet to be made.
pub(super) struct Slot {
    known: Option<(KeyId, KeyTimes)>,
    pub(super) times: KeyTimes,
}

impl Slot {
    pub(super) fn new(times: KeyTimes) -> Self {
        Self { known: None, times }
    }

    fn of(entry: &RingEntry) -> Self {
        Self { known: Some((entry.kid.clone(), entry.times)), times: entry.times }
    }
}

/// The steps that make the ring what the line says.
pub(super) fn differences(usage: KeyUse, line: Vec<Slot>) -> Vec<Step> {
    let step = |slot: Slot| match slot.known {
        None => Some(Step::Create { usage, times: slot.times }),
        Some((kid, before)) if before != slot.times => Some(Step::Reschedule { kid, times: slot.times }),
        Some(_) => None,
    };
    line.into_iter().filter_map(step).collect()
}

/// The rule, applied to one ring at one instant.
pub(super) struct Plan<'a> {
    pub(super) ring: &'a KeyRing,
    pub(super) policy: &'a SchedulePolicy,
    pub(super) now: UnixMs,
}

impl Plan<'_> {
    /// The key in use, then the standbys in the order in which they will be.
    pub(super) fn line(&self, usage: KeyUse) -> Vec<Slot> {
        let mut standbys: Vec<&RingEntry> =
            self.ring.of(usage).filter(|entry| entry.times.state(self.now) == KeyState::Pending).collect();
        standbys.sort_by_key(|entry| entry.times.activates_at);
        self.ring.active(usage, self.now).into_iter().chain(standbys).map(Slot::of).collect()
    }

    /// Sees to it that a use has a key in use, or one that will be, and a standby.
    pub(super) fn complete(&self, usage: KeyUse) -> Vec<Step> {
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

    pub(super) fn promote(&self, usage: KeyUse, line: &mut Vec<Slot>) {
        let longest_published = (0..).zip(line.iter()).min_by_key(|(_, slot)| slot.times.created_at);
        if let Some(place) = longest_published.map(|(place, _)| place) {
            let mut slot = line.remove(place);
            slot.times = KeyTimes::new(slot.times.created_at, self.now, usage, self.policy);
            line.insert(0, slot);
        }
    }

    /// Makes each key begin where the one before it ends, and not before it is known. Whoever is not known in time makes
    /// the one before it go on.
    pub(super) fn close_up(&self, usage: KeyUse, line: &mut [Slot]) {
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

    pub(super) fn known_from(&self, times: &KeyTimes) -> UnixMs {
        times.created_at.after(self.policy.publish_ahead)
    }

    /// Ends the keys of algorithms that are no longer configured: standbys, which never signed, at once; the key in use
    /// as soon as every configured algorithm has one that is known.
    pub(super) fn phase_out(&self, steps: &[Step]) -> Vec<Step> {
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
    pub(super) fn forget(&self, steps: &[Step]) -> Vec<Step> {
        let called_back = |entry: &RingEntry| {
            steps.iter().any(|step| matches!(step, Step::Reschedule { kid, .. } if *kid == entry.kid))
        };
        let gone = self.ring.entries().iter().filter(|entry| self.now >= entry.times.remembered_until());
        gone.filter(|entry| !called_back(entry))
            .map(|entry| Step::Remove { kid: entry.kid.clone() })
            .collect()
    }
}
