//! The index of the merged cutoffs by their time, so that a snapshot of the last minutes reads the last minutes.
//!
//! It names the place in the log up to which it is complete. Where that is not the head, a program that keeps no index has
//! written to the file, before this one came or in between, and the index is made anew: nothing is missed either way.

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use signet_verifier::{Cutoff, UnixMs};

use super::codec;
use super::fault::Fault;
use super::tables::{self, Bytes, CUTOFFS, META};

/// Milliseconds, then the key in `cutoffs`.
pub(super) const CUTOFF_MADE: TableDefinition<'_, Bytes, ()> = TableDefinition::new("cutoff_made");
/// In `meta`: up to where the index is complete.
pub(super) const COMPLETE_KEY: &str = "cutoff_made";

/// The later of when a cutoff was made and what it denies until: before both, no access token of now was touched by it. They
/// lie apart where a clock was wrong, or where a cutoff had to overtake one whose clock was.
pub(super) fn time_of(cutoff: &Cutoff) -> UnixMs {
    cutoff.made_at.max(cutoff.issued_before)
}

/// The index inside a write transaction.
pub(super) struct MadeIndex<'t>(Table<'t, Bytes, ()>);

impl<'t> MadeIndex<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        Ok(Self(transaction.open_table(CUTOFF_MADE)?))
    }

    pub(super) fn insert(&mut self, cutoff: &Cutoff, key: &[u8]) -> Result<(), Fault> {
        self.0.insert(index_key(cutoff, key).as_slice(), ())?;
        Ok(())
    }

    pub(super) fn remove(&mut self, cutoff: &Cutoff, key: &[u8]) -> Result<(), Fault> {
        self.0.remove(index_key(cutoff, key).as_slice())?;
        Ok(())
    }
}

/// The keys in `cutoffs` of a time or later, given the index. One may have been swept by a program that keeps no index.
pub(super) fn keys_since(
    index: &impl ReadableTable<Bytes, ()>,
    time: UnixMs,
    mut each: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for item in index.range(time.as_millis().to_be_bytes().as_slice()..)? {
        each(item?.0.value().get(size_of::<u64>()..).unwrap_or_default())?;
    }
    Ok(())
}

/// Makes the index anew if it is not complete: one pass, one transaction.
pub(super) fn complete(database: &Database) -> Result<(), Fault> {
    let meta = database.begin_read()?.open_table(META)?;
    let head = tables::read_head(&meta)?.to_bytes();
    if meta.get(COMPLETE_KEY)?.is_some_and(|complete| complete.value() == head) {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    transaction.delete_table(CUTOFF_MADE)?;
    let mut index = MadeIndex::open(&transaction)?;
    for item in transaction.open_table(CUTOFFS)?.iter()? {
        let (key, cutoff) = item?;
        index.insert(&codec::decode_cutoff(cutoff.value())?, key.value())?;
    }
    drop(index);
    transaction.open_table(META)?.insert(COMPLETE_KEY, head.as_slice())?;
    Ok(transaction.commit()?)
}

fn index_key(cutoff: &Cutoff, key: &[u8]) -> Vec<u8> {
    [time_of(cutoff).as_millis().to_be_bytes().as_slice(), key].concat()
}
