//! Follows the store's log of cutoffs into the in-memory denylist.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signet_verifier::{Cutoff, Denylist, UnixMs};

use crate::store::{Position, Store, StoreError, Tail};

/// How far memory looks: what access tokens need.
#[derive(Clone, Copy, Debug)]
pub struct AccessHorizon {
    /// The longest life of an access token.
    pub longest_access_ttl: Duration,
    /// How far clocks may be apart.
    pub leeway: Duration,
    /// How far ahead of this node's clock a stored cutoff may plausibly lie; one further ahead is reported.
    pub furthest_ahead: Duration,
}

/// Follows the store's log into the denylist.
pub struct Follower {
    store: Arc<dyn Store>,
    denylist: Arc<Denylist>,
    horizon: AccessHorizon,
    /// Up to where the log has been applied; none before the first snapshot.
    position: Mutex<Option<Position>>,
}

/// How many entries are taken from the log at once.
const BATCH: usize = 1000;

impl Follower {
    /// A follower that has not loaded anything yet.
    pub fn new(store: Arc<dyn Store>, denylist: Arc<Denylist>, horizon: AccessHorizon) -> Self {
        Self { store, denylist, horizon, position: Mutex::new(None) }
    }

    /// Loads the snapshot. Before this has succeeded once, the denylist vouches for nothing. Says how many cutoffs live.
    pub async fn load(&self, now: UnixMs) -> Result<usize, StoreError> {
        let (position, cutoffs) = self.store.snapshot(UnixMs::default(), now).await?;
        for cutoff in &cutoffs {
            self.apply_from_snapshot(cutoff, now);
        }
        self.reached(position);
        Ok(self.denylist.len())
    }

    /// Applies what has come since. A log that was trimmed, rolled back or replaced is loaded anew.
    pub async fn catch_up(&self, now: UnixMs) -> Result<(), StoreError> {
        loop {
            let Some(position) = self.position() else { return self.load(now).await.map(drop) };
            match self.store.tail(&position, BATCH).await? {
                Tail::Gap => return self.load(now).await.map(drop),
                Tail::Entries(entries) => {
                    let Some((last, _)) = entries.last() else { return Ok(()) };
                    // Whoever had not heard of it may have minted tokens until now: they must outlive it nowhere.
                    for (_, cutoff) in &entries {
                        self.apply(cutoff, now);
                    }
                    self.reached(*last);
                }
            }
        }
    }

    /// What the snapshot holds was heard of when it was made, by this node before it stopped or by another: its tokens are
    /// as old as it is. One past the access horizon is nobody's business here.
    fn apply_from_snapshot(&self, cutoff: &Cutoff, now: UnixMs) {
        let (ttl, leeway) = (self.horizon.longest_access_ttl, self.horizon.leeway);
        let access = cutoff.within_access_horizon(cutoff.made_at, ttl, leeway);
        if access.expires_at > now {
            self.report_if_far_ahead(&access, now);
            self.denylist.apply(&access);
        }
    }

    fn apply(&self, cutoff: &Cutoff, now: UnixMs) {
        let access = cutoff.within_access_horizon(now, self.horizon.longest_access_ttl, self.horizon.leeway);
        self.report_if_far_ahead(&access, now);
        self.denylist.apply(&access);
    }

    /// A clock was wrong, here or elsewhere. The cutoff stays as it is: what is issued meanwhile takes a time not before it
    /// and works, and cutting it back here but not in the log would deny at refresh what was issued under the cut.
    fn report_if_far_ahead(&self, cutoff: &Cutoff, now: UnixMs) {
        if cutoff.issued_before > now.after(self.horizon.furthest_ahead) {
            tracing::error!(
                scope = cutoff.scope.kind().name(),
                ahead_ms = cutoff.issued_before.since(now).as_millis(),
                "a stored cutoff lies further ahead of this clock than any clock should be: check the clocks"
            );
        }
    }

    fn position(&self) -> Option<Position> {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, position: Position) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use signet_verifier::{ClientId, Effect, Scope, Subject};

    use super::*;
    use crate::store::MemoryStore;

    const NOW: UnixMs = UnixMs::from_secs(1_795_000_000);
    const TTL: Duration = Duration::from_mins(5);

