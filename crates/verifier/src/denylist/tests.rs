//! The denylist against a plain map, one check at a time and under threads.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cutoff::Effect;
use crate::id::TokenId;

/// What the denylist is to be indistinguishable from.
#[derive(Default)]
struct Model {
    entries: HashMap<(Scope, Option<Effect>), (u64, u64)>,
    /// By kind, claim name and effect: the latest time and expiry since the kind was last empty.
    peaks: HashMap<ModelKind, BTreeMap<Effect, (u64, u64)>>,
}

/// With a claim's name.
type ModelKind = (ScopeKind, Option<Arc<str>>);

impl Model {
    fn apply(&mut self, cutoff: &Cutoff) -> bool {
        let effect = (!cutoff.is_timeless()).then_some(cutoff.effect);
        let seconds = cutoff.expires_at.as_millis().div_ceil(1000).max(1);
        let time = if effect.is_some() { cutoff.issued_before.as_millis() } else { 0 };
        if let Some(effect) = effect {
            let peak = self.peaks.entry(kind_of(&cutoff.scope)).or_default().entry(effect).or_default();
            *peak = (peak.0.max(time), peak.1.max(seconds));
        }
        let known = self.entries.get(&(cutoff.scope.clone(), effect)).copied();
        let merged = known.map_or((time, seconds), |known| (known.0.max(time), known.1.max(seconds)));
        self.entries.insert((cutoff.scope.clone(), effect), merged);
        known != Some(merged)
    }

    fn sweep(&mut self, now: UnixMs) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, (_, seconds)| *seconds > now.as_secs());
        self.peaks.retain(|_, peaks| peaks.values().any(|(_, seconds)| *seconds > now.as_secs()));
        before - self.entries.len()
    }

    fn denies(&self, token: &Claims, kid: &KeyId) -> bool {
        let start = token.sid.map_or_else(|| token.jti.time(), |sid| sid.time()).as_millis();
        scopes_of(token, kid).into_iter().any(|scope| {
            let time = |effect| self.entries.get(&(scope.clone(), Some(effect))).map(|entry| entry.0);
            self.entries.contains_key(&(scope.clone(), None))
                || time(Effect::Logout).is_some_and(|before| start < before)
                || time(Effect::Refresh).is_some_and(|before| token.jti.time().as_millis() < before)
        })
    }

    fn latest(&self, scope: &Scope) -> u64 {
        let of = |effect| self.entries.get(&(scope.clone(), Some(effect))).map_or(0, |entry| entry.0);
        of(Effect::Logout).max(of(Effect::Refresh))
    }

    fn latest_touching(&self, scope: &Scope) -> u64 {
        let kind = kind_of(scope);
        let others = self.peaks.iter().filter(|(known, _)| **known != kind);
        others
            .flat_map(|(_, peaks)| peaks.values().map(|peak| peak.0))
            .max()
            .unwrap_or(0)
            .max(self.latest(scope))
    }
}

fn kind_of(scope: &Scope) -> ModelKind {
    let name = if let Scope::Claim { name, .. } = scope { Some(name.clone()) } else { None };
    (scope.kind(), name)
}

fn scopes_of(token: &Claims, kid: &KeyId) -> Vec<Scope> {
    let mut scopes = vec![
        Scope::All,
        Scope::Kid(kid.clone()),
        Scope::Jti(token.jti),
        Scope::Sub(token.sub.clone()),
        Scope::ClientId(token.client_id.clone()),
    ];
    scopes.extend(token.sid.map(Scope::Sid));
    scopes.extend(token.aud.iter().cloned().map(Scope::Aud));
    for (name, value) in token.custom.iter().filter(|(name, _)| CLAIMS.contains(&name.as_str())) {
        let texts = value.as_array().map_or_else(|| vec![value], |values| values.iter().collect());
        let texts = texts.into_iter().filter_map(Value::as_str);
        scopes.extend(texts.map(|value| Scope::Claim { name: name.as_str().into(), value: value.into() }));
    }
    scopes
}

