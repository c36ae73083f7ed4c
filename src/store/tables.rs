//! What is in the embedded file, and the changes to it, each inside one write transaction.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format`, `head` | the layout's number; the position just after the newest entry |
//! | | `cutoff_made` | the position up to which the table of this name is complete |
//! | `registers` | session id | the register and its expiry, at most 64 bytes |
//! | `register_expiry` | hour, session id | |
//! | `log` | how many entries come before it | the chain before it, then the entry |
//! | `cutoffs` | scope, effect, kept id | the merge of the entries with this key |
//! | `cutoff_expiry` | milliseconds, key in `cutoffs` | |
//! | `cutoff_made` | milliseconds, key in `cutoffs` | |
//!
//! An entry lies behind the chain of what came before it, so that a reader of the log checks each link, and a log that
//! has been swept empty still knows its place: in `head`.

use std::borrow::Cow;

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use signet_verifier::{Cutoff, SessionId, UnixMs};

use super::codec::{self, ExpiryHour, RegisterRecord};
use super::fault::Fault;
use super::made::{self, MadeIndex};
use super::{Position, Swap};
use crate::session::register::Register;

pub(super) type Bytes = &'static [u8];

pub(super) const META: TableDefinition<'_, &str, Bytes> = TableDefinition::new("meta");
pub(super) const REGISTERS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("registers");
pub(super) const REGISTER_EXPIRY: TableDefinition<'_, Bytes, ()> = TableDefinition::new("register_expiry");
pub(super) const LOG: TableDefinition<'_, u64, Bytes> = TableDefinition::new("log");
pub(super) const CUTOFFS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("cutoffs");
pub(super) const CUTOFF_EXPIRY: TableDefinition<'_, Bytes, ()> = TableDefinition::new("cutoff_expiry");

/// The number of the layout above.
pub(super) const FORMAT: u8 = 1;
const FORMAT_KEY: &str = "format";
const HEAD_KEY: &str = "head";

/// What a file is, before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nothing is in it yet.
    Empty,
    /// Ours.
    Known,
    /// Ours, of another version.
    Version(u8),
    /// Another program's.
    Foreign,
}

/// Looks at the file without changing it.
pub(super) fn layout(database: &Database) -> Result<Layout, Fault> {
    let transaction = database.begin_read()?;
    if transaction.list_tables()?.next().is_none() {
        return Ok(Layout::Empty);
    }
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Ok(Layout::Foreign),
    };
    let format = meta.get(FORMAT_KEY)?.and_then(|bytes| bytes.value().first().copied());
    Ok(match format {
        Some(FORMAT) => Layout::Known,
        Some(other) => Layout::Version(other),
        None => Layout::Foreign,
    })
}

/// Makes every table of an empty file, in one transaction.
pub(super) fn create(database: &Database, epoch: [u8; 8]) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    let head = Position::start(epoch).to_bytes();
    let mut meta = transaction.open_table(META)?;
    meta.insert(FORMAT_KEY, [FORMAT].as_slice())?;
    meta.insert(HEAD_KEY, head.as_slice())?;
    meta.insert(made::COMPLETE_KEY, head.as_slice())?;
    drop(meta);
    drop(Tables::open(&transaction)?);
    Ok(transaction.commit()?)
}

