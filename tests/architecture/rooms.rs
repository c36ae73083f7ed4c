//! The rooms of the house and what each may know: the table of ARCHITECTURE in code.

/// A room: the code under `paths`, the rooms it may import, and what it must never mention.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// Files and folders; what another room's longer path covers belongs to that room.
    pub(crate) paths: &'static [&'static str],
    /// Paths below `crate`, its own aside.
    pub(crate) may: &'static [&'static str],
    /// Crates and modules (by the start of the path), types (by any part of it).
    pub(crate) never: &'static [&'static str],
}

const WEB: &str = "actix_web";
const REDB: &str = "redb";
const REDIS: &str = "redis";
const EMBEDDED: &str = "EmbeddedStore";
const MEMORY: &str = "MemoryStore";
const GUARDED: &str = "GuardedStore";

/// From the bottom up.
pub(crate) const ROOMS: &[Room] = &[
    Room { name: "verifier", paths: &["crates/verifier/src"], may: &[], never: VERIFIER_NEVER },
    Room {
        name: "verifier's client",
        paths: &["crates/verifier/src/sync"],
        may: &[],
        never: &["signet", "moka", "chrono", WEB, "axum", REDB, REDIS],
    },
    Room {
        name: "verifier's integrations",
        paths: &["crates/verifier/src/actix.rs", "crates/verifier/src/actix", "crates/verifier/src/tower.rs"],
        may: &[],
        // They ask the client, and touch neither the network nor a clock themselves.
        never: &["signet", "moka", "chrono", "tokio", "reqwest", "axum", "std::fs", "std::net", REDB, REDIS],
    },
    Room {
        name: "crypto",
        paths: &["src/crypto.rs"],
        may: &[],
        never: &["std", "tokio", WEB, "signet_verifier"],
    },
    Room {
        name: "random",
        paths: &["src/random.rs"],
        may: &["crypto"],
        never: &["std", "tokio", WEB, "signet_verifier"],
    },
    Room {
        name: "telemetry",
        paths: &["src/telemetry.rs", "src/telemetry"],
        may: &[],
        never: &[WEB, REDB, REDIS],
    },
    Room {
        name: "keys",
        paths: &["src/keys"],
        may: &["crypto", "random"],
        never: &["tokio", WEB, "figment", REDB, REDIS, "SystemClock"],
    },
    Room {
        name: "store",
        paths: &["src/store"],
        // The register is the value that it swaps; random names a log, a hash chains it.
        may: &["session::register", "random", "crypto"],
        never: &[WEB, "figment", "SystemClock"],
    },
    Room {
        name: "revocation",
        paths: &["src/revocation"],
        // random names streams; a hash is the snapshot's entity tag.
        may: &["store", "random", "crypto"],
        never: &[WEB, "figment", REDB, REDIS, EMBEDDED, MEMORY, GUARDED, "SystemClock"],
    },
    Room {
        name: "session",
        paths: &["src/session"],
        // telemetry: audit events. crypto: SHA-256 of a client's secret.
        may: &["keys", "store", "random", "telemetry", "crypto"],
        never: &[
            WEB,
            "tokio",
            "std::fs",
            "std::env",
            "figment",
            "moka",
            REDB,
            REDIS,
            EMBEDDED,
            MEMORY,
            GUARDED,
            "SystemClock",
            "SystemRandom",
        ],
    },
    Room {
        name: "http",
        paths: &["src/http"],
        // telemetry: audit events and metrics. revocation: the feed.
        may: &["session", "keys", "revocation", "telemetry"],
        never: &[
            "moka",
            "std::fs",
            "std::env",
            "figment",
            "aws_lc_rs",
            "ring",
            REDB,
            REDIS,
            EMBEDDED,
            MEMORY,
            GUARDED,
            "SystemClock",
            "SystemRandom",
        ],
    },
    Room {
        name: "config",
        paths: &["src/config.rs", "src/config"],
        // What it parses into, and SHA-256 of a secret that is read from a file.
        may: &["session", "keys", "crypto"],
        never: &[
            WEB,
            "tokio",
            "moka",
            REDB,
            REDIS,
            "SystemClock",
            "SystemRandom",
            "Issuer",
            "Refresher",
            "Revoker",
            "Introspector",
        ],
    },
    Room {
        name: "app",
        paths: &["src/app.rs", "src/app"],
        may: &["config", "crypto", "http", "keys", "random", "revocation", "session", "store", "telemetry"],
        never: &["figment", "clap"],
    },
    Room {
        name: "cli",
        paths: &["src/cli", "src/main.rs"],
        may: &["app", "config", "keys", "session", "random", "telemetry"],
        never: &[WEB, REDB, REDIS, EMBEDDED, MEMORY, GUARDED, "moka"],
    },
];