const CLAIMS: [&str; 2] = ["tenant", "device"];

fn denylist() -> Denylist {
    Denylist::new(CLAIMS.map(String::from).to_vec())
}

fn kid() -> KeyId {
    KeyId::parse("v1").unwrap()
}

fn jti(at: u64, n: u8) -> TokenId {
    TokenId::new(UnixMs::from_millis(at), &[n; 10])
}

fn sid(at: u64, n: u8) -> SessionId {
    SessionId::new(UnixMs::from_millis(at), &[n; 10])
}

/// Few values of each kind, the same texts among kinds, so that scopes and tokens often meet.
fn a_scope() -> impl Strategy<Value = Scope> {
    let text = || prop::sample::select(vec!["v0", "v1", "v2"]);
    prop_oneof![
        (0..4_u64, 0..2_u8).prop_map(|(at, n)| Scope::Jti(jti(at * 500, n))),
        (0..4_u64, 0..2_u8).prop_map(|(at, n)| Scope::Sid(sid(at * 500, n))),
        text().prop_map(|text| Scope::Sub(Subject::parse(text).unwrap())),
        text().prop_map(|text| Scope::ClientId(ClientId::parse(text).unwrap())),
        text().prop_map(|text| Scope::Aud(text.into())),
        text().prop_map(|text| Scope::Kid(KeyId::parse(text).unwrap())),
        (prop::sample::select(CLAIMS.to_vec()), text())
            .prop_map(|(name, value)| Scope::Claim { name: name.into(), value: value.into() }),
        Just(Scope::All),
    ]
}

fn a_cutoff() -> impl Strategy<Value = Cutoff> {
    let effect = prop_oneof![Just(Effect::Logout), Just(Effect::Refresh)];
    (a_scope(), effect, 0..2000_u64, 0..6000_u64, prop::option::of(Just([7; 16]))).prop_map(
        |(scope, effect, before, expires, kept)| Cutoff {
            scope,
            effect,
            issued_before: UnixMs::from_millis(before),
            made_at: UnixMs::default(),
            expires_at: UnixMs::from_millis(expires),
            reason: None,
            kept,
            claims: BTreeMap::new(),
        },
    )
}

