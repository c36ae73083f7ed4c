//! The store section: which engine, where.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::error::ConfigError;
use super::raw::RawConfig;
use super::sources::Sources;

/// Which engine holds registers and cutoffs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// The embedded one: a file.
    Redb(PathBuf),
}

/// A start check that the operator has overridden by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Override {
    /// No replica acknowledges revocations.
    NoReplicas,
    /// The engine may evict.
    Eviction,
    /// The engine does not persist.
    NoPersistence,
}

impl Override {
    /// All of them with their names.
    pub const ALL: [(&'static str, Self); 3] = [
        ("no_replicas", Self::NoReplicas),
        ("eviction", Self::Eviction),
        ("no_persistence", Self::NoPersistence),
    ];
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Which engine.
    pub url: StoreUrl,
    /// Where a node of a cluster keeps its own record of every cutoff; the embedded engine is its own journal.
    pub journal: PathBuf,
    /// How many replicas acknowledge a revocation before it counts as durable.
    pub replicas: u32,
    /// The start checks overridden.
    pub allow: BTreeSet<Override>,
}

/// Parses `[store]`.
pub(super) fn parse(raw: &RawConfig, sources: &Sources) -> Result<StoreConfig, ConfigError> {
    let allow = raw.store.allow.iter().map(|name| {
        let known = Override::ALL.into_iter().find(|(known, _)| known == name);
        known.map(|(_, check)| check).ok_or_else(|| {
            let names = Override::ALL.map(|(name, _)| name).join(", ");
            sources.error("store.allow", format!("expected any of: {names}"))
        })
    });
    let allow = allow.collect::<Result<BTreeSet<_>, _>>()?;
    if raw.store.replicas == 0 && !allow.contains(&Override::NoReplicas) {
        let problem =
            "0 means that the primary's word alone counts: also set store.allow = [\"no_replicas\"]";
        return Err(sources.error("store.replicas", problem));
    }
    if raw.store.journal.is_empty() {
        return Err(sources.error("store.journal", "expected the path of a file"));
    }
    let url = engine(&raw.store.url, sources)?;
    Ok(StoreConfig { url, journal: PathBuf::from(&raw.store.journal), replicas: raw.store.replicas, allow })
}

fn engine(url: &str, sources: &Sources) -> Result<StoreUrl, ConfigError> {
    let refuse = |problem: &str| Err(sources.error("store.url", problem));
    match url.split_once(':') {
        Some(("redb", path)) if !path.is_empty() && !path.starts_with("//") => {
            Ok(StoreUrl::Redb(path.into()))
        }
        Some(("redb", _)) => {
            refuse("expected redb: and the path of a file, such as \"redb:data/signet.redb\"")
        }
        Some((scheme @ ("redis" | "rediss" | "redis+sentinel"), _)) => {
            refuse(&format!("{scheme}:// is not available in this version: use \"redb:data/signet.redb\""))
        }
        _ => refuse("expected \"redb:\" and a path, such as \"redb:data/signet.redb\""),
    }
}
