//! What all cases share: keys, one issuer and audience, a denylist, and the present.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use signet_verifier::{Denylist, Expected, SessionId, StaticKeys, TokenId, UnixMs, Verifier, VerifyError};

use crate::revoked;
use crate::signer::{Signer, encode, jwks};

pub(crate) const NOW_SECS: u64 = 1_800_000_000;
pub(crate) const NOW: UnixMs = UnixMs::from_secs(NOW_SECS);
pub(crate) const ISSUER: &str = "https://auth.example";

/// A token and the reason for which it must be refused.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) expected: Expected,
    pub(crate) error: VerifyError,
}

#[derive(Clone, Copy)]
pub(crate) enum Memory {
    On,
    Off,
}

pub(crate) struct Stage {
    pub(crate) es: Signer,
    pub(crate) ed: Signer,
    pub(crate) rs: Signer,
    pub(crate) ps: Signer,
    keys: Arc<StaticKeys>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (es, ed, rs, ps) = (Signer::es256(), Signer::eddsa(), Signer::rs256(), Signer::ps256());
        let keys = StaticKeys::from_jwks(&jwks(&[&es, &ed, &rs, &ps])).unwrap();
        Self { es, ed, rs, ps, keys: Arc::new(keys) }
    }

    pub(crate) fn signers(&self) -> [&Signer; 4] {
        [&self.es, &self.ed, &self.rs, &self.ps]
    }

    /// A verifier with the corpus' cutoffs applied.
    pub(crate) fn verifier(&self, memory: Memory) -> Verifier {
        let denylist = Denylist::new(vec!["tenant".into()]);
        for (_, cutoff) in revoked::cutoffs(self) {
            denylist.apply(&cutoff);
        }
        match memory {
            Memory::On => self.verifier_over(denylist),
            Memory::Off => Verifier::remembering(Arc::clone(&self.keys) as _, Arc::new(denylist), 0),
        }
    }

    /// A verifier that remembers, over another denylist.
    pub(crate) fn verifier_over(&self, denylist: Denylist) -> Verifier {
        Verifier::new(Arc::clone(&self.keys) as _, Arc::new(denylist))
    }

    /// A token as the issuer makes it, its claims changed.
    pub(crate) fn with_claims(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
        let mut claims = good_claims();
        change(&mut claims);
        self.es.token(&self.es.header(), &Value::Object(claims).to_string())
    }

    /// A token with a header of this text around good claims, signed by this key.
    #[expect(clippy::unused_self, reason = "reads like its neighbours")]
    pub(crate) fn with_header(&self, signer: &Signer, header: &str) -> String {
        signer.token(header, &Value::Object(good_claims()).to_string())
    }

    /// A token whose payload is this text.
    pub(crate) fn with_payload(&self, payload: &str) -> String {
        self.es.token(&self.es.header(), payload)
    }

    pub(crate) fn good(&self) -> String {
        self.with_claims(|_| {})
    }
}

pub(crate) fn good_claims() -> Map<String, Value> {
    let claims = json!({
        "iss": ISSUER, "sub": "user-1", "aud": "api", "exp": NOW_SECS + 300, "iat": NOW_SECS,
        "jti": TokenId::new(NOW, &[1; 10]), "sid": SessionId::new(NOW, &[2; 10]), "client_id": "web",
        "scope": "read write", "tenant": "acme",
    });
    claims.as_object().unwrap().clone()
}

/// Good claims as text, with members put in front as they stand.
pub(crate) fn with_members(members: &str) -> String {
    let good = Value::Object(good_claims()).to_string();
    format!("{{{members},{}", &good[1..])
}

pub(crate) fn usual() -> Expected {
    let expected = Expected::access_token(ISSUER, "api").unwrap();
    Expected { max_lifetime: Some(Duration::from_hours(1)), ..expected }
}

/// Clocks agree to the millisecond.
pub(crate) fn without_leeway() -> Expected {
    Expected { leeway: Duration::ZERO, ..usual() }
}

pub(crate) fn case(name: impl Into<String>, token: impl Into<String>, error: VerifyError) -> Case {
    Case { name: name.into(), token: token.into(), expected: usual(), error }
}

/// The three segments.
pub(crate) fn parts(token: &str) -> [String; 3] {
    token.split('.').map(String::from).collect::<Vec<_>>().try_into().unwrap()
}

/// A token with another signature.
pub(crate) fn resigned(token: &str, signature: impl AsRef<[u8]>) -> String {
    let [header, payload, _] = parts(token);
    format!("{header}.{payload}.{}", encode(signature))
}
