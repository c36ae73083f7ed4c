//! One stream: catches up from the log, then takes what everybody gets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use signet_verifier::{Event, FEED_VERSION, Hello, UnixMs};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::catch_up::{CatchUp, Page};
use super::hub::{Head, Hub, Live};
use super::members::{StreamId, Superseded};
use super::registry::VerifierId;
use super::{Feed, HEARTBEAT, frames};
use crate::random;
use crate::store::{Position, StoreError};

/// Who wants a stream, and from where.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// Who.
    pub verifier: VerifierId,
    /// From where; `None`: from now.
    pub cursor: Option<String>,
    /// How long it vouches without news.
    pub max_staleness: Duration,
}

/// One stream. Dropping it ends it; its verifier still counts until its bound has passed.
pub struct Subscription {
    stream: StreamId,
    hub: Arc<Hub>,
    ready: VecDeque<Arc<str>>,
    phase: Phase,
    receiver: broadcast::Receiver<Live>,
    /// From where: what everybody hears may begin before it.
    begun: u64,
    superseded: Superseded,
}

enum Phase {
    CatchingUp(CatchUp),
    Live,
    Over(Ending),
}

/// Why a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to load a snapshot.
    Reset,
    /// Its reader was too slow, or the log could not be read for it.
    CutOff,
    /// Another stream speaks for its verifier, or it has left, or left too many questions unanswered.
    Superseded,
    /// The node is going.
    Closed,
}

/// What a stream begins with.
struct Beginning {
    /// Where it says that it begins.
    cursor: Position,
    /// What it reads after `hello`.
    first: Option<Arc<str>>,
    phase: Phase,
    /// The place from which its verifier counts; none if it has to come back with another cursor.
    place: Option<u64>,
}

impl Feed {
    /// Opens a stream. Its first frame is `hello`; if the cursor cannot be served, a `reset` follows and it ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] also when the log has not been loaded, the feed is closed, or has as many streams as it takes.
    pub async fn subscribe(&self, subscriber: Subscriber, now: UnixMs) -> Result<Subscription, StoreError> {
        let promised = match self.store.head_of_sole_writer() {
            Some(head) => head,
            None => self.store.head().await?,
        };
        // In one instant, so that between what is read from the log and what is heard live there is neither gap nor overlap.
        let (receiver, mut head) = self.hub.listen().ok_or(StoreError::Unavailable(None))?;
        if head.position == promised {
            head.as_of = self.as_of(now);
        }
        let stream: StreamId = hex::encode(random::bytes::<16>(&*self.random)).into();
        let beginning = self.begin(subscriber.cursor.as_deref(), head, now).await?;
        let superseded = match beginning.place {
            Some(place) => self.enter(&stream, subscriber, &head, place)?,
            // It still vouches with what it had: whoever waits for it waits on.
            None => Superseded::default(),
        };
        let hello = frames::frame(&Event::Hello(Hello {
            version: FEED_VERSION,
            stream_id: Arc::clone(&stream),
            cursor: frames::cursor_of(&beginning.cursor),
            as_of: head.as_of,
            server_time: now,
            heartbeat: HEARTBEAT,
            limits: self.limits.clone(),
        }));
        Ok(Subscription {
            stream,
            hub: Arc::clone(&self.hub),
            ready: [hello].into_iter().chain(beginning.first).collect(),
            phase: beginning.phase,
            receiver,
            begun: beginning.place.unwrap_or_default(),
            superseded,
        })
    }

    async fn begin(&self, cursor: Option<&str>, head: Head, now: UnixMs) -> Result<Beginning, StoreError> {
        let Some(cursor) = cursor else {
            let place = Some(head.position.seq);
            return Ok(Beginning { cursor: head.position, first: None, phase: Phase::Live, place });
        };
        let unserved = || Beginning {
            cursor: head.position,
            first: Some(frames::reset("this cursor cannot be served: load a snapshot")),
            phase: Phase::Over(Ending::Reset),
            place: None,
        };
        let Some(cursor) = Position::parse(cursor) else { return Ok(unserved()) };
        let store = Arc::clone(&self.store);
        let mut catch_up = CatchUp { store, horizon: self.horizon, at: cursor, until: head, now };
        let (first, phase) = match catch_up.page(&self.hub).await? {
            Page::Gap => return Ok(unserved()),
            Page::More(frame) => (frame, Phase::CatchingUp(catch_up)),
            Page::Last(frame) => (Some(frame), Phase::Live),
        };
        Ok(Beginning { cursor, first, phase, place: Some(cursor.seq) })
    }

    /// From here on the verifier counts.
    fn enter(
        &self,
        stream: &StreamId,
        subscriber: Subscriber,
        head: &Head,
        place: u64,
    ) -> Result<Superseded, StoreError> {
        let Subscriber { verifier, max_staleness, .. } = subscriber;
        let entered = self.hub.with(|state| {
            // The log may have become another one since the stream began: then it is about to be told, and has nothing.
            let is_same = state.head().is_some_and(|now| now.position.epoch == head.position.epoch);
            let place = if is_same { place } else { 0 };
            state.members.open(Arc::clone(stream), verifier, place, max_staleness)
        });
        entered.map_err(|full| StoreError::Unavailable(Some(Box::new(full))))
    }
}

impl Subscription {
    /// The stream's name.
    pub fn stream_id(&self) -> &Arc<str> {
        &self.stream
    }

    /// Why there will be no more frames; `None` while there may be.
    pub fn ending(&self) -> Option<Ending> {
        match &self.phase {
            Phase::Over(ending) => Some(*ending),
            Phase::CatchingUp(_) | Phase::Live => None,
        }
    }

    /// The next frame; `None` when the stream is over: reset, too slow, or the node is going. Dropped before it is ready, it has
    /// taken nothing.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            match &mut self.phase {
                Phase::CatchingUp(catch_up) => {
                    let page = catch_up.page(&self.hub).await;
                    self.turn(page);
                }
                Phase::Live => match self.heard().await {
                    Ok(frame) => return Some(frame),
                    Err(ending) => self.phase = Phase::Over(ending),
                },
                Phase::Over(_) => return None,
            }
        }
    }

    fn turn(&mut self, page: Result<Page, StoreError>) {
        match page {
            Ok(Page::More(frame)) => self.ready.extend(frame),
            Ok(Page::Last(frame)) => {
                self.ready.push_back(frame);
                self.phase = Phase::Live;
            }
            Ok(Page::Gap) => {
                self.ready.push_back(frames::reset("the log was trimmed under the stream: load a snapshot"));
                self.phase = Phase::Over(Ending::Reset);
            }
            // It comes back with the cursor that it has.
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a stream could not read the log and was cut off");
                self.phase = Phase::Over(Ending::CutOff);
            }
        }
    }

    /// The next frame for everybody that is not of the past for this stream. One that is may ask for an acknowledgement, but
    /// nobody waits for this verifier's: by its cursor it counts as having applied it.
    async fn heard(&mut self) -> Result<Arc<str>, Ending> {
        loop {
            let live = self.receiver.recv().await.map_err(|error| match error {
                RecvError::Lagged(_) => Ending::CutOff,
                RecvError::Closed => Ending::Closed,
            })?;
            if self.superseded.load(Ordering::Relaxed) {
                return Err(Ending::Superseded);
            }
            if live.place == Live::RESET {
                self.phase = Phase::Over(Ending::Reset);
            }
            if live.place >= self.begun {
                return Ok(live.text);
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.part(&self.stream);
    }
}