/// The file inside a write transaction: what is done here is seen by what is done after it, and by others when it has
/// been committed.
pub(super) struct Tables<'t> {
    head: Position,
    changed: bool,
    meta: Table<'t, &'static str, Bytes>,
    registers: Table<'t, Bytes, Bytes>,
    register_expiry: Table<'t, Bytes, ()>,
    log: Table<'t, u64, Bytes>,
    cutoffs: Table<'t, Bytes, Bytes>,
    cutoff_expiry: Table<'t, Bytes, ()>,
    cutoff_made: MadeIndex<'t>,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Fault> {
        let meta = transaction.open_table(META)?;
        Ok(Self {
            head: read_head(&meta)?,
            changed: false,
            meta,
            registers: transaction.open_table(REGISTERS)?,
            register_expiry: transaction.open_table(REGISTER_EXPIRY)?,
            log: transaction.open_table(LOG)?,
            cutoffs: transaction.open_table(CUTOFFS)?,
            cutoff_expiry: transaction.open_table(CUTOFF_EXPIRY)?,
            cutoff_made: MadeIndex::open(transaction)?,
        })
    }

    /// Whether there is anything to commit: a lost swap, or a sweep that found nothing, leaves the file as it is.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The position just after the newest entry.
    pub(super) fn head(&self) -> Position {
        self.head
    }

    /// Law 1.
    pub(super) fn swap(
        &mut self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, Fault> {
        let found = read_register(&self.registers, sid)?;
        let register = found.map(|record| record.register);
        if register.as_ref() != seen {
            return Ok(Swap::Lost(register));
        }
        self.changed = true;
        let asked = ExpiryHour::of(expires_at);
        let expires = found.map_or(asked, |old| old.expires.max(asked));
        let record = RegisterRecord { register: *new, expires };
        if let Some(old) = found.filter(|old| old.expires != record.expires) {
            self.register_expiry.remove(register_expiry_key(old.expires, sid).as_slice())?;
        }
        if found.is_none_or(|old| old.expires != record.expires) {
            self.register_expiry.insert(register_expiry_key(record.expires, sid).as_slice(), ())?;
        }
        self.registers.insert(sid.as_bytes().as_slice(), record.to_bytes().as_slice())?;
        Ok(Swap::Done)
    }

    /// Law 2, once it has been committed. The position is just after the last of these cutoffs.
    pub(super) fn append(&mut self, cutoffs: &[Cutoff]) -> Result<Position, Fault> {
        for cutoff in cutoffs {
            self.changed = true;
            let entry = codec::encode_cutoff(cutoff)?;
            let link = [self.head.chain.as_slice(), &entry].concat();
            self.log.insert(self.head.seq, link.as_slice())?;
            self.head = self.head.after(&entry);
            self.merge(cutoff, entry)?;
        }
        if !cutoffs.is_empty() {
            let head = self.head.to_bytes();
            self.meta.insert(HEAD_KEY, head.as_slice())?;
            self.meta.insert(made::COMPLETE_KEY, head.as_slice())?;
        }
        Ok(self.head)
    }

    /// Law 6. At most `limit` of each kind, so that a long sweep lets other commands in between.
    pub(super) fn sweep(&mut self, now: UnixMs, limit: usize) -> Result<usize, Fault> {
        let mut swept = self.sweep_log(now, limit)?;
        for key in due(&self.register_expiry, &registers_due(now), limit)? {
            self.register_expiry.remove(key.as_slice())?;
            let sid = key.get(size_of::<u32>()..).unwrap_or_default();
            self.registers.remove(sid)?;
            swept += 1;
        }
        for key in due(&self.cutoff_expiry, &cutoffs_due(now), limit)? {
            self.cutoff_expiry.remove(key.as_slice())?;
            self.sweep_cutoff(key.get(size_of::<u64>()..).unwrap_or_default())?;
            swept += 1;
        }
        self.changed |= swept > 0;
        Ok(swept)
    }

    fn merge(&mut self, cutoff: &Cutoff, entry: Vec<u8>) -> Result<(), Fault> {
        let key = codec::cutoff_key(cutoff);
        let known =
            self.cutoffs.get(key.as_slice())?.map(|bytes| codec::decode_cutoff(bytes.value())).transpose()?;
        let (merged, bytes) = match known {
            None => (Cow::Borrowed(cutoff), entry),
            Some(mut merged) => {
                self.cutoff_expiry.remove(cutoff_expiry_key(merged.expires_at, &key).as_slice())?;
                self.cutoff_made.remove(&merged, &key)?;
                merged.merge(cutoff);
                let bytes = codec::encode_cutoff(&merged)?;
                (Cow::Owned(merged), bytes)
            }
        };
        self.cutoff_expiry.insert(cutoff_expiry_key(merged.expires_at, &key).as_slice(), ())?;
        self.cutoff_made.insert(&merged, &key)?;
        self.cutoffs.insert(key.as_slice(), bytes.as_slice())?;
        Ok(())
    }

    /// One that cannot be read goes too; what the index has of it points nowhere then, which its readers know.
    fn sweep_cutoff(&mut self, key: &[u8]) -> Result<(), Fault> {
        let swept = self.cutoffs.remove(key)?;
        if let Some(cutoff) = swept.and_then(|bytes| codec::decode_cutoff(bytes.value()).ok()) {
            self.cutoff_made.remove(&cutoff, key)?;
        }
        Ok(())
    }

    /// From the front only: a log with holes could not be told from one that lost entries. What one long-lived entry
    /// holds back goes with it; the merged cutoffs do not wait.
    fn sweep_log(&mut self, now: UnixMs, limit: usize) -> Result<usize, Fault> {
        let mut swept = 0;
        while swept < limit {
            let Some(seq) = expired_front(&self.log, now)? else { break };
            self.log.remove(seq)?;
            swept += 1;
        }
        Ok(swept)
    }
}

