use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signet_verifier::{Algorithm, UnixMs};

use super::*;
use crate::keys::key_ring::{KeyMaterial, RingEntry};
use crate::keys::schedule::KeyTimes;
use crate::keys::sealing_key::SealingKey;
use crate::keys::signing_key::SigningKey;
use crate::random::SystemRandom;

fn kek(byte: u8) -> KeyEncryptionKey {
    KeyEncryptionKey::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

fn ring() -> KeyRing {
    let now = UnixMs::from_secs(1000);
    let times = KeyTimes {
        created_at: now,
        activates_at: now,
        retires_at: now.after(Duration::from_secs(100)),
        expires_at: now.after(Duration::from_secs(200)),
        compromised_at: Some(now),
    };
    let signing = |algorithm| KeyMaterial::Signing(Arc::new(SigningKey::generate(algorithm).unwrap()));
    let sealing = KeyMaterial::Sealing(Arc::new(SealingKey::generate(&SystemRandom::new())));
    let materials = [signing(Algorithm::Es256), signing(Algorithm::EdDsa), sealing];
    KeyRing::new(materials.map(|material| RingEntry::new(material, times)).into())
}

fn same(a: &KeyRing, b: &KeyRing) -> bool {
    let secret = |entry: &RingEntry| match &entry.material {
        KeyMaterial::Signing(key) => key.pkcs8().to_vec(),
        KeyMaterial::Sealing(key) => key.secret().to_vec(),
    };
    a.entries().len() == b.entries().len()
        && a.entries()
            .iter()
            .zip(b.entries())
            .all(|(a, b)| (&a.kid, a.times, a.usage(), secret(a)) == (&b.kid, b.times, b.usage(), secret(b)))
}

fn saved(path: &Path) -> KeyRing {
    let ring = ring();
    Directory::open(path, kek(1)).unwrap().save(&ring, &SystemRandom::new()).unwrap();
    ring
}

#[test]
fn what_was_saved_is_loaded() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = Directory::open(temporary.path(), kek(1)).unwrap();
    assert!(directory.load().unwrap().is_none());
    let ring = ring();
    directory.save(&ring, &SystemRandom::new()).unwrap();
    assert!(same(&directory.load().unwrap().unwrap(), &ring));
}

#[test]
fn nobody_else_can_enter_or_read() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("a/keys");
    saved(&path);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn one_process_writes_and_others_read() {
    let temporary = tempfile::tempdir().unwrap();
    let ring = saved(temporary.path());
    let writer = Directory::open(temporary.path(), kek(1)).unwrap();
    let second = Directory::open(temporary.path(), kek(1)).unwrap_err();
    assert!(matches!(second, DirectoryError::InUse(_)));
    let reader = Directory::open_read_only(temporary.path(), kek(1)).unwrap();
    assert!(same(&reader.load().unwrap().unwrap(), &ring));
    assert!(reader.save(&ring, &SystemRandom::new()).is_err());
    drop(writer);
    assert!(Directory::open(temporary.path(), kek(1)).is_ok());
}

#[test]
fn a_reader_makes_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("keys");
    assert!(Directory::open_read_only(&path, kek(1)).unwrap().load().unwrap().is_none());
    assert!(!path.exists());
}

#[test]
fn any_changed_byte_of_the_file_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    saved(temporary.path());
    let path = ring_file(temporary.path());
    let good = fs::read(&path).unwrap();
    let refused = |text: &[u8]| sealed_ring::open(text, &kek(1)).is_none();
    assert!(!refused(&good));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(refused(&bad), "byte {at} of {}", String::from_utf8_lossy(&good));
    }
    assert!(refused(&good[..good.len() / 2]) && refused(b"") && refused(b"{}"));
    let later =
        String::from_utf8(good).unwrap().replace("\"retires_at\": 1100000", "\"retires_at\": 9100000");
    assert!(refused(later.as_bytes()));
}

