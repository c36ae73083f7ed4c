//! Remembered tokens: a bounded map from a token's SHA-256 to what was found in it, under one version of the key set.
//!
//! Two generations. New tokens go into the young one; when it is full it becomes the old one, and the one that was old is
//! dropped. Looking up records nothing and writes nothing shared, so it scales over threads. A token is not moved to
//! the young generation when it is found in the old one: it lives for minutes and is checked anew at most once in
//! each half capacity of new tokens, whereas moving would churn once more than half a capacity is in use.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::verifier::CheckedToken;

/// SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

pub(crate) struct TokenCache {
    /// How many tokens one generation takes.
    half: usize,
    generations: ArcSwap<Generations>,
    /// Held by whoever adds a token, which has cost a signature check by then; never by readers.
    writer: Mutex<()>,
}

impl TokenCache {
    /// A memory of at most `capacity` tokens, an odd one rounded down; fewer than 2 turn it off.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { half: capacity / 2, generations: ArcSwap::default(), writer: Mutex::default() }
    }

    /// Whether it remembers nothing: then there is no use for a digest.
    pub(crate) fn is_off(&self) -> bool {
        self.half == 0
    }

    /// The token of this digest, if it was remembered under this version.
    pub(crate) fn get(&self, digest: &Digest, version: u64) -> Option<Arc<CheckedToken>> {
        let generations = self.generations.load();
        find(&generations.young, digest, version).or_else(|| find(&generations.old, digest, version))
    }

    /// Remembers a token whose key was found under this version.
    pub(crate) fn insert(&self, digest: Digest, version: u64, token: Arc<CheckedToken>) {
        if self.is_off() {
            return;
        }
        let turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut generations = self.generations.load_full();
        let mut dropped = None;
        if generations.young.len() >= self.half {
            let next = Generations { young: Arc::default(), old: Arc::clone(&generations.young) };
            dropped = Some(std::mem::replace(&mut generations, Arc::new(next)));
            self.generations.store(Arc::clone(&generations));
        }
        generations.young.pin().insert(digest, Remembered { version, token });
        drop(turn);
        // Half a capacity of tokens is freed here, when nobody waits for the lock any more.
        drop(dropped);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations.load();
        generations.young.len() + generations.old.len()
    }
}

#[derive(Default)]
struct Generations {
    young: Arc<Generation>,
    old: Arc<Generation>,
}

type Generation = papaya::HashMap<Digest, Remembered, BuildHasherDefault<DigestHasher>>;

struct Remembered {
    version: u64,
    token: Arc<CheckedToken>,
}

fn find(generation: &Generation, digest: &Digest, version: u64) -> Option<Arc<CheckedToken>> {
    let pinned = generation.pin();
    pinned.get(digest).filter(|known| known.version == version).map(|known| Arc::clone(&known.token))
}

/// Takes eight bytes of the digest as they are. Only tokens that we signed get into the map, so nobody chooses them.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The digest's length, which an array hashes too, says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::claims::Claims;
    use crate::denylist::Denylist;
    use crate::header::Header;
    use crate::id::KeyId;

    fn token() -> Arc<CheckedToken> {
        let claims = br#"{"iss":"https://a","sub":"u","aud":"x","exp":20,"iat":10,"client_id":"web",
            "jti":"01900000-0000-7000-8000-000000000000"}"#;
        let claims = Claims::parse(claims).unwrap();
        let scopes = Denylist::default().keys_of(&claims, &KeyId::parse("k").unwrap());
        let header = Arc::new(Header { alg: None, kid: None, typ: None });
        Arc::new(CheckedToken {
            header,
            claims,
            scopes,
            #[cfg(feature = "client")]
            kid: KeyId::parse("k").unwrap(),
            #[cfg(feature = "client")]
            succession: None,
        })
    }

    fn digest(n: u64) -> Digest {
        let mut digest = [0; 32];
        let (first, rest) = digest.split_first_chunk_mut().unwrap();
        *first = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        rest[0] = 1;
        digest
    }

    #[test]
    fn what_was_remembered_is_found_and_nothing_else() {
        let cache = TokenCache::new(4);
        let token = token();
        cache.insert(digest(1), 7, Arc::clone(&token));
        assert!(Arc::ptr_eq(&cache.get(&digest(1), 7).unwrap(), &token));
        assert!(cache.get(&digest(2), 7).is_none());
        let mut near = digest(1);
        near[31] = 1;
        assert!(cache.get(&near, 7).is_none(), "the whole digest is compared, not the hashed part");
    }

    #[test]
    fn another_version_of_the_keys_voids_what_was_remembered() {
        let cache = TokenCache::new(4);
        cache.insert(digest(1), 7, token());
        assert!(cache.get(&digest(1), 8).is_none());
        assert!(cache.get(&digest(1), 6).is_none());
        cache.insert(digest(1), 8, token());
        assert!(cache.get(&digest(1), 8).is_some());
        assert!(cache.get(&digest(1), 7).is_none());
    }

    #[test]
    fn a_flood_stays_within_the_capacity_and_the_newest_half_is_kept() {
        let cache = TokenCache::new(100);
        let token = token();
        for n in 0..1000 {
            cache.insert(digest(n), 0, Arc::clone(&token));
            assert!(cache.len() <= 100);
            assert!((n.saturating_sub(49)..=n).all(|newest| cache.get(&digest(newest), 0).is_some()));
        }
    }

    #[test]
    fn without_a_capacity_nothing_is_remembered() {
        for capacity in [0, 1] {
            let cache = TokenCache::new(capacity);
            assert!(cache.is_off());
            cache.insert(digest(1), 0, token());
            assert!(cache.get(&digest(1), 0).is_none());
        }
    }

    #[test]
    fn threads_find_what_they_put_in_and_the_bound_holds_among_them() {
        let cache = TokenCache::new(64);
        let token = token();
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (cache, token) = (&cache, &token);
                scope.spawn(move || {
                    for n in 0..2000 {
                        let version = thread << 32 | n;
                        cache.insert(digest(n % 128), version, Arc::clone(token));
                        assert!(cache.len() <= 64);
                        if let Some(found) = cache.get(&digest(n % 128), version) {
                            assert!(Arc::ptr_eq(&found, token));
                        }
                    }
                });
            }
        });
    }
}
