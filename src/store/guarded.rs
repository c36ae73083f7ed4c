//! A deadline and a breaker around an engine, so that a slow one is a lost one and callers do not queue up.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use signet_verifier::{Cutoff, SessionId, UnixMs};
use tokio::sync::Semaphore;
use tokio::time;

use super::breaker::Breaker;
use super::{Position, Store, StoreError, Swap, Tail};
use crate::session::register::Register;

/// The most calls under way at a time; one more is refused at once. Four full batches of the embedded engine's writer.
const IN_FLIGHT: usize = 1024;

/// An engine behind a deadline.
///
/// After a few calls in a row that were not answered, calls fail at once, and once a second one of them is let through
/// to find out. An engine that answers [`StoreError::Corrupt`] has answered.
pub struct GuardedStore {
    inner: Arc<dyn Store>,
    deadline: Duration,
    breaker: Breaker,
    in_flight: Semaphore,
}

/// How long reading all that lives may take.
const SNAPSHOT_DEADLINE: Duration = Duration::from_mins(1);

impl GuardedStore {
    /// Every call answers within `deadline` or is `Unavailable`; a snapshot, which may read everything, within a minute.
    pub fn new(inner: Arc<dyn Store>, deadline: Duration) -> Self {
        Self { inner, deadline, breaker: Breaker::new(), in_flight: Semaphore::new(IN_FLIGHT) }
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        self.guard_within(self.deadline, call).await
    }

    async fn guard_within<T>(
        &self,
        deadline: Duration,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        // Our own limit says nothing about the engine, so the breaker does not hear of it.
        let _slot =
            self.in_flight.try_acquire().map_err(|full| StoreError::Unavailable(Some(Box::new(full))))?;
        let pass = self.breaker.pass().ok_or(StoreError::Unavailable(None))?;
        let outcome = time::timeout(deadline, call)
            .await
            .unwrap_or_else(|late| Err(StoreError::Unavailable(Some(Box::new(late)))));
        match outcome {
            Err(StoreError::Unavailable(_)) => pass.failed(),
            Ok(_) | Err(StoreError::Corrupt(_)) => pass.succeeded(),
        }
        outcome
    }
}

#[async_trait]
impl Store for GuardedStore {
    async fn load_register(&self, sid: SessionId) -> Result<Option<Register>, StoreError> {
        self.guard(self.inner.load_register(sid)).await
    }

    async fn swap_register(
        &self,
        sid: SessionId,
        seen: Option<&Register>,
        new: &Register,
        expires_at: UnixMs,
    ) -> Result<Swap, StoreError> {
        self.guard(self.inner.swap_register(sid, seen, new, expires_at)).await
    }

    async fn append(&self, cutoffs: &[Cutoff]) -> Result<Position, StoreError> {
        self.guard(self.inner.append(cutoffs)).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.guard(self.inner.head()).await
    }

    async fn snapshot(&self, made_since: UnixMs, now: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
        // Read at start, before anybody is served, and for verifiers that start, who wait for it: as long as it takes,
        // within reason.
        self.guard_within(SNAPSHOT_DEADLINE, self.inner.snapshot(made_since, now)).await
    }

    async fn tail(&self, after: &Position, limit: usize) -> Result<Tail, StoreError> {
        self.guard(self.inner.tail(after, limit)).await
    }

    /// Without a deadline, and the breaker does not hear of it: to wait long is what it is for.
    async fn changed(&self, after: &Position) {
        self.inner.changed(after).await;
    }

    fn head_of_sole_writer(&self) -> Option<Position> {
        self.inner.head_of_sole_writer()
    }

