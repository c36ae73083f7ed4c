//! The audit trail: one function for each thing that is worth keeping.
//!
//! The parameters are identifiers by type, so that a token, a secret or a key cannot get in by mistake. Nothing here
//! knows a runtime or a web server: the domain calls these functions where the thing happens.

use std::net::IpAddr;

use signet_verifier::{ClientId, Effect, KeyId, Reason, ScopeKind, SessionId, Subject, TokenId, UnixMs};

/// The target of every audit event.
pub const TARGET: &str = "audit";

/// A session began, or a client got a token for itself (then there is no session).
pub fn issued(session: Option<SessionId>, token: TokenId, client: &ClientId, subject: &Subject) {
    tracing::info!(
        target: TARGET,
        event = "session.issued",
        session.id = session.map(tracing::field::display),
        token.jti = %token,
        client.id = %client,
        subject = %subject,
        "session issued"
    );
}

/// A refresh was answered; `outcome` is the rule's word for it.
pub fn refreshed(session: SessionId, client: &ClientId, outcome: &'static str) {
    tracing::info!(
        target: TARGET,
        event = "session.refreshed",
        session.id = %session,
        client.id = %client,
        refresh.outcome = outcome,
        "session refreshed"
    );
}

/// A copied refresh token was used.
pub struct Theft<'a> {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub subject: &'a Subject,
    /// The client it was issued to.
    pub client: &'a ClientId,
    /// How it showed.
    pub kind: &'static str,
    /// When the token now presented was minted.
    pub minted: UnixMs,
    /// When the newest token was first presented.
    pub current_at: UnixMs,
    /// The sender's address.
    pub address: Option<&'a str>,
    /// The sender's `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// What was done about it: the value of `refresh.on_theft`.
    pub action: &'static str,
}

/// A copied refresh token was used: a warning, because an owner may have lost a session to it.
pub fn theft(theft: &Theft<'_>) {
    tracing::warn!(
        target: TARGET,
        event = "session.theft",
        session.id = %theft.session,
        subject = %theft.subject,
        client.id = %theft.client,
        theft.kind = theft.kind,
        theft.minted_ms = theft.minted.as_millis(),
        theft.current_at_ms = theft.current_at.as_millis(),
        theft.action = theft.action,
        request.address = theft.address,
        request.user_agent = theft.user_agent,
        "a copied refresh token was used"
    );
}

/// A cutoff was taken. `delivery` is `durable` or `pending`.
pub fn revoked(scope: ScopeKind, effect: Effect, reason: Option<&Reason>, delivery: &'static str) {
    let effect = match effect {
        Effect::Logout => "logout",
        Effect::Refresh => "refresh",
    };
    tracing::info!(
        target: TARGET,
        event = "revocation.accepted",
        revocation.scope = scope.name(),
        revocation.effect = effect,
        revocation.reason = reason.map(Reason::as_str),
        revocation.delivery = delivery,
        "revocation accepted"
    );
}

/// What happens within was asked for by this client: a span around the events.
pub fn asked_by(client: &ClientId) -> tracing::Span {
    tracing::info_span!(target: TARGET, "asked", client.id = %client)
}

/// Somebody did not prove to be a client; `None`: not even one that is registered.
pub fn client_refused(client: Option<&ClientId>, address: Option<IpAddr>) {
    tracing::warn!(
        target: TARGET,
        event = "client.refused",
        client.id = client.map(tracing::field::display),
        request.address = address.map(tracing::field::display),
        "client authentication failed"
    );
}

/// The key ring changed. A new key has its name only once it is in the ring. `step` is `create`, `reschedule`, `remove`,
/// `compromise`, `import` or `rotate`.
pub fn key_changed(key: Option<&KeyId>, step: &'static str) {
    tracing::info!(
        target: TARGET,
        event = "key.changed",
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
            issued(Some(sid), jti, &ClientId::parse("web").unwrap(), &Subject::parse("u1").unwrap());
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
            theft(&Theft {
                session: SessionId::new(at, &[1; 10]),
                subject: &Subject::parse("u1").unwrap(),
                client: &ClientId::parse("web").unwrap(),
                kind: "sibling",
                minted: at,
                current_at: UnixMs::from_secs(1_800_000_060),
                address: Some("192.0.2.1"),
                user_agent: None,
                action: "revoke_session",
            });
        });
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["theft.kind"], "sibling");
        assert_eq!(line["theft.minted_ms"], 1_800_000_000_000_u64);
        assert_eq!(line["theft.current_at_ms"], 1_800_000_060_000_u64);
        assert_eq!(line["request.address"], "192.0.2.1");
        assert!(line.get("request.user_agent").is_none());
    }
}
