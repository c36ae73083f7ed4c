//! Registers and the log of cutoffs, durable: the trait that engines implement, and its laws.
//!
//! The laws, which `tests/store` holds every engine to:
//! 1. `swap_register` succeeds only if the register is still what the caller saw; of concurrent swaps one wins.
//! 2. `append` returns when the entries are durable: a killed process has them when it starts again.
//! 3. Positions grow with every append; `tail` returns every entry after a position exactly once and in order, or says
//!    [`Tail::Gap`]; it never skips silently.
//! 4. `snapshot` holds the merge of everything appended before its position that has not expired and is of the time asked
//!    for; the cutoffs of keys always.
//! 5. `changed` never sleeps through an append.
//! 6. Nothing is lost by sweeping that has not expired by the `now` given; the engine's own clock decides nothing.

use async_trait::async_trait;
use signet_verifier::{Cutoff, Scope, SessionId, UnixMs};

use crate::session::register::Register;

mod breaker;
mod codec;
mod embedded;
mod fault;
mod file;
mod guarded;
mod made;
mod memory;
mod position;
mod tables;
mod view;
mod writer;

pub use embedded::EmbeddedStore;
pub use file::OpenError;
pub use guarded::GuardedStore;
pub use memory::MemoryStore;
pub use position::Position;

/// Why an engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or not within its deadline. What was asked may or may not have been done.
    #[error("the store did not answer")]
    Unavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// It answered something that Signet did not write.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(&'static str),
}

/// How a compare-and-swap ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// It is what you wanted now.
    Done,
    /// Somebody was faster: this is what it is.
    Lost(Option<Register>),
}

/// What came after a position.
#[derive(Clone, Debug, PartialEq)]
pub enum Tail {
    /// These entries, each with the position just after it; none if the position is the head.
    Entries(Vec<(Position, Cutoff)>),
    /// The position is not one of this log: take a snapshot.
    Gap,
}

/// What nodes share. See the module's laws.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The register of a session, if it ever refreshed.
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError>;

    /// Replaces `seen` by `new`, or says what is there instead. It may be forgotten after `expires_at`, or after the
    /// latest one that was given for this session before: older tokens of it may live as long.
    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError>;

    /// Appends cutoffs to the log; durable when it returns. The position is just after the last.
    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError>;

    /// The position just after the newest entry.
    async fn head(&self) -> Result<Position, StoreError>;

    /// The merged cutoffs that were made, or whose `issued_before` lies, at or after `made_since`, and those of keys whatever
    /// their times, as far as they live past `now`; and a position: whatever is not among them is older, or comes after it.
    /// Costs what it returns.
    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError>;

    /// At most `limit` entries after a position.
    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError>;

    /// Returns when the head is no longer at `after`: at once if it is not; it may also return early. Never fails: an engine
    /// that cannot say waits, and whoever waits asks again from time to time.
    async fn changed(&self, after: &Position);

    /// The newest head, known without asking anybody, where this process alone writes the log: true also while the engine cannot
    /// be read, because what was acknowledged passed through here. `None`: others write to it as well.
    fn head_of_sole_writer(&self) -> Option<Position> {
        None
    }

    /// Forgets what has expired by `now`: registers, cutoffs, log entries. Writes nothing if nothing has.
    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError>;
}

/// This node's own record of every cutoff to the refresh horizon: refresh reads it, also when the shared store is away.
pub trait Journal: Send + Sync + 'static {
    /// The merged cutoffs of these scopes, both effects, kept ones included.
    fn matching(&self, scopes: &[Scope]) -> Result<Vec<Cutoff>, StoreError>;

    /// Whether it has been complete up to a confirmed position since the node started.
    fn is_complete(&self) -> bool;
}
