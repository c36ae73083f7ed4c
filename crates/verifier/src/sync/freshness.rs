//! How old what is known is: pure arithmetic on the service's stamps and the boot clock.
//!
//! The service says "I knew everything by `as_of`" on its clock; the question is when that was on ours. Their difference,
//! boot − server, is never seen, but every message bounds it. The answer to a request was stamped after the request was
//! sent: the difference is at least *sent* − `server_time`. Any message was stamped before it was read: it is at most
//! *received* − `server_time`. Counting with the least difference puts `as_of` as early as it can have been, so staleness
//! is never understated, and overstated by the round trip of the request at most. A message that lay in a buffer does not
//! move the least difference, so it shows as old as it is.
//!
//! Clocks drift against each other: the least difference goes down by [`DRIFT_PPM`] from the moment it was measured, and
//! after [`Offset::GOOD_FOR`] it is worth measuring anew. A message whose greatest difference is below the least one by more than
//! [`TOLERANCE`] contradicts: a clock was set, and nothing follows from anything.

use std::time::Duration;

use crate::clock::UnixMs;

/// How fast clocks may drift apart: what NTP slews by, which is more than quartz does.
const DRIFT_PPM: i128 = 500;
/// A contradiction smaller than this is not one: the network's and the clocks' own noise.
const TOLERANCE: i128 = 50_000_000;
/// Stamps are cut to the millisecond.
const STAMP_GRAIN: i128 = 1_000_000;
/// How far ahead of `server_time` an `as_of` may lie and still count, as if it were `server_time`: nodes' clocks are that
/// far apart at most. One further ahead was stamped before a clock was set back: it says nothing.
const MAX_SKEW: Duration = Duration::from_secs(2);
/// A message that seems later than the one measured by, and by more than this, may be what a clock looks like that was set back.
const CREDIBLE_DELAY: i128 = 2_000_000_000;
/// A request that took longer than this measured roughly: it may have waited for a connection first.
const ROUGH: i128 = 1_000_000_000;

/// When a message came, on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Just before the request was sent that this answers; `None` for a later event of a stream.
    pub(super) sent: Option<Duration>,
    /// Just after it was read.
    pub(super) received: Duration,
}

/// An instant on the boot clock, in nanoseconds; before the machine's start it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BootNs(i64);

