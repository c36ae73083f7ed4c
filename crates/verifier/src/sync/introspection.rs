//! Asks the service about one token, and remembers the answer for a moment.
//!
//! Questions about one token that are under way at the same time are one question. An answer is remembered by the token's
//! SHA-256 for [`REMEMBERED_FOR`] on the boot clock, counted from before the question, and an "active" never beyond the
//! token's own end: who remembers sees to that by checking the token first, every time. That nothing was answered is not remembered.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::OnceCell;

use super::counters::Tally;
use crate::clock::BootClock;
use crate::crypto::sha256;

/// The service could not be asked, or gave no answer that is understood. The transport says why in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service gave no answer")
    }
}

/// A question under way.
pub(super) type Asking<'a> = Pin<Box<dyn Future<Output = Result<bool, Unanswered>> + Send + 'a>>;

/// Who knows whether a token is active: the transport to the service, and in tests a stand-in.
pub(super) trait Introspects: Send + Sync {
    /// Asks whether the token is active (RFC 7662 §2). Has a timeout of its own; does not remember, join or count.
    fn is_active<'a>(&'a self, token: &'a str) -> Asking<'a>;
}

/// How long an answer is good: a revocation may be missed for so long by who asks.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(3);
/// Answers remembered at most. One that is evicted costs a question.
const CAPACITY: u64 = 10_000;

type Digest = [u8; 32];
type Question = Arc<OnceCell<Result<Answer, Unanswered>>>;

#[derive(Clone, Copy, Debug)]
struct Answer {
    active: bool,
    /// On the boot clock, before the service was asked.
    asked: Duration,
}

impl Answer {
    fn is_good(self, now: Duration) -> bool {
        now.saturating_sub(self.asked) < REMEMBERED_FOR
    }
}

/// The questions of one verifier.
pub(super) struct Introspection {
    service: Arc<dyn Introspects>,
    answers: Cache<Digest, Answer>,
    under_way: Mutex<HashMap<Digest, Question>>,
}

impl Introspection {
    pub(super) fn new(service: Arc<dyn Introspects>) -> Self {
        // The cache's own time to live only frees memory: ours is checked on every use, by a clock that counts sleep.
        let answers = Cache::builder().max_capacity(CAPACITY).time_to_live(REMEMBERED_FOR).build();
        Self { service, answers, under_way: Mutex::default() }
    }

    /// Whether the service takes this token for active, now or a moment ago.
    pub(super) async fn is_active(
        &self,
        token: &str,
        boot: &dyn BootClock,
        tally: &Tally,
    ) -> Result<bool, Unanswered> {
        let digest = sha256(token.as_bytes());
        let came = boot.elapsed();
        loop {
            if let Some(known) = self.answers.get(&digest).filter(|known| known.is_good(boot.elapsed())) {
                return Ok(known.active);
            }
            let joined = self.join(digest);
            let asking = || async {
                let asked = boot.elapsed();
                tally.introspected.one();
                let active =
                    self.service.is_active(token).await.inspect_err(|_| tally.failed_requests.one())?;
                let answer = Answer { active, asked };
                self.answers.insert(digest, answer);
                Ok(answer)
            };
            let answer = (*joined.question.get_or_init(asking).await)?;
            // A slow question that others had asked long before: what was revoked since then it does not know.
            if answer.is_good(came) {
                return Ok(answer.active);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way().is_empty()
    }

    fn join(&self, digest: Digest) -> Joined<'_> {
        let question = Arc::clone(self.under_way().entry(digest).or_default());
        Joined { introspection: self, digest, question }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<Digest, Question>> {
        // A map of whole entries, whoever panicked.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits for an answer; the last to go takes the question off, answered or given up.
struct Joined<'a> {
    introspection: &'a Introspection,
    digest: Digest,
    question: Question,
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        let mut under_way = self.introspection.under_way();
        let ours = |known: &Question| Arc::ptr_eq(known, &self.question);
        // An answered question takes nobody in any more: the next to ask looks at what is remembered, or asks anew.
        let over = self.question.initialized() || Arc::strong_count(&self.question) <= 2;
        if over && under_way.get(&self.digest).is_some_and(ours) {
            under_way.remove(&self.digest);
        }
    }
}
