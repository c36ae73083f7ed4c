//! Where the follower's side and the streams' side of the feed meet: one short lock, under which a frame is passed on, a
//! stream begins, an acknowledgement counts. What is seen under it is one instant: no stream begins between a frame and the
//! place after it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signet_verifier::{ClientId, UnixMs};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::members::{Members, Progress, StreamId};
use super::registry::{AckError, Applied};
use crate::store::Position;

/// How many frames a reader may be behind before it is cut off. A frame is let go of when the last has read it.
const RING: usize = 1024;
/// Of how many frames it is remembered when they asked for an acknowledgement.
const REMEMBERED: usize = 1024;

/// A frame for everybody.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) text: Arc<str>,
    /// The place of its cursor.
    pub(super) place: u64,
    pub(super) ack: Ack,
}

impl Live {
    /// Of the frame that ends every stream: past every cursor.
    pub(super) const RESET: u64 = u64::MAX;
}

/// Whether a frame asks to be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ack {
    Asked,
    NotAsked,
}

/// The newest place that was passed on, and up to when nothing had been promised that is not before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) position: Position,
    pub(super) as_of: UnixMs,
}

pub(super) struct Hub {
    state: Mutex<State>,
    /// The place that every verifier has reached; none once the feed is closed.
    reached: watch::Sender<Option<u64>>,
    expectations: AtomicUsize,
}

pub(super) struct State {
    /// None once the feed is closed.
    live: Option<broadcast::Sender<Live>>,
    /// None until the log has been loaded.
    head: Option<Head>,
    pub(super) members: Members,
    /// The place and time of the newest frame that asked for acknowledgements.
    pub(super) asked: Option<(u64, Instant)>,
    /// The batches that did, oldest first.
    sent: VecDeque<(u64, Instant)>,
}

impl Hub {
    pub(super) fn new() -> Self {
        let state = State {
            live: Some(broadcast::Sender::new(RING)),
            head: None,
            members: Members::default(),
            asked: None,
            sent: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
            reached: watch::Sender::new(Some(u64::MAX)),
            expectations: AtomicUsize::new(0),
        }
    }

    /// Looks or changes; whoever waits for what has changed hears of it.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let outcome = change(&mut state);
        let reached = state.live.is_some().then(|| state.members.lowest());
        self.reached.send_if_modified(|known| std::mem::replace(known, reached) != reached);
        outcome
    }

    pub(super) fn reached(&self) -> watch::Receiver<Option<u64>> {
        self.reached.subscribe()
    }

    /// From now on frames ask, until [`Hub::expect_no_longer`] has been called as often.
    pub(super) fn expect(&self) {
        self.expectations.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn expect_no_longer(&self) {
        self.expectations.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether a frame written now should ask.
    pub(super) fn ack(&self) -> Ack {
        if self.expectations.load(Ordering::SeqCst) > 0 { Ack::Asked } else { Ack::NotAsked }
    }

    /// From here on everything; and where that is. `None`: nothing was loaded yet, or the feed is closed.
    pub(super) fn listen(&self) -> Option<(broadcast::Receiver<Live>, Head)> {
        let state = self.state();
        Some((state.live.as_ref()?.subscribe(), state.head?))
    }

    /// Notes an acknowledgement; says how long ago what it is of was passed on, where that is known and news.
    pub(super) fn acknowledge(
        &self,
        client: &ClientId,
        stream: &str,
        position: &Position,
    ) -> Result<Option<Duration>, AckError> {
        self.with(|state| {
            let known = state
                .head
                .filter(|head| head.position.epoch == position.epoch && position.seq <= head.position.seq);
            known.ok_or(AckError::UnknownCursor)?;
            if !state.members.is_of(client, stream) {
                return Err(AckError::UnknownStream);
            }
            let progress = state.members.acknowledge(stream, position.seq).ok_or(AckError::UnknownStream)?;
            Ok(match progress {
                Progress::Advanced => state.sent_at(position.seq).map(|at| at.elapsed()),
                Progress::Known => None,
            })
        })
    }

    /// The stream is no longer read.
    pub(super) fn part(&self, stream: &StreamId) {
        self.with(|state| state.members.part(stream, Instant::now()));
    }

    /// Who has come as far as this. Of another log than the one followed now nobody has anything.
    pub(super) fn standing(&self, position: &Position) -> Applied {
        self.with(|state| {
            state.members.expire(Instant::now());
            state.members.standing(state.place_of(position))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What panics under the lock would have to be a defect of the standard library's maps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// Passes frames on and moves the head.
    pub(super) fn pass_on(&mut self, frames: impl IntoIterator<Item = Live>, head: Head) {
        for frame in frames {
            if frame.ack == Ack::Asked {
                self.remember(frame.place);
            }
            self.send(frame);
        }
        self.head = Some(head);
    }

    /// Passes on a frame that brings nothing new.
    pub(super) fn repeat(&mut self, frame: Live) {
        if frame.ack == Ack::Asked {
            self.asked = Some((frame.place, Instant::now()));
        }
        self.send(frame);
    }

    /// Ends every stream after what it still has to read, and begins anew at another head.
    pub(super) fn begin_anew(&mut self, last: Live, head: Head) {
        self.send(last);
        if self.live.is_some() {
            self.live = Some(broadcast::Sender::new(RING));
        }
        self.members.forget_places();
        self.sent.clear();
        self.asked = None;
        self.head = Some(head);
    }

    /// Ends every stream; none can begin.
    pub(super) fn close(&mut self) {
        self.live = None;
    }

    /// Its place in this log, or one that is never reached.
    pub(super) fn place_of(&self, position: &Position) -> u64 {
        let of_this_log = self.head.is_some_and(|head| head.position.epoch == position.epoch);
        if of_this_log { position.seq } else { u64::MAX }
    }

    fn remember(&mut self, place: u64) {
        let now = Instant::now();
        self.asked = Some((place, now));
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back((place, now));
    }

    fn sent_at(&self, place: u64) -> Option<Instant> {
        let found = self.sent.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        self.sent.get(found).map(|(_, at)| *at)
    }

    fn send(&self, frame: Live) {
        if let Some(live) = &self.live {
            // Fails if nobody listens.
            drop(live.send(frame));
        }
    }
}
