//! One hash table of the denylist: many readers and one writer at a time, who do not wait for each other.
//!
//! Open addressing in groups of eight slots. A group has one word of *tags*, a byte a slot: zero for an empty slot, else
//! eight bits of the key. A reader loads the word and looks at keys only where the tag fits, so that a miss, which is
//! the usual case, costs one load from an array of one byte an entry. A writer fills a slot first and publishes its tag
//! last. Nothing is ever taken out and times only rise, so a reader sees an entry whole or not at all; growing and
//! sweeping build another table, which the owner swaps in.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::keys::Key;
use crate::UnixMs;

/// When an entry may be forgotten: whole seconds, rounded up, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline(u32);

impl Deadline {
    /// The first whole second that is not before `expires_at`.
    pub(super) fn not_before(expires_at: UnixMs) -> Self {
        Self(u32::try_from(expires_at.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1))
    }

    /// Whether it has come. The greatest one stands for all that do not fit, so it never comes.
    pub(super) fn is_over(self, now: UnixMs) -> bool {
        self.0 != u32::MAX && u64::from(self.0) <= now.as_secs()
    }

    pub(super) fn as_u32(self) -> u32 {
        self.0
    }

    pub(super) fn from_u32(secs: u32) -> Self {
        Self(secs)
    }
}

/// What a table holds of a cutoff.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) deadline: Deadline,
    /// Not kept by a timeless table.
    pub(super) issued_before: UnixMs,
}

/// Whether a table keeps `issued_before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    Timed,
    Timeless,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upsert {
    /// It said nothing new.
    Unchanged,
    /// It is new, or moved a time.
    Changed,
    /// There is no room: grow first.
    Full,
}

pub(super) struct Table {
    timing: Timing,
    tags: Box<[AtomicU64]>,
    keys: Box<[[AtomicU64; 2]]>,
    deadlines: Box<[AtomicU32]>,
    /// `issued_before`; no elements in a timeless table.
    times: Box<[AtomicU64]>,
    len: AtomicUsize,
}

const SLOTS_PER_GROUP: usize = 8;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

impl Table {
    /// A table without any room.
    pub(super) fn empty(timing: Timing) -> Self {
        Self::with_groups(timing, 0)
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.find(key).is_some()
    }

    /// The time of the entry with this key; `None` if there is none or the table keeps no times.
    pub(super) fn issued_before(&self, key: Key) -> Option<UnixMs> {
        let time = self.times.get(self.find(key)?)?;
        Some(UnixMs::from_millis(time.load(Ordering::Relaxed)))
    }

    /// Takes in an entry. One writer at a time: the owner sees to it.
    pub(super) fn upsert(&self, key: Key, entry: Entry) -> Upsert {
        match self.find(key) {
            Some(slot) if self.raise(slot, entry) => Upsert::Changed,
            Some(_) => Upsert::Unchanged,
            None if self.len() >= self.limit() => Upsert::Full,
            None => self.insert(key, entry),
        }
    }

    /// The same entries with half as much room again. Doubling would save moves and cost a quarter more memory.
    pub(super) fn grown(&self) -> Self {
        let larger = Self::with_groups(self.timing, (self.tags.len() * 3).div_ceil(2).max(1));
        larger.fill(self.entries());
        larger
    }

    /// The entries that are not over by `now`, if any is over.
    pub(super) fn swept(&self, now: UnixMs) -> Option<Self> {
        let kept = self.entries().filter(|(_, entry)| !entry.deadline.is_over(now)).count();
        if kept == self.len() {
            return None;
        }
        // A fifth more than needed, or the next entry would have it built once more.
        let groups = (kept + kept / 5).div_ceil(SLOTS_PER_GROUP * 4 / 5).min(self.tags.len());
        let remaining = Self::with_groups(self.timing, groups);
        remaining.fill(self.entries().filter(|(_, entry)| !entry.deadline.is_over(now)));
        Some(remaining)
    }

    fn with_groups(timing: Timing, groups: usize) -> Self {
        let slots = groups * SLOTS_PER_GROUP;
        let timed = if timing == Timing::Timed { slots } else { 0 };
        Self {
            timing,
            tags: (0..groups).map(|_| AtomicU64::new(0)).collect(),
            keys: (0..slots).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect(),
            deadlines: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            times: (0..timed).map(|_| AtomicU64::new(0)).collect(),
            len: AtomicUsize::new(0),
        }
    }

    /// Full at four fifths: beyond, misses run on into neighbouring groups. Always leaves an empty slot to stop at.
    fn limit(&self) -> usize {
        self.keys.len() * 4 / 5
    }

    fn find(&self, key: Key) -> Option<usize> {
        let tag = LOW_BITS * u64::from(tag_of(key));
        let mut group = self.home(key);
        loop {
            let tags = self.tags.get(group)?.load(Ordering::Acquire);
            let mut fitting = zero_bytes(tags ^ tag);
            while fitting != 0 {
                let slot = group * SLOTS_PER_GROUP + first_byte(fitting);
                if self.key_at(slot) == Some(key) {
                    return Some(slot);
                }
                fitting &= fitting - 1;
            }
            if zero_bytes(tags) != 0 {
                return None;
            }
            group = self.after(group);
        }
    }

    fn insert(&self, key: Key, entry: Entry) -> Upsert {
        let mut group = self.home(key);
        while let Some(word) = self.tags.get(group) {
            let tags = word.load(Ordering::Relaxed);
            let empty = zero_bytes(tags);
            if empty != 0 {
                let byte = first_byte(empty);
                self.write(group * SLOTS_PER_GROUP + byte, key, entry);
                word.store(tags | u64::from(tag_of(key)) << (8 * byte), Ordering::Release);
                self.len.fetch_add(1, Ordering::Relaxed);
                return Upsert::Changed;
            }
            group = self.after(group);
        }
        Upsert::Full
    }

