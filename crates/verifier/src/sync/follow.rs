//! Follows the feed: snapshot, stream, acknowledgements, reconnects.
//!
//! A round opens the stream after the last cursor (after a snapshot, if one is needed) and takes in events until something ends it:
//! the service closes it, the connection dies, an event cannot be understood, a clock jumps. What ended it says what the next round
//! begins with and how long to wait. The cursor moves only after an event is in force whole, so that a round that
//! breaks anywhere begins again where the last one was.

mod acks;
mod round;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::{Interval, MissedTickBehavior};

use super::backoff::{Backoff, Dice};
use super::link::{Ended, Link, ended};
use super::state::{Due, Stamp, Why};
use super::transport::{FetchedSnapshot, TransportError};
use crate::feed::{Cursor, Snapshot};

/// How often the clocks are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A stream that was good for so long has shown that the service is well.
const GOOD_WHILE: Duration = Duration::from_mins(1);

/// Who follows.
pub(super) struct Follower {
    /// Unique to the process, the same across reconnects.
    pub(super) verifier: String,
    /// How long this verifier vouches without news.
    pub(super) max_staleness: Duration,
}

/// Follows the feed until the verifier goes.
pub(super) async fn follow(link: Link, who: Follower) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follow = Follow {
        link,
        who,
        look,
        known: None,
        next: Next::Snapshot,
        backoff: Backoff::default(),
        connection: Connection::Apart,
    };
    // The end is the only way out.
    let Err(Ended) = follow.run().await;
}

/// The snapshot that was loaded last, and how far the stream has gone since.
struct Known {
    /// The snapshot's own place, and the tag to ask with whether it is still the one.
    snapshot: Cursor,
    tag: Option<HeaderValue>,
    /// After everything that is in force.
    cursor: Cursor,
}

/// What a round begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A snapshot in full.
    Snapshot,
    /// A snapshot, if there is another than the one that is known: the service did not take our cursor, and did not say why.
    AnotherSnapshot,
    /// The stream.
    Stream,
}

/// What ended a round.
#[derive(Debug)]
enum Break {
    /// The verifier is gone.
    Ended,
    /// The service closed the stream.
    Closed,
    /// Nothing came for longer than the service promised.
    Silent,
    /// The stream is to be opened anew, and nothing is wrong.
    Reopen,
    /// The state is lost, and is marked so.
    Lost,
    /// The feed said something that cannot be, or a request failed.
    Failed(TransportError),
}

impl From<Ended> for Break {
    fn from(_: Ended) -> Self {
        Self::Ended
    }
}

impl From<TransportError> for Break {
    fn from(error: TransportError) -> Self {
        Self::Failed(error)
    }
}

struct Follow {
    link: Link,
    who: Follower,
    look: Interval,
    known: Option<Known>,
    next: Next,
    backoff: Backoff,
    connection: Connection,
}

/// How the stream is, and when it is dead if nothing has come, on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// There is none.
    Apart,
    /// `hello` has not been said.
    Opening(Duration),
    /// It has.
    Open(Duration),
}

impl Connection {
    fn is_dead(self, now: Duration) -> bool {
        match self {
            Self::Apart => false,
            Self::Opening(end) | Self::Open(end) => now >= end,
        }
    }
}

impl Follow {
    async fn run(mut self) -> Result<Infallible, Ended> {
        loop {
            let Err(reason) = self.round().await;
            self.connection = Connection::Apart;
            let wait = self.conclude(reason)?;
            match self.guarded(tokio::time::sleep(wait)).await {
                Ok(()) | Err(Break::Reopen | Break::Closed | Break::Silent | Break::Failed(_)) => {}
                Err(Break::Lost) => self.next = Next::Snapshot,
                Err(Break::Ended) => return Err(Ended),
            }
        }
    }

    async fn round(&mut self) -> Result<Infallible, Break> {
        let cursor = match (&self.known, self.next) {
            (Some(known), Next::Stream) => known.cursor.clone(),
            _ => self.load().await?,
        };
        self.next = Next::Stream;
        self.stream(cursor).await
    }

