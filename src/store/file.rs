//! The embedded file: made, opened, recognised, and opened again after the disk failed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{Builder, Database, DatabaseError};

use super::StoreError;
use super::fault::Fault;
use super::made;
use super::tables::{self, FORMAT, Layout};
use super::view::View;
use crate::random::{self, Random};

/// Why the embedded file could not be opened. [`StoreError::Unavailable`] of [`EmbeddedStore::open`] carries it.
///
/// [`EmbeddedStore::open`]: super::EmbeddedStore::open
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// One process at a time.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The file, or its directory, could not be made or opened.
    #[error("{} cannot be opened", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// Made by another version of Signet.
    #[error("{} has format {found}, this version reads format {}", .path.display(), FORMAT)]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u8,
    },
    /// Not a file that Signet made.
    #[error("{} is not a Signet store", .0.display())]
    Foreign(PathBuf),
    /// It was one, and is damaged.
    #[error("{} is damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        Self::Unavailable(Some(Box::new(error)))
    }
}

/// The page cache; redb's own default is 1 GiB, which a session service does not need beside its denylist.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// How the file is opened; tests hand in disks that fail.
type Opener = Box<dyn Fn(&Path) -> Result<Database, OpenError> + Send + Sync>;

/// The open file. After a failed write redb refuses everything until the file is opened again, so it can be replaced;
/// `None` while that has not worked, and after closing.
pub(super) struct StoreFile {
    path: PathBuf,
    opener: Opener,
    database: RwLock<Option<Database>>,
}

impl StoreFile {
    /// Opens the file, or makes it and its directory.
    pub(super) fn open(path: &Path, random: &dyn Random) -> Result<Self, OpenError> {
        Self::open_with(path, random, Box::new(open_database))
    }

    /// The same, with another way to the disk.
    pub(super) fn open_with(path: &Path, random: &dyn Random, opener: Opener) -> Result<Self, OpenError> {
        if let Some(directory) = directory_of(path) {
            fs::create_dir_all(directory).map_err(|error| OpenError::Io(directory.into(), error))?;
        }
        let database = opener(path)?;
        let layout = Fault::catch(|| tables::layout(&database)).map_err(|fault| damaged(path, &fault))?;
        match layout {
            Layout::Known => {
                Fault::catch(|| made::complete(&database)).map_err(|fault| damaged(path, &fault))?;
            }
            Layout::Empty => {
                tables::create(&database, random::bytes(random)).map_err(|fault| damaged(path, &fault))?;
            }
            Layout::Version(found) => return Err(OpenError::Format { path: path.into(), found }),
            Layout::Foreign => return Err(OpenError::Foreign(path.into())),
        }
        // Each time, since the process that made the file may have died before it came to this.
        sync_directory_of(path).map_err(|error| OpenError::Io(path.into(), error))?;
        Fault::catch(|| View::of(&database)?.head()).map_err(|fault| damaged(path, &fault))?;
        Ok(Self { path: path.into(), opener, database: RwLock::new(Some(database)) })
    }

    /// Runs something on the file. Readers do not wait for each other or for the writer: the lock is held exclusively
    /// only while the file is opened anew or closed.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Database) -> Result<T, Fault>) -> Result<T, Fault> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(Fault::Closed)?;
        Fault::catch(|| run(database))
    }

    pub(super) fn is_open(&self) -> bool {
        self.database.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Closes the file and opens it again, as redb wants it after an I/O error. Whatever was committed is still there.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old one holds the lock on the file.
        drop(database.take());
        *database = Some((self.opener)(&self.path)?);
        Ok(())
    }

    /// Closes the file.
    pub(super) fn close(&self) {
        drop(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn open_database(path: &Path) -> Result<Database, OpenError> {
    let file = open_private(path).map_err(|error| OpenError::Io(path.into(), error))?;
    let opened = Fault::catch(|| Ok(Builder::new().set_cache_size(CACHE_BYTES).create_file(file)));
    opened.map_err(|fault| damaged(path, &fault))?.map_err(|error| refused(path, error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "redb's errors are open-ended; what is not known is damage"
)]
fn refused(path: &Path, error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(path.into()),
        DatabaseError::UpgradeRequired(_) => OpenError::Foreign(path.into()),
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() == io::ErrorKind::InvalidData =>
        {
            OpenError::Foreign(path.into())
        }
        DatabaseError::Storage(redb::StorageError::Io(error)) => OpenError::Io(path.into(), error),
        other => OpenError::Damaged { path: path.into(), what: other.to_string() },
    }
}

/// Readable by its owner alone from its first moment.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A new file survives a power cut only when its directory has been synced too.
fn sync_directory_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory_of(path).unwrap_or(Path::new(".")))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn directory_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|directory| !directory.as_os_str().is_empty())
}

fn damaged(path: &Path, fault: &Fault) -> OpenError {
    let what = match fault {
        Fault::Engine(cause) => cause.to_string(),
        Fault::Closed => "closed".to_owned(),
        Fault::Unreadable(what) => (*what).to_owned(),
    };
    OpenError::Damaged { path: path.into(), what }
}
