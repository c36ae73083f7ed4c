//! The embedded engine: one redb file, one writer thread that groups commits, and readers that wait for nobody.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use signet_verifier::{Cutoff, Scope, SessionId, UnixMs};

use super::fault::Fault;
use super::file::{OpenError, StoreFile};
use super::view::View;
use super::writer::Writer;
use super::{Journal, Position, Store, StoreError, Swap, Tail};
use crate::random::Random;
use crate::session::register::Register;

/// The most that one transaction of a sweep forgets of each kind: a few milliseconds, then others have their turn.
const SWEEP_BATCH: usize = 4096;

/// The embedded engine.
///
/// Reads run where they are called: a look into a mapped page cache takes microseconds, less than handing it to another
/// thread. Only a snapshot, which reads everything, goes to the runtime's blocking threads.
pub struct EmbeddedStore {
    file: Arc<StoreFile>,
    writer: Writer,
}

impl EmbeddedStore {
    /// Opens the file, or makes it and its directory. Everything that start-up writes is written when this returns.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with an [`OpenError`] that names the file.
    pub fn open(path: &Path, random: &dyn Random) -> Result<Self, StoreError> {
        let file = StoreFile::open(path, random)?;
        Ok(Self::on(file).map_err(|error| OpenError::Io(path.into(), error))?)
    }

    /// Finishes what was asked for and closes the file.
    pub fn close(&self) {
        self.writer.close();
    }

    fn on(file: StoreFile) -> std::io::Result<Self> {
        let file = Arc::new(file);
        Ok(Self { writer: Writer::start(file.clone())?, file })
    }

    fn read<T>(&self, run: impl FnOnce(&View) -> Result<T, Fault>) -> Result<T, StoreError> {
        self.heard(read(&self.file, run))
    }

    /// The answer to a read; if the file failed, the writer hears of it and opens it again.
    fn heard<T>(&self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        if let Err(Fault::Engine(_) | Fault::Closed) = outcome {
            self.writer.mend();
        }
        Ok(outcome?)
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        self.read(|view| view.register(sid))
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        let (seen, new) = (seen.copied(), *new);
        self.writer.run(move |tables| tables.swap(sid, seen.as_ref(), &new, expires_at)).await
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        let cutoffs = cutoffs.to_vec();
        self.writer.run(move |tables| tables.append(&cutoffs)).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.read(View::head)
    }

    async fn snapshot(&self, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || read(&file, |view| view.snapshot(now))).await;
        self.heard(read.map_err(|error| StoreError::Unavailable(Some(Box::new(error))))?)
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.read(|view| view.tail(after, limit))
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        let mut swept = 0;
        // A look first: while nothing has expired the file is not written to.
        while self.read(|view| view.has_expired(now))? {
            swept += self.writer.run(move |tables| tables.sweep(now, SWEEP_BATCH)).await? as u64;
        }
        Ok(swept)
    }
}

impl Journal for EmbeddedStore {
    fn matching(&self, scopes: &[Scope]) -> Result<Vec<Cutoff>, StoreError> {
        self.read(|view| view.matching(scopes))
    }

    /// It always is: the file is the log itself, and what is not in it was never acknowledged.
    fn is_complete(&self) -> bool {
        true
    }
}

fn read<T>(file: &StoreFile, run: impl FnOnce(&View) -> Result<T, Fault>) -> Result<T, Fault> {
    file.with(|database| run(&View::of(database)?))
}
