//! The in-memory denylist: which tokens have been taken back.
//!
//! Three rules, a set of tables each. *Always*: a key, and the logout of one token or session, deny whatever the time.
//! *Logout* compares its time with the session's start, *refresh* with the token's own. A check looks up each scope of a
//! token under the rules of which any entry of that kind is known, so an empty list costs a few loads.
//!
//! Readers never wait: all tables hang below one pointer, loaded once a check. Writers take turns; what does not fit in
//! place (growth, sweeping) is built beside and swapped in. Tables are cut into shards so that building one is short.
//! With feature `client`, whoever waits for a token to be denied is woken by the cutoff that names it.

mod census;
mod keys;
mod table;
mod tables;
#[cfg(feature = "client")]
mod watchers;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use serde_json::{Map, Value};

use self::census::Census;
pub use self::keys::ScopeKeys;
use self::keys::{Kind, Probe, Probes, ScopeHasher};
use self::table::{Deadline, Entry, Table, Upsert};
use self::tables::{Rule, SHARDS, Tables, shard_of};
#[cfg(feature = "client")]
pub(crate) use self::watchers::Succession;
#[cfg(feature = "client")]
use self::watchers::Watchers;
use crate::UnixMs;
use crate::claims::Claims;
use crate::cutoff::{Cutoff, Scope, ScopeKind};
use crate::id::{ClientId, KeyId, SessionId, Subject};

/// The denylist: no capacity limit, no eviction; entries go when they expire.
pub struct Denylist {
    hasher: ScopeHasher,
    tables: ArcSwap<Tables>,
    /// By [`Kind`].
    census: Box<[Census]>,
    /// Held by whoever writes; never by readers.
    writer: Mutex<()>,
    #[cfg(feature = "client")]
    watchers: Watchers,
}

impl Denylist {
    /// An empty denylist. `revocable_claims` are the custom claims by which a cutoff may name tokens; a cutoff that names
    /// another claim is held, and denies nothing here.
    pub fn new(revocable_claims: Vec<String>) -> Self {
        let hasher = ScopeHasher::new(revocable_claims);
        let census = (0..hasher.kinds()).map(|_| Census::default()).collect();
        Self {
            hasher,
            tables: ArcSwap::from_pointee(Tables::empty()),
            census,
            writer: Mutex::default(),
            #[cfg(feature = "client")]
            watchers: Watchers::default(),
        }
    }

    /// The keys of a verified token, for [`Denylist::denies`].
    pub fn keys_of(&self, claims: &Claims, kid: &KeyId) -> ScopeKeys {
        let mut keys =
            self.keys(&claims.sub, &claims.client_id, claims.aud.iter().map(|aud| &**aud), &claims.custom);
        keys.probes.push(self.hasher.probe(Kind::KID, kid.as_str().as_bytes()));
        keys.probes.push(self.hasher.probe(Kind::JTI, claims.jti.as_bytes()));
        keys.token_time = claims.jti.time();
        keys.session_start = claims.jti.time();
        if let Some(sid) = claims.sid {
            self.with_session(&mut keys, sid);
        }
        keys
    }

