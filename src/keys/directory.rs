//! The ring at rest: a directory, private parts sealed.
//!
//! The ring is one file, always written whole: under a temporary name beside it, synced, renamed over the old one, the
//! directory synced. Whoever reads sees the old ring or the new one. One process at a time writes; the lock goes with
//! the process, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::encryption_key::KeyEncryptionKey;
use super::key_ring::KeyRing;
use super::sealed_ring;
use crate::random::Random;

/// Why the key directory could not be read or written. Names the path, never a key.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file system refused.
    #[error("{path}: {action} failed")]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content is not what Signet wrote: wrong key-encryption key, or a changed file.
    #[error("{0}: not readable with this key-encryption key, or damaged")]
    Unreadable(PathBuf),
    /// Another process holds the directory.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// Not 32 bytes in base64.
    #[error("the key-encryption key is not 32 bytes in base64")]
    KeyEncryptionKey,
    /// A file that should hold a key-encryption key does not.
    #[error("{0}: not a key-encryption key: 32 bytes in base64")]
    KeyFile(PathBuf),
}

/// A directory that holds the ring; locked for writing while open for writing.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    kek: KeyEncryptionKey,
    access: Access,
}

#[derive(Debug)]
enum Access {
    Writing(#[expect(dead_code, reason = "held, not read: the lock ends with it")] Lock),
    Reading,
}

impl Directory {
    /// Opens for writing: makes the directory where it is missing and takes the lock.
    pub fn open(path: &Path, kek: KeyEncryptionKey) -> Result<Self, DirectoryError> {
        make_directory(path)?;
        let lock = Lock::take(path)?;
        // What a crash left behind is of no use: the rename did not happen, so nobody was told that it was saved.
        match fs::remove_file(temporary(&ring_file(path))) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(io_error(path, "cleaning up")(error));
            }
            Ok(()) | Err(_) => {}
        }
        Ok(Self { path: path.into(), kek, access: Access::Writing(lock) })
    }

    /// Opens for reading beside a running service: no lock.
    pub fn open_read_only(path: &Path, kek: KeyEncryptionKey) -> Result<Self, DirectoryError> {
        Ok(Self { path: path.into(), kek, access: Access::Reading })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ring, or `None` where none was written yet.
    pub fn load(&self) -> Result<Option<KeyRing>, DirectoryError> {
        let path = ring_file(&self.path);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error(&path, "reading")(error)),
        };
        sealed_ring::open(&text, &self.kek).map(Some).ok_or(DirectoryError::Unreadable(path))
    }

    /// Writes the ring whole: temporary file, sync, rename, sync of the directory.
    pub fn save(&self, ring: &KeyRing, random: &dyn Random) -> Result<(), DirectoryError> {
        self.save_under(&self.kek, ring, random)
    }

    /// Seals everything under another key-encryption key. Where a crash came between this and whatever told the service
    /// of the new key, the ring is under it already: then there is nothing to do.
    pub fn reseal(&mut self, new: KeyEncryptionKey, random: &dyn Random) -> Result<(), DirectoryError> {
        let old = std::mem::replace(&mut self.kek, new);
        if self.load().is_ok() {
            return Ok(());
        }
        let new = std::mem::replace(&mut self.kek, old);
        if let Some(ring) = self.load()? {
            self.save_under(&new, &ring, random)?;
        }
        self.kek = new;
        Ok(())
    }

    /// Puts this directory's key-encryption key into the file beside the ring. After [`Directory::reseal`], never before:
    /// the file's old key is of use as long as the ring is under it.
    pub fn keep_key_beside_ring(&self) -> Result<(), DirectoryError> {
        let path = self.path.join(KeyEncryptionKey::FILE_NAME);
        match self.access {
            Access::Writing(_) => write_whole(&path, self.kek.to_base64().as_bytes()),
            Access::Reading => Err(io_error(&path, "writing")(ErrorKind::ReadOnlyFilesystem.into())),
        }
    }

    fn save_under(
        &self,
        kek: &KeyEncryptionKey,
        ring: &KeyRing,
        random: &dyn Random,
    ) -> Result<(), DirectoryError> {
        let path = ring_file(&self.path);
        match self.access {
            Access::Writing(_) => write_whole(&path, &sealed_ring::seal(ring, kek, random)),
            Access::Reading => Err(io_error(&path, "writing")(ErrorKind::ReadOnlyFilesystem.into())),
        }
    }
}

/// The right to write to a directory.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read: the lock ends with it")] File);

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, DirectoryError> {
        let path = directory.join("ring.lock");
        let file = private_file(&path).map_err(io_error(&path, "opening"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(directory.into())),
            Err(TryLockError::Error(error)) => Err(io_error(&path, "locking")(error)),
        }
    }
}

/// Where the ring is in its directory.
pub(super) fn ring_file(directory: &Path) -> PathBuf {
    directory.join("ring.json")
}

/// Makes a directory, and those above it, where they are missing: for nobody else to enter.
pub(super) fn make_directory(path: &Path) -> Result<(), DirectoryError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error(path, "making the directory"))
}

/// Reads a text that may be a secret.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, DirectoryError> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(io_error(path, "reading"))
}

/// Replaces a file whole, or leaves it as it was. The caller holds the [`Lock`], so the temporary name is its own.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<(), DirectoryError> {
    let temporary = temporary(path);
    let write = || {
        let mut file = private_file(&temporary)?;
        file.set_len(0)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(io_error(&temporary, "writing"))?;
    fs::rename(&temporary, path).map_err(io_error(path, "replacing"))?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(io_error(directory, "syncing"))
}

fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension("tmp")
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn io_error(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> DirectoryError {
    move |source| DirectoryError::Io { path: path.into(), action, source }
}

#[cfg(test)]
mod tests;