fn a_token() -> impl Strategy<Value = Claims> {
    let text = || prop::sample::select(vec!["v0", "v1", "v2"]);
    let session = prop::option::of((0..4_u64, 0..2_u8));
    let custom = prop_oneof![
        text().prop_map(|text| json!({"tenant": text})),
        text().prop_map(|text| json!({"device": ["x", text, 1], "role": "v0"})),
        Just(json!({"tenant": {"v0": "v1"}})),
        Just(json!({})),
    ];
    ((0..4_u64, 0..2_u8), session, text(), text(), text(), custom).prop_map(
        |(id, session, sub, client, aud, custom)| {
            let mut claims = json!({
                "iss": "https://a", "sub": sub, "client_id": client, "aud": ["v9", aud], "iat": 0, "exp": 9,
                "jti": jti(id.0 * 500, id.1),
            });
            let members = claims.as_object_mut().unwrap();
            members.extend(custom.as_object().unwrap().clone());
            if let Some((at, n)) = session {
                members.insert("sid".into(), json!(sid(at * 500, n)));
            }
            Claims::parse(&serde_json::to_vec(&claims).unwrap()).unwrap()
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Apply(Box<Cutoff>),
    Sweep(UnixMs),
    Check(Box<Claims>),
    Touch(Scope),
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => a_cutoff().prop_map(|cutoff| Step::Apply(Box::new(cutoff))),
        1 => (0..7000_u64).prop_map(|at| Step::Sweep(UnixMs::from_millis(at))),
        4 => a_token().prop_map(|token| Step::Check(Box::new(token))),
        2 => a_scope().prop_map(Step::Touch),
    ]
}

proptest! {
    #[test]
    fn it_answers_as_a_plain_map_does(steps in prop::collection::vec(a_step(), 1..120)) {
        let (list, mut model) = (denylist(), Model::default());
        for step in steps {
            match step {
                Step::Apply(cutoff) => prop_assert_eq!(list.apply(&cutoff), model.apply(&cutoff)),
                Step::Sweep(now) => prop_assert_eq!(list.sweep(now), model.sweep(now)),
                Step::Check(token) => {
                    let keys = list.keys_of(&token, &kid());
                    prop_assert_eq!(list.denies(&keys).is_some(), model.denies(&token, &kid()));
                    let latest = scopes_of(&token, &kid()).iter().map(|scope| model.latest(scope)).max();
                    prop_assert_eq!(Some(list.latest(&keys).as_millis()), latest);
                }
                Step::Touch(scope) => {
                    prop_assert_eq!(list.latest_touching(&scope).as_millis(), model.latest_touching(&scope));
                }
            }
            prop_assert_eq!(list.len(), model.entries.len());
        }
    }

    #[test]
    fn the_order_of_cutoffs_does_not_matter_nor_does_repeating_them(
        cutoffs in prop::collection::vec(a_cutoff(), 1..40),
        order in any::<prop::sample::Index>(),
        tokens in prop::collection::vec(a_token(), 1..20),
    ) {
        let (one, other) = (denylist(), denylist());
        for cutoff in &cutoffs {
            one.apply(cutoff);
        }
        let start = order.index(cutoffs.len());
        let turned = cutoffs[start..].iter().chain(&cutoffs[..start]).rev();
        for cutoff in turned {
            other.apply(cutoff);
            other.apply(cutoff);
        }
        prop_assert!(cutoffs.iter().all(|cutoff| !one.apply(cutoff)), "a second time changes nothing");
        prop_assert_eq!(one.len(), other.len());
        for token in &tokens {
            let denied = |list: &Denylist| list.denies(&list.keys_of(token, &kid())).is_some();
            prop_assert_eq!(denied(&one), denied(&other));
        }
    }
}

fn cutoff(scope: Scope, effect: Effect, before: u64, expires: u64) -> Cutoff {
    Cutoff {
        scope,
        effect,
        issued_before: UnixMs::from_millis(before),
        made_at: UnixMs::default(),
        expires_at: UnixMs::from_millis(expires),
        reason: None,
        kept: None,
        claims: BTreeMap::new(),
    }
}

/// The keys of a token of which only the session matters.
fn session_keys(list: &Denylist, session: SessionId) -> ScopeKeys {
    let (sub, client) = (Subject::parse("u").unwrap(), ClientId::parse("c").unwrap());
    let mut keys = list.keys(&sub, &client, ["api"], &Map::new());
    list.with_session(&mut keys, session);
    keys
}

fn session(n: u64) -> SessionId {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&n.to_be_bytes());
    SessionId::new(UnixMs::from_millis(1_000_000), &random)
}

#[test]
fn growth_and_sweeping_lose_nothing_and_invent_nothing() {
    let list = denylist();
    for n in 0..20_000 {
        assert!(list.apply(&cutoff(
            Scope::Sid(session(n)),
            Effect::Logout,
            0,
            if n % 2 == 0 { 5_000 } else { 9_000 }
        )));
    }
    assert_eq!(list.len(), 20_000);
    assert!((0..20_000).all(|n| list.denies(&session_keys(&list, session(n))) == Some(ScopeKind::Sid)));
    assert!((20_000..40_000).all(|n| list.denies(&session_keys(&list, session(n))).is_none()));
    assert_eq!(list.sweep(UnixMs::from_millis(4_999)), 0);
    assert_eq!(list.sweep(UnixMs::from_millis(5_000)), 10_000);
    assert!((0..20_000).all(|n| list.denies(&session_keys(&list, session(n))).is_some() == (n % 2 == 1)));
    assert_eq!(list.sweep(UnixMs::from_millis(9_000)), 10_000);
    assert!(list.is_empty());
    assert!(list.tables.load().all().all(|table| table.len() == 0));
}

