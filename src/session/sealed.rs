//! The refresh token: the session itself, sealed, held by the client.
//!
//! `sgr_` + base64url(version ‖ key id ‖ salt ‖ ciphertext ‖ tag). The salt is synthetic, so equal contents give equal
//! tokens: a successor that is made again is the same text, byte for byte, on whichever node.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signet_verifier::{Audience, ClientId, NumericDate, ScopeTokens, SessionId, Subject, UnixMs};

use super::grant::{CustomClaims, Grant};
use super::register::{Presented, RefreshId};
use crate::keys::{KeyRing, Keys, SealError, SealingKey, SealingKeyId};

/// Who may present a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshBinding {
    /// Whoever holds it.
    Holder,
    /// Only the client that it was issued to, authenticated.
    Client,
}

/// What is inside a refresh token.
#[derive(Clone, Debug, PartialEq)]
pub struct SealedSession {
    /// The session.
    pub sid: SessionId,
    /// This token's place in the session.
    pub presented: Presented,
    /// What was granted.
    pub grant: Grant,
    /// Who may present it.
    pub binding: RefreshBinding,
    /// When the custom claims were last set; patches later than this apply on top.
    pub claims_at: UnixMs,
    /// Unless used before, it is over then.
    pub idle_expires_at: UnixMs,
    /// It is over then, used or not.
    pub absolute_expires_at: UnixMs,
}

/// Why a text is not a refresh token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Not of the form of a refresh token.
    #[error("not a refresh token")]
    Malformed,
    /// Sealed by a key that is not, or no longer, in the ring.
    #[error("sealed by an unknown key")]
    UnknownKey,
    /// Changed, or not sealed by us.
    #[error("not sealed by this service")]
    Forged,
}

/// Seals and opens refresh tokens with the ring's keys.
pub struct TokenSealer {
    keys: Arc<Keys>,
}

/// The format of what follows the prefix.
const VERSION: u8 = 1;
/// Version and key id.
const HEADER_BYTES: usize = 9;
/// The longest token that is looked at: four times what an access token may have.
const MAX_BYTES: usize = 16_384;
/// Most refresh tokens have fewer, so that making one allocates once.
const USUAL_BYTES: usize = 1024;

impl TokenSealer {
    /// What every refresh token begins with, so that secret scanners find leaked ones and nobody takes one for a JWT.
    pub const PREFIX: &str = "sgr_";

    /// A sealer over this ring.
    pub fn new(keys: Arc<Keys>) -> Self {
        Self { keys }
    }

    /// The token's text, under the key that was active when it was minted: a successor made again is the same text.
    pub fn seal(&self, session: &SealedSession, now: UnixMs) -> Result<String, SealedError> {
        let ring = self.keys.ring();
        let key = sealing_key(&ring, session.presented.minted, now).ok_or(SealedError::UnknownKey)?;
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.id().0);
        bytes.extend_from_slice(&[0; SealingKey::SALT_BYTES]);
        serde_json::to_writer(&mut bytes, &Wire::from(session)).map_err(|_| SealedError::Malformed)?;
        // The ciphertext takes the plaintext's place, so that no copy of what is secret is left behind.
        let (header, rest) = bytes.split_at_mut(HEADER_BYTES);
        let (salt, text) = rest.split_at_mut(SealingKey::SALT_BYTES);
        let (made, tag) = key.seal_in_place(header, text);
        salt.copy_from_slice(&made);
        bytes.extend_from_slice(&tag);
        let mut token = String::with_capacity(Self::PREFIX.len() + bytes.len().div_ceil(3) * 4);
        token.push_str(Self::PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut token);
        Ok(token)
    }

    /// Opens a token. What comes out is genuine: it was sealed by this ring.
    pub fn open(&self, token: &str, now: UnixMs) -> Result<SealedSession, SealedError> {
        let text = token
            .strip_prefix(Self::PREFIX)
            .filter(|text| text.len() <= MAX_BYTES)
            .ok_or(SealedError::Malformed)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealedError::Malformed)?;
        let (header, sealed) = bytes.split_at_checked(HEADER_BYTES).ok_or(SealedError::Malformed)?;
        let (&VERSION, key_id) = header.split_first().ok_or(SealedError::Malformed)? else {
            return Err(SealedError::Malformed);
        };
        let key_id = SealingKeyId(key_id.try_into().map_err(|_| SealedError::Malformed)?);
        let ring = self.keys.ring();
        let key = ring.unsealer(key_id, now).ok_or(SealedError::UnknownKey)?;
        let plaintext = key.open(header, sealed).map_err(|SealError| SealedError::Forged)?;
        serde_json::from_slice::<Wire<'_>>(&plaintext).map(Into::into).map_err(|_| SealedError::Malformed)
    }

    /// A keyed hash over `parts`, under the key that was active at `at`: the same on every node, known to none outside.
    pub(super) fn prf(
        &self,
        label: &'static str,
        parts: &[&[u8]],
        at: UnixMs,
        now: UnixMs,
    ) -> Result<[u8; 32], SealedError> {
        let ring = self.keys.ring();
        sealing_key(&ring, at, now).map(|key| key.prf(label, parts)).ok_or(SealedError::UnknownKey)
    }
}

