//! The verifier that embedders hold: verifies like [`Verifier`], and knows how stale it is.

use std::sync::Arc;
use std::time::Duration;

use super::counters::Counters;
use super::introspection::Unanswered;
use super::policy::{Judgement, StalenessPolicy};
use super::state::State;
use super::vouching::Instants;
use crate::error::VerifyError;
use crate::expected::AudienceRule;
use crate::verifier::Verified;

/// Why a token was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is the token's fault, or it has been revoked: 401.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// The verifier does not know enough to vouch: 503 with `Retry-After`, and not the token's fault.
    #[error("the verifier has not heard from the service for too long")]
    Stale {
        /// How long ago it knew everything; `None`: it never did.
        staleness: Option<Duration>,
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The service was asked and does not believe the token: 401.
    #[error("the service does not believe the token")]
    Inactive,
}

impl Refusal {
    /// The name that all verifiers share: docs/feed.md, "Checks and their names".
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Stale { .. } => "stale",
            Self::Inactive => "inactive",
        }
    }
}

/// What one call asks beyond the verifier's own settings.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// Other audiences than the verifier's.
    pub audience: Option<AudienceRule>,
    /// Another bound than the verifier's.
    pub staleness: Option<StalenessPolicy>,
}

/// A verifier that keeps itself up to date. Clones share everything; when the last one goes, its tasks end.
#[derive(Clone)]
pub struct LiveVerifier {
    pub(super) state: Arc<State>,
}

/// How long [`LiveVerifier::check`] waits for a key.
const KEY_WAIT: Duration = Duration::from_secs(2);
/// When to ask again where a snapshot is on its way.
const SOON: Duration = Duration::from_secs(1);
/// When to ask again where the service is not heard of.
const LATER: Duration = Duration::from_secs(5);

impl LiveVerifier {
    /// Verifies a token. Never touches the network, never waits.
    pub fn verify(&self, token: &str) -> Result<Verified, Refusal> {
        self.verify_with(token, &Check::default())
    }

    /// The same with settings for this call.
    pub fn verify_with(&self, token: &str, check: &Check) -> Result<Verified, Refusal> {
        let finding = self.look_at(token, check);
        if matches!(finding, Finding::UnknownKey) {
            self.state.want_key();
        }
        self.conclude(finding)
    }

    /// Verifies a token, and asks the service where that helps: for a key that is not known yet (one fetch for all who
    /// wait, with a cooldown), and past the bound where the policy is to introspect.
    pub async fn check(&self, token: &str) -> Result<Verified, Refusal> {
        self.check_with(token, &Check::default()).await
    }

    /// The same with settings for this call.
    pub async fn check_with(&self, token: &str, check: &Check) -> Result<Verified, Refusal> {
        let mut finding = self.look_at(token, check);
        if matches!(finding, Finding::UnknownKey) {
            self.fetch_key().await;
            finding = self.look_at(token, check);
        }
        let Finding::Ask { staleness, .. } = finding else { return self.conclude(finding) };
        self.conclude(match self.state.ask(token).await {
            // It may have been revoked, or have expired, while the answer was under way.
            Ok(true) => self.look_at(token, check).on_the_services_word(),
            Ok(false) => Finding::Inactive,
            Err(Unanswered) => Finding::Stale { staleness },
        })
    }

    /// How long ago the verifier knew of every revocation; `None`: it never has, or must load a snapshot first.
    pub fn staleness(&self) -> Option<Duration> {
        self.state.staleness(self.state.now())
    }

    /// What went wrong last with the service, in words that hold no secret; `None` while the stream is open and nothing has.
    pub fn last_failure(&self) -> Option<String> {
        self.state.failure().map(|why| why.as_ref().clone())
    }

    /// What it has been through.
    pub fn counters(&self) -> Counters {
        self.state.tally.counters()
    }

    /// How many revocations it holds.
    pub fn denylist_len(&self) -> usize {
        self.state.knowledge().denylist().len()
    }

