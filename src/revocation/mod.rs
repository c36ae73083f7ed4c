//! Keeps this node's in-memory denylist in step with the store.

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
    /// How far ahead of this node's clock a stored cutoff may plausibly lie; one further ahead is cut back and reported.
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
        let (position, cutoffs) = self.store.snapshot(now).await?;
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
                    entries.iter().for_each(|(_, cutoff)| self.apply(cutoff, now));
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
            self.denylist.apply(&self.plausible(access, now));
        }
    }

    fn apply(&self, cutoff: &Cutoff, now: UnixMs) {
        let access = cutoff.within_access_horizon(now, self.horizon.longest_access_ttl, self.horizon.leeway);
        self.denylist.apply(&self.plausible(access, now));
    }

    fn plausible(&self, mut cutoff: Cutoff, now: UnixMs) -> Cutoff {
        let furthest = now.after(self.horizon.furthest_ahead);
        if cutoff.issued_before > furthest {
            tracing::error!(
                scope = cutoff.scope.kind().name(),
                ahead_ms = cutoff.issued_before.since(now).as_millis(),
                "a stored cutoff lies too far ahead of this clock and was cut back: check the clocks"
            );
            cutoff.issued_before = furthest;
        }
        cutoff
    }

    fn position(&self) -> Option<Position> {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reached(&self, position: Position) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
    }
}
