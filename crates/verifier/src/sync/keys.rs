//! Keeps the key set: fetched when due or when a key is unknown, joined, cooled down, swapped whole.
//!
//! A set is fetched at the start, when what the last answer said of its age has passed, and when a token names a key that is not
//! known; such fetches are ten seconds apart at least, or anybody could make this verifier ask by inventing names. While the
//! issuer is away, or answers nonsense, the last good set goes on being used.

use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::time::{Instant, MissedTickBehavior};

use super::backoff::{Backoff, Dice};
use super::link::{Ended, Link, ended};
use super::transport::{Fetched, FetchedKeys, TransportError};
use crate::jwk::JwkSet;

/// How far apart fetches for unknown keys are.
const COOLDOWN: Duration = Duration::from_secs(10);
/// Those who ask for a key at about one time are answered by one fetch, and verifiers that all meet a new key do not all ask
/// in one moment.
const GATHERING: Duration = Duration::from_millis(50);
/// How often the boot clock is looked at: timers of the runtime stand still while the machine sleeps.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the keys until the verifier goes.
pub(super) async fn keep(link: Link) {
    let keeper =
        Keeper { link, tag: None, times: Times::default(), backoff: Backoff::default(), retry: None };
    // The end is the only way out.
    let Err(Ended) = keeper.run().await;
}

struct Keeper {
    link: Link,
    /// The entity tag of the set in use.
    tag: Option<HeaderValue>,
    times: Times,
    backoff: Backoff,
    /// When to try again, where the last attempt failed.
    retry: Option<Instant>,
}

impl Keeper {
    async fn run(mut self) -> Result<std::convert::Infallible, Ended> {
        let mut leaving = self.link.leaving();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let signals = std::sync::Arc::clone(&self.link.signals);
        loop {
            let wanted = tokio::select! {
                biased;
                end = ended(&mut leaving) => return Err(end),
                () = signals.key_wanted.notified() => Wanted::ByATokenNow,
                () = retry(self.retry) => Wanted::Again,
                _ = look.tick(), if self.retry.is_none() => Wanted::ByTheClock,
            };
            if self.times.allow(wanted, self.link.boot_now()?) {
                tokio::select! {
                    biased;
                    end = ended(&mut leaving) => return Err(end),
                    done = self.refresh(wanted) => done?,
                }
            }
            if wanted == Wanted::ByATokenNow {
                self.link.state()?.keys_changed();
            }
        }
    }

    async fn refresh(&mut self, wanted: Wanted) -> Result<(), Ended> {
        if wanted == Wanted::ByATokenNow {
            tokio::time::sleep(Dice::throw().part_of(GATHERING)).await;
        }
        let fetched = self.link.transport.keys(self.tag.as_ref()).await;
        let taken = match fetched {
            Ok(fetched) => self.take(fetched)?,
            Err(error) => Err(error),
        };
        match taken {
            Ok(max_age) => {
                let now = self.link.boot_now()?;
                self.backoff.reset();
                self.retry = None;
                self.times.fetched(now, max_age, Dice::throw());
                self.link.done();
            }
            Err(error) => {
                self.retry = Some(Instant::now() + self.backoff.after(&error, Dice::throw()));
                self.link.failed(error)?;
            }
        }
        Ok(())
    }

    /// Takes the set in, whole, if there is a key in it that can be used: a set without one is a mistake of somebody's, and keys
    /// that must not be used any more are named by cutoffs.
    fn take(&mut self, fetched: FetchedKeys) -> Result<Result<Duration, TransportError>, Ended> {
        let state = self.link.state()?;
        let FetchedKeys { keys, max_age } = fetched;
        match keys {
            Fetched::New(bytes, tag) => {
                let is_usable = JwkSet::parse_usable(&bytes).is_ok_and(|keys| !keys.is_empty());
                if !is_usable || state.keys.accept(&bytes, state.wall_now(), max_age).is_err() {
                    return Ok(Err(TransportError::Malformed("the key set has no key that can be used")));
                }
                self.tag = tag;
            }
            Fetched::Unchanged if self.tag.is_some() => state.keys.revalidate(state.wall_now(), max_age),
            Fetched::Unchanged => {
                return Ok(Err(TransportError::Malformed("the answer is 304, and nothing was there before")));
            }
        }
        state.tally.key_fetches.one();
        state.keys_changed();
        Ok(Ok(max_age))
    }
}

/// Why the keys might be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// A token names a key that is not known.
    ByATokenNow,
    /// A look at the clock.
    ByTheClock,
    /// The last attempt failed.
    Again,
}

async fn retry(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// When keys may be fetched, on the boot clock. All pure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    due: Duration,
    /// Until when no token makes us fetch.
    cool: Duration,
}

impl Times {
    /// Whether to fetch now. If a token is why, the next one waits.
    fn allow(&mut self, wanted: Wanted, now: Duration) -> bool {
        match wanted {
            Wanted::Again => true,
            Wanted::ByTheClock => now >= self.due,
            Wanted::ByATokenNow if now >= self.cool => {
                self.cool = now + COOLDOWN;
                true
            }
            Wanted::ByATokenNow => false,
        }
    }

    /// The set is good until then, less up to a tenth, so that verifiers started together do not ask together for ever.
    fn fetched(&mut self, now: Duration, max_age: Duration, dice: Dice) {
        self.due = now + max_age.saturating_sub(dice.part_of(max_age / 10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn keys_are_due_at_the_start_and_when_their_age_has_passed() {
        let mut times = Times::default();
        assert!(times.allow(Wanted::ByTheClock, Duration::ZERO));
        times.fetched(SECOND, 100 * SECOND, Dice::throw());
        assert!(!times.allow(Wanted::ByTheClock, 90 * SECOND));
        assert!(times.allow(Wanted::ByTheClock, 101 * SECOND));
    }

    #[test]
    fn an_unknown_key_is_asked_for_once_in_ten_seconds() {
        let mut times = Times::default();
        times.fetched(Duration::ZERO, 100 * SECOND, Dice::throw());
        let allowed: Vec<u64> = (1..=30)
            .filter(|second| times.allow(Wanted::ByATokenNow, *second * SECOND))
            .map(u64::from)
            .collect();
        assert_eq!(allowed, [1, 11, 21]);
    }
}
