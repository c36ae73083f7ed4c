//! Making access tokens: the same few lines for issue, refresh and the kept session.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use signet_verifier::{
    Audience, ClientId, Denylist, IssuerUrl, NumericDate, ScopeTokens, SessionId, Subject, TokenId, UnixMs,
};

use super::grant::CustomClaims;
use super::issue::IssueError;
use super::policy::{Client, TokenPolicy};
use crate::keys::Keys;

/// How many of the fattest claims an error names.
const NAMED_CLAIMS: usize = 5;

/// What one access token says.
pub(super) struct AccessToken<'a> {
    pub(super) subject: &'a Subject,
    pub(super) audience: &'a Audience,
    pub(super) scope: Option<&'a ScopeTokens>,
    pub(super) claims: &'a CustomClaims,
    pub(super) auth_time: Option<NumericDate>,
    pub(super) amr: Option<&'a Vec<String>>,
    pub(super) acr: Option<&'a String>,
    pub(super) sid: Option<SessionId>,
    pub(super) ttl: Duration,
    /// When it is issued: `iat`, and what `exp` counts from.
    pub(super) issued_at: UnixMs,
    /// The time in its `jti`: not before any cutoff that would match it.
    pub(super) jti_time: UnixMs,
    /// What is left to chance: 10 bytes for `jti`, 2 for the jitter of `exp`.
    pub(super) chance: [u8; 12],
}

/// A signed access token.
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) jti: TokenId,
    pub(super) expires_at: UnixMs,
}

/// Signs access tokens with the ring's keys.
pub(super) struct AccessMinter {
    keys: Arc<Keys>,
    denylist: Arc<Denylist>,
    policy: Arc<TokenPolicy>,
}

impl AccessMinter {
    pub(super) fn new(keys: Arc<Keys>, denylist: Arc<Denylist>, policy: Arc<TokenPolicy>) -> Self {
        Self { keys, denylist, policy }
    }

    /// The earliest time not before `at` that no cutoff known here denies: the `sid` and `jti` of a new session take it, so
    /// that signing in again right after "revoke everything of this subject" works.
    pub(super) fn free_time(&self, at: UnixMs, of: &FreeTime<'_>) -> UnixMs {
        if !self.denylist.knows_times() {
            return at;
        }
        let audience = of.audience.iter().map(|audience| &**audience);
        let keys = self.denylist.keys(of.subject, of.client_id, audience, of.claims.as_map());
        at.max(self.denylist.latest(&keys))
    }

    /// Signs the token for this client with its algorithm.
    pub(super) fn mint(
        &self,
        client: &Client,
        access: &AccessToken<'_>,
        now: UnixMs,
    ) -> Result<Minted, IssueError> {
        let algorithm = client.algorithm.unwrap_or(self.policy.default_algorithm);
        let [jti_chance @ .., high, low] = access.chance;
        let jti = TokenId::new(access.jti_time, &jti_chance);
        // The ceiling may have been lowered since the session was issued, and verifiers refuse what lives longer.
        let ttl = access.ttl.min(client.max_access_ttl.unwrap_or(self.policy.access_ttl));
        let expires_at = access.issued_at.after(with_jitter(ttl, u16::from_be_bytes([high, low])));
        let claims = self.claims(client, access, jti, expires_at);
        let payload = serde_json::to_vec(&claims).map_err(|_| IssueError::NoKey(algorithm))?;
        let ring = self.keys.ring();
        let key = ring.signer(algorithm, now).ok_or(IssueError::NoKey(algorithm))?;
        let token = key.sign_access_token(&payload).map_err(|_| IssueError::NoKey(algorithm))?;
        if token.len() > self.policy.max_bytes {
            return Err(too_large(&claims, token.len(), self.policy.max_bytes));
        }
        Ok(Minted { token, jti, expires_at })
    }

    fn claims<'a>(
        &'a self,
        client: &'a Client,
        access: &AccessToken<'a>,
        jti: TokenId,
        expires_at: UnixMs,
    ) -> BorrowedClaims<'a> {
        BorrowedClaims {
            iss: &self.policy.issuer,
            sub: access.subject,
            aud: access.audience,
            exp: NumericDate::from_ms(expires_at),
            iat: NumericDate::from_ms(access.issued_at),
            jti,
            sid: access.sid,
            client_id: &client.id,
            scope: access.scope,
            auth_time: access.auth_time,
            amr: access.amr,
            acr: access.acr,
            custom: access.claims.as_map(),
        }
    }
}

/// [`signet_verifier::Claims`] as they are written, in the same order, without a copy of what the session holds.
#[derive(Serialize)]
struct BorrowedClaims<'a> {
    iss: &'a IssuerUrl,
    sub: &'a Subject,
    aud: &'a Audience,
    exp: NumericDate,
    iat: NumericDate,
    jti: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    client_id: &'a ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a ScopeTokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<NumericDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<&'a Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a String>,
    #[serde(flatten)]
    custom: &'a Map<String, Value>,
}

/// What decides which cutoffs would match a token.
pub(super) struct FreeTime<'a> {
    pub(super) subject: &'a Subject,
    pub(super) client_id: &'a ClientId,
    pub(super) audience: &'a Audience,
    pub(super) claims: &'a CustomClaims,
}

/// The life minus up to 5 % of it, so that tokens issued together are not all refreshed together.
fn with_jitter(ttl: Duration, chance: u16) -> Duration {
    ttl.mul_f64(1.0 - 0.05 * f64::from(chance) / f64::from(u16::MAX))
}

/// The leading `N` bytes of `from`, which is at least as long.
pub(super) fn leading<const N: usize>(from: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(from).for_each(|(out, byte)| *out = *byte);
    out
}

fn too_large(claims: &BorrowedClaims<'_>, bytes: usize, limit: usize) -> IssueError {
    let mut largest: Vec<(String, usize)> = match serde_json::to_value(claims) {
        Ok(Value::Object(members)) => {
            members.into_iter().map(|(name, value)| (name, value.to_string().len())).collect()
        }
        _ => Vec::new(),
    };
    largest.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
    largest.truncate(NAMED_CLAIMS);
    IssueError::TooLarge { bytes, limit, largest }
}
