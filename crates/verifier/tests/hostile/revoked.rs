//! Tokens taken back, by every kind of scope and both effects.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::{
    ClientId, Cutoff, Denylist, Effect, KeyId, Scope, ScopeKind, SessionId, Subject, TokenId, UnixMs,
    VerifyError,
};

use crate::stage::{Case, Memory, NOW, Stage, case, usual};

pub(crate) fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, cutoff) in cutoffs(stage) {
        let by = cutoff.scope.kind();
        let token = hit_by(stage, &cutoff);
        if by == ScopeKind::Sid || by == ScopeKind::Sub {
            let twin = crate::segments::twin(&token);
            cases.push(case(
                format!("the ECDSA twin of a token revoked by {name}"),
                twin,
                VerifyError::Revoked { by },
            ));
        }
        cases.push(case(format!("revoked by {name}"), token, VerifyError::Revoked { by }));
    }
    cases
}

/// One a kind and effect. None touches the other cases' tokens.
pub(crate) fn cutoffs(stage: &Stage) -> Vec<(String, Cutoff)> {
    let mut cutoffs = Vec::new();
    for (effect, n) in [(Effect::Logout, 0x30), (Effect::Refresh, 0x40)] {
        let value = format!("revoked-{n}");
        let scopes = [
            Scope::Jti(TokenId::new(old(), &[n; 10])),
            Scope::Sid(SessionId::new(old(), &[n; 10])),
            Scope::Sub(Subject::parse(&value).unwrap()),
            Scope::ClientId(ClientId::parse(&value).unwrap()),
            Scope::Aud(value.as_str().into()),
            Scope::Claim { name: "tenant".into(), value: value.as_str().into() },
            Scope::All,
        ];
        for scope in scopes {
            // `all` is older than every token but its own.
            let before = if scope == Scope::All { NOW.before(Duration::from_mins(1)) } else { NOW };
            cutoffs.push((format!("{} and {effect:?}", scope.kind()), cutoff(scope, effect, before)));
        }
    }
    let kid = KeyId::parse(&stage.ps.kid()).unwrap();
    cutoffs.push(("kid".into(), cutoff(Scope::Kid(kid), Effect::Logout, UnixMs::default())));
    cutoffs
}

fn old() -> UnixMs {
    NOW.before(Duration::from_secs(50))
}

fn cutoff(scope: Scope, effect: Effect, issued_before: UnixMs) -> Cutoff {
    let (made_at, expires_at) = (issued_before, NOW.after(Duration::from_hours(1)));
    let (reason, kept, claims) = (None, None, BTreeMap::new());
    Cutoff { scope, effect, issued_before, made_at, expires_at, reason, kept, claims }
}

/// A token that this cutoff denies and no other one.
fn hit_by(stage: &Stage, cutoff: &Cutoff) -> String {
    if let Scope::Kid(_) = cutoff.scope {
        return stage.with_header(&stage.ps, &stage.ps.header());
    }
    let mut claims = crate::stage::good_claims();
    let mut set = |name: &str, value: Value| drop(claims.insert(name.into(), value));
    let before = cutoff.issued_before.before(Duration::from_millis(1));
    // What the effect compares is a millisecond too old; the other time is not.
    match cutoff.effect {
        Effect::Logout => set("sid", json!(SessionId::new(before, &[9; 10]))),
        Effect::Refresh => set("jti", json!(TokenId::new(before, &[9; 10]))),
    }
    match &cutoff.scope {
        Scope::Jti(jti) => set("jti", json!(jti)),
        Scope::Sid(sid) => set("sid", json!(sid)),
        Scope::Sub(sub) => set("sub", json!(sub)),
        Scope::ClientId(client) => set("client_id", json!(client)),
        Scope::Aud(aud) => set("aud", json!(["api", aud])),
        Scope::Claim { value, .. } => set("tenant", json!(["other", value])),
        Scope::Kid(_) | Scope::All => {}
    }
    stage.es.token(&stage.es.header(), &Value::Object(claims).to_string())
}

#[test]
fn each_revoked_token_was_good_before_its_cutoff_and_only_that_one_hits_it() {
    let stage = Stage::new();
    for (name, cutoff) in cutoffs(&stage) {
        let denylist = Denylist::new(vec!["tenant".into()]);
        for (_, other) in cutoffs(&stage).into_iter().filter(|(other, _)| *other != name) {
            denylist.apply(&other);
        }
        let verifier = stage.verifier_over(denylist);
        let token = hit_by(&stage, &cutoff);
        assert!(verifier.verify_at(&token, &usual(), NOW).is_ok(), "{name}");
        verifier.denylist().apply(&cutoff);
        let by = cutoff.scope.kind();
        assert_eq!(
            verifier.verify_at(&token, &usual(), NOW).unwrap_err(),
            VerifyError::Revoked { by },
            "{name}"
        );
    }
}

#[test]
fn a_token_of_the_very_millisecond_of_a_cutoff_is_good() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    for sub in ["revoked-48", "revoked-64"] {
        let token = stage.with_claims(|claims| drop(claims.insert("sub".into(), sub.into())));
        assert!(verifier.verify_at(&token, &usual(), NOW).is_ok(), "{sub}");
    }
}

#[test]
fn a_token_without_a_session_is_measured_by_its_own_time() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let token = stage.with_claims(|claims| {
        claims.remove("sid");
        claims.insert("sub".into(), "revoked-48".into());
        claims.insert("jti".into(), json!(TokenId::new(old(), &[9; 10])));
    });
    let by = ScopeKind::Sub;
    assert_eq!(verifier.verify_at(&token, &usual(), NOW).unwrap_err(), VerifyError::Revoked { by });
}

/// (r, n − s) is a signature of the same message as (r, s). The twin is another text and as good a token, so denial can
/// never go by the text or its hash.
#[test]
fn the_twin_of_an_ecdsa_signature_is_accepted_and_denied_by_claims() {
    let stage = Stage::new();
    let verifier = stage.verifier(Memory::On);
    let token = stage.good();
    let twin = crate::segments::twin(&token);
    assert_ne!(token, twin);
    assert!(verifier.verify_at(&token, &usual(), NOW).is_ok());
    let sid = verifier.verify_at(&twin, &usual(), NOW).unwrap().claims().sid.unwrap();
    verifier.denylist().apply(&cutoff(Scope::Sid(sid), Effect::Logout, NOW));
    for token in [token, twin] {
        let refused = verifier.verify_at(&token, &usual(), NOW).unwrap_err();
        assert_eq!(refused, VerifyError::Revoked { by: ScopeKind::Sid });
    }
}
