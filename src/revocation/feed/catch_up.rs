//! A stream that begins before the head: page by page from the log, up to where it began to hear what everybody hears.

use std::sync::Arc;

use signet_verifier::{Cutoff, UnixMs};

use super::frames::{self, FRAME_ENTRIES, Stamp};
use super::hub::{Ack, Head, Hub};
use crate::revocation::follower::AccessHorizon;
use crate::store::{Position, Store, StoreError, Tail};

/// Further behind than this, a snapshot costs less than the log: it holds each scope once, and only what still matters.
const FURTHEST_BEHIND: u64 = 100_000;

/// Where a stream is in the log.
pub(super) struct CatchUp {
    pub(super) store: Arc<dyn Store>,
    pub(super) horizon: AccessHorizon,
    pub(super) at: Position,
    /// What comes after this is heard live.
    pub(super) until: Head,
    /// When the stream was opened. Its entries are remembered as if made then: who hears of one late may hold a token that was
    /// minted where nobody had heard of it.
    pub(super) now: UnixMs,
}

/// One more page.
pub(super) enum Page {
    /// There is more; nothing to tell, if it was all without effect on access tokens.
    More(Option<Arc<str>>),
    /// Everything up to where the stream began to listen: it has caught up.
    Last(Arc<str>),
    /// The log cannot be read on from there.
    Gap,
}

impl CatchUp {
    /// Reads on. Dropped half-way, it has not moved.
    pub(super) async fn page(&mut self, hub: &Hub) -> Result<Page, StoreError> {
        let until = self.until.position;
        if until.seq.saturating_sub(self.at.seq) > FURTHEST_BEHIND {
            return Ok(Page::Gap);
        }
        // Most who come back have missed nothing, and need no store for it.
        let read = if self.at == until {
            Tail::Entries(Vec::new())
        } else {
            self.store.tail(&self.at, FRAME_ENTRIES).await?
        };
        let Tail::Entries(entries) = read else { return Ok(Page::Gap) };
        let wanted = || entries.iter().take_while(|(position, _)| position.seq <= until.seq);
        let reached = wanted().last().map_or(self.at, |(position, _)| *position);
        let is_another_log = reached.seq == until.seq && reached != until;
        let has_ended_early = reached == self.at && reached.seq < until.seq;
        if is_another_log || has_ended_early {
            return Ok(Page::Gap);
        }
        self.at = reached;
        let cutoffs: Vec<Cutoff> = wanted().filter_map(|(_, cutoff)| self.still_matters(cutoff)).collect();
        Ok(self.written(&cutoffs, hub.ack()))
    }

    fn written(&self, cutoffs: &[Cutoff], ack: Ack) -> Page {
        let entries = frames::entries(cutoffs);
        let is_last = self.at.seq >= self.until.position.seq;
        let as_of = is_last.then_some(self.until.as_of);
        if !entries.is_empty() {
            let stamp = Stamp { as_of, server_time: self.now, ack };
            let text = frames::batch(&self.at, entries, stamp);
            return if is_last { Page::Last(text) } else { Page::More(Some(text)) };
        }
        match as_of {
            // It says that there was nothing to catch up with.
            Some(as_of) => {
                Page::Last(frames::heartbeat(Head { position: self.at, as_of }, self.now, ack).text)
            }
            None => Page::More(None),
        }
    }

    fn still_matters(&self, cutoff: &Cutoff) -> Option<Cutoff> {
        let access = self.horizon.heard_now(cutoff, self.now);
        (access.expires_at > self.now).then_some(access)
    }
}
