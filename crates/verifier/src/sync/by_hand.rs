//! A verifier without a service: what it learns, it is told by hand.

use std::sync::Arc;

use super::live::LiveVerifier;
use super::policy::StalenessPolicy;
use super::state::{Settings, Stamp, State};
use crate::clock::{BootClock, Clock, UnixMs};
use crate::expected::AudienceRule;
use crate::feed::{Batch, Snapshot};
use crate::id::{IdError, IssuerUrl};
use crate::jwk::JwkError;
use crate::verifier::Verifier;

/// Feeds a [`LiveVerifier`] by hand: for tests of what embeds one, yours and ours. It has no tasks and no network; what has
/// expired is forgotten and clocks are watched when [`ByHand::tick`] is called.
pub struct ByHand {
    state: Arc<State>,
}

impl ByHand {
    /// A verifier of this issuer's tokens for this audience, on these clocks. It vouches for nothing until it was given keys and
    /// a snapshot.
    pub fn new(
        issuer: &str,
        audience: &str,
        policy: StalenessPolicy,
        wall: Arc<dyn Clock>,
        boot: Arc<dyn BootClock>,
    ) -> Result<Self, IdError> {
        let settings = Settings {
            issuer: IssuerUrl::parse(issuer)?,
            audience: AudienceRule::AnyOf(vec![audience.into()]),
            leeway: None,
            policy,
            remembered: Verifier::DEFAULT_REMEMBERED,
            wall,
            boot,
        };
        Ok(Self { state: Arc::new(State::new(settings)) })
    }

    /// The verifier that is fed.
    pub fn verifier(&self) -> LiveVerifier {
        LiveVerifier { state: Arc::clone(&self.state) }
    }

    /// Gives it a set of keys, good for as long as the verifier lives.
    pub fn keys(&self, jwks: &[u8]) -> Result<(), JwkError> {
        self.state.keys.accept(jwks, UnixMs::default(), std::time::Duration::MAX)?;
        self.state.keys_changed();
        Ok(())
    }

    /// Gives it a snapshot, as if asked for and answered at this moment.
    pub fn load(&self, snapshot: &Snapshot) {
        self.state.load(snapshot, self.stamp());
    }

    /// Gives it revocations, as if they came at this moment.
    pub fn apply(&self, batch: &Batch) {
        // What contradicts is found again by the next look: the state is lost.
        let _found_later = self.state.apply(batch, Stamp { sent: None, ..self.stamp() });
    }

    /// Gives it a heartbeat.
    pub fn beat(&self, as_of: UnixMs, server_time: UnixMs) {
        let _found_later = self.state.beat(as_of, server_time, Stamp { sent: None, ..self.stamp() });
    }

    /// What happens every second otherwise.
    pub fn tick(&self) {
        self.state.tick();
    }

    fn stamp(&self) -> Stamp {
        let now = self.state.boot_now();
        Stamp { sent: Some(now), received: now }
    }
}