    /// What to do after a round, and how long to wait before.
    fn conclude(&mut self, reason: Break) -> Result<Duration, Ended> {
        let dice = Dice::throw();
        match reason {
            Break::Ended => Err(Ended),
            Break::Reopen => Ok(Duration::ZERO),
            Break::Closed => Ok(self.backoff.after_goodbye(dice)),
            Break::Silent => {
                self.link.failed(TransportError::silent())?;
                Ok(self.backoff.after_failure(dice))
            }
            Break::Lost => {
                self.next = Next::Snapshot;
                Ok(self.backoff.after_goodbye(dice))
            }
            Break::Failed(error) => {
                let wait = self.backoff.after(&error, dice);
                if self.next == Next::Stream && error.blames_the_request() {
                    self.next = Next::AnotherSnapshot;
                }
                self.link.failed(error)?;
                Ok(wait)
            }
        }
    }

    /// Loads a snapshot, and says where the stream goes on.
    async fn load(&mut self) -> Result<Cursor, Break> {
        let tag = match &self.known {
            Some(known) if self.next == Next::AnotherSnapshot => known.tag.clone(),
            _ => None,
        };
        let sent = Some(self.link.boot_now()?);
        let transport = Arc::clone(&self.link.transport);
        let fetched = self.guarded(async { transport.snapshot(tag.as_ref()).await }).await??;
        let state = self.link.state()?;
        let stamp = Stamp { sent, received: state.boot_now() };
        match (fetched, &self.known) {
            (FetchedSnapshot::Unchanged(fresh), Some(known)) if tag.is_some() => {
                state.revalidated(fresh.as_of, fresh.server_time, stamp);
                Ok(known.snapshot.clone())
            }
            (FetchedSnapshot::Unchanged(_), _) => {
                Err(TransportError::Malformed("the answer is 304, and nothing was there before").into())
            }
            (FetchedSnapshot::New(bytes, tag), _) => {
                // A snapshot can be large: it is read where nobody else waits.
                let read = tokio::task::spawn_blocking(move || {
                    let snapshot = Snapshot::parse(&bytes)?;
                    drop(bytes);
                    state.load(&snapshot, stamp);
                    Ok::<_, TransportError>(snapshot.cursor)
                });
                let read =
                    read.await.map_err(|_| TransportError::Malformed("the snapshot could not be read"))?;
                let cursor = read?;
                self.known = Some(Known { snapshot: cursor.clone(), tag, cursor: cursor.clone() });
                self.link.done();
                Ok(cursor)
            }
        }
    }

    /// Does something that takes time, and keeps time meanwhile: looks at the clocks each second, and stops when the verifier goes,
    /// the stream falls silent or the state is lost.
    async fn guarded<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Break> {
        let mut leaving = self.link.leaving();
        let signals = Arc::clone(&self.link.signals);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                end = ended(&mut leaving) => return Err(end.into()),
                _ = self.look.tick() => self.look_around()?,
                // While a snapshot in full is next, that one will do.
                () = signals.resync.notified() => if self.next != Next::Snapshot { return Err(Break::Lost) },
                done = &mut work => return Ok(done),
            }
        }
    }

    fn look_around(&mut self) -> Result<(), Break> {
        let state = self.link.state()?;
        let due = state.tick();
        if self.connection.is_dead(state.boot_now()) {
            return Err(Break::Silent);
        }
        match due {
            Due::Snapshot if self.next != Next::Snapshot => Err(Break::Lost),
            Due::Stream if matches!(self.connection, Connection::Open(_)) => Err(Break::Reopen),
            Due::Nothing | Due::Stream | Due::Snapshot => Ok(()),
        }
    }

    /// The feed said what cannot be: nothing is vouched for until the next snapshot.
    fn malformed(&self) -> Result<Break, Ended> {
        self.link.state()?.lost(Why::Malformed);
        Ok(Break::Lost)
    }
}
