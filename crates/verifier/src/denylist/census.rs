//! The census: which kinds of entries live at all, so that a check looks up only those.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::table::{Deadline, Entry};
use super::tables::Rule;
use crate::UnixMs;

/// What is known of one kind of scope, without looking into a table.
#[derive(Default)]
pub(super) struct Census {
    /// The latest deadline under each rule; zero: no entry. It outlives none of its entries.
    always_until: AtomicU32,
    logout_until: AtomicU32,
    refresh_until: AtomicU32,
    /// The latest `issued_before` of its time cutoffs.
    latest: AtomicU64,
}

impl Census {
    pub(super) fn knows(&self, rule: Rule) -> bool {
        self.until(rule).load(Ordering::Acquire) != 0
    }

    pub(super) fn latest(&self) -> UnixMs {
        UnixMs::from_millis(self.latest.load(Ordering::Acquire))
    }

    pub(super) fn count_in(&self, rule: Rule, entry: Entry) {
        if rule != Rule::Always {
            self.latest.fetch_max(entry.issued_before.as_millis(), Ordering::AcqRel);
        }
        self.until(rule).fetch_max(entry.deadline.as_u32(), Ordering::AcqRel);
    }

    /// Once the latest deadline is over, so are all the others.
    pub(super) fn sweep(&self, now: UnixMs) {
        for rule in Rule::ALL {
            let until = self.until(rule);
            if Deadline::from_u32(until.load(Ordering::Acquire)).is_over(now) {
                until.store(0, Ordering::Release);
            }
        }
        if !self.knows(Rule::Logout) && !self.knows(Rule::Refresh) {
            self.latest.store(0, Ordering::Release);
        }
    }

    fn until(&self, rule: Rule) -> &AtomicU32 {
        match rule {
            Rule::Always => &self.always_until,
            Rule::Logout => &self.logout_until,
            Rule::Refresh => &self.refresh_until,
        }
    }
}