/// Crates that the verifier has nothing of in its default build.
pub(crate) const VERIFIER_NEVER: &[&str] = &[
    "signet",
    "chrono",
    "tokio",
    "futures",
    "actix_web",
    "actix_rt",
    "actix_http",
    "moka",
    "reqwest",
    "hyper",
    "tower",
    "axum",
    "redb",
    "redis",
    "std::fs",
    "std::net",
    "std::env",
];

/// What one file may mention although its room may not, each with its reason.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] = &[(
    "src/http/gate.rs",
    "moka",
    "counts failed authentications: bounded, and an evicted counter costs a guess, not a session",
)];

/// What is read from the world outside, and the only files that may: everybody else is handed it. (The runtime's own
/// `tokio::time` is for deadlines, and tests move it.)
pub(crate) const ONE_PLACE: &[(&[&str], &[&str])] = &[
    (&["SystemTime::now", "std::time::Instant", "Utc::now", "Local::now"], &["crates/verifier/src/clock.rs"]),
    (
        &["SystemClock"],
        &[
            "crates/verifier/src/clock.rs",
            "crates/verifier/src/lib.rs",
            // Where embedders begin: they may hand in others.
            "crates/verifier/src/sync/connect.rs",
            "src/app",
            "src/app.rs",
            "src/cli",
            "src/main.rs",
        ],
    ),
    (
        &["env::var", "env::vars", "env::var_os", "env::vars_os", "figment"],
        // telemetry: RUST_LOG has to be known before a configuration can be read, so that reading it can be logged.
        &["src/config", "src/config.rs", "src/telemetry.rs"],
    ),
    // Signing keys: the backends make key pairs from their own generator only.
    (
        &["crypto::rand", "rand::SystemRandom"],
        &["src/random.rs", "src/crypto.rs", "src/keys/signing_key.rs", "crates/verifier/src/crypto.rs"],
    ),
    (
        &["SystemRandom"],
        &[
            "src/random.rs",
            "src/crypto.rs",
            "crates/verifier/src/crypto.rs",
            "src/keys/signing_key.rs",
            "src/app",
            "src/app.rs",
            "src/cli",
            "src/main.rs",
        ],
    ),
    (&["Uuid::new_v4", "Uuid::now_v7", "thread::sleep", "process::exit"], &[]),
];

/// The room that a file belongs to.
pub(crate) fn room_of(path: &str) -> Option<&'static Room> {
    let covering =
        |room: &Room| room.paths.iter().filter(|known| is_at(path, known)).map(|known| known.len()).max();
    ROOMS
        .iter()
        .filter_map(|room| Some((covering(room)?, room)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, room)| room)
}

/// Why `room` must not mention `path` (resolved to `crate`), if it must not.
pub(crate) fn objection(room: &Room, file: &str, path: &str) -> Option<String> {
    if let Some(never) = room.never.iter().find(|never| is_mentioned(path, never)) {
        let excepted = EXCEPTIONS.iter().any(|(known, what, _)| *known == file && what == never);
        return (!excepted).then(|| format!("{file}: {} must never mention {never} ({path})", room.name));
    }
    if room.paths.iter().any(|known| known.starts_with("crates/")) {
        return None;
    }
    let below = path.strip_prefix("crate::").or_else(|| path.strip_prefix("signet::"))?;
    let known = |allowed: &&str| below == *allowed || below.starts_with(&format!("{allowed}::"));
    let is_own = below.split("::").next() == Some(room.name);
    let allowed = is_own || room.may.iter().any(known);
    (!allowed).then(|| format!("{file}: {} may not import {path}", room.name))
}

/// Whether a path mentions this: a type anywhere in it, a crate or module at its start.
pub(crate) fn is_mentioned(path: &str, what: &str) -> bool {
    if what.starts_with(char::is_uppercase) && !what.contains("::") {
        return path.split("::").any(|part| part == what);
    }
    path.strip_prefix(what).is_some_and(|rest| rest.starts_with("::"))
        || (path == what && what.contains("::"))
}

/// Whether a path is this file, or in this folder.
pub(crate) fn is_at(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