    async fn sweep(&self, now: UnixMs) -> Result<u64, StoreError> {
        self.guard(self.inner.sweep(now)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::super::breaker::{FAILURES, PROBE_INTERVAL};
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(500);

    #[derive(Clone, Copy, PartialEq)]
    enum Mood {
        Answers,
        Refuses,
        Hangs,
        Damaged,
    }

    /// An engine in a mood, that counts how often it was asked for its head; nothing else is asked of it.
    struct Moody(Mutex<(Mood, u32)>);

    impl Moody {
        fn set(&self, mood: Mood) {
            self.0.lock().unwrap().0 = mood;
        }

        fn asked(&self) -> u32 {
            self.0.lock().unwrap().1
        }
    }

    #[async_trait]
    impl Store for Moody {
        async fn load_register(&self, _: SessionId) -> Result<Option<Register>, StoreError> {
            unreachable!()
        }

        async fn swap_register(
            &self,
            _: SessionId,
            _: Option<&Register>,
            _: &Register,
            _: UnixMs,
        ) -> Result<Swap, StoreError> {
            unreachable!()
        }

        async fn append(&self, _: &[Cutoff]) -> Result<Position, StoreError> {
            unreachable!()
        }

        async fn head(&self) -> Result<Position, StoreError> {
            let mood = {
                let mut state = self.0.lock().unwrap();
                state.1 += 1;
                state.0
            };
            match mood {
                Mood::Answers => Ok(Position::default()),
                Mood::Refuses => Err(StoreError::Unavailable(None)),
                Mood::Hangs => std::future::pending().await,
                Mood::Damaged => Err(StoreError::Corrupt("a test")),
            }
        }

        async fn snapshot(&self, _: UnixMs, _: UnixMs) -> Result<(Position, Vec<Cutoff>), StoreError> {
            unreachable!()
        }

        async fn tail(&self, _: &Position, _: usize) -> Result<Tail, StoreError> {
            unreachable!()
        }

        async fn changed(&self, _: &Position) {
            unreachable!()
        }

        async fn sweep(&self, _: UnixMs) -> Result<u64, StoreError> {
            unreachable!()
        }
    }

    fn guarded(mood: Mood) -> (Arc<Moody>, GuardedStore) {
        let engine = Arc::new(Moody(Mutex::new((mood, 0))));
        (engine.clone(), GuardedStore::new(engine, DEADLINE))
    }

    /// With the breaker opened by as many failures as it takes.
    async fn lost() -> (Arc<Moody>, GuardedStore) {
        let (engine, store) = guarded(Mood::Refuses);
        for _ in 0..FAILURES {
            assert!(store.head().await.is_err());
        }
        assert_eq!(engine.asked(), FAILURES);
        (engine, store)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_at_the_deadline() {
        let (_engine, store) = guarded(Mood::Hangs);
        let began = Instant::now();
        assert!(matches!(store.head().await, Err(StoreError::Unavailable(Some(_)))));
        assert_eq!(began.elapsed(), DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_engine_is_not_asked_and_nobody_waits() {
        let (engine, store) = lost().await;
        engine.set(Mood::Hangs);
        let began = Instant::now();
        assert!(matches!(store.head().await, Err(StoreError::Unavailable(None))));
        assert_eq!((began.elapsed(), engine.asked()), (Duration::ZERO, FAILURES));
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_in_a_row_count() {
        let (engine, store) = guarded(Mood::Refuses);
        for mood in [Mood::Answers, Mood::Damaged, Mood::Answers] {
            engine.set(Mood::Refuses);
            for _ in 1..FAILURES {
                assert!(store.head().await.is_err());
            }
            engine.set(mood);
            assert!(!matches!(store.head().await, Err(StoreError::Unavailable(_))), "it is still asked");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn once_a_second_one_caller_finds_out() {
        let (engine, store) = lost().await;
        time::advance(PROBE_INTERVAL / 2).await;
        assert!(store.head().await.is_err());
        assert_eq!(engine.asked(), FAILURES);

        time::advance(PROBE_INTERVAL / 2).await;
        engine.set(Mood::Hangs);
        let (first, second) = tokio::join!(store.head(), store.head());
        assert!(first.is_err() && second.is_err());
        assert_eq!(engine.asked(), FAILURES + 1, "one of the two");

        engine.set(Mood::Answers);
        assert!(store.head().await.is_err(), "the probe failed: another second");
        time::advance(PROBE_INTERVAL).await;
        assert!(store.head().await.is_ok());
        assert!(store.head().await.is_ok(), "the probe succeeded: everybody may");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_went_away_is_left_to_the_next() {
        let (engine, store) = lost().await;
        time::advance(PROBE_INTERVAL).await;
        engine.set(Mood::Hangs);
        assert!(time::timeout(DEADLINE / 2, store.head()).await.is_err());
        engine.set(Mood::Answers);
        assert!(store.head().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_the_limit_are_refused_and_do_not_count_as_failures() {
        let (engine, store) = guarded(Mood::Hangs);
        let store = Arc::new(store);
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let store = store.clone();
            waiting.spawn(async move { store.head().await.is_ok() });
        }
        let limit = u32::try_from(IN_FLIGHT).unwrap();
        while engine.asked() < limit {
            tokio::task::yield_now().await;
        }
        for _ in 0..=FAILURES {
            assert!(store.head().await.is_err());
        }
        assert_eq!(engine.asked(), limit);
        waiting.abort_all();
        while waiting.join_next().await.is_some() {}
        engine.set(Mood::Answers);
        assert!(store.head().await.is_ok());
    }
}
