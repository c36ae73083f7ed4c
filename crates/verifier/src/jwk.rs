//! Public keys as JWKs (RFC 7517): written exactly, read leniently where others may publish beside us, strictly where a
//! key would be used.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk as wire;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::crypto::sha256;
use crate::id::KeyId;
use crate::jws::VerifyingKey;

/// Why a JWK cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// Not a JWK set.
    #[error("not a JWK set")]
    NotASet,
    /// No `kid`, or one with unusual characters.
    #[error("no usable kid")]
    KeyId,
    /// `alg` is missing or not one of ours.
    #[error("no algorithm of ours")]
    Algorithm,
    /// `use` is not `sig`.
    #[error("not a signing key")]
    Use,
    /// The parameters do not fit the algorithm, or are weak.
    #[error("parameters that do not fit the algorithm")]
    Parameters,
}

/// A public signing key as published: `kty`, its parameters, `kid`, `use` and `alg`, nothing private.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    kid: KeyId,
    #[serde(rename = "use")]
    key_use: String,
    alg: Algorithm,
}

impl Jwk {
    /// An ES256 key from its coordinates; 32 bytes each, leading zeros kept.
    pub fn es256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self::build(Algorithm::Es256, "EC", Some("P-256"), Some(x), Some(y), None, None)
    }

    /// An Ed25519 key (RFC 8037).
    pub fn ed25519(x: &[u8; 32]) -> Self {
        Self::build(Algorithm::EdDsa, "OKP", Some("Ed25519"), Some(x), None, None, None)
    }

    /// An RSA key for RS256 or PS256, from big-endian integers without leading zeros; another algorithm is refused.
    pub fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, JwkError> {
        match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                Ok(Self::build(algorithm, "RSA", None, None, None, Some(n), Some(e)))
            }
            Algorithm::Es256 | Algorithm::EdDsa => Err(JwkError::Algorithm),
        }
    }

    fn build(
        alg: Algorithm,
        kty: &str,
        crv: Option<&str>,
        x: Option<&[u8]>,
        y: Option<&[u8]>,
        n: Option<&[u8]>,
        e: Option<&[u8]>,
    ) -> Self {
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let (x, y, n, e) = (text(x), text(y), text(n), text(e));
        let kid = thumbprint(kty, crv, x.as_deref(), y.as_deref(), n.as_deref(), e.as_deref());
        Self { kty: kty.into(), crv: crv.map(Into::into), x, y, n, e, kid, key_use: "sig".into(), alg }
    }

    /// `kid`: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// `alg`.
    pub fn algorithm(&self) -> Algorithm {
        self.alg
    }

    /// The key to check signatures with.
    pub fn verifying_key(&self) -> Result<VerifyingKey, JwkError> {
        let wire: wire::Jwk =
            serde_json::to_value(self).and_then(serde_json::from_value).map_err(|_| JwkError::Parameters)?;
        VerifyingKey::from_wire(&wire)
    }
}

/// The SHA-256 thumbprint (RFC 7638 §3): the required members in lexical order, no white space.
///
/// RS256 and PS256 keys of one modulus would share a thumbprint; the ring never uses one key for two algorithms.
fn thumbprint(
    kty: &str,
    crv: Option<&str>,
    x: Option<&str>,
    y: Option<&str>,
    n: Option<&str>,
    e: Option<&str>,
) -> KeyId {
    let members = [("crv", crv), ("e", e), ("kty", Some(kty)), ("n", n), ("x", x), ("y", y)];
    let json: Vec<String> = members
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("\"{name}\":\"{value}\"")))
        .collect();
    let digest = sha256(format!("{{{}}}", json.join(",")).as_bytes());
    #[expect(clippy::expect_used, reason = "base64url of 32 bytes is 43 characters of KeyId's alphabet")]
    KeyId::parse(&URL_SAFE_NO_PAD.encode(digest)).expect("base64url is a key id")
}

/// The keys of an issuer (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The public keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads the usable keys of a published set and skips the others: an odd key beside good ones must not break the
    /// whole set. Keys are skipped for another `kty`, `alg` or `use`, weak parameters, or a `kid` that came before.
    pub fn parse_usable(bytes: &[u8]) -> Result<Vec<VerifyingKey>, JwkError> {
        let value = crate::json::strict_from_slice(bytes).map_err(|_| JwkError::NotASet)?;
        let keys = value.get("keys").and_then(serde_json::Value::as_array).ok_or(JwkError::NotASet)?;
        let mut usable: Vec<VerifyingKey> = Vec::new();
        for key in keys {
            let Ok(wire) = wire::Jwk::deserialize(key) else { continue };
            let Ok(key) = VerifyingKey::from_wire(&wire) else { continue };
            if usable.iter().all(|known| known.kid() != key.kid()) {
                usable.push(key);
            }
        }
        Ok(usable)
    }
}

impl VerifyingKey {
    /// Takes a key as published, if it is one of ours: `kid`, `alg`, `use: sig` and parameters that fit.
    pub(crate) fn from_wire(jwk: &wire::Jwk) -> Result<Self, JwkError> {
        let kid =
            jwk.common.key_id.as_deref().and_then(|kid| KeyId::parse(kid).ok()).ok_or(JwkError::KeyId)?;
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != wire::PublicKeyUse::Signature) {
            return Err(JwkError::Use);
        }
        let name = jwk.common.key_algorithm.map(|alg| alg.to_string()).ok_or(JwkError::Algorithm)?;
        let algorithm = Algorithm::from_name(&name).ok_or(JwkError::Algorithm)?;
        if !parameters_fit(algorithm, &jwk.algorithm) {
            return Err(JwkError::Parameters);
        }
        let key = jsonwebtoken::DecodingKey::from_jwk(jwk).map_err(|_| JwkError::Parameters)?;
        Ok(Self::new(kid, algorithm, &key))
    }
}

fn parameters_fit(algorithm: Algorithm, parameters: &wire::AlgorithmParameters) -> bool {
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let coordinate = |text: &str| bytes(text).is_some_and(|bytes| bytes.len() == 32);
    match (algorithm, parameters) {
        (Algorithm::Es256, wire::AlgorithmParameters::EllipticCurve(ec)) => {
            ec.curve == wire::EllipticCurve::P256 && coordinate(&ec.x) && coordinate(&ec.y)
        }
        (Algorithm::EdDsa, wire::AlgorithmParameters::OctetKeyPair(okp)) => {
            okp.curve == wire::EllipticCurve::Ed25519 && coordinate(&okp.x)
        }
        (Algorithm::Rs256 | Algorithm::Ps256, wire::AlgorithmParameters::RSA(rsa)) => {
            // 2,048 to 8,192 bits, an odd exponent above 1 (RFC 7518 §3.3; e = 1 would make every message a signature).
            let modulus =
                bytes(&rsa.n).is_some_and(|n| (256..=1024).contains(&n.len()) && n.first() != Some(&0));
            let exponent = bytes(&rsa.e).is_some_and(|e| {
                e.len() <= 4
                    && e.first() != Some(&0)
                    && e.last().is_some_and(|last| last % 2 == 1)
                    && e != [1]
            });
            modulus && exponent
        }
        _ => false,
    }
}