pub(super) fn read_head(meta: &impl ReadableTable<&'static str, Bytes>) -> Result<Position, Fault> {
    let head = meta.get(HEAD_KEY)?.and_then(|bytes| Position::from_bytes(bytes.value()));
    head.ok_or(Fault::Unreadable("no head of the log"))
}

pub(super) fn read_register(
    registers: &impl ReadableTable<Bytes, Bytes>,
    sid: SessionId,
) -> Result<Option<RegisterRecord>, Fault> {
    let found = registers.get(sid.as_bytes().as_slice())?;
    Ok(found.map(|bytes| RegisterRecord::from_bytes(bytes.value())).transpose()?)
}

/// The chain before an entry, and the entry.
pub(super) fn split_link(link: &[u8]) -> Result<(&[u8; 16], &[u8]), Fault> {
    link.split_first_chunk().ok_or(Fault::Unreadable("a damaged entry of the log"))
}

/// The place of the oldest entry, if it has expired.
pub(super) fn expired_front(log: &impl ReadableTable<u64, Bytes>, now: UnixMs) -> Result<Option<u64>, Fault> {
    let Some((seq, link)) = log.first()? else { return Ok(None) };
    let (_, entry) = split_link(link.value())?;
    Ok((codec::decode_cutoff(entry)?.expires_at <= now).then(|| seq.value()))
}

/// The first keys of an index of expiries that lie before a bound.
pub(super) fn due(
    index: &impl ReadableTable<Bytes, ()>,
    before: &[u8],
    limit: usize,
) -> Result<Vec<Vec<u8>>, Fault> {
    let mut keys = Vec::new();
    for item in index.range(..before)?.take(limit) {
        keys.push(item?.0.value().to_vec());
    }
    Ok(keys)
}

/// Past every key of `register_expiry` that has expired by `now`.
pub(super) fn registers_due(now: UnixMs) -> [u8; 4] {
    (ExpiryHour::passed_by(now).number() + 1).to_be_bytes()
}

/// Past every key of `cutoff_expiry` that has expired by `now`.
pub(super) fn cutoffs_due(now: UnixMs) -> [u8; 8] {
    now.as_millis().saturating_add(1).to_be_bytes()
}

fn register_expiry_key(expires: ExpiryHour, sid: SessionId) -> Vec<u8> {
    [expires.number().to_be_bytes().as_slice(), sid.as_bytes()].concat()
}

fn cutoff_expiry_key(expires_at: UnixMs, key: &[u8]) -> Vec<u8> {
    [expires_at.as_millis().to_be_bytes().as_slice(), key].concat()
}