#[test]
fn a_time_equal_to_the_cutoffs_is_not_before_it() {
    let list = denylist();
    let token = session(1);
    list.apply(&cutoff(Scope::All, Effect::Logout, 1_000_000, 2_000_000));
    assert_eq!(list.denies(&session_keys(&list, token)), None);
    list.apply(&cutoff(Scope::All, Effect::Logout, 1_000_001, 2_000_000));
    assert_eq!(list.denies(&session_keys(&list, token)), Some(ScopeKind::All));
}

#[test]
fn a_claim_that_is_not_configured_is_held_and_denies_nothing() {
    let list = denylist();
    let foreign = |name: &str| Scope::Claim { name: name.into(), value: "v0".into() };
    assert!(list.apply(&cutoff(foreign("role"), Effect::Logout, 500, 9_000)));
    assert_eq!(list.len(), 1);
    let custom = json!({"role": "v0"});
    let (sub, client) = (Subject::parse("u").unwrap(), ClientId::parse("c").unwrap());
    let keys = list.keys(&sub, &client, ["api"], custom.as_object().unwrap());
    assert_eq!(list.denies(&keys), None);
    assert_eq!(list.latest_touching(&foreign("tenant")).as_millis(), 500);
    assert_eq!(list.latest_touching(&foreign("team")).as_millis(), 500);
}

#[test]
fn a_reader_never_misses_what_was_applied_before_it_began() {
    const ENTRIES: usize = 30_000;
    let list = denylist();
    let applied = AtomicUsize::new(0);
    thread::scope(|scope| {
        for reader in 0..3_usize {
            let (list, applied) = (&list, &applied);
            scope.spawn(move || {
                let mut checks = reader;
                loop {
                    let known = applied.load(Ordering::Acquire);
                    if known > 0 {
                        // The newest, and one from anywhere among the old.
                        for n in [known - 1, checks.wrapping_mul(7919) % known] {
                            let keys = session_keys(list, session(n as u64));
                            assert_eq!(list.denies(&keys), Some(ScopeKind::Sid), "{n} of {known}");
                        }
                        let never = session_keys(list, session((ENTRIES + checks) as u64));
                        assert_eq!(list.denies(&never), None);
                    }
                    if known == ENTRIES {
                        return;
                    }
                    checks += 1;
                }
            });
        }
        // A second writer, whose entries come and go beside.
        let (list, applied) = (&list, &applied);
        scope.spawn(move || {
            for n in 0..5_000_u64 {
                list.apply(&cutoff(Scope::Jti(jti(n, 3)), Effect::Logout, 0, 1_000));
                if n % 500 == 0 {
                    list.sweep(UnixMs::from_millis(1_000));
                }
            }
        });
        for n in 0..ENTRIES {
            list.apply(&cutoff(Scope::Sid(session(n as u64)), Effect::Logout, 0, 1_000_000));
            applied.store(n + 1, Ordering::Release);
        }
    });
    list.sweep(UnixMs::from_millis(1_000));
    assert_eq!(list.len(), ENTRIES);
}

#[test]
fn a_reader_never_sees_a_time_go_back() {
    let list = denylist();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (list, done) = (&list, &done);
        scope.spawn(move || {
            for at in 1..20_000_u64 {
                list.apply(&cutoff(Scope::All, Effect::Refresh, at, 1_000_000));
                let other = Scope::Sub(Subject::parse(&at.to_string()).unwrap());
                list.apply(&cutoff(other, Effect::Refresh, 0, 1_000_000));
            }
            done.store(1, Ordering::Release);
        });
        scope.spawn(move || {
            let keys = session_keys(list, session(1));
            let mut latest = UnixMs::default();
            while done.load(Ordering::Acquire) == 0 {
                let now = list.latest(&keys);
                assert!(now >= latest);
                latest = now;
            }
        });
    });
}

#[test]
fn nothing_of_the_hash_key_or_of_what_was_revoked_is_shown() {
    let list = denylist();
    list.apply(&cutoff(Scope::Sub(Subject::parse("somebody").unwrap()), Effect::Logout, 1, 2));
    assert_eq!(format!("{list:?}"), "Denylist { len: 1, .. }");
}
