//! The revocation algebra: what a cutoff says, and how two of them become one.
//!
//! A [`Cutoff`] denies tokens by their claims. Two cutoffs of one [`CutoffKey`] merge into the later times and the
//! later claims patches, so that merging is commutative, associative and idempotent: deliveries may repeat, be late, or
//! come in any order, and every holder of the same set comes to the same verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ClientId, KeyId, SessionId, Subject, TokenId};
use crate::json::canonical_json;
use crate::{IdError, UnixMs};

/// Which tokens a cutoff speaks of: those whose claim has this value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// One access token.
    Jti(TokenId),
    /// One session.
    Sid(SessionId),
    /// Everything of one subject.
    Sub(Subject),
    /// Everything that one client asked for.
    ClientId(ClientId),
    /// Everything for one audience.
    Aud(Arc<str>),
    /// Everything signed by one key.
    Kid(KeyId),
    /// Everything whose top-level claim is this string, or an array that contains it.
    Claim {
        /// The claim's name, one of the configured ones.
        name: Arc<str>,
        /// The value.
        value: Arc<str>,
    },
    /// Everything.
    All,
}

/// The kind of a [`Scope`], without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// `jti`
    Jti,
    /// `sid`
    Sid,
    /// `sub`
    Sub,
    /// `client_id`
    ClientId,
    /// `aud`
    Aud,
    /// `kid`
    Kid,
    /// a configured claim
    Claim,
    /// `all`
    All,
}

impl ScopeKind {
    /// The name on the wire and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Sid => "sid",
            Self::Sub => "sub",
            Self::ClientId => "client_id",
            Self::Aud => "aud",
            Self::Kid => "kid",
            Self::Claim => "claim",
            Self::All => "all",
        }
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Scope {
    /// The kind of this scope.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::Jti(_) => ScopeKind::Jti,
            Self::Sid(_) => ScopeKind::Sid,
            Self::Sub(_) => ScopeKind::Sub,
            Self::ClientId(_) => ScopeKind::ClientId,
            Self::Aud(_) => ScopeKind::Aud,
            Self::Kid(_) => ScopeKind::Kid,
            Self::Claim { .. } => ScopeKind::Claim,
            Self::All => ScopeKind::All,
        }
    }
}

/// What a cutoff does to the tokens in its scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Ends sessions: denies access and refresh, by the session's start.
    #[default]
    Logout,
    /// Denies access tokens only, by their own time of issue: their holders refresh and go on.
    Refresh,
}

/// Why, in the words of the caller: at most 200 bytes, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Reason(Arc<str>);

impl Reason {
    /// The greatest length in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Takes the text as it is, or refuses it.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let valid = !text.is_empty() && text.len() <= Self::MAX_BYTES && !text.chars().any(char::is_control);
        if valid { Ok(Self(text.into())) } else { Err(IdError::Text { max: Self::MAX_BYTES }) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// One claim's new value, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// Applies to sessions whose claims were set before this instant.
    pub at: UnixMs,
    /// The value, whole; null takes the claim away.
    pub value: Value,
}

impl Patch {
    /// Keeps the later patch; of two with one time the one with the greater canonical JSON.
    pub fn merge(&mut self, other: &Self) {
        let wins = other.at > self.at
            || (other.at == self.at && canonical_json(&other.value) > canonical_json(&self.value));
        if wins {
            *self = other.clone();
        }
    }
}

/// A revocation: "tokens in this scope issued before that time are no longer good".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cutoff {
    /// Which tokens.
    pub scope: Scope,
    /// Ends sessions, or only access tokens.
    #[serde(default)]
    pub effect: Effect,
    /// Tokens (or sessions) begun before this instant are denied.
    pub issued_before: UnixMs,
    /// When it was made. Tokens in its scope may have been minted until then, however early `issued_before` lies: what
    /// is forgotten sooner is counted from here.
    pub made_at: UnixMs,
    /// When every token that it denies has expired by itself: it may be forgotten then, not earlier.
    pub expires_at: UnixMs,
    /// Why, in the words of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The id of the refresh token whose session was kept ("sign out everywhere else"). Part of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<[u8; 16]>,
    /// Claims to set at the next refresh, by name. Only with [`Effect::Refresh`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<Arc<str>, Patch>,
}

/// What makes two cutoffs mergeable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutoffKey {
    /// Which tokens.
    pub scope: Scope,
    /// Ends sessions, or only access tokens.
    pub effect: Effect,
    /// The refresh token kept, if any.
    pub kept: Option<[u8; 16]>,
}

impl Cutoff {
    /// What it merges by.
    pub fn key(&self) -> CutoffKey {
        CutoffKey { scope: self.scope.clone(), effect: self.effect, kept: self.kept }
    }

    /// Whether it denies whatever the token's time: a key, and the logout of one token or session.
    pub fn is_timeless(&self) -> bool {
        match (&self.scope, self.effect) {
            (Scope::Kid(_), _) | (Scope::Jti(_) | Scope::Sid(_), Effect::Logout) => true,
            (Scope::Jti(_) | Scope::Sid(_), Effect::Refresh)
            | (Scope::Sub(_) | Scope::ClientId(_) | Scope::Aud(_) | Scope::Claim { .. } | Scope::All, _) => {
                false
            }
        }
    }

    /// The cutoff as those need it who only see access tokens: it may go when every token made before it was heard of, at
    /// `heard_at`, has expired by itself, and never later than for those who see refresh tokens.
    #[must_use]
    pub fn within_access_horizon(
        &self,
        heard_at: UnixMs,
        longest_access_ttl: Duration,
        leeway: Duration,
    ) -> Self {
        let horizon =
            self.issued_before.max(self.made_at).max(heard_at).after(longest_access_ttl).after(leeway);
        let expires_at =
            if matches!(self.scope, Scope::Kid(_)) { self.expires_at } else { horizon.min(self.expires_at) };
        Self { expires_at, ..self.clone() }
    }

