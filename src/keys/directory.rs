//! The ring at rest: a directory, private parts sealed.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::key_ring::KeyRing;
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
        source: std::io::Error,
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
}

/// 32 bytes that seal the private parts at rest. Does not print.
pub struct KeyEncryptionKey(#[expect(dead_code, reason = "skeleton")] Zeroizing<[u8; 32]>);

impl KeyEncryptionKey {
    /// From base64 text: 32 bytes.
    pub fn from_base64(_text: &str) -> Result<Self, DirectoryError> {
        todo!()
    }

    /// Reads the file, base64 text.
    pub fn from_file(_path: &Path) -> Result<Self, DirectoryError> {
        todo!()
    }

    /// Reads the key-encryption key beside the ring, or makes one there (0600). The flag says whether it was made now.
    pub fn beside_ring(_directory: &Path, _random: &dyn Random) -> Result<(Self, bool), DirectoryError> {
        todo!()
    }
}

/// A directory that holds the ring; locked for writing while open for writing.
pub struct Directory {
    _path: PathBuf,
}

impl Directory {
    /// Opens for writing: makes the directory where it is missing and takes the lock.
    pub fn open(_path: &Path, _kek: KeyEncryptionKey) -> Result<Self, DirectoryError> {
        todo!()
    }

    /// Opens for reading beside a running service: no lock.
    pub fn open_read_only(_path: &Path, _kek: KeyEncryptionKey) -> Result<Self, DirectoryError> {
        todo!()
    }

    /// The ring, or `None` where none was written yet.
    pub fn load(&self) -> Result<Option<KeyRing>, DirectoryError> {
        todo!()
    }

    /// Writes the ring whole: temporary file, sync, rename, sync of the directory.
    pub fn save(&self, _ring: &KeyRing, _random: &dyn Random) -> Result<(), DirectoryError> {
        todo!()
    }

    /// Seals everything under another key-encryption key.
    pub fn reseal(&mut self, _new: KeyEncryptionKey, _random: &dyn Random) -> Result<(), DirectoryError> {
        todo!()
    }
}