impl BootNs {
    /// So long after the boot clock's zero.
    pub(super) fn at(elapsed: Duration) -> Self {
        Self(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
    }

    /// From what [`BootNs::as_i64`] gave.
    pub(super) fn from_i64(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The number, for an atomic.
    pub(super) fn as_i64(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it is later than this instant.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let nanos = i128::from(self.0) - i128::from(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }
}

/// The service's stamps contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockWasSet;

/// What one connection has shown of how the service's clock lies to the boot clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offset {
    least: Option<Least>,
    /// How old the last message seemed beyond what is certain.
    apparent_delay: i128,
}

#[derive(Clone, Copy, Debug)]
struct Least {
    /// boot − server, in nanoseconds.
    nanos: i128,
    /// When that held.
    at: Duration,
    /// How far apart the least and the greatest were then.
    round_trip: i128,
}

impl Least {
    /// What is left of it later on, clocks having drifted.
    fn by(self, now: Duration) -> i128 {
        self.nanos - nanos_of(now.saturating_sub(self.at)) * DRIFT_PPM / 1_000_000
    }
}

impl Offset {
    /// For so long it is measured well enough: by then staleness is overstated by 0.3 s.
    const GOOD_FOR: Duration = Duration::from_mins(10);
    /// If the request took long, for so long: staleness may be overstated by all of that.
    const ROUGH_FOR: Duration = Duration::from_mins(1);
    /// And so long before the delay that messages seem to have is taken as a reason to measure again.
    const DELAYS_FOR: Duration = Duration::from_secs(10);

    /// Takes in a message's stamp.
    pub(super) fn observe(&mut self, server_time: UnixMs, stamp: Stamp) -> Result<(), ClockWasSet> {
        let server = nanos_of_ms(server_time);
        let greatest = nanos_of(stamp.received) - server;
        if let Some(least) = self.least.map(|least| least.by(stamp.received)) {
            if greatest < least - TOLERANCE {
                return Err(ClockWasSet);
            }
            if greatest < least {
                self.least = Some(Least { nanos: greatest, at: stamp.received, round_trip: 0 });
            }
        }
        if let Some(sent) = stamp.sent.map(|sent| sent.min(stamp.received)) {
            let nanos = nanos_of(sent) - server - STAMP_GRAIN;
            let candidate = Least { nanos, at: sent, round_trip: greatest - nanos };
            let better = |known: Least| candidate.by(stamp.received) > known.by(stamp.received);
            if self.least.is_none_or(better) {
                self.least = Some(candidate);
            }
        }
        self.apparent_delay = self.least.map_or(0, |least| greatest - least.by(stamp.received));
        Ok(())
    }

    /// The earliest that `as_of` can have been, given by a message that has been observed; `None` if nothing follows.
    pub(super) fn earliest(&self, as_of: UnixMs, server_time: UnixMs, received: Duration) -> Option<BootNs> {
        if as_of > server_time.after(MAX_SKEW) {
            return None;
        }
        let least = self.least?.by(received);
        let earliest = (nanos_of_ms(as_of.min(server_time)) + least).min(nanos_of(received));
        // The least number stands for "never" elsewhere.
        Some(BootNs(i64::try_from(earliest).unwrap_or(i64::MIN).max(i64::MIN + 1)))
    }

    /// Whether the difference should be measured anew, by another request.
    pub(super) fn is_worn(&self, now: Duration) -> bool {
        let Some(least) = self.least else { return false };
        let age = now.saturating_sub(least.at);
        let good_for = if least.round_trip > ROUGH { Self::ROUGH_FOR } else { Self::GOOD_FOR };
        let is_late = self.apparent_delay > least.round_trip + CREDIBLE_DELAY;
        age > good_for || (is_late && age > Self::DELAYS_FOR)
    }
}

fn nanos_of(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX / 4)
}

fn nanos_of_ms(time: UnixMs) -> i128 {
    i128::from(time.as_millis()) * 1_000_000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Server time when the boot clock stood at zero.
    const EPOCH_MS: u64 = 1_795_262_400_000;
    const US: i128 = 1000;
    const MS: i128 = 1_000_000;

    /// A service whose clock runs `ppm` fast and is set now and then. All in nanoseconds of the boot clock.
    struct Server {
        ppm: i128,
        steps: Vec<(i128, i128)>,
    }

    impl Server {
        fn steady(ppm: i128) -> Self {
            Self { ppm, steps: Vec::new() }
        }

        /// What it stamps at an instant of the boot clock.
        fn stamp(&self, boot: i128) -> UnixMs {
            let stepped: i128 = self.steps.iter().filter(|(at, _)| *at <= boot).map(|(_, by)| by).sum();
            let nanos = boot + boot * self.ppm / 1_000_000 + i128::from(EPOCH_MS) * MS + stepped;
            UnixMs::from_millis(u64::try_from(nanos / MS).unwrap_or_default())
        }
    }

    /// One message: when the service stamped it, how long it took, how old `as_of` was then.
    #[derive(Clone, Copy, Debug)]
    struct Message {
        stamped: i128,
        delay: i128,
        as_of_age: i128,
    }

    fn duration(nanos: i128) -> Duration {
        Duration::from_nanos(u64::try_from(nanos).unwrap_or_default())
    }

    fn message() -> impl Strategy<Value = Message> {
        // Up to an hour after the request, up to a minute late, up to two minutes behind.
        (0..3_600_000_000_i128, 0..60_000_000_i128, 0..120_000_000_i128, 0..3_u8).prop_map(
            |(stamped, delay, age, kind)| Message {
                stamped: stamped * US,
                delay: if kind == 0 { 0 } else { delay * US },
                as_of_age: if kind == 1 { 0 } else { age * US },
            },
        )
    }

    /// A connection's request: sent, stamped so much later, read so much later again.
    fn request() -> impl Strategy<Value = (i128, i128, i128)> {
        (0..10_000_000_i128, 0..5_000_000_i128, 0..5_000_000_i128)
            .prop_map(|(sent, there, back)| (sent * US, there * US, back * US))
    }

    fn open(server: &Server, (sent, there, back): (i128, i128, i128)) -> Offset {
        let mut offset = Offset::default();
        let stamp = Stamp { sent: Some(duration(sent)), received: duration(sent + there + back) };
        offset.observe(server.stamp(sent + there), stamp).unwrap();
        offset
    }

    proptest! {
        #[test]
        fn staleness_is_never_understated_whatever_the_delays_and_the_order(
            ppm in -DRIFT_PPM..=DRIFT_PPM,
            request in request(),
            messages in prop::collection::vec(message(), 1..20),
        ) {
            let server = Server::steady(ppm);
            let mut offset = open(&server, request);
            let opened = request.0 + request.1 + request.2;
            for message in messages {
                let (stamped, received) = (opened + message.stamped, opened + message.stamped + message.delay);
                let (as_of, server_time) = (server.stamp(stamped - message.as_of_age), server.stamp(stamped));
                let stamp = Stamp { sent: None, received: duration(received) };
                prop_assert_eq!(offset.observe(server_time, stamp), Ok(()));
                let earliest = offset.earliest(as_of, server_time, stamp.received).unwrap();
                prop_assert!(i128::from(earliest.0) <= stamped - message.as_of_age);
            }
        }

        #[test]
        fn staleness_is_overstated_by_the_round_trip_and_the_drift_at_most(
            ppm in -DRIFT_PPM..=DRIFT_PPM,
            request in request(),
            mut messages in prop::collection::vec(message(), 1..20),
        ) {
            let server = Server::steady(ppm);
            let mut offset = open(&server, request);
            let (sent, round_trip) = (request.0, request.1 + request.2);
            messages.sort_by_key(|message| message.stamped);
            for message in messages {
                let stamped = sent + round_trip + message.stamped;
                let (as_of, server_time) = (server.stamp(stamped - message.as_of_age), server.stamp(stamped));
                let stamp = Stamp { sent: None, received: duration(stamped) };
                prop_assert_eq!(offset.observe(server_time, stamp), Ok(()));
                let earliest = offset.earliest(as_of, server_time, stamp.received).unwrap();
                let overstated = stamped - message.as_of_age - i128::from(earliest.0);
                // Ours, and the server's own: while connected and while `as_of` aged.
                let drift = (stamped - sent) * 2 * DRIFT_PPM / 1_000_000
                    + message.as_of_age * DRIFT_PPM / 1_000_000;
                prop_assert!(overstated <= round_trip + drift + 3 * STAMP_GRAIN, "{overstated}");
            }
        }

        #[test]
        fn no_stamp_whatsoever_is_taken_for_fresher_than_its_message(
            stamps in prop::collection::vec((any::<u64>(), any::<u64>(), 0..1u64 << 40, any::<bool>()), 1..20),
        ) {
            let mut offset = Offset::default();
            for (as_of, server_time, received, answers) in stamps {
                let (as_of, server_time) = (UnixMs::from_millis(as_of), UnixMs::from_millis(server_time));
                let received = Duration::from_nanos(received);
                let sent = answers.then_some(received / 2);
                if offset.observe(server_time, Stamp { sent, received }).is_err() {
                    continue;
                }
                if let Some(earliest) = offset.earliest(as_of, server_time, received) {
                    prop_assert!(earliest <= BootNs::at(received));
                }
            }
        }

        #[test]
        fn a_clock_set_forward_by_more_than_a_message_is_late_is_noticed_at_once(
            request in request(),
            message in message(),
            beyond in 1..3_600_000_i128,
        ) {
            let mut server = Server::steady(0);
            let mut offset = open(&server, request);
            let stamped = request.0 + request.1 + request.2 + message.stamped;
            let hidden = request.1 + message.delay + TOLERANCE + 2 * STAMP_GRAIN
                + (stamped + message.delay - request.0) * DRIFT_PPM / 1_000_000;
            server.steps.push((stamped, hidden + beyond * MS));
            let stamp = Stamp { sent: None, received: duration(stamped + message.delay) };
            prop_assert_eq!(offset.observe(server.stamp(stamped), stamp), Err(ClockWasSet));
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> UnixMs {
        UnixMs::from_millis(EPOCH_MS + millis)
    }

    /// Request sent at 1,000 ms, stamped at 1,010, read at 1,020.
    fn opened() -> Offset {
        open(&Server::steady(0), (1000 * MS, 10 * MS, 10 * MS))
    }

    #[test]
    fn nothing_follows_before_a_request_was_answered() {
        let mut offset = Offset::default();
        offset.observe(at(5), Stamp { sent: None, received: ms(5) }).unwrap();
        assert_eq!(offset.earliest(at(5), at(5), ms(5)), None);
    }

    #[test]
    fn an_as_of_before_the_machine_started_is_as_old_as_it_is() {
        let as_of = UnixMs::from_millis(EPOCH_MS - 3_600_000);
        let earliest = opened().earliest(as_of, at(1010), ms(1020)).unwrap();
        let staleness = BootNs::at(ms(1020)).since(earliest);
        assert!(staleness > Duration::from_hours(1), "{staleness:?}");
    }

    #[test]
    fn an_as_of_ahead_of_its_message_counts_as_the_message_or_not_at_all() {
        let offset = opened();
        let same = offset.earliest(at(1010), at(1010), ms(1020));
        assert_eq!(offset.earliest(at(3010), at(1010), ms(1020)), same);
        assert_eq!(offset.earliest(at(3011), at(1010), ms(1020)), None);
    }

    #[test]
    fn a_message_out_of_a_buffer_is_as_old_as_it_is() {
        let mut offset = opened();
        let late = Stamp { sent: None, received: ms(20_000) };
        offset.observe(at(2000), late).unwrap();
        let earliest = offset.earliest(at(2000), at(2000), late.received).unwrap();
        assert!(BootNs::at(late.received).since(earliest) >= ms(18_000));
    }

    #[test]
    fn a_second_request_of_the_connection_narrows_the_difference() {
        let mut offset = open(&Server::steady(0), (1000 * MS, 900 * MS, 0));
        let before = offset.earliest(at(1900), at(1900), ms(1900)).unwrap();
        assert_eq!(BootNs::at(ms(1900)).since(before).as_millis(), 901);
        offset.observe(at(2000), Stamp { sent: Some(ms(1999)), received: ms(2001) }).unwrap();
        let after = offset.earliest(at(2000), at(2000), ms(2001)).unwrap();
        assert_eq!(BootNs::at(ms(2001)).since(after).as_millis(), 3);
    }

    #[test]
    fn an_old_request_does_not_widen_it_again() {
        let mut offset = opened();
        // A heartbeat, stamped with the sending of the request that opened the stream.
        offset.observe(at(60_000), Stamp { sent: Some(ms(1000)), received: ms(60_001) }).unwrap();
        let earliest = offset.earliest(at(60_000), at(60_000), ms(60_001)).unwrap();
        assert!(BootNs::at(ms(60_001)).since(earliest) < ms(100));
    }

    #[test]
    fn it_wears_out_by_drift_and_by_delays_that_a_clock_set_back_would_show() {
        let mut offset = opened();
        let ten_minutes = Duration::from_mins(10);
        assert!(!offset.is_worn(ten_minutes));
        assert!(offset.is_worn(ten_minutes + ms(1001)));
        offset.observe(at(12_000), Stamp { sent: None, received: ms(12_010) }).unwrap();
        assert!(!offset.is_worn(ms(12_010)));
        offset.observe(at(9_000), Stamp { sent: None, received: ms(12_020) }).unwrap();
        assert!(offset.is_worn(ms(12_020)));
        assert!(!opened().is_worn(ms(1020)), "not at once: it may have been one late message");
        // Behind a line that is always slow, measuring again would show the same.
        let mut slow = open(&Server::steady(0), (1000 * MS, 0, 5000 * MS));
        slow.observe(at(12_000), Stamp { sent: None, received: ms(17_000) }).unwrap();
        assert!(!slow.is_worn(ms(17_000)));
        // And a first request that waited for its connection is not what to measure by for long.
        assert!(slow.is_worn(ms(61_001)));
        assert!(!opened().is_worn(ms(61_001)));
    }
}