    fn fill(&self, entries: impl Iterator<Item = (Key, Entry)>) {
        for (key, entry) in entries {
            let inserted = self.insert(key, entry);
            debug_assert_eq!(inserted, Upsert::Changed, "a table is built with room for its entries");
        }
    }

    fn write(&self, slot: usize, key: Key, entry: Entry) {
        if let Some([high, low]) = self.keys.get(slot) {
            high.store(key.high, Ordering::Relaxed);
            low.store(key.low, Ordering::Relaxed);
        }
        self.raise(slot, entry);
    }

    fn raise(&self, slot: usize, entry: Entry) -> bool {
        let deadline = entry.deadline.as_u32();
        let time = entry.issued_before.as_millis();
        let later = self
            .deadlines
            .get(slot)
            .is_some_and(|known| known.fetch_max(deadline, Ordering::Relaxed) < deadline);
        let newer = self.times.get(slot).is_some_and(|known| known.fetch_max(time, Ordering::Relaxed) < time);
        later || newer
    }

    fn entries(&self) -> impl Iterator<Item = (Key, Entry)> {
        let taken = |slot: &usize| {
            let tags = self.tags.get(slot / SLOTS_PER_GROUP).map_or(0, |word| word.load(Ordering::Acquire));
            (tags >> (8 * (slot % SLOTS_PER_GROUP))) & 0xff != 0
        };
        (0..self.keys.len()).filter(taken).filter_map(|slot| {
            let deadline = Deadline::from_u32(self.deadlines.get(slot)?.load(Ordering::Relaxed));
            let time = self.times.get(slot).map_or(0, |time| time.load(Ordering::Relaxed));
            Some((self.key_at(slot)?, Entry { deadline, issued_before: UnixMs::from_millis(time) }))
        })
    }

    fn key_at(&self, slot: usize) -> Option<Key> {
        let [high, low] = self.keys.get(slot)?;
        Some(Key { high: high.load(Ordering::Relaxed), low: low.load(Ordering::Relaxed) })
    }

    /// The group to begin at: the low half of the key, scaled to the number of groups, which need not be a power of two.
    fn home(&self, key: Key) -> usize {
        let scaled = u128::from(key.low) * (self.tags.len() as u128);
        usize::try_from(scaled >> 64).unwrap_or_default()
    }

    fn after(&self, group: usize) -> usize {
        if group + 1 == self.tags.len() { 0 } else { group + 1 }
    }
}

/// Eight bits that neither the shard nor the group is chosen by; never zero.
fn tag_of(key: Key) -> u8 {
    let [tag, ..] = key.high.to_le_bytes();
    tag.max(1)
}

/// The high bit of every byte that is zero. Bytes above the lowest zero byte may be marked wrongly; the lowest is exact.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

/// The number of the lowest marked byte.
fn first_byte(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(secs: u64) -> Entry {
        Entry {
            deadline: Deadline::not_before(UnixMs::from_secs(secs)),
            issued_before: UnixMs::from_secs(secs),
        }
    }

    #[test]
    fn keys_that_share_tag_and_home_are_told_apart() {
        let mut table = Table::empty(Timing::Timed);
        let keys: Vec<Key> = (0..100).map(|n| Key { high: n << 8 | 7, low: n % 2 }).collect();
        for (n, key) in keys.iter().enumerate() {
            while table.upsert(*key, entry(n as u64 + 1)) == Upsert::Full {
                table = table.grown();
            }
        }
        assert_eq!(table.len(), 100);
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(table.issued_before(*key), Some(UnixMs::from_secs(n as u64 + 1)));
        }
        assert!(!table.contains(Key { high: 200 << 8 | 7, low: 0 }));
    }

    #[test]
    fn a_probe_runs_on_past_the_last_group_to_the_first() {
        let mut table = Table::with_groups(Timing::Timeless, 2);
        let last = |n: u64| Key { high: n << 8 | 1, low: u64::MAX - n };
        for n in 0..12 {
            assert_eq!(table.upsert(last(n), entry(1)), Upsert::Changed, "{n}");
        }
        assert!((0..12).all(|n| table.contains(last(n))));
        assert_eq!(table.upsert(last(12), entry(1)), Upsert::Full);
        table = table.grown();
        assert!((0..12).all(|n| table.contains(last(n))));
    }

    #[test]
    fn a_deadline_is_never_early() {
        let deadline = Deadline::not_before(UnixMs::from_millis(1001));
        assert!(!deadline.is_over(UnixMs::from_millis(1999)));
        assert!(deadline.is_over(UnixMs::from_millis(2000)));
        let beyond = Deadline::not_before(UnixMs::from_millis(u64::MAX));
        assert!(!beyond.is_over(UnixMs::from_millis(u64::MAX)));
        assert!(!Deadline::not_before(UnixMs::from_millis(0)).is_over(UnixMs::from_millis(999)));
    }

    #[test]
    fn zero_bytes_are_found_from_the_lowest() {
        assert_eq!(zero_bytes(u64::MAX), 0);
        assert_eq!(zero_bytes(LOW_BITS), 0);
        assert_eq!(first_byte(zero_bytes(0x0101_0001_0101_0101)), 5);
        assert_eq!(first_byte(zero_bytes(0)), 0);
    }
}