    /// The keys of a token that is about to be made, without `jti`, `sid` and `kid`: for [`Denylist::latest`].
    ///
    /// Of `custom` the configured claims count that are a string, or an array, whose strings then count one by one.
    pub fn keys<'a>(
        &self,
        sub: &Subject,
        client_id: &ClientId,
        aud: impl IntoIterator<Item = &'a str>,
        custom: &Map<String, Value>,
    ) -> ScopeKeys {
        let mut probes = Probes::default();
        probes.push(self.hasher.probe(Kind::SUB, sub.as_str().as_bytes()));
        probes.push(self.hasher.probe(Kind::CLIENT_ID, client_id.as_str().as_bytes()));
        for aud in aud {
            probes.push(self.hasher.probe(Kind::AUD, aud.as_bytes()));
        }
        probes.push(self.hasher.probe(Kind::ALL, &[]));
        for (kind, name) in self.hasher.claims() {
            let values = match custom.get(name) {
                Some(Value::Array(values)) => values.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            for value in values.iter().filter_map(Value::as_str) {
                probes.push(self.hasher.probe_claim(kind, name, value));
            }
        }
        ScopeKeys { probes, token_time: UnixMs::default(), session_start: UnixMs::default() }
    }

    /// Adds a session to keys made by [`Denylist::keys`]: cutoffs of that `sid` count too, and logouts are compared with
    /// its start.
    pub fn with_session(&self, keys: &mut ScopeKeys, sid: SessionId) {
        keys.probes.push(self.hasher.probe(Kind::SID, sid.as_bytes()));
        keys.session_start = sid.time();
    }

    /// Whether a cutoff denies the token, and which kind. Of several it is not said which one is named.
    pub fn denies(&self, keys: &ScopeKeys) -> Option<ScopeKind> {
        let tables = self.tables.load();
        let denied = |probe: &&Probe| {
            let time = |rule| self.time_of(&tables, rule, **probe);
            (self.knows(Rule::Always, probe.kind) && tables.of(Rule::Always, probe.key).contains(probe.key))
                || time(Rule::Logout).is_some_and(|issued_before| keys.session_start < issued_before)
                || time(Rule::Refresh).is_some_and(|issued_before| keys.token_time < issued_before)
        };
        keys.probes.iter().find(denied).map(|probe| probe.kind.name())
    }

    /// Whether any time cutoff may be known. If not, [`Denylist::latest`] is zero whatever the keys, which need not be made.
    pub fn knows_times(&self) -> bool {
        self.census.iter().any(|census| census.knows(Rule::Logout) || census.knows(Rule::Refresh))
    }

    /// The latest `issued_before` among the time cutoffs that would match such a token; a new `sid` or `jti` takes a
    /// time not before it. Cutoffs that deny whatever the time do not count.
    pub fn latest(&self, keys: &ScopeKeys) -> UnixMs {
        let tables = self.tables.load();
        keys.probes.iter().map(|probe| self.latest_of(&tables, *probe)).max().unwrap_or_default()
    }

    /// The latest `issued_before` among the time cutoffs that could match a token in this scope: those of the same value,
    /// and of any value of another kind (another claim name is another kind).
    ///
    /// Of another kind, expired cutoffs count as long as any of that kind lives: their times have long passed.
    pub fn latest_touching(&self, scope: &Scope) -> UnixMs {
        let probe = self.hasher.probe_scope(scope);
        let same_value = self.latest_of(&self.tables.load(), probe);
        // Claims not configured here share one kind: one of them may be another than the scope's.
        let other = |kind: usize| kind != probe.kind.index() || probe.kind == Kind::FOREIGN_CLAIM;
        let others = self.census.iter().enumerate().filter(|(kind, _)| other(*kind));
        others.map(|(_, census)| census.latest()).fold(same_value, UnixMs::max)
    }

    /// Takes in a cutoff; says whether anything changed in what is held: times to the millisecond, expiry to the second.
    /// Applying one twice, or an older one later, changes nothing. Whose session was kept makes no difference here.
    pub fn apply(&self, cutoff: &Cutoff) -> bool {
        let probe = self.hasher.probe_scope(&cutoff.scope);
        let rule = Rule::of(cutoff);
        let entry =
            Entry { deadline: Deadline::not_before(cutoff.expires_at), issued_before: cutoff.issued_before };
        let turn = self.take_turn();
        let changed = loop {
            let tables = self.tables.load();
            let table = tables.of(rule, probe.key);
            match table.upsert(probe.key, entry) {
                Upsert::Full => self.replace(&turn, &tables, rule, shard_of(probe.key), table.grown()),
                Upsert::Changed => break true,
                Upsert::Unchanged => break false,
            }
        };
        if let Some(census) = self.census.get(probe.kind.index()) {
            census.count_in(rule, entry);
        }
        drop(turn);
        // In force by now: whoever looks from here on sees it, and whoever looked before is found.
        #[cfg(feature = "client")]
        self.watchers.wake(probe.key);
        changed
    }

    /// Forgets what has expired by `now`; says how many entries went. An entry goes within a second of its expiry, never
    /// before it.
    pub fn sweep(&self, now: UnixMs) -> usize {
        let mut gone = 0;
        for rule in Rule::ALL {
            for shard in 0..SHARDS {
                // Taken anew for each shard, so that a cutoff waits for one of them at most.
                let turn = self.take_turn();
                let tables = self.tables.load();
                let table = tables.shard(rule, shard);
                let Some(remaining) = table.swept(now) else { continue };
                gone += table.len() - remaining.len();
                self.replace(&turn, &tables, rule, shard, remaining);
            }
        }
        let _turn = self.take_turn();
        self.census.iter().for_each(|census| census.sweep(now));
        gone
    }

    /// How many entries it holds: one a scope and effect (a `kid`, whose effects are one, has one).
    pub fn len(&self) -> usize {
        self.tables.load().all().map(|table| table.len()).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take_turn(&self) -> MutexGuard<'_, ()> {
        // A writer that panicked left whole entries only.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Swaps one shard. That it is the writer's turn keeps swaps from overtaking each other.
    fn replace(&self, _turn: &MutexGuard<'_, ()>, tables: &Tables, rule: Rule, shard: usize, table: Table) {
        self.tables.store(Arc::new(tables.with(rule, shard, table)));
    }

    fn latest_of(&self, tables: &Tables, probe: Probe) -> UnixMs {
        let logout = self.time_of(tables, Rule::Logout, probe);
        logout.max(self.time_of(tables, Rule::Refresh, probe)).unwrap_or_default()
    }

    fn time_of(&self, tables: &Tables, rule: Rule, probe: Probe) -> Option<UnixMs> {
        if !self.knows(rule, probe.kind) {
            return None;
        }
        tables.of(rule, probe.key).issued_before(probe.key)
    }

    /// Whether any entry of this kind is known under this rule.
    fn knows(&self, rule: Rule, kind: Kind) -> bool {
        self.census.get(kind.index()).is_some_and(|census| census.knows(rule))
    }
}

impl Default for Denylist {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denylist").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
