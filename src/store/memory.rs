//! An engine that keeps everything in memory: the plainest reading of the laws, for tests and benches.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use signet_verifier::{Cutoff, CutoffKey, Scope, SessionId, UnixMs};
use tokio::sync::watch;

use super::{Journal, Position, Store, StoreError, Swap, Tail, codec, made};
use crate::session::register::Register;

/// The engine.
pub struct MemoryStore {
    contents: Mutex<Contents>,
    heads: watch::Sender<Position>,
}

struct Contents {
    registers: BTreeMap<SessionId, (Register, UnixMs)>,
    merged: BTreeMap<CutoffKey, Cutoff>,
    /// Each entry with the position just after it.
    log: VecDeque<(Position, Cutoff)>,
    /// The position just before the oldest entry.
    floor: Position,
    head: Position,
}

impl MemoryStore {
    /// An empty one.
    pub fn new(epoch: [u8; 8]) -> Self {
        let start = Position::start(epoch);
        let (registers, merged, log) = Default::default();
        let contents = Contents { registers, merged, log, floor: start, head: start };
        Self { contents: Mutex::new(contents), heads: watch::Sender::new(start) }
    }

    /// A panic elsewhere cannot have left a half-done change: every change below is made after its last fallible step.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        Ok(self.contents().registers.get(&sid).map(|(register, _)| *register))
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        let mut contents = self.contents();
        let found = contents.registers.get(&sid).copied();
        let register = found.map(|(register, _)| register);
        if register.as_ref() != seen {
            return Ok(Swap::Lost(register));
        }
        let expires_at = found.map_or(expires_at, |(_, until)| until.max(expires_at));
        contents.registers.insert(sid, (*new, expires_at));
        Ok(Swap::Done)
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        let entries = cutoffs.iter().map(codec::encode_cutoff).collect::<Result<Vec<_>, _>>()?;
        let mut contents = self.contents();
        for (cutoff, entry) in cutoffs.iter().zip(&entries) {
            contents.head = contents.head.after(entry);
            let head = contents.head;
            contents.log.push_back((head, cutoff.clone()));
            contents
                .merged
                .entry(cutoff.key())
                .and_modify(|known| known.merge(cutoff))
                .or_insert_with(|| cutoff.clone());
        }
        // Under the lock: announced in the log's order.
        self.heads.send_replace(contents.head);
        Ok(contents.head)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.contents().head)
    }

    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        let contents = self.contents();
        let live = contents.merged.values().filter(|cutoff| {
            let is_of_the_time = made::time_of(cutoff) >= made_since || matches!(cutoff.scope, Scope::Kid(_));
            cutoff.expires_at > now && is_of_the_time
        });
        Ok((contents.head, live.cloned().collect()))
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        let contents = self.contents();
        let mut entries = contents.log.iter();
        // Where the search stops, the rest begins.
        let known = *after == contents.floor || entries.any(|(position, _)| position == after);
        Ok(if known { Tail::Entries(entries.take(limit).cloned().collect()) } else { Tail::Gap })
    }

    async fn changed(&self, after: &Position) {
        // Fails only when the sender is gone, which is ours.
        drop(self.heads.subscribe().wait_for(|head| head != after).await);
    }

    fn head_of_sole_writer(&self) -> Option<Position> {
        Some(*self.heads.borrow())
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        let mut contents = self.contents();
        let mut swept = contents.registers.len() + contents.merged.len();
        contents.registers.retain(|_, (_, expires_at)| *expires_at > now);
        contents.merged.retain(|_, cutoff| cutoff.expires_at > now);
        swept -= contents.registers.len() + contents.merged.len();
        // From the front only: a log with holes could not be told from one that lost entries.
        while let Some((position, _)) = contents.log.pop_front_if(|(_, cutoff)| cutoff.expires_at <= now) {
            contents.floor = position;
            swept += 1;
        }
        Ok(swept as u64)
    }
}

impl Journal for MemoryStore {
    fn matching(&self, scopes: &[Scope]) -> Result<Vec<Cutoff>, StoreError> {
        let scopes: BTreeSet<&Scope> = scopes.iter().collect();
        let contents = self.contents();
        Ok(contents.merged.values().filter(|cutoff| scopes.contains(&cutoff.scope)).cloned().collect())
    }

    /// It has been, since it began empty with the process.
    fn is_complete(&self) -> bool {
        true
    }
}
