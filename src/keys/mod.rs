//! The key ring: which key signs, which seals, which are published, which are gone.

mod derive;
mod directory;
mod encryption_key;
mod key_ring;
#[expect(clippy::module_inception, reason = "`Keys` is what this room is about")]
mod keys;
mod schedule;
mod sealed_ring;
mod sealing_key;
mod signing_key;

pub use directory::{Directory, DirectoryError};
pub use encryption_key::KeyEncryptionKey;
pub use key_ring::{KeyMaterial, KeyRing, RingEntry};
pub use keys::{Keys, KeysError, PublishedJwks};
pub use schedule::{Activate, KeyState, KeyTimes, KeyUse, PolicyError, SchedulePolicy, Step, due};
pub use sealing_key::{SealError, SealingKey, SealingKeyId};
pub use signing_key::{SigningKey, SigningKeyError};
