//! How long to wait before the next attempt: longer each time, and never in step with others.

use std::time::Duration;

use super::transport::TransportError;
use crate::crypto;

/// Waits between attempts: exponential with full jitter, so that a thousand verifiers that lost one node at one moment do not
/// come back at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The ceiling of the first wait.
    const FIRST: Duration = Duration::from_millis(100);
    /// The ceiling of any.
    const LONGEST: Duration = Duration::from_secs(10);
    /// The ceiling of the first wait where nothing failed: the service said goodbye, and another node is there already.
    const AFTER_GOODBYE: Duration = Duration::from_millis(250);
    /// Who was refused, or asks the wrong issuer, needs an operator, not patience.
    const REFUSED: Duration = Duration::from_secs(10);

    /// How long to wait after this went wrong.
    pub(super) fn after(&mut self, error: &TransportError, dice: Dice) -> Duration {
        match error {
            TransportError::Refused(_) | TransportError::Issuer(_) => self.after_refusal(dice),
            TransportError::Unreachable(_)
            | TransportError::Status(_)
            | TransportError::Malformed(_)
            | TransportError::Feed(_)
            | TransportError::TooLarge => self.after_failure(dice),
        }
    }

    /// How long to wait after a failure.
    pub(super) fn after_failure(&mut self, dice: Dice) -> Duration {
        let ceiling = Self::FIRST.saturating_mul(1 << self.failures.min(16)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        dice.part_of(ceiling)
    }

    /// How long to wait after the service ended a stream in good order, or asked for a fresh start.
    pub(super) fn after_goodbye(&mut self, dice: Dice) -> Duration {
        if self.failures > 0 {
            return self.after_failure(dice);
        }
        self.failures = 1;
        dice.part_of(Self::AFTER_GOODBYE)
    }

    /// How long to wait after credentials were refused.
    fn after_refusal(&mut self, dice: Dice) -> Duration {
        self.failures = self.failures.saturating_add(1);
        Self::REFUSED + dice.part_of(Self::REFUSED)
    }

    /// It went well for long enough.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// One throw of chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u32);

impl Dice {
    /// Throws. Without randomness from the system the longest wait: jitter is a courtesy, not a safeguard.
    pub(super) fn throw() -> Self {
        Self(crypto::random().map_or(u32::MAX, u32::from_ne_bytes))
    }

    /// Some part of a duration, from none to all of it.
    pub(super) fn part_of(self, whole: Duration) -> Duration {
        whole.mul_f64(f64::from(self.0) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGHEST: Dice = Dice(u32::MAX);
    const LOWEST: Dice = Dice(0);

    #[test]
    fn waits_double_up_to_ten_seconds() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..9).map(|_| backoff.after_failure(HIGHEST).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
        backoff.reset();
        assert_eq!(backoff.after_failure(HIGHEST).as_millis(), 100);
    }

    #[test]
    fn a_wait_never_overflows_however_long_the_service_is_away() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.after_failure(HIGHEST), Backoff::LONGEST);
    }

    #[test]
    fn chance_makes_waits_anything_from_nothing_to_the_whole() {
        assert_eq!(LOWEST.part_of(Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(HIGHEST.part_of(Duration::from_secs(1)), Duration::from_secs(1));
        let thrown: Vec<Duration> = (0..8).map(|_| Dice::throw().part_of(Duration::from_secs(1))).collect();
        assert!(thrown.iter().any(|wait| *wait != thrown[0]), "{thrown:?}");
    }

    #[test]
    fn the_first_return_after_a_goodbye_is_quick_and_the_next_ones_are_not() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.after_goodbye(HIGHEST).as_millis(), 250);
        let later: Vec<u128> = (0..6).map(|_| backoff.after_goodbye(HIGHEST).as_millis()).collect();
        assert_eq!(later, [200, 400, 800, 1_600, 3_200, 6_400]);
    }

    #[test]
    fn who_was_refused_comes_back_slowly() {
        assert_eq!(Backoff::default().after_refusal(LOWEST), Duration::from_secs(10));
        assert_eq!(Backoff::default().after_refusal(HIGHEST), Duration::from_secs(20));
    }
}