#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(ring_file(temporary.path()), "{\"ring\":").unwrap();
    let refused = Directory::open(temporary.path(), kek(1)).unwrap().load().unwrap_err();
    assert!(refused.to_string().contains("ring.json"), "{refused}");
    assert!(matches!(refused, DirectoryError::Unreadable(_)));
    assert_eq!(fs::read(ring_file(temporary.path())).unwrap(), b"{\"ring\":");
}

#[test]
fn a_new_key_encryption_key_opens_the_ring_and_the_old_one_no_longer_does() {
    let temporary = tempfile::tempdir().unwrap();
    let ring = saved(temporary.path());
    let mut directory = Directory::open(temporary.path(), kek(1)).unwrap();
    directory.reseal(kek(2), &SystemRandom::new()).unwrap();
    assert!(same(&directory.load().unwrap().unwrap(), &ring));
    let open = |byte| Directory::open_read_only(temporary.path(), kek(byte)).unwrap().load();
    assert!(same(&open(2).unwrap().unwrap(), &ring));
    assert!(matches!(open(1).unwrap_err(), DirectoryError::Unreadable(_)));
}

#[test]
fn a_ring_that_the_old_key_does_not_open_is_not_resealed() {
    let temporary = tempfile::tempdir().unwrap();
    let ring = saved(temporary.path());
    let mut directory = Directory::open(temporary.path(), kek(3)).unwrap();
    assert!(directory.reseal(kek(2), &SystemRandom::new()).is_err());
    drop(directory);
    let directory = Directory::open(temporary.path(), kek(1)).unwrap();
    assert!(same(&directory.load().unwrap().unwrap(), &ring));
}

#[test]
fn what_a_crash_left_behind_is_ignored_and_cleared_away() {
    let temporary = tempfile::tempdir().unwrap();
    let ring = saved(temporary.path());
    let leftover = super::temporary(&ring_file(temporary.path()));
    fs::write(&leftover, vec![b'x'; 100_000]).unwrap();
    let directory = Directory::open(temporary.path(), kek(1)).unwrap();
    assert!(!leftover.exists());
    assert!(same(&directory.load().unwrap().unwrap(), &ring));
}

#[test]
fn a_save_that_fails_leaves_the_ring_as_it_was() {
    let temporary = tempfile::tempdir().unwrap();
    let before = saved(temporary.path());
    let directory = Directory::open(temporary.path(), kek(1)).unwrap();
    // A directory in the place of the temporary file: opening it for writing fails, for root too.
    fs::create_dir(super::temporary(&ring_file(temporary.path()))).unwrap();
    assert!(matches!(directory.save(&ring(), &SystemRandom::new()), Err(DirectoryError::Io { .. })));
    assert!(same(&directory.load().unwrap().unwrap(), &before));
}

#[test]
fn no_secret_is_on_disk_in_the_clear_or_in_what_is_printed() {
    let temporary = tempfile::tempdir().unwrap();
    let ring = saved(temporary.path());
    let text = fs::read_to_string(ring_file(temporary.path())).unwrap();
    let directory = Directory::open(temporary.path(), kek(1)).unwrap();
    let shown = format!("{text}{directory:?}{ring:?}{:?}", DirectoryError::KeyEncryptionKey);
    for entry in ring.entries() {
        let secret = match &entry.material {
            KeyMaterial::Signing(key) => key.pkcs8().to_vec(),
            KeyMaterial::Sealing(key) => key.secret().to_vec(),
        };
        let inner = &secret[secret.len().saturating_sub(24)..];
        let spelled =
            [STANDARD.encode(&secret), STANDARD.encode(inner), hex::encode(inner), format!("{inner:?}")];
        for spelling in spelled {
            let spelling = spelling.trim_matches(['[', ']']);
            assert!(!shown.contains(&spelling[..spelling.len() - 4]));
        }
    }
}
