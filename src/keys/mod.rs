//! The key ring: which key signs, which seals, which are published, which are gone.

mod directory;
mod key_ring;
mod keys;
mod schedule;
mod sealing_key;
mod signing_key;

pub use directory::{Directory, DirectoryError, KeyEncryptionKey};
pub use key_ring::{KeyMaterial, KeyRing, RingEntry};
pub use keys::{Activate, Keys, KeysError, PublishedJwks};
pub use schedule::{KeyState, KeyTimes, KeyUse, PolicyError, SchedulePolicy, Step, due};
pub use sealing_key::{SealError, SealingKey, SealingKeyId};
pub use signing_key::{SigningKey, SigningKeyError};
