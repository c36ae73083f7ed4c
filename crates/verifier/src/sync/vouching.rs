//! Whether the verifier vouches, and how stale it is: three numbers that every verification reads and waits for nobody.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::freshness::BootNs;
use crate::clock::UnixMs;

/// Stands for "vouches for nothing".
const NEVER: i64 = i64::MIN;

/// By how much the wall clock may move against the boot clock: what has expired is forgotten by the wall clock, and a
/// denial forgotten too soon would let a revoked token in.
pub(super) const MAX_WALL_STEP: Duration = Duration::from_secs(2);

/// Both clocks, read one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instants {
    pub(super) wall: UnixMs,
    pub(super) boot: Duration,
}

impl Instants {
    fn wall_minus_boot(self) -> i64 {
        let millis = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
        millis(self.wall.as_millis().into()) - millis(self.boot.as_millis())
    }

    /// What a clock shows that is so far ahead of the boot clock.
    fn ahead_of_boot(self, by: i64) -> UnixMs {
        let boot = i64::try_from(self.boot.as_millis()).unwrap_or(i64::MAX);
        UnixMs::from_millis(u64::try_from(by.saturating_add(boot)).unwrap_or_default())
    }
}

/// What is found when one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// Everything is known that the service knew so long ago.
    Vouching(Duration),
    /// A snapshot is needed.
    Lost,
    /// The wall clock moved, and nobody has noticed yet: see [`Vouching::give_up_if`].
    WallMoved,
}

/// Written by whoever learns, read by every verification.
#[derive(Debug)]
pub(super) struct Vouching {
    /// When everything was known: [`BootNs`], or [`NEVER`].
    as_of: AtomicI64,
    /// The same, and it stays when the state is lost: how long a connection that was let in before may go on.
    heard: AtomicI64,
    /// wall − boot at the last snapshot, in milliseconds.
    anchor: AtomicI64,
    /// service − boot by the last message, in milliseconds: the service's clock shows this at least.
    service: AtomicI64,
}

impl Default for Vouching {
    fn default() -> Self {
        Self {
            as_of: AtomicI64::new(NEVER),
            heard: AtomicI64::new(NEVER),
            anchor: AtomicI64::new(0),
            service: AtomicI64::new(NEVER),
        }
    }
}

impl Vouching {
    /// A snapshot is in force; `None`: its stamps say nothing of when it was true, which is long ago.
    pub(super) fn begin(&self, as_of: Option<BootNs>, now: Instants) {
        self.anchor.store(now.wall_minus_boot(), Ordering::Release);
        let as_of = as_of.map_or(NEVER + 1, BootNs::as_i64);
        self.heard.fetch_max(as_of, Ordering::AcqRel);
        self.as_of.store(as_of, Ordering::Release);
    }

