//! One stream, from its opening to whatever ends it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::acks::Acks;
use super::{Break, Connection, Follow, GOOD_WHILE};
use crate::feed::{Acknowledgement, Cursor, Event, Frame, Hello};
use crate::sync::link::Ended;
use crate::sync::state::{Stamp, Why};
use crate::sync::transport::{EventStream, TransportError};

/// Between events there is a heartbeat at least; a service that promises another pace is held to something like one.
const SLOWEST_HEARTBEAT: Duration = Duration::from_mins(1);
const FASTEST_HEARTBEAT: Duration = Duration::from_millis(100);
/// How much later than two heartbeats.
const GRACE: Duration = Duration::from_secs(2);
/// How long `hello` may take.
const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// A stream that has said hello.
struct Open {
    stream_id: Arc<str>,
    heartbeat: Duration,
    /// When it said so, on the boot clock.
    since: Duration,
    acks: Acks,
}

impl Follow {
    pub(super) async fn stream(&mut self, cursor: Cursor) -> Result<Infallible, Break> {
        let sent = self.link.boot_now()?;
        let transport = Arc::clone(&self.link.transport);
        let (verifier, max_staleness) = (self.who.verifier.clone(), self.who.max_staleness);
        let opening = async { transport.stream(&cursor, &verifier, max_staleness).await };
        let mut stream = self.guarded(opening).await??;
        let hello = self.first_event(&mut stream, sent).await?;
        let since = self.link.boot_now()?;
        let open = Open {
            stream_id: hello.stream_id,
            heartbeat: hello.heartbeat.clamp(FASTEST_HEARTBEAT, SLOWEST_HEARTBEAT),
            since,
            acks: Acks::begin(transport),
        };
        let Err(reason) = self.listen(&mut stream, &open).await;
        if let Ok(now) = self.link.boot_now()
            && now.saturating_sub(open.since) >= GOOD_WHILE
        {
            self.backoff.reset();
        }
        if matches!(reason, Break::Ended) {
            self.say_goodbye(&open).await;
        }
        Err(reason)
    }

    /// `hello`, before which there is nothing; or `reset` right after it.
    async fn first_event(&mut self, stream: &mut EventStream, sent: Duration) -> Result<Hello, Break> {
        self.connection = Connection::Opening(self.link.boot_now()? + HELLO_WITHIN);
        loop {
            match self.next_event(stream).await? {
                Some(Event::Hello(hello)) => {
                    let state = self.link.state()?;
                    let stamp = Stamp { sent: Some(sent), received: state.boot_now() };
                    state.hello(&hello, stamp).map_err(|_: Why| Break::Lost)?;
                    return Ok(hello);
                }
                Some(Event::Reset(_)) => return Err(self.reset()?),
                Some(Event::Revocations(_) | Event::Heartbeat(_)) => {
                    return Err(self.malformed()?);
                }
                None => {}
            }
        }
    }

    async fn listen(&mut self, stream: &mut EventStream, open: &Open) -> Result<Infallible, Break> {
        loop {
            self.connection = Connection::Open(self.link.boot_now()? + open.heartbeat * 2 + GRACE);
            match self.next_event(stream).await? {
                Some(Event::Reset(_)) => return Err(self.reset()?),
                Some(Event::Hello(_)) => return Err(self.malformed()?),
                Some(event) => self.take(event, open)?,
                None => {}
            }
        }
    }

    /// Takes an event in, whole; then moves the cursor; then acknowledges.
    fn take(&mut self, event: Event, open: &Open) -> Result<(), Break> {
        let state = self.link.state()?;
        let stamp = Stamp { sent: None, received: state.boot_now() };
        let (taken, cursor, ack) = match event {
            Event::Revocations(batch) => (state.apply(&batch, stamp), batch.cursor, batch.ack),
            Event::Heartbeat(beat) => {
                (state.beat(beat.as_of, beat.server_time, stamp), beat.cursor, beat.ack)
            }
            Event::Hello(_) | Event::Reset(_) => return Ok(()),
        };
        taken.map_err(|_: Why| Break::Lost)?;
        if ack {
            let (stream_id, cursor) = (Arc::clone(&open.stream_id), cursor.clone());
            open.acks.say(Acknowledgement { stream_id, cursor, leaving: false });
        }
        if let Some(known) = &mut self.known {
            known.cursor = cursor;
        }
        Ok(())
    }

    /// The next event; `None` for one that is none of ours.
    async fn next_event(&mut self, stream: &mut EventStream) -> Result<Option<Event>, Break> {
        let frame: Frame = match self.guarded(stream.next()).await? {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(Break::Closed),
            Err(TransportError::Feed(_)) => return Err(self.malformed()?),
            Err(error) => return Err(error.into()),
        };
        let Ok(event) = Event::parse(&frame) else { return Err(self.malformed()?) };
        Ok(event)
    }

    fn reset(&self) -> Result<Break, Ended> {
        self.link.state()?.lost(Why::Reset);
        Ok(Break::Lost)
    }

    /// Says that nobody needs to wait for this verifier. If it is not heard, its connection's end says it, later.
    async fn say_goodbye(&self, open: &Open) {
        let Some(known) = &self.known else { return };
        let (stream_id, cursor) = (Arc::clone(&open.stream_id), known.cursor.clone());
        let _ = self.link.transport.acknowledge(&Acknowledgement { stream_id, cursor, leaving: true }).await;
    }
}
