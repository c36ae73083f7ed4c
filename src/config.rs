//! Configuration: defaults, then a TOML file, then the environment; parsed into the domain's types once.
//!
//! Three steps, one file each. `sources.rs` reads the layers and remembers where each value came from. `raw.rs` is the
//! shape of the file: it knows names, kinds and defaults, and refuses every name that it does not know. `parse.rs` turns
//! the raw values into what the rooms work with and checks what has to fit together, with the arithmetic in words. An
//! error always names the key and the file or variable that said so, and never repeats a value that might be secret.

mod agent;
mod clients;
mod duration;
mod error;
mod forward_auth;
mod lenient;
mod listen;
mod parse;
mod raw;
mod sources;
mod store;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use agent::{AgentConfig, AgentListen, ClearText};
pub use error::{ConfigError, Origin};
pub use raw::RawConfig;
pub use sources::Environment;
pub use store::{Override, StoreConfig, StoreUrl};

use crate::keys::SchedulePolicy;
use crate::session::{Client, ForwardAuthProfile, RefreshPolicy, RevocationPolicy, TokenPolicy};

/// Everything that a node needs to know, in the domain's words.
pub struct Config {
    /// Where it listens, and as what it is known.
    pub server: ServerConfig,
    /// What tokens are like.
    pub tokens: TokenPolicy,
    /// How refresh works.
    pub refresh: RefreshPolicy,
    /// How revocation works.
    pub revocation: RevocationPolicy,
    /// The key ring.
    pub keys: KeysConfig,
    /// The store.
    pub store: StoreConfig,
    /// The registered clients.
    pub clients: Vec<Client>,
    /// What proxies' requests must bring; `default` is among them.
    pub forward_auth: Vec<ForwardAuthProfile>,
    /// What was taken although it deserves a second look: whole sentences.
    pub warnings: Vec<String>,
}

/// Where the service listens, and as what it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address.
    pub listen: SocketAddr,
    /// The URL under which others reach it, without a slash at the end.
    pub public_url: String,
    /// How many worker threads; `None`: one for each core.
    pub workers: Option<NonZeroUsize>,
    /// The proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<TrustedProxy>,
}

/// A network whose members may say for whom they speak (`X-Forwarded-For`, `Forwarded`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy {
    /// An address of the network.
    pub network: IpAddr,
    /// How many leading bits its members share.
    pub prefix: u8,
}

/// Where the ring is and how it is kept.
pub struct KeysConfig {
    /// The directory of the ring.
    pub directory: PathBuf,
    /// What seals its private parts.
    pub encryption_key: EncryptionKey,
    /// The schedule.
    pub schedule: SchedulePolicy,
}

/// Where the key-encryption key comes from.
pub enum EncryptionKey {
    /// A file: 32 bytes in base64.
    File(PathBuf),
    /// The environment: the text of `SIGNET_KEYS__ENCRYPTION_KEY`.
    Text(Zeroizing<String>),
    /// Nobody gave one: it lies beside the ring. Only on a loopback listener.
    BesideRing,
}

/// A configuration, and the raw values that it was made of.
pub struct Loaded {
    /// In the domain's words.
    pub config: Config,
    /// In the words of the file: for `signet config print`.
    pub raw: RawConfig,
}

impl Config {
    /// Reads the layers (defaults, the file if there is one, the environment) and parses them.
    pub fn load(file: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigError> {
        let sources = sources::Sources::read::<RawConfig>(file, environment)?;
        let mut raw: RawConfig = sources.raw()?;
        if sources.is_default("server.public_url") {
            raw.follow_listener();
        }
        let config = parse::parse(&raw, &sources)?;
        Ok(Loaded { config, raw })
    }
}
