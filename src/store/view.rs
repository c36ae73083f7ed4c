//! The embedded file at one instant: the reads, each inside one read transaction.

use std::collections::BTreeSet;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use signet_verifier::{Cutoff, Scope, SessionId, UnixMs};

use super::fault::Fault;
use super::made::{self, CUTOFF_MADE};
use super::tables::{self, CUTOFF_EXPIRY, CUTOFFS, LOG, META, REGISTER_EXPIRY, REGISTERS};
use super::{Position, Tail, codec};
use crate::session::register::Register;

/// The file at one instant.
pub(super) struct View(ReadTransaction);

impl View {
    pub(super) fn of(database: &Database) -> Result<Self, Fault> {
        Ok(Self(database.begin_read()?))
    }

    pub(super) fn head(&self) -> Result<Position, Fault> {
        tables::read_head(&self.0.open_table(META)?)
    }

    pub(super) fn register(&self, sid: SessionId) -> Result<Option<Register>, Fault> {
        let found = tables::read_register(&self.0.open_table(REGISTERS)?, sid)?;
        Ok(found.map(|record| record.register))
    }

    /// The merged cutoffs of these scopes, each once.
    pub(super) fn matching(&self, scopes: &[Scope]) -> Result<Vec<Cutoff>, Fault> {
        let cutoffs = self.0.open_table(CUTOFFS)?;
        let mut found = Vec::new();
        for from in scopes.iter().map(codec::scope_key).collect::<BTreeSet<_>>() {
            let to = codec::scope_key_end(&from);
            for item in ReadableTable::range(&cutoffs, from.as_slice()..to.as_slice())? {
                found.push(codec::decode_cutoff(item?.1.value())?);
            }
        }
        Ok(found)
    }

    /// The head, and what lives past `now` of the merged cutoffs: those of `made_since` or later, and those of keys.
    pub(super) fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), Fault> {
        let cutoffs = self.0.open_table(CUTOFFS)?;
        let mut live = Vec::new();
        let mut add = |bytes: &[u8]| {
            let cutoff = codec::decode_cutoff(bytes)?;
            if cutoff.expires_at > now {
                live.push(cutoff);
            }
            Ok(())
        };
        let kids = codec::keys_of_kids();
        made::keys_since(&self.0.open_table(CUTOFF_MADE)?, made_since, |key| {
            let is_kid = key.starts_with(&kids.start);
            let found = if is_kid { None } else { ReadableTable::get(&cutoffs, key)? };
            found.map_or(Ok(()), |cutoff| add(cutoff.value()))
        })?;
        for item in ReadableTable::range(&cutoffs, kids.start.as_slice()..kids.end.as_slice())? {
            add(item?.1.value())?;
        }
        Ok((self.head()?, live))
    }

    /// At most `limit` entries after a position, with the chain checked up to the last of them.
    pub(super) fn tail(&self, after: &Position, limit: usize) -> Result<Tail, Fault> {
        let head = self.head()?;
        if *after == head {
            return Ok(Tail::Entries(Vec::new()));
        }
        let log = self.0.open_table(LOG)?;
        let known = match ReadableTable::get(&log, after.seq)? {
            Some(link) => after.epoch == head.epoch && *tables::split_link(link.value())?.0 == after.chain,
            None => false,
        };
        if !known {
            return Ok(Tail::Gap);
        }
        let mut at = *after;
        let mut entries = Vec::new();
        for item in ReadableTable::range(&log, after.seq..)?.take(limit) {
            let (seq, link) = item?;
            let (_, entry) = tables::split_link(link.value())?;
            if seq.value() != at.seq {
                return Err(Fault::Unreadable("a hole in the log"));
            }
            at = at.after(entry);
            entries.push((at, codec::decode_cutoff(entry)?));
        }
        // One look at the end tells of a change anywhere before it: that is what a chain is for.
        let holds = match ReadableTable::get(&log, at.seq)? {
            Some(link) => *tables::split_link(link.value())?.0 == at.chain,
            None => at == head,
        };
        if !holds {
            return Err(Fault::Unreadable("a broken chain in the log"));
        }
        Ok(Tail::Entries(entries))
    }

    /// Whether a sweep would find anything: three looks, each at the first of an order.
    pub(super) fn has_expired(&self, now: UnixMs) -> Result<bool, Fault> {
        let registers = self.0.open_table(REGISTER_EXPIRY)?;
        let cutoffs = self.0.open_table(CUTOFF_EXPIRY)?;
        Ok(!tables::due(&registers, &tables::registers_due(now), 1)?.is_empty()
            || !tables::due(&cutoffs, &tables::cutoffs_due(now), 1)?.is_empty()
            || tables::expired_front(&self.0.open_table(LOG)?, now)?.is_some())
    }
}