    /// Takes in another cutoff of the same key: the later times, the later patches, the reason of the later one.
    pub fn merge(&mut self, other: &Self) {
        debug_assert_eq!(self.key(), other.key(), "only cutoffs of one key merge");
        let newer = (other.issued_before, &other.reason) > (self.issued_before, &self.reason);
        if newer {
            self.reason.clone_from(&other.reason);
        }
        self.issued_before = self.issued_before.max(other.issued_before);
        self.made_at = self.made_at.max(other.made_at);
        self.expires_at = self.expires_at.max(other.expires_at);
        for (name, patch) in &other.claims {
            self.claims
                .entry(name.clone())
                .and_modify(|mine| mine.merge(patch))
                .or_insert_with(|| patch.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Few values, so that ties are frequent.
    fn a_patch() -> impl Strategy<Value = Patch> {
        let value = prop_oneof![
            Just(Value::Null),
            (0..3_u8).prop_map(Value::from),
            Just(json!({"a": 1, "b": [2]})),
            Just(json!({"b": [2], "a": 2})),
            Just(json!(["x", null])),
        ];
        (0..3_u64, value).prop_map(|(at, value)| Patch { at: UnixMs::from_millis(at), value })
    }

    fn a_cutoff() -> impl Strategy<Value = Cutoff> {
        let reason = prop::option::of(prop::sample::select(vec!["stolen", "left", "left the firm"]));
        let names = prop::sample::select(vec!["role", "tenant", "plan"]);
        let claims = prop::collection::btree_map(names, a_patch(), 0..4);
        (0..4_u64, 0..4_u64, 0..4_u64, reason, claims).prop_map(|(before, made, expires, reason, claims)| {
            Cutoff {
                scope: Scope::All,
                effect: Effect::Refresh,
                issued_before: UnixMs::from_millis(before),
                made_at: UnixMs::from_millis(made),
                expires_at: UnixMs::from_millis(expires),
                reason: reason.map(|reason| Reason::parse(reason).unwrap()),
                kept: None,
                claims: claims.into_iter().map(|(name, patch)| (Arc::from(name), patch)).collect(),
            }
        })
    }

    fn merged(one: &Cutoff, other: &Cutoff) -> Cutoff {
        let mut merged = one.clone();
        merged.merge(other);
        merged
    }

    proptest! {
        #[test]
        fn merging_is_commutative(a in a_cutoff(), b in a_cutoff()) {
            prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        }

        #[test]
        fn merging_is_associative(a in a_cutoff(), b in a_cutoff(), c in a_cutoff()) {
            prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        }

        #[test]
        fn merging_again_changes_nothing(a in a_cutoff(), b in a_cutoff()) {
            prop_assert_eq!(merged(&a, &a), a.clone());
            let once = merged(&a, &b);
            prop_assert_eq!(merged(&once, &b), once.clone());
            prop_assert_eq!(merged(&once, &a), once);
        }

        #[test]
        fn merging_forgets_no_claim_and_moves_no_time_back(a in a_cutoff(), b in a_cutoff()) {
            let both = merged(&a, &b);
            prop_assert!(both.issued_before >= a.issued_before.max(b.issued_before));
            prop_assert!(both.made_at >= a.made_at.max(b.made_at));
            prop_assert!(both.expires_at >= a.expires_at.max(b.expires_at));
            for (name, patch) in a.claims.iter().chain(&b.claims) {
                prop_assert!(both.claims[name].at >= patch.at);
            }
        }
    }

    #[test]
    fn only_keys_and_the_logout_of_one_token_or_session_deny_whatever_the_time() {
        let id = [1; 10];
        let cutoff = |scope, effect| Cutoff {
            scope,
            effect,
            issued_before: UnixMs::default(),
            made_at: UnixMs::default(),
            expires_at: UnixMs::default(),
            reason: None,
            kept: None,
            claims: BTreeMap::new(),
        };
        for (scope, logout, refresh) in [
            (Scope::Jti(TokenId::new(UnixMs::default(), &id)), true, false),
            (Scope::Sid(SessionId::new(UnixMs::default(), &id)), true, false),
            (Scope::Kid(KeyId::parse("k").unwrap()), true, true),
            (Scope::Sub(Subject::parse("u").unwrap()), false, false),
            (Scope::ClientId(ClientId::parse("c").unwrap()), false, false),
            (Scope::Aud("a".into()), false, false),
            (Scope::Claim { name: "tenant".into(), value: "t".into() }, false, false),
            (Scope::All, false, false),
        ] {
            assert_eq!(cutoff(scope.clone(), Effect::Logout).is_timeless(), logout, "{scope:?}");
            assert_eq!(cutoff(scope.clone(), Effect::Refresh).is_timeless(), refresh, "{scope:?}");
        }
    }

    #[test]
    fn a_cutoff_reads_back_as_it_was_written() {
        let text = json!({
            "scope": {"claim": {"name": "tenant", "value": "acme"}}, "effect": "refresh", "issued_before": 1,
            "made_at": 1, "expires_at": 2, "reason": "left", "claims": {"role": {"at": 1, "value": null}},
        });
        let cutoff: Cutoff = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&cutoff).unwrap(), text);
        let mut unknown = text;
        unknown["efect"] = json!("logout");
        assert!(serde_json::from_value::<Cutoff>(unknown).is_err());
    }
}