    fn follower(store: &Arc<MemoryStore>) -> Follower {
        let horizon = AccessHorizon {
            longest_access_ttl: TTL,
            leeway: Duration::ZERO,
            furthest_ahead: Duration::from_secs(4),
        };
        let store = Arc::clone(store);
        Follower::new(store, Arc::new(Denylist::default()), horizon)
    }

    fn logout(subject: &str, issued_before: UnixMs) -> Cutoff {
        Cutoff {
            scope: Scope::Sub(Subject::parse(subject).unwrap()),
            effect: Effect::Logout,
            issued_before,
            made_at: issued_before,
            expires_at: issued_before.after(Duration::from_hours(30 * 24)),
            reason: None,
            kept: None,
            claims: BTreeMap::new(),
        }
    }

    /// Before when new sessions of the subject would be denied.
    fn latest(follower: &Follower, subject: &str) -> UnixMs {
        let (subject, client) = (Subject::parse(subject).unwrap(), ClientId::parse("app").unwrap());
        follower.denylist.latest(&follower.denylist.keys(&subject, &client, ["api"], &serde_json::Map::new()))
    }

    #[tokio::test]
    async fn what_was_there_and_what_comes_is_applied_once_it_was_heard_of() {
        let store = Arc::new(MemoryStore::new([1; 8]));
        store.append(&[logout("a", NOW)]).await.unwrap();
        let follower = follower(&store);
        follower.catch_up(NOW).await.unwrap();
        assert_eq!((latest(&follower, "a"), latest(&follower, "b")), (NOW, UnixMs::default()));
        let many: Vec<Cutoff> = (0..=2 * BATCH).map(|n| logout(&format!("s{n}"), NOW)).collect();
        store.append(&many).await.unwrap();
        follower.catch_up(NOW).await.unwrap();
        assert_eq!(follower.denylist.len(), 2 * BATCH + 2);
        // Its own come back to it.
        let denylist = Arc::clone(&follower.denylist);
        assert!(!denylist.apply(&logout("a", NOW).within_access_horizon(NOW, TTL, Duration::ZERO)));
    }

    #[tokio::test]
    async fn a_log_that_was_swept_away_under_it_is_loaded_anew() {
        let store = Arc::new(MemoryStore::new([1; 8]));
        let follower = follower(&store);
        follower.catch_up(NOW).await.unwrap();
        let gone = Cutoff { expires_at: NOW.after(TTL), ..logout("gone", NOW) };
        store.append(&[gone, logout("a", NOW)]).await.unwrap();
        store.sweep(NOW.after(TTL)).await.unwrap();
        follower.catch_up(NOW.after(TTL)).await.unwrap();
        store.append(&[logout("b", NOW.after(TTL))]).await.unwrap();
        follower.catch_up(NOW.after(TTL)).await.unwrap();
        assert_eq!(latest(&follower, "b"), NOW.after(TTL));
    }

    #[tokio::test]
    async fn what_access_tokens_cannot_outlive_is_not_held_and_what_lies_too_far_ahead_is_kept_as_it_is() {
        let store = Arc::new(MemoryStore::new([1; 8]));
        let ahead = NOW.after(Duration::from_hours(1));
        store.append(&[logout("old", NOW.before(TTL)), logout("ahead", ahead)]).await.unwrap();
        let follower = follower(&store);
        follower.load(NOW).await.unwrap();
        assert_eq!(latest(&follower, "old"), UnixMs::default());
        assert_eq!(latest(&follower, "ahead"), ahead);
    }

    #[tokio::test]
    async fn what_was_dated_early_is_held_for_as_long_as_tokens_made_until_it_was_heard_of_live() {
        let store = Arc::new(MemoryStore::new([1; 8]));
        let follower = follower(&store);
        follower.catch_up(NOW).await.unwrap();
        store.append(&[logout("a", NOW.before(Duration::from_hours(1)))]).await.unwrap();
        follower.catch_up(NOW).await.unwrap();
        assert_eq!(follower.denylist.sweep(NOW.after(TTL).before(Duration::from_secs(1))), 0);
        assert_eq!(follower.denylist.sweep(NOW.after(TTL).after(Duration::from_secs(1))), 1);
    }
}