/// The key that was active at `at`; if it has been lost since, the one active now: a session must go on.
fn sealing_key(ring: &KeyRing, at: UnixMs, now: UnixMs) -> Option<&Arc<SealingKey>> {
    ring.sealer_at(at, now).or_else(|| ring.sealer_at(now, now))
}

/// What is sealed, as JSON with short names. The version byte outside says what they mean.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(rename = "s")]
    sid: SessionId,
    #[serde(rename = "g")]
    generation: u32,
    #[serde(rename = "i", with = "id_text")]
    id: RefreshId,
    #[serde(rename = "p", with = "id_text", default, skip_serializing_if = "is_root")]
    parent: RefreshId,
    #[serde(rename = "m")]
    minted: UnixMs,
    #[serde(rename = "u")]
    subject: Cow<'a, Subject>,
    #[serde(rename = "c")]
    client_id: Cow<'a, ClientId>,
    #[serde(rename = "a")]
    audience: Cow<'a, Audience>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    scope: Option<Cow<'a, ScopeTokens>>,
    #[serde(rename = "x", default, skip_serializing_if = "is_empty")]
    claims: Cow<'a, Map<String, Value>>,
    #[serde(rename = "xa")]
    claims_at: UnixMs,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<NumericDate>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    amr: Option<Cow<'a, [String]>>,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    acr: Option<Cow<'a, str>>,
    #[serde(rename = "l")]
    access_ttl: u64,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    bound_to_client: Option<bool>,
    #[serde(rename = "e")]
    idle_expires_at: UnixMs,
    #[serde(rename = "f")]
    absolute_expires_at: UnixMs,
}

impl<'a> From<&'a SealedSession> for Wire<'a> {
    fn from(session: &'a SealedSession) -> Self {
        let SealedSession { presented, grant, .. } = session;
        Self {
            sid: session.sid,
            generation: presented.generation,
            id: presented.id,
            parent: presented.parent,
            minted: presented.minted,
            subject: Cow::Borrowed(&grant.subject),
            client_id: Cow::Borrowed(&grant.client_id),
            audience: Cow::Borrowed(&grant.audience),
            scope: grant.scope.as_ref().map(Cow::Borrowed),
            claims: Cow::Borrowed(grant.claims.as_map()),
            claims_at: session.claims_at,
            auth_time: grant.auth_time,
            amr: grant.amr.as_deref().map(Cow::Borrowed),
            acr: grant.acr.as_deref().map(Cow::Borrowed),
            access_ttl: grant.access_ttl.as_secs(),
            bound_to_client: (session.binding == RefreshBinding::Client).then_some(true),
            idle_expires_at: session.idle_expires_at,
            absolute_expires_at: session.absolute_expires_at,
        }
    }
}

impl From<Wire<'_>> for SealedSession {
    fn from(wire: Wire<'_>) -> Self {
        Self {
            sid: wire.sid,
            presented: Presented {
                generation: wire.generation,
                id: wire.id,
                parent: wire.parent,
                minted: wire.minted,
            },
            grant: Grant {
                subject: wire.subject.into_owned(),
                client_id: wire.client_id.into_owned(),
                audience: wire.audience.into_owned(),
                scope: wire.scope.map(Cow::into_owned),
                claims: CustomClaims::checked_before(wire.claims.into_owned()),
                auth_time: wire.auth_time,
                amr: wire.amr.map(Cow::into_owned),
                acr: wire.acr.map(Cow::into_owned),
                access_ttl: Duration::from_secs(wire.access_ttl),
            },
            binding: if wire.bound_to_client == Some(true) {
                RefreshBinding::Client
            } else {
                RefreshBinding::Holder
            },
            claims_at: wire.claims_at,
            idle_expires_at: wire.idle_expires_at,
            absolute_expires_at: wire.absolute_expires_at,
        }
    }
}

fn is_root(parent: &RefreshId) -> bool {
    *parent == [0; 16]
}

fn is_empty(claims: &Map<String, Value>) -> bool {
    claims.is_empty()
}

/// A refresh token's id as base64url text.
mod id_text {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::RefreshId;

    pub(super) fn serialize<S: Serializer>(id: &RefreshId, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 22];
        let written = URL_SAFE_NO_PAD.encode_slice(id, &mut text).map_err(serde::ser::Error::custom)?;
        let text = text.get(..written).and_then(|text| std::str::from_utf8(text).ok());
        serializer.serialize_str(text.unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RefreshId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(&*text).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("not 16 bytes"))
    }
}

#[cfg(test)]
pub(super) mod tests;
