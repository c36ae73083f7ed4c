//! All tables of the denylist: three rules, each cut into shards.

use std::array;
use std::sync::Arc;

use super::keys::Key;
use super::table::{Table, Timing};
use crate::cutoff::{Cutoff, Effect};

/// How an entry denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Always,
    Logout,
    Refresh,
}

impl Rule {
    pub(super) const ALL: [Self; 3] = [Self::Always, Self::Logout, Self::Refresh];

    pub(super) fn of(cutoff: &Cutoff) -> Self {
        match cutoff.effect {
            _ if cutoff.is_timeless() => Self::Always,
            Effect::Logout => Self::Logout,
            Effect::Refresh => Self::Refresh,
        }
    }
}

/// A sixteenth of a million entries is rebuilt in a few milliseconds.
pub(super) const SHARDS: usize = 16;

pub(super) fn shard_of(key: Key) -> usize {
    (key.high >> 60) as usize
}

/// All tables, replaced whole.
#[derive(Clone)]
pub(super) struct Tables {
    always: Shards,
    logout: Shards,
    refresh: Shards,
}

type Shards = [Arc<Table>; SHARDS];

impl Tables {
    pub(super) fn empty() -> Self {
        let shards = |timing| {
            let empty = Arc::new(Table::empty(timing));
            array::from_fn(|_| Arc::clone(&empty))
        };
        Self {
            always: shards(Timing::Timeless),
            logout: shards(Timing::Timed),
            refresh: shards(Timing::Timed),
        }
    }

    pub(super) fn of(&self, rule: Rule, key: Key) -> &Table {
        self.shard(rule, shard_of(key))
    }

    #[expect(clippy::indexing_slicing, reason = "shard numbers come from `shard_of` or run below SHARDS")]
    pub(super) fn shard(&self, rule: Rule, shard: usize) -> &Table {
        match rule {
            Rule::Always => &self.always[shard],
            Rule::Logout => &self.logout[shard],
            Rule::Refresh => &self.refresh[shard],
        }
    }

    #[expect(clippy::indexing_slicing, reason = "shard numbers come from `shard_of` or run below SHARDS")]
    pub(super) fn with(&self, rule: Rule, shard: usize, table: Table) -> Self {
        let mut next = self.clone();
        let shards = match rule {
            Rule::Always => &mut next.always,
            Rule::Logout => &mut next.logout,
            Rule::Refresh => &mut next.refresh,
        };
        shards[shard] = Arc::new(table);
        next
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.always.iter().chain(&self.logout).chain(&self.refresh)
    }
}
