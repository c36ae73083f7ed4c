//! A service, a key, two clocks that the test moves, and tokens.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signet_verifier::{
    Connect, Counters, LiveVerifier, ManualBootClock, ManualClock, Refusal, SessionId, TokenId, UnixMs,
    Verifier, VerifyError,
};

use crate::service::{Service, Stream};
use crate::signer::{Signer, jwks};

pub(crate) const NOW: UnixMs = UnixMs::from_secs(1_800_000_000);
/// When the session of every token here began.
const BEGAN: UnixMs = UnixMs::from_secs(1_799_999_000);

pub(crate) struct Stage {
    pub(crate) service: Service,
    pub(crate) signer: Signer,
    pub(crate) wall: Arc<ManualClock>,
    pub(crate) boot: Arc<ManualBootClock>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let signer = Signer::es256();
        let service = Service::start(NOW, jwks(&[&signer])).await;
        let boot = ManualBootClock::default();
        boot.advance(Duration::from_secs(1_000));
        Self { service, signer, wall: Arc::new(ManualClock::at(NOW)), boot: Arc::new(boot) }
    }

    pub(crate) fn connect(&self) -> Connect {
        let (wall, boot) = (Arc::clone(&self.wall), Arc::clone(&self.boot));
        Verifier::connect(&self.service.url).audience("api").credentials("gate", SECRET).clocks(wall, boot)
    }

    /// A verifier that is up to date, and the stream that it follows.
    pub(crate) async fn connected(&self) -> (LiveVerifier, Stream) {
        let (verifier, stream) = tokio::join!(self.connect().start(), self.service.stream());
        (verifier.unwrap(), stream)
    }

    /// A verifier that knows everything there was to know, and a stream that has not said hello yet.
    pub(crate) async fn before_hello(&self) -> (LiveVerifier, Stream) {
        let verifier = self.connect().spawn().unwrap();
        let stream = self.service.silent_stream().await;
        verdict_becomes(&verifier, &self.token(), "valid").await;
        (verifier, stream)
    }

    /// Both clocks move on, as they do.
    pub(crate) fn advance(&self, by: Duration) {
        self.boot.advance(by);
        self.wall.advance(by);
    }

    /// A token of this session.
    pub(crate) fn token_of(&self, session: SessionId) -> String {
        self.token_by(&self.signer, session)
    }

    pub(crate) fn token_by(&self, signer: &Signer, session: SessionId) -> String {
        let claims = json!({
            "iss": self.service.url, "sub": "user-1", "aud": "api", "exp": NOW.as_secs() + 200,
            "iat": NOW.as_secs() - 100, "jti": TokenId::new(NOW.before(Duration::from_secs(100)), &[1; 10]),
            "sid": session, "client_id": "web", "tenant": "acme",
        });
        signer.token(&signer.header(), &claims.to_string())
    }

    pub(crate) fn token(&self) -> String {
        self.token_of(session(1))
    }
}

pub(crate) const SECRET: &str = "hunter2 & more";

pub(crate) fn session(number: u8) -> SessionId {
    SessionId::new(BEGAN, &[number; 10])
}

/// An entry that ends a session.
pub(crate) fn logout(session: SessionId) -> Value {
    crate::service::entry(NOW, &json!({"sid": session}))
}

/// A verdict in one word: `valid`, or the refusal's code.
pub(crate) fn verdict(verifier: &LiveVerifier, token: &str) -> &'static str {
    match verifier.verify(token) {
        Ok(_) => "valid",
        Err(Refusal::Stale { .. }) => "stale",
        Err(Refusal::Token(VerifyError::Revoked { .. })) => "revoked",
        Err(Refusal::Token(VerifyError::KeyUnknown)) => "key_unknown",
        Err(other) => panic!("{other}"),
    }
}

/// Waits until something holds; the test fails if it never does.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(crate) async fn verdict_becomes(verifier: &LiveVerifier, token: &str, expected: &str) {
    eventually(expected, || verdict(verifier, token) == expected).await;
}

pub(crate) async fn counted(verifier: &LiveVerifier, what: &str, holds: impl Fn(&Counters) -> bool) {
    eventually(what, || holds(&verifier.counters())).await;
}
