//! The ring as text: names and times to be read, private parts sealed, and a MAC over the whole, so that nobody without
//! the key-encryption key can move a time, drop a key or bring an older one back under another name.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use signet_verifier::{Jwk, KeyId};
use zeroize::Zeroizing;

use super::encryption_key::KeyEncryptionKey;
use super::key_ring::{KeyMaterial, KeyRing, RingEntry};
use super::schedule::{KeyTimes, KeyUse};
use super::sealing_key::SealingKey;
use super::signing_key::SigningKey;
use crate::random::Random;

/// The version of the format, in every document.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    ring: Body,
    /// HMAC over the compact JSON of `ring`, base64.
    mac: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    format: u32,
    keys: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    kid: KeyId,
    #[serde(rename = "use")]
    usage: KeyUse,
    times: KeyTimes,
    /// The public half, for whoever reads the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwk: Option<Jwk>,
    /// Nonce ‖ ciphertext ‖ tag, base64; bound to name and use.
    private: String,
}

/// The ring under a key-encryption key.
pub(super) fn seal(ring: &KeyRing, kek: &KeyEncryptionKey, random: &dyn Random) -> Vec<u8> {
    let keys = ring.entries().iter().map(|entry| seal_entry(entry, kek, random)).collect();
    let ring = Body { format: FORMAT, keys };
    let mac = STANDARD.encode(kek.mac(&compact(&ring)));
    pretty(&Document { ring, mac })
}

/// Undoes [`seal`]; `None` under another key or after any change.
pub(super) fn open(text: &[u8], kek: &KeyEncryptionKey) -> Option<KeyRing> {
    let Document { ring, mac } = serde_json::from_slice(text).ok()?;
    if !kek.vouches(&compact(&ring), &STANDARD.decode(mac).ok()?) || ring.format != FORMAT {
        return None;
    }
    let entries: Option<Vec<RingEntry>> = ring.keys.iter().map(|record| open_record(record, kek)).collect();
    entries.map(KeyRing::new)
}

fn seal_entry(entry: &RingEntry, kek: &KeyEncryptionKey, random: &dyn Random) -> Record {
    let context = context(&entry.kid, entry.usage());
    let (jwk, sealed) = match &entry.material {
        KeyMaterial::Signing(key) => (Some(key.jwk().clone()), kek.seal(&context, key.pkcs8(), random)),
        KeyMaterial::Sealing(key) => (None, kek.seal(&context, key.secret().as_slice(), random)),
    };
    let private = STANDARD.encode(sealed);
    Record { kid: entry.kid.clone(), usage: entry.usage(), times: entry.times, jwk, private }
}

fn open_record(record: &Record, kek: &KeyEncryptionKey) -> Option<RingEntry> {
    let sealed = STANDARD.decode(&record.private).ok()?;
    let private = kek.open(&context(&record.kid, record.usage), &sealed)?;
    let material = match record.usage {
        KeyUse::Signing(algorithm) => {
            KeyMaterial::Signing(Arc::new(SigningKey::from_pkcs8_der(algorithm, &private).ok()?))
        }
        KeyUse::Sealing => {
            let secret: &[u8; 32] = private.as_slice().try_into().ok()?;
            KeyMaterial::Sealing(Arc::new(SealingKey::from_bytes(Zeroizing::new(*secret))))
        }
    };
    let entry = RingEntry::new(material, record.times);
    (entry.kid == record.kid).then_some(entry)
}

fn context(kid: &KeyId, usage: KeyUse) -> Vec<u8> {
    compact(&("signet ring", FORMAT, kid, usage))
}

#[expect(clippy::expect_used, reason = "names, numbers and text are always JSON")]
fn compact(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data is JSON")
}

#[expect(clippy::expect_used, reason = "names, numbers and text are always JSON")]
fn pretty(document: &Document) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(document).expect("plain data is JSON");
    text.push(b'\n');
    text
}
