//! The revocation feed on the wire: what the service sends and a verifier reads. The prose is docs/feed.md.
//!
//! An entry is strict, because one that is not understood is a denial that would be missed: unknown scopes, effects and
//! members refuse it, and with it the whole document. Around the entries unknown members are ignored, so that a newer
//! service can say more.

mod event;
mod reader;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::UnixMs;
use crate::cutoff::{Cutoff, Effect, Scope};

pub use event::{Event, FeedError};
pub use reader::{EventReader, Frame};

/// The version of the format that this crate reads and the service writes.
pub const FEED_VERSION: u32 = 1;

/// A place in the feed: opaque, 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Cursor(Arc<str>);

impl Cursor {
    /// The greatest length in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes the text as it is, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        (visible && (1..=Self::MAX_BYTES).contains(&text.len())).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a cursor is 1 to 128 visible ASCII characters"))
    }
}

/// What a verifier has to know of a revocation: nothing of why, by whom, or what the next token will say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedEntry {
    /// Which tokens.
    pub scope: Scope,
    /// By whose time.
    pub effect: Effect,
    /// Denied is what began, or was issued, before this.
    pub issued_before: UnixMs,
    /// When it may be forgotten: no access token that it denies lives longer.
    pub expires_at: UnixMs,
}

impl FeedEntry {
    /// What verifiers are told of a cutoff whose expiry is that of the access horizon; `None` if it denies nothing (a patch of
    /// claims only).
    pub fn of(cutoff: &Cutoff) -> Option<Self> {
        let denies = cutoff.is_timeless() || cutoff.issued_before > UnixMs::default();
        denies.then(|| Self {
            scope: cutoff.scope.clone(),
            effect: cutoff.effect,
            issued_before: cutoff.issued_before,
            expires_at: cutoff.expires_at,
        })
    }

    /// The entry as the denylist takes it.
    pub fn into_cutoff(self) -> Cutoff {
        Cutoff {
            scope: self.scope,
            effect: self.effect,
            issued_before: self.issued_before,
            made_at: self.issued_before,
            expires_at: self.expires_at,
            reason: None,
            kept: None,
            claims: BTreeMap::new(),
        }
    }
}

/// What the issuer promises of all tokens and asks of all verifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// No access token lives longer than this (`exp` − `iat`).
    #[serde(rename = "longest_access_ttl_ms", with = "millis")]
    pub longest_access_ttl: Duration,
    /// No verifier may allow more leeway: entries are forgotten this long after the last token that they deny.
    #[serde(rename = "leeway_ms", with = "millis")]
    pub leeway: Duration,
    /// The custom claims by which a cutoff may name tokens.
    pub revocable_claims: Vec<String>,
}

/// `GET /v1/revocations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`FEED_VERSION`].
    pub version: u32,
    /// What is not among the entries comes after it.
    pub cursor: Cursor,
    /// Everything that anybody had been promised by then is known.
    pub as_of: UnixMs,
    /// When this was written, by the service's clock.
    pub server_time: UnixMs,
    /// What holds for all tokens.
    pub limits: Limits,
    /// Every revocation that an access token could still run into.
    pub entries: Vec<FeedEntry>,
}

/// The first event of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`FEED_VERSION`].
    pub version: u32,
    /// The stream's name, for acknowledgements.
    pub stream_id: Arc<str>,
    /// Where the stream begins.
    pub cursor: Cursor,
    /// As in [`Snapshot::as_of`]; good once what comes after the cursor has been caught up with.
    pub as_of: UnixMs,
    /// When this was written.
    pub server_time: UnixMs,
    /// How far apart heartbeats are.
    #[serde(rename = "heartbeat_ms", with = "millis")]
    pub heartbeat: Duration,
    /// What holds for all tokens.
    pub limits: Limits,
}

/// Something was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The place just after the entries.
    pub cursor: Cursor,
    /// As in [`Snapshot::as_of`]; absent while the stream is behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<UnixMs>,
    /// When this was written.
    pub server_time: UnixMs,
    /// Whether somebody waits for an acknowledgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ack: bool,
    /// What was revoked.
    pub entries: Vec<FeedEntry>,
}

/// Nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The head of the feed.
    pub cursor: Cursor,
    /// As in [`Snapshot::as_of`].
    pub as_of: UnixMs,
    /// When this was written.
    pub server_time: UnixMs,
    /// Whether somebody waits for an acknowledgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ack: bool,
}

/// The stream cannot go on from where the verifier is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Why, for people.
    pub reason: String,
}

/// `POST /v1/revocations/ack`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// As in [`Hello::stream_id`].
    pub stream_id: Arc<str>,
    /// Everything before it is in force.
    pub cursor: Cursor,
    /// The verifier vouches for nothing any more: nobody needs to wait for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
}

/// Durations as whole milliseconds.
mod millis {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
