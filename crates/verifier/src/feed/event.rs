//! What the feed says: frames to events and back, and snapshots. How bytes become frames, `reader` says.

use serde::Deserialize;

use super::reader::Frame;
use super::{Batch, FEED_VERSION, Heartbeat, Hello, Reset, Snapshot};

/// Why a part of the feed was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// Not the JSON that it should be, cut short, or with an entry that this version does not understand.
    #[error("a part of the feed is malformed")]
    Malformed,
    /// Written by a service whose format is another.
    #[error("the feed has version {0}, which is not known here")]
    Version(u32),
    /// An event or a snapshot over the limit.
    #[error("a part of the feed is too large")]
    TooLarge,
}

/// An event that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `hello`
    Hello(Hello),
    /// `revocations`
    Revocations(Batch),
    /// `heartbeat`
    Heartbeat(Heartbeat),
    /// `reset`
    Reset(Reset),
}

impl Event {
    /// Reads a frame; `None` if its event is none of ours (a newer service may have more).
    pub fn parse(frame: &Frame) -> Result<Option<Self>, FeedError> {
        Ok(Some(match frame.event.as_str() {
            "hello" => {
                let hello: Hello = read(frame.data.as_bytes())?;
                check_version(hello.version)?;
                Self::Hello(hello)
            }
            "revocations" => Self::Revocations(read(frame.data.as_bytes())?),
            "heartbeat" => Self::Heartbeat(read(frame.data.as_bytes())?),
            "reset" => Self::Reset(read(frame.data.as_bytes())?),
            _ => return Ok(None),
        }))
    }

    /// Writes the event as a frame, for the service.
    pub fn to_wire(&self) -> String {
        let (name, id, data) = match self {
            Self::Hello(hello) => ("hello", Some(&hello.cursor), serde_json::to_string(hello)),
            Self::Revocations(batch) => ("revocations", Some(&batch.cursor), serde_json::to_string(batch)),
            Self::Heartbeat(beat) => ("heartbeat", Some(&beat.cursor), serde_json::to_string(beat)),
            Self::Reset(reset) => ("reset", None, serde_json::to_string(reset)),
        };
        // Strings, numbers and lists of them: JSON can always say that, and has no line breaks of its own.
        let data = data.unwrap_or_default();
        match id {
            Some(id) => format!("id: {id}\nevent: {name}\ndata: {data}\n\n"),
            None => format!("event: {name}\ndata: {data}\n\n"),
        }
    }
}

impl Snapshot {
    /// Reads a snapshot whole, or refuses it.
    pub fn parse(bytes: &[u8]) -> Result<Self, FeedError> {
        let snapshot: Self = read(bytes)?;
        check_version(snapshot.version)?;
        Ok(snapshot)
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FeedError> {
    serde_json::from_slice(bytes).map_err(|_| FeedError::Malformed)
}

fn check_version(version: u32) -> Result<(), FeedError> {
    if version == FEED_VERSION { Ok(()) } else { Err(FeedError::Version(version)) }
}
