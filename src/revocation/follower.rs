//! Follows the store's log of cutoffs into the in-memory denylist, and hands it on to the feed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signet_verifier::{Cutoff, Denylist, UnixMs};

use super::feed::{Feed, Standing};
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

impl AccessHorizon {
    /// No access token of `now` was touched by a cutoff whose times both lie before this.
    pub(super) fn reaches_back_to(self, now: UnixMs) -> UnixMs {
        now.before(self.longest_access_ttl).before(self.leeway)
    }

    /// The cutoff as those need it who only see access tokens, if it was heard of when it was made: by this node before it
    /// stopped, or by another. `None`: every token that it denies has expired by itself.
    pub(super) fn made_within(self, cutoff: &Cutoff, now: UnixMs) -> Option<Cutoff> {
        let access = cutoff.within_access_horizon(cutoff.made_at, self.longest_access_ttl, self.leeway);
        (access.expires_at > now).then_some(access)
    }

    /// The same if it is heard of only now. Whoever had not heard of it may have minted tokens until now: they must outlive it
    /// nowhere.
    pub(super) fn heard_now(self, cutoff: &Cutoff, now: UnixMs) -> Cutoff {
        cutoff.within_access_horizon(now, self.longest_access_ttl, self.leeway)
    }
}

/// Follows the store's log into the denylist, and what is in force there on to the feed.
pub struct Follower {
    store: Arc<dyn Store>,
    denylist: Arc<Denylist>,
    feed: Arc<Feed>,
    horizon: AccessHorizon,
    /// Held by whoever follows: what is handed on keeps the log's order.
    turn: tokio::sync::Mutex<()>,
    /// Up to where the log has been applied; none before the first snapshot.
    position: Mutex<Option<Position>>,
}

/// How many entries are taken from the log at once.
const BATCH: usize = 1000;

impl Follower {
    /// A follower that has not loaded anything yet.
    pub fn new(
        store: Arc<dyn Store>,
        denylist: Arc<Denylist>,
        feed: Arc<Feed>,
        horizon: AccessHorizon,
    ) -> Self {
        Self {
            store,
            denylist,
            feed,
            horizon,
            turn: tokio::sync::Mutex::default(),
            position: Mutex::new(None),
        }
    }

    /// Loads the snapshot. Before this has succeeded once, the denylist vouches for nothing. Says how many cutoffs live.
    pub async fn load(&self, now: UnixMs) -> Result<usize, StoreError> {
        let _turn = self.turn.lock().await;
        self.load_in_turn(now).await
    }

    /// Applies what has come since. A log that was trimmed, rolled back or replaced is loaded anew.
    pub async fn catch_up(&self, now: UnixMs) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let followed = self.follow_in_turn(now).await;
        if followed.is_err() {
            self.confirm_unmoved(now);
        }
        followed
    }

    async fn follow_in_turn(&self, now: UnixMs) -> Result<(), StoreError> {
        loop {
            let Some(position) = self.position() else { return self.load_in_turn(now).await.map(drop) };
            match self.store.tail(&position, BATCH).await? {
                Tail::Gap => return self.load_in_turn(now).await.map(drop),
                Tail::Entries(entries) => {
                    let standing = if entries.len() < BATCH { Standing::AtHead } else { Standing::Behind };
                    self.take_in(position, &entries, standing, now);
                    if standing == Standing::AtHead {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// A log that nobody else writes to, and that we have not moved, holds nothing new, readable or not: verifiers need not grow
    /// stale because this node's disk is away, which takes no revocations meanwhile.
    fn confirm_unmoved(&self, now: UnixMs) {
        let position = self.position();
        if let Some(position) = position.filter(|_| self.store.head_of_sole_writer() == position) {
            self.feed.publish(position, &[], Standing::AtHead, now);
        }
    }

    /// Returns when there may be something to catch up with.
    pub async fn changed(&self) {
        if let Some(position) = self.position() {
            self.store.changed(&position).await;
        }
    }

    async fn load_in_turn(&self, now: UnixMs) -> Result<usize, StoreError> {
        let since = self.horizon.reaches_back_to(now);
        let (position, cutoffs) = self.store.snapshot(since, now).await?;
        for access in cutoffs.iter().filter_map(|cutoff| self.horizon.made_within(cutoff, now)) {
            self.apply(&access, now);
        }
        self.feed.reset(position, now);
        self.reached(position);
        Ok(self.denylist.len())
    }

    /// In force here first, then for others. No await in between: whoever stops following has done both or neither.
    fn take_in(&self, from: Position, entries: &[(Position, Cutoff)], standing: Standing, now: UnixMs) {
        let heard = entries.iter().map(|(position, cutoff)| (*position, self.horizon.heard_now(cutoff, now)));
        let access: Vec<(Position, Cutoff)> = heard.collect();
        for (_, cutoff) in &access {
            self.apply(cutoff, now);
        }
        self.feed.publish(from, &access, standing, now);
        if let Some((last, _)) = access.last() {
            self.reached(*last);
        }
    }

    fn apply(&self, access: &Cutoff, now: UnixMs) {
        self.report_if_far_ahead(access, now);
        self.denylist.apply(access);
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

    use signet_verifier::{ClientId, Effect, Limits, Scope, Subject};

    use super::*;
    use crate::random::SystemRandom;
    use crate::revocation::FeedParts;
    use crate::store::MemoryStore;

    const NOW: UnixMs = UnixMs::from_secs(1_795_000_000);
    const TTL: Duration = Duration::from_mins(5);

    fn follower(store: &Arc<MemoryStore>) -> Follower {
        let horizon = AccessHorizon {
            longest_access_ttl: TTL,
            leeway: Duration::ZERO,
            furthest_ahead: Duration::from_secs(4),
        };
        let limits = Limits { longest_access_ttl: TTL, leeway: Duration::ZERO, revocable_claims: Vec::new() };
        let feed = Feed::new(FeedParts {
            store: Arc::clone(store) as _,
            limits,
            horizon,
            random: Arc::new(SystemRandom::new()),
            applied_after: Arc::new(|_| ()),
        });
        Follower::new(Arc::clone(store) as _, Arc::new(Denylist::default()), Arc::new(feed), horizon)
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
