//! No text is a refresh token of ours unless our ring sealed it, and refusing it never panics.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use signet::keys::{Directory, KeyEncryptionKey, Keys, SchedulePolicy};
use signet::random::SystemRandom;
use signet::session::{SealedError, TokenSealer};
use signet_verifier::{Algorithm, UnixMs};

const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
const DAY: Duration = Duration::from_hours(24);

static SEALER: LazyLock<TokenSealer> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kek =
        KeyEncryptionKey::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").expect("32 bytes");
    let ring = Directory::open(directory.path(), kek).expect("an empty directory");
    let policy = SchedulePolicy {
        algorithms: vec![Algorithm::EdDsa],
        rotate_every: 30 * DAY,
        publish_ahead: Duration::from_mins(30),
        jwks_max_age: Duration::from_mins(5),
        longest_access_ttl: Duration::from_mins(5),
        longest_refresh_ttl: 30 * DAY,
        leeway: Duration::from_secs(30),
    };
    let keys = Keys::open(ring, policy, Arc::new(SystemRandom::new()), NOW).expect("a new ring");
    TokenSealer::new(Arc::new(keys))
});

fuzz_target!(|token: &str| {
    match SEALER.open(token, NOW) {
        Ok(_) => panic!("a token that nobody sealed was opened"),
        Err(SealedError::Malformed | SealedError::UnknownKey | SealedError::Forged) => {}
    }
});
