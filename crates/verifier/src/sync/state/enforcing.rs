//! How entries and limits come into force.

use std::sync::Arc;

use super::State;
use crate::cutoff::Scope;
use crate::denylist::Denylist;
use crate::feed::{FeedEntry, Limits, Snapshot};
use crate::sync::knowledge::Knowledge;

impl State {
    pub(super) fn enforce(&self, denylist: &Denylist, entries: &[FeedEntry]) {
        for entry in entries {
            denylist.apply(&entry.clone().into_cutoff());
            if let Scope::Kid(kid) = &entry.scope {
                self.keys.drop_key(kid);
            }
        }
        self.tally.entries.add(entries.len() as u64);
    }

    pub(super) fn take_limits(&self, known: &Knowledge, limits: &Limits) {
        if known.limits.as_deref() != Some(limits) {
            self.knowledge.store(Arc::new(known.under(limits, &self.settings)));
        }
    }

    /// For other revocable claims: filled before anybody sees it.
    pub(super) fn replace_denylist(&self, known: &Knowledge, snapshot: &Snapshot) {
        let denylist = Arc::new(Denylist::new(snapshot.limits.revocable_claims.clone()));
        self.enforce(&denylist, &snapshot.entries);
        let next = known.under(&snapshot.limits, &self.settings).with_denylist(
            Arc::clone(&denylist),
            &self.settings,
            &self.keys,
            &self.succession,
        );
        self.knowledge.store(Arc::new(next));
        self.succession.succeed(denylist);
    }
}
