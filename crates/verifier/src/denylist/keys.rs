//! What scopes are looked up by: 128 bits of a keyed hash, whatever the length of the value.

use std::hash::{BuildHasher, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::UnixMs;
use crate::cutoff::{Scope, ScopeKind};

/// What a token can be denied by: its claims boiled down to the keys of the denylist's tables.
///
/// Made once a token, by the denylist that will be asked, and remembered with the token: asking again hashes nothing.
#[derive(Clone, Debug)]
pub struct ScopeKeys {
    pub(super) probes: Probes,
    /// `jti`'s time: what an [`Effect::Refresh`](crate::Effect::Refresh) compares.
    pub(super) token_time: UnixMs,
    /// `sid`'s time, or `jti`'s where there is no session: what an [`Effect::Logout`](crate::Effect::Logout) compares.
    pub(super) session_start: UnixMs,
}

/// The scopes of a token; as many as most tokens have lie within, next to what else is read of a remembered token.
#[derive(Clone, Debug, Default)]
pub(super) struct Probes {
    first: [Probe; 8],
    len: usize,
    more: Vec<Probe>,
}

impl Probes {
    pub(super) fn push(&mut self, probe: Probe) {
        match self.first.get_mut(self.len) {
            Some(place) => {
                *place = probe;
                self.len += 1;
            }
            None => self.more.push(probe),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Probe> {
        self.first.iter().take(self.len).chain(&self.more)
    }
}

/// One scope of a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probe {
    pub(super) kind: Kind,
    pub(super) key: Key,
}

/// A scope's keyed hash. Uniform in all its bits, which the tables rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) high: u64,
    pub(super) low: u64,
}

/// The kind of a scope; each configured claim is a kind of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind(usize);

impl Kind {
    pub(super) const KID: Self = Self(0);
    pub(super) const JTI: Self = Self(1);
    pub(super) const SID: Self = Self(2);
    pub(super) const SUB: Self = Self(3);
    pub(super) const CLIENT_ID: Self = Self(4);
    pub(super) const AUD: Self = Self(5);
    pub(super) const ALL: Self = Self(6);
    /// All claims that are not configured here, together. No token is looked up by them.
    pub(super) const FOREIGN_CLAIM: Self = Self(7);
    const FIRST_CLAIM: usize = 8;

    /// The configured claim at this place of the list.
    fn claim(place: usize) -> Self {
        Self(Self::FIRST_CLAIM + place)
    }

    /// Its place among all kinds.
    pub(super) fn index(self) -> usize {
        self.0
    }

    /// How it is called outside.
    pub(super) fn name(self) -> ScopeKind {
        match self {
            Self::KID => ScopeKind::Kid,
            Self::JTI => ScopeKind::Jti,
            Self::SID => ScopeKind::Sid,
            Self::SUB => ScopeKind::Sub,
            Self::CLIENT_ID => ScopeKind::ClientId,
            Self::AUD => ScopeKind::Aud,
            Self::ALL => ScopeKind::All,
            Self(_) => ScopeKind::Claim,
        }
    }
}

/// Turns scopes into keys.
///
/// SipHash under a key of this process: two values have one key with a chance of 2⁻¹²⁸, and whoever may name values
/// can neither find such a pair nor crowd one place of a table. The kind is hashed too, so that a `sub` and an `aud` of
/// one text differ.
pub(super) struct ScopeHasher {
    keyed: SipHasher13,
    claims: Vec<String>,
}

impl ScopeHasher {
    pub(super) fn new(claims: Vec<String>) -> Self {
        let random = RandomState::new();
        Self { keyed: SipHasher13::new_with_keys(random.hash_one(0_u8), random.hash_one(1_u8)), claims }
    }

    /// How many kinds there are.
    pub(super) fn kinds(&self) -> usize {
        Kind::FIRST_CLAIM + self.claims.len()
    }

    /// The configured claims.
    pub(super) fn claims(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.claims.iter().enumerate().map(|(place, name)| (Kind::claim(place), name.as_str()))
    }

    /// The key of a scope that is not a claim.
    pub(super) fn probe(&self, kind: Kind, value: &[u8]) -> Probe {
        Probe { kind, key: self.hash(kind, "", value) }
    }

    /// The key of a claim's value.
    pub(super) fn probe_claim(&self, kind: Kind, name: &str, value: &str) -> Probe {
        Probe { kind, key: self.hash(kind, name, value.as_bytes()) }
    }

    /// The key of any scope.
    pub(super) fn probe_scope(&self, scope: &Scope) -> Probe {
        match scope {
            Scope::Jti(jti) => self.probe(Kind::JTI, jti.as_bytes()),
            Scope::Sid(sid) => self.probe(Kind::SID, sid.as_bytes()),
            Scope::Sub(sub) => self.probe(Kind::SUB, sub.as_str().as_bytes()),
            Scope::ClientId(client) => self.probe(Kind::CLIENT_ID, client.as_str().as_bytes()),
            Scope::Aud(aud) => self.probe(Kind::AUD, aud.as_bytes()),
            Scope::Kid(kid) => self.probe(Kind::KID, kid.as_str().as_bytes()),
            Scope::Claim { name, value } => self.probe_claim(self.claim_kind(name), name, value),
            Scope::All => self.probe(Kind::ALL, &[]),
        }
    }

    fn claim_kind(&self, name: &str) -> Kind {
        self.claims.iter().position(|known| known == name).map_or(Kind::FOREIGN_CLAIM, Kind::claim)
    }

    fn hash(&self, kind: Kind, name: &str, value: &[u8]) -> Key {
        let mut hasher = self.keyed;
        // The length keeps name and value apart.
        hasher.write_u64((kind.index() as u64) << 32 | name.len() as u64);
        hasher.write(name.as_bytes());
        hasher.write(value);
        let hash = hasher.finish128();
        Key { high: hash.h1, low: hash.h2 }
    }
}
