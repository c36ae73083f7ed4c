//! The audit trail: one function for each thing that is worth keeping.
//!
//! The parameters are identifiers by type, so that a token, a secret or a key cannot get in by mistake. Nothing here
//! knows a runtime or a web server: the domain calls these functions where the thing happens.

use signet_verifier::{ClientId, Cutoff, Effect, KeyId, Reason, Scope, SessionId, TokenId, UnixMs};

/// The target of every audit event.
pub const TARGET: &str = "audit";

/// A session began, or a client got a token for itself (then there is no session).
pub fn issued(client: &ClientId, session: Option<SessionId>, token: TokenId) {
    tracing::info!(
        target: TARGET,
        event = "session.issued",
        client.id = %client,
        session.id = session.map(tracing::field::display),
        token.jti = %token,
        "session issued"
    );
}

/// A refresh was answered; `outcome` is the rule's word for it.
pub fn refreshed(client: &ClientId, session: SessionId, outcome: &'static str) {
    tracing::info!(
        target: TARGET,
        event = "session.refreshed",
        client.id = %client,
        session.id = %session,
        refresh.outcome = outcome,
        "session refreshed"
    );
}

/// Who sent a request, as far as it showed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender<'a> {
    /// The address.
    pub address: Option<&'a str>,
    /// `User-Agent`.
    pub user_agent: Option<&'a str>,
}

/// A copied refresh token was used at `at`; it had been minted at `minted`. A warning, because an owner loses a session.
pub fn theft(
    client: &ClientId,
    session: SessionId,
    kind: &'static str,
    minted: UnixMs,
    at: UnixMs,
    sender: Sender<'_>,
) {
    tracing::warn!(
        target: TARGET,
        event = "session.theft",
        client.id = %client,
        session.id = %session,
        theft.kind = kind,
        theft.minted_ms = minted.as_millis(),
        theft.at_ms = at.as_millis(),
        request.address = sender.address,
        request.user_agent = sender.user_agent,
        "a copied refresh token was used"
    );
}

/// A cutoff is in force and durable. Whom it is about stays out of the log, except for a single session, token or key.
pub fn revoked(cutoff: &Cutoff) {
    let effect = match cutoff.effect {
        Effect::Logout => "logout",
        Effect::Refresh => "refresh",
    };
    let named = Named::of(&cutoff.scope);
    tracing::info!(
        target: TARGET,
        event = "revocation.accepted",
        revocation.scope = cutoff.scope.kind().name(),
        revocation.effect = effect,
        revocation.issued_before_ms = cutoff.issued_before.as_millis(),
        revocation.reason = cutoff.reason.as_ref().map(Reason::as_str),
        session.id = named.session.map(tracing::field::display),
        token.jti = named.token.map(tracing::field::display),
        key.id = named.key.map(tracing::field::display),
        client.id = named.client.map(tracing::field::display),
        "revocation accepted"
    );
}

/// The parts of a scope that have a field of their own.
#[derive(Default)]
struct Named<'a> {
    session: Option<&'a SessionId>,
    token: Option<&'a TokenId>,
    key: Option<&'a KeyId>,
    client: Option<&'a ClientId>,
}

impl<'a> Named<'a> {
    fn of(scope: &'a Scope) -> Self {
        match scope {
            Scope::Sid(session) => Self { session: Some(session), ..Self::default() },
            Scope::Jti(token) => Self { token: Some(token), ..Self::default() },
            Scope::Kid(key) => Self { key: Some(key), ..Self::default() },
            Scope::ClientId(client) => Self { client: Some(client), ..Self::default() },
            Scope::Sub(_) | Scope::Aud(_) | Scope::Claim { .. } | Scope::All => Self::default(),
        }
    }
}

/// A key left the ring at once.
pub fn key_compromised(key: &KeyId) {
    tracing::warn!(target: TARGET, event = "key.compromised", key.id = %key, "key compromised");
}

/// The schedule changed the ring: `step` is `create`, `reschedule` or `remove`. A key that is yet to be made has no name.
pub fn key_step(key: Option<&KeyId>, step: &'static str) {
    tracing::info!(
        target: TARGET,
        event = "key.step",
        key.id = key.map(tracing::field::display),
        key.step = step,
        "key ring changed"
    );
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(act: impl FnOnce()) -> serde_json::Value {
        let lines = Lines::default();
        let sink = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || sink.clone());
        tracing::subscriber::with_default(subscriber.finish(), act);
        let bytes = lines.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn an_issue_names_session_token_and_client_in_dotted_fields() {
        let at = UnixMs::from_secs(1_800_000_000);
        let (sid, jti) = (SessionId::new(at, &[1; 10]), TokenId::new(at, &[2; 10]));
        let line = logged(|| {
            issued(&ClientId::parse("web").unwrap(), Some(sid), jti);
        });
        assert_eq!(line["target"], "audit");
        assert_eq!(line["session.id"], sid.to_string());
        assert_eq!(line["token.jti"], jti.to_string());
        assert_eq!(line["client.id"], "web");
    }

    #[test]
    fn a_theft_carries_its_kind_both_times_and_the_sender() {
        let at = UnixMs::from_secs(1_800_000_000);
        let line = logged(|| {
            let sender = Sender { address: Some("192.0.2.1"), user_agent: None };
            let session = SessionId::new(at, &[1; 10]);
            theft(
                &ClientId::parse("web").unwrap(),
                session,
                "sibling",
                at,
                UnixMs::from_secs(1_800_000_060),
                sender,
            );
        });
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["theft.kind"], "sibling");
        assert_eq!(line["theft.minted_ms"], 1_800_000_000_000_u64);
        assert_eq!(line["theft.at_ms"], 1_800_000_060_000_u64);
        assert_eq!(line["request.address"], "192.0.2.1");
        assert!(line.get("request.user_agent").is_none());
    }
}