    /// The bound that it was given.
    pub fn policy(&self) -> &StalenessPolicy {
        &self.state.settings.policy
    }

    /// Tells the service that this verifier vouches for nothing any more, and ends its tasks.
    pub async fn close(self) {
        self.state.close().await;
    }

    /// The token first: what is wrong with it is wrong however much is known, and so is that it was revoked.
    fn look_at(&self, token: &str, check: &Check) -> Finding {
        let state = &*self.state;
        let known = state.knowledge();
        let now = state.now();
        let time = state.token_time(now);
        let verified = match &check.audience {
            None => known.verifier.verify_at(token, &known.expected, time),
            Some(audience) => known.verifier.verify_at(token, &known.expected_by(audience), time),
        };
        match verified {
            Ok(verified) => self.judge(verified, check.staleness.as_ref(), now),
            Err(VerifyError::KeyUnknown) => Finding::UnknownKey,
            Err(error) => Finding::Bad(error),
        }
    }

    fn judge(&self, verified: Verified, policy: Option<&StalenessPolicy>, now: Instants) -> Finding {
        let state = &*self.state;
        let policy = policy.unwrap_or(&state.settings.policy);
        let staleness = state.staleness(now);
        let age = state.age(verified.claims(), now);
        match policy.judge(staleness, age) {
            Judgement::Vouch => Finding::Good(verified),
            Judgement::Refuse => Finding::Stale { staleness },
            Judgement::AcceptStale | Judgement::Ask if !state.is_of_use() => Finding::Stale { staleness },
            Judgement::AcceptStale => Finding::GoodThoughStale(verified),
            Judgement::Ask => Finding::Ask { verified, staleness },
        }
    }

    /// Asks for a fetch and waits for its end, whatever it brings.
    async fn fetch_key(&self) {
        // Made before asking: it hears of what happens from then on.
        let changed = self.state.keys_will_change();
        self.state.want_key();
        let _in_time_or_not = tokio::time::timeout(KEY_WAIT, changed).await;
    }

    /// The answer, counted.
    fn conclude(&self, finding: Finding) -> Result<Verified, Refusal> {
        let verdicts = self.state.tally.verdicts();
        let refusal = match finding {
            Finding::Good(verified) => {
                verdicts.accepted.one();
                return Ok(verified);
            }
            Finding::GoodThoughStale(verified) => {
                verdicts.stale_accepted.one();
                return Ok(verified);
            }
            Finding::Bad(error) => Refusal::Token(error),
            Finding::UnknownKey if self.state.is_of_use() => Refusal::Token(VerifyError::KeyUnknown),
            Finding::UnknownKey => stale(None),
            Finding::Stale { staleness } | Finding::Ask { staleness, .. } => stale(staleness),
            Finding::Inactive => Refusal::Inactive,
        };
        match &refusal {
            Refusal::Token(VerifyError::Revoked { .. }) | Refusal::Inactive => verdicts.revoked.one(),
            Refusal::Token(_) => verdicts.invalid.one(),
            Refusal::Stale { .. } => verdicts.stale_refused.one(),
        }
        Err(refusal)
    }
}

/// What a look at a token found.
enum Finding {
    Good(Verified),
    /// Past the bound, and the policy is to believe it.
    GoodThoughStale(Verified),
    Bad(VerifyError),
    UnknownKey,
    Stale {
        staleness: Option<Duration>,
    },
    /// Good if the service says so.
    Ask {
        verified: Verified,
        staleness: Option<Duration>,
    },
    Inactive,
}

impl Finding {
    /// The service was asked, and believes the token.
    fn on_the_services_word(self) -> Self {
        if let Self::Ask { verified, .. } = self { Self::Good(verified) } else { self }
    }
}

fn stale(staleness: Option<Duration>) -> Refusal {
    Refusal::Stale { staleness, retry_after: if staleness.is_some() { LATER } else { SOON } }
}

#[cfg(test)]
mod tests;
