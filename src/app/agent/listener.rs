//! Where an agent listens: a loopback port, or the file of a Unix socket.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::app::AppError;
use crate::config::AgentListen;

/// For its owner and group: the programs that ask need not run as the same user. Where fewer may, the directory says so.
const SOCKET_MODE: u32 = 0o660;

/// Listening already, though nothing is answered yet.
pub enum AgentListener {
    /// On a port of this machine.
    Loopback(TcpListener, SocketAddr),
    /// On a Unix socket.
    Socket(UnixListener, SocketFile),
}

impl AgentListener {
    /// Begins to listen. The file that a dead agent left behind is replaced; that of a live one, or one that is no socket, is
    /// left alone and refused.
    pub fn bind(listen: &AgentListen) -> Result<Self, AppError> {
        match listen {
            AgentListen::Loopback(address) => {
                let bound = TcpListener::bind(address);
                let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
                bound
                    .map(|(address, listener)| Self::Loopback(listener, address))
                    .map_err(|source| AppError::AgentListen { at: address.to_string(), source })
            }
            AgentListen::Socket(path) => bind_socket(path)
                .map(|(listener, file)| Self::Socket(listener, file))
                .map_err(|source| AppError::AgentListen { at: path.display().to_string(), source }),
        }
    }
}

impl fmt::Display for AgentListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(_, address) => write!(f, "http://{address}"),
            Self::Socket(_, file) => write!(f, "unix:{}", file.path.display()),
        }
    }
}

/// The file of a socket; removed with this, unless another agent has put its own there.
pub struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| inode(&found) == self.inode) {
            // A file that stays is replaced by the next agent.
            drop(fs::remove_file(&self.path));
        }
    }
}

fn bind_socket(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    clear(path)?;
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    let inode = inode(&fs::symlink_metadata(path)?);
    Ok((listener, SocketFile { path: path.to_owned(), inode }))
}

/// Removes the socket of a dead agent: nobody answers behind it.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there already")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn inode(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.sock");
        (directory, path)
    }

    fn bind(path: &Path) -> Result<AgentListener, AppError> {
        AgentListener::bind(&AgentListen::Socket(path.to_owned()))
    }

    #[test]
    fn a_socket_is_for_its_owner_and_group_and_goes_with_its_agent() {
        let (_directory, path) = place();
        let listener = bind(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(listener.to_string(), format!("unix:{}", path.display()));
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_agent_left_behind_is_replaced() {
        let (_directory, path) = place();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "the file outlives its listener");
        let _listener = bind(&path).unwrap_or_else(|error| panic!("{error}"));
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_live_agent_keeps_its_socket() {
        let (_directory, path) = place();
        let _first = bind(&path).unwrap_or_else(|error| panic!("{error}"));
        let Err(error) = bind(&path) else { panic!("two on one socket") };
        assert!(error.to_string().contains("agent.sock: somebody listens"), "{error}");
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_is_left_alone() {
        let (_directory, path) = place();
        fs::write(&path, "precious").unwrap();
        assert!(bind(&path).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn another_agents_socket_is_not_removed() {
        let (_directory, path) = place();
        let listener = bind(&path).unwrap_or_else(|error| panic!("{error}"));
        let kept = UnixListener::bind(path.with_extension("new")).unwrap();
        fs::rename(path.with_extension("new"), &path).unwrap();
        drop(listener);
        assert!(path.exists());
        drop(kept);
    }
}
