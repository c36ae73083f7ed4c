//! The in-memory denylist: which tokens have been taken back.
//!
//! PLACEHOLDER BODY, replaced in this branch: the signatures are the contract.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::UnixMs;
use crate::claims::Claims;
use crate::cutoff::{Cutoff, Effect, Scope, ScopeKind};
use crate::id::{ClientId, KeyId, SessionId, Subject, TokenId};

/// What a token can be denied by: its claims boiled down to the keys of the denylist's tables.
#[derive(Clone, Debug)]
pub struct ScopeKeys {
    scopes: Vec<Scope>,
    token_time: UnixMs,
    session_start: UnixMs,
}

/// The denylist: no capacity limit, no eviction; entries go when they expire.
#[derive(Debug, Default)]
pub struct Denylist {
    revocable_claims: Vec<String>,
    entries: Mutex<HashMap<(Scope, Effect), (UnixMs, UnixMs)>>,
}

impl Denylist {
    /// An empty denylist. `revocable_claims` are the custom claims by which a cutoff may name tokens.
    pub fn new(revocable_claims: Vec<String>) -> Self {
        Self { revocable_claims, entries: Mutex::default() }
    }

    /// The keys of a verified token, for [`Denylist::denies`].
    pub fn keys_of(&self, claims: &Claims, kid: &KeyId) -> ScopeKeys {
        let start = claims.sid.map_or_else(|| claims.jti.time(), |sid| sid.time());
        let mut keys =
            self.keys(&claims.sub, &claims.client_id, claims.aud.iter().map(|a| &**a), &claims.custom);
        keys.scopes.push(Scope::Jti(claims.jti));
        keys.scopes.push(Scope::Kid(kid.clone()));
        keys.scopes.extend(claims.sid.map(Scope::Sid));
        keys.token_time = claims.jti.time();
        keys.session_start = start;
        keys
    }

    /// The keys of a token that is about to be made, without `jti`, `sid` and `kid`: for [`Denylist::latest`].
    pub fn keys<'a>(
        &self,
        sub: &Subject,
        client_id: &ClientId,
        aud: impl IntoIterator<Item = &'a str>,
        custom: &serde_json::Map<String, serde_json::Value>,
    ) -> ScopeKeys {
        let mut scopes = vec![Scope::All, Scope::Sub(sub.clone()), Scope::ClientId(client_id.clone())];
        scopes.extend(aud.into_iter().map(|aud| Scope::Aud(aud.into())));
        for name in &self.revocable_claims {
            let claim = |value: &str| Scope::Claim { name: name.as_str().into(), value: value.into() };
            match custom.get(name) {
                Some(serde_json::Value::String(value)) => scopes.push(claim(value)),
                Some(serde_json::Value::Array(values)) => {
                    scopes.extend(values.iter().filter_map(|v| v.as_str()).map(claim));
                }
                _ => {}
            }
        }
        ScopeKeys { scopes, token_time: UnixMs::default(), session_start: UnixMs::default() }
    }

    /// Adds a session to keys made by [`Denylist::keys`], so that cutoffs of that `sid` count too.
    pub fn with_session(&self, keys: &mut ScopeKeys, sid: SessionId) {
        keys.scopes.push(Scope::Sid(sid));
        let _: Option<TokenId> = None;
    }

    /// Whether a cutoff denies the token, and which kind.
    pub fn denies(&self, keys: &ScopeKeys) -> Option<ScopeKind> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for scope in &keys.scopes {
            for effect in [Effect::Logout, Effect::Refresh] {
                let Some((before, _)) = entries.get(&(scope.clone(), effect)) else { continue };
                let timeless = match scope.kind() {
                    ScopeKind::Kid => true,
                    ScopeKind::Jti | ScopeKind::Sid => effect == Effect::Logout,
                    _ => false,
                };
                let time = if effect == Effect::Logout { keys.session_start } else { keys.token_time };
                if timeless || time < *before {
                    return Some(scope.kind());
                }
            }
        }
        None
    }

    /// The latest `issued_before` among the time cutoffs that would match such a token; a new `sid` or `jti` takes a
    /// time not before it.
    pub fn latest(&self, keys: &ScopeKeys) -> UnixMs {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |scope: &Scope, effect| entries.get(&(scope.clone(), effect)).map(|e| e.0);
        let both = |s| of(s, Effect::Logout).max(of(s, Effect::Refresh));
        keys.scopes.iter().filter_map(both).max().unwrap_or_default()
    }

    /// The latest `issued_before` among the time cutoffs that could match a token in this scope: those of the same value,
    /// and of any value of another kind (another claim name is another kind).
    pub fn latest_touching(&self, scope: &Scope) -> UnixMs {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let other = |known: &Scope| match (known, scope) {
            (Scope::Claim { name: a, .. }, Scope::Claim { name: b, .. }) => a != b,
            (a, b) => a.kind() != b.kind(),
        };
        let touching = entries.iter().filter(|((known, _), _)| known == scope || other(known));
        touching.map(|(_, (before, _))| *before).max().unwrap_or_default()
    }

    /// Takes in a cutoff; says whether anything changed. Applying one twice, or an older one later, changes nothing.
    pub fn apply(&self, cutoff: &Cutoff) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry((cutoff.scope.clone(), cutoff.effect)).or_default();
        let merged = (entry.0.max(cutoff.issued_before), entry.1.max(cutoff.expires_at));
        let changed = *entry != merged;
        *entry = merged;
        changed
    }

    /// Forgets what has expired by `now`; says how many entries went.
    pub fn sweep(&self, now: UnixMs) -> usize {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = entries.len();
        entries.retain(|_, (_, expires)| *expires > now);
        before - entries.len()
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
