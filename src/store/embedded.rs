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
/// Reads run where they are called: a look into the page cache takes microseconds, less than to hand it to another thread
/// and back. Only a snapshot, which may read everything, goes to the runtime's blocking threads.
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

    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        let file = self.file.clone();
        let read =
            tokio::task::spawn_blocking(move || read(&file, |view| view.snapshot(made_since, now))).await;
        self.heard(read.map_err(|error| StoreError::Unavailable(Some(Box::new(error))))?)
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.read(|view| view.tail(after, limit))
    }

    async fn changed(&self, after: &Position) {
        self.writer.changed(after).await;
    }

    fn head_of_sole_writer(&self) -> Option<Position> {
        Some(self.writer.announced())
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::OpenOptions;
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};

    use redb::backends::FileBackend;
    use redb::{Builder, StorageBackend};
    use signet_verifier::{Effect, Subject};
    use tempfile::TempDir;

    use super::*;
    use crate::random::SystemRandom;

    /// A file on a disk that can be told to fail.
    #[derive(Debug)]
    struct Disk {
        file: FileBackend,
        fails: Arc<AtomicBool>,
    }

    impl Disk {
        fn check(&self) -> io::Result<()> {
            if self.fails.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.check().and_then(|()| self.file.set_len(len))
        }

        fn sync_data(&self) -> io::Result<()> {
            self.check().and_then(|()| self.file.sync_data())
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.check().and_then(|()| self.file.write(offset, data))
        }

        fn close(&self) -> io::Result<()> {
            self.file.close()
        }
    }

    fn on_a_disk(directory: &TempDir) -> (Arc<AtomicBool>, EmbeddedStore) {
        let fails = Arc::new(AtomicBool::new(false));
        let switch = fails.clone();
        let opener = move |path: &Path| {
            let file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap();
            let disk = Disk { file: FileBackend::new(file).unwrap(), fails: fails.clone() };
            Builder::new()
                .create_with_backend(disk)
                .map_err(|error| OpenError::Damaged { path: path.into(), what: error.to_string() })
        };
        let path = directory.path().join("signet.redb");
        let file = StoreFile::open_with(&path, &SystemRandom::new(), Box::new(opener)).unwrap();
        (switch, EmbeddedStore::on(file).unwrap())
    }

    fn logout(subject: &str) -> [Cutoff; 1] {
        let now = UnixMs::from_millis(1);
        [Cutoff {
            scope: Scope::Sub(Subject::parse(subject).unwrap()),
            effect: Effect::Logout,
            issued_before: now,
            made_at: UnixMs::default(),
            expires_at: now.after(std::time::Duration::from_secs(1)),
            reason: None,
            kept: None,
            claims: BTreeMap::new(),
        }]
    }

    #[tokio::test]
    async fn a_failed_commit_is_heard_by_every_caller_of_its_batch_and_the_engine_goes_on() {
        let directory = TempDir::new().unwrap();
        let (fails, store) = on_a_disk(&directory);
        let start = store.head().await.unwrap();
        store.append(&logout("before")).await.unwrap();

        fails.store(true, Ordering::SeqCst);
        let (a, b) = (logout("a"), logout("b"));
        let (a, b) = tokio::join!(store.append(&a), store.append(&b));
        for outcome in [a, b] {
            assert!(matches!(outcome, Err(StoreError::Unavailable(Some(_)))), "{outcome:?}");
        }

        fails.store(false, Ordering::SeqCst);
        let head = store.append(&logout("after")).await.unwrap();
        let Tail::Entries(entries) = store.tail(&start, 9).await.unwrap() else { panic!("a gap") };
        assert_eq!(entries.last().unwrap().0, head);
        for acknowledged in [logout("before"), logout("after")] {
            assert!(entries.iter().any(|(_, entry)| *entry == acknowledged[0]));
        }
    }

    #[tokio::test]
    async fn a_reader_that_finds_the_file_lost_has_it_opened_again() {
        let directory = TempDir::new().unwrap();
        let (fails, store) = on_a_disk(&directory);
        let head = store.append(&logout("before")).await.unwrap();
        fails.store(true, Ordering::SeqCst);
        assert!(store.append(&logout("a")).await.is_err());
        assert!(
            matches!(store.head().await, Err(StoreError::Unavailable(_))),
            "it could not be opened again"
        );

        fails.store(false, Ordering::SeqCst);
        // Only reads from here: the condition, not a time, ends the wait.
        let found = loop {
            match store.head().await {
                Ok(found) => break found,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert!(found.seq >= head.seq);
    }
}
