//! Tracing and audit.
/// Audit events.
pub mod audit {
    use crate::session::Seen;
    use signet_verifier::*;
    /// x
    pub fn issued(_client: &ClientId, _sid: Option<SessionId>, _jti: TokenId) {}
    /// x
    pub fn refreshed(_client: &ClientId, _sid: SessionId, _outcome: &'static str) {}
    /// x
    pub fn theft(
        _client: &ClientId,
        _sid: SessionId,
        _kind: &'static str,
        _minted: UnixMs,
        _now: UnixMs,
        _seen: &Seen,
    ) {
    }
    /// x
    pub fn revoked(_cutoff: &Cutoff) {}
    /// x
    pub fn key_compromised(_kid: &KeyId) {}
}
