//! Why a node does not start or stops.

use std::net::SocketAddr;
use std::path::PathBuf;

use signet_verifier::ConnectError;

use crate::http::ProxyRangeError;
use crate::keys::{DirectoryError, KeysError};
use crate::store::StoreError;

/// Why a node does not start or stops.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The key-encryption key or the directory of the ring.
    #[error("keys: {0}")]
    Directory(#[from] DirectoryError),
    /// The ring.
    #[error("keys: {0}")]
    Keys(#[from] KeysError),
    /// The store could not be opened.
    #[error("store.url: {}: {source}", .path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A trusted proxy's network.
    #[error("server.trusted_proxies: {0}")]
    Proxy(#[from] ProxyRangeError),
    /// Development mode is for this machine only.
    #[error(
        "server.listen: without a configuration file, serve runs in development mode, on a loopback address only, not on \
         {0}: give a file with --config"
    )]
    DevelopmentListen(SocketAddr),
    /// The development client's secret could not be kept.
    #[error("{}: the development client's secret cannot be kept there", .path.display())]
    DevelopmentSecret {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("server.listen: {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The agent cannot listen there.
    #[error("agent.listen: {at}: {source}")]
    AgentListen {
        /// The address, or the path of the socket.
        at: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The agent's verifier cannot follow the service, however long it waits.
    #[error("agent: {0}")]
    Connect(#[from] ConnectError),
    /// The HTTP contract.
    #[error("the HTTP contract cannot be written as YAML")]
    Contract,
    /// The process cannot be asked to end.
    #[error("signals cannot be listened for")]
    Signals(#[source] std::io::Error),
    /// The web server.
    #[error("the server stopped")]
    Serve(#[source] std::io::Error),
}