    /// Everything was known by `as_of`. Never moves back, and makes nothing good that was lost.
    pub(super) fn advance(&self, as_of: BootNs) {
        let later = |known| (known != NEVER && known < as_of.as_i64()).then(|| as_of.as_i64());
        if self.as_of.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).is_ok() {
            self.heard.fetch_max(as_of.as_i64(), Ordering::AcqRel);
        }
    }

    /// Vouches for nothing any more; says whether it did before.
    pub(super) fn give_up(&self) -> bool {
        self.as_of.swap(NEVER, Ordering::AcqRel) != NEVER
    }

    /// The same if the wall clock has moved indeed, and no snapshot came in between; says whether it gave up.
    pub(super) fn give_up_if_moved(&self, now: Instants) -> bool {
        let seen = self.as_of.load(Ordering::Acquire);
        // Whatever changes `as_of` from here on has the exchange fail, and the next to look sees.
        seen != NEVER
            && self.has_moved(now)
            && self.as_of.compare_exchange(seen, NEVER, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Looks.
    pub(super) fn outlook(&self, now: Instants) -> Outlook {
        let as_of = self.as_of.load(Ordering::Acquire);
        if as_of == NEVER {
            return Outlook::Lost;
        }
        if self.has_moved(now) {
            return Outlook::WallMoved;
        }
        Outlook::Vouching(BootNs::at(now.boot).since(BootNs::from_i64(as_of)))
    }

    /// How long ago everything was known, whatever happened since; `None`: never.
    pub(super) fn since_heard(&self, boot: Duration) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Acquire);
        (heard != NEVER).then(|| BootNs::at(boot).since(BootNs::from_i64(heard)))
    }

    /// A message came that was stamped so by the service.
    pub(super) fn hear_clock(&self, server_time: UnixMs, received: Duration) {
        let stamped = Instants { wall: server_time, boot: received };
        self.service.store(stamped.wall_minus_boot(), Ordering::Release);
    }

    /// By what tokens are judged: the later of the wall clock and the service's, which forgets a denial once every token
    /// that it denies has expired by its own. A wall clock that is behind would revive such tokens.
    pub(super) fn token_time(&self, now: Instants) -> UnixMs {
        now.wall.max(now.ahead_of_boot(self.service.load(Ordering::Acquire)))
    }

    /// The same, or what the wall clock would show had nobody set it if that is later: by this no token looks younger than
    /// it is.
    pub(super) fn latest_wall(&self, now: Instants) -> UnixMs {
        self.token_time(now).max(now.ahead_of_boot(self.anchor.load(Ordering::Acquire)))
    }

    fn has_moved(&self, now: Instants) -> bool {
        let moved = now.wall_minus_boot().abs_diff(self.anchor.load(Ordering::Acquire));
        u128::from(moved) > MAX_WALL_STEP.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn now(wall: u64, boot: u64) -> Instants {
        Instants { wall: UnixMs::from_millis(1_800_000_000_000 + wall), boot: Duration::from_millis(boot) }
    }

    fn boot(millis: u64) -> BootNs {
        BootNs::at(Duration::from_millis(millis))
    }

    fn vouching() -> Vouching {
        let vouching = Vouching::default();
        vouching.begin(Some(boot(900)), now(1000, 1000));
        vouching
    }

    fn staleness(millis: u64) -> Outlook {
        Outlook::Vouching(Duration::from_millis(millis))
    }

    #[test]
    fn nothing_is_vouched_for_before_the_first_snapshot_and_news_do_not_change_that() {
        let vouching = Vouching::default();
        vouching.advance(boot(1000));
        assert_eq!(vouching.outlook(now(1000, 1000)), Outlook::Lost);
        assert_eq!(vouching.since_heard(Duration::from_secs(1)), None);
    }

    #[test]
    fn staleness_grows_with_the_boot_clock_and_news_only_lower_it() {
        let vouching = vouching();
        assert_eq!(vouching.outlook(now(1500, 1500)), staleness(600));
        vouching.advance(boot(1400));
        assert_eq!(vouching.outlook(now(1500, 1500)), staleness(100));
        vouching.advance(boot(1200));
        assert_eq!(vouching.outlook(now(1500, 1500)), staleness(100));
    }

    #[test]
    fn what_was_lost_comes_back_with_a_snapshot_and_with_nothing_else() {
        let vouching = vouching();
        assert!(vouching.give_up());
        assert!(!vouching.give_up(), "once");
        vouching.advance(boot(1400));
        assert_eq!(vouching.outlook(now(1500, 1500)), Outlook::Lost);
        assert_eq!(vouching.since_heard(Duration::from_millis(1500)), Some(Duration::from_millis(600)));
        vouching.begin(Some(boot(1450)), now(1500, 1500));
        assert_eq!(vouching.outlook(now(1500, 1500)), staleness(50));
    }

    #[test]
    fn a_snapshot_that_says_nothing_of_its_time_is_infinitely_stale() {
        let vouching = Vouching::default();
        vouching.begin(None, now(1000, 1000));
        let Outlook::Vouching(staleness) = vouching.outlook(now(1000, 1000)) else { panic!("lost") };
        assert!(staleness > Duration::from_hours(24 * 365 * 100));
    }

    #[test]
    fn a_wall_clock_moved_by_more_than_two_seconds_either_way_is_noticed() {
        let vouching = vouching();
        for (by, moved) in [(2000, false), (2001, true), (MINUTE, true)] {
            for instants in [now(1000 + by, 1000), now(1000, 1000 + by)] {
                assert_eq!(vouching.outlook(instants) == Outlook::WallMoved, moved, "{instants:?}");
            }
            assert_ne!(vouching.outlook(now(1000 + by, 1000 + by)), Outlook::WallMoved);
        }
    }

    #[test]
    fn to_give_up_over_a_moved_clock_takes_one_that_has_moved_against_the_latest_snapshot() {
        let vouching = vouching();
        let moved = now(MINUTE, 1000);
        assert!(!vouching.give_up_if_moved(now(2000, 2000)));
        vouching.begin(Some(boot(1000)), moved);
        assert!(!vouching.give_up_if_moved(moved));
        assert!(vouching.give_up_if_moved(now(1000, 1000)));
        assert!(!vouching.give_up_if_moved(now(1000, 1000)), "once");
    }

    #[test]
    fn tokens_are_judged_by_the_wall_clock_unless_the_services_is_ahead() {
        let vouching = Vouching::default();
        assert_eq!(vouching.token_time(now(7, 1000)), now(7, 0).wall);
        vouching.hear_clock(now(5000, 0).wall, Duration::from_secs(1));
        assert_eq!(vouching.token_time(now(9000, 2000)), now(9000, 0).wall);
        assert_eq!(vouching.token_time(now(7, 2000)), now(6000, 0).wall);
        vouching.hear_clock(UnixMs::from_millis(u64::MAX), Duration::ZERO);
        vouching.hear_clock(UnixMs::default(), Duration::MAX);
        assert_eq!(vouching.token_time(now(7, 2000)), now(7, 0).wall, "no stamp overflows");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_token_look_younger() {
        let vouching = vouching();
        assert_eq!(vouching.latest_wall(now(1000, 1000 + MINUTE)), now(1000 + MINUTE, 0).wall);
        assert_eq!(vouching.latest_wall(now(9 * MINUTE, 1000)), now(9 * MINUTE, 0).wall);
    }
}
