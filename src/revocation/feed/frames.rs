//! What goes over the wire, written once for all who read it.

use std::sync::Arc;

use signet_verifier::{Batch, Cursor, Cutoff, Event, FeedEntry, Heartbeat, Reset, UnixMs};

use super::hub::{Ack, Head, Live};
use crate::store::Position;

/// How many entries one frame has at most. An entry takes 150 bytes, and 1.2 KB where every character of the longest claim has to
/// be escaped: a frame stays under 600 KB.
pub(super) const FRAME_ENTRIES: usize = 500;

/// When a frame is written and what it says of that.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    /// None while what it is of is behind.
    pub(super) as_of: Option<UnixMs>,
    pub(super) server_time: UnixMs,
    pub(super) ack: Ack,
}

pub(super) fn frame(event: &Event) -> Arc<str> {
    event.to_wire().into()
}

pub(super) fn batch(cursor: &Position, entries: Vec<FeedEntry>, stamp: Stamp) -> Arc<str> {
    frame(&Event::Revocations(Batch {
        cursor: cursor_of(cursor),
        as_of: stamp.as_of,
        server_time: stamp.server_time,
        ack: stamp.ack == Ack::Asked,
        entries,
    }))
}

pub(super) fn heartbeat(head: Head, server_time: UnixMs, ack: Ack) -> Live {
    let text = frame(&Event::Heartbeat(Heartbeat {
        cursor: cursor_of(&head.position),
        as_of: head.as_of,
        server_time,
        ack: ack == Ack::Asked,
    }));
    Live { text, place: head.position.seq, ack }
}

pub(super) fn reset(reason: &str) -> Arc<str> {
    frame(&Event::Reset(Reset { reason: reason.to_owned() }))
}

/// What verifiers are told of these: nothing of what denies nothing.
pub(super) fn entries<'a>(cutoffs: impl IntoIterator<Item = &'a Cutoff>) -> Vec<FeedEntry> {
    cutoffs.into_iter().filter_map(FeedEntry::of).collect()
}

#[expect(clippy::expect_used, reason = "a position's text is 43 characters of base64url")]
pub(super) fn cursor_of(position: &Position) -> Cursor {
    Cursor::parse(&position.to_string()).expect("visible ASCII, shorter than 128 bytes")
}
