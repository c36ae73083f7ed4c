//! The verifiers that count: those that listen, and the ghosts of those that were cut off and may go on vouching for a
//! while. Pure bookkeeping, told what time it is.
//!
//! A place is the number of entries before it. Of how many stand at each place a count is kept, so that "has everybody come
//! this far" costs a look, however many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signet_verifier::ClientId;
use tokio::time::Instant;

use super::registry::{Applied, VerifierId, Waiting};

/// How many streams are open at most; one more is refused.
pub(super) const MAX_STREAMS: usize = 20_000;
/// How many ghosts one client has at most; of more, the ones that would end soonest are no longer waited for.
pub(super) const MAX_GHOSTS: usize = 20_000;
/// How many questions in a row an open stream leaves unanswered at most: 20 seconds of asking.
pub(super) const MAX_UNANSWERED: u32 = 80;

/// A stream's name.
pub(super) type StreamId = Arc<str>;

/// The feed has as many streams as it takes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_STREAMS} streams are open already")]
pub(super) struct TooManyStreams;

/// What an acknowledgement was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The verifier had not said so before.
    Advanced,
    /// It had.
    Known,
}

/// Set once another stream speaks for the same verifier, or it has left, or does not answer.
pub(super) type Superseded = Arc<AtomicBool>;

#[derive(Default)]
pub(super) struct Members {
    by_stream: HashMap<StreamId, Member>,
    /// The one stream, open or not, that speaks for each verifier that has a name.
    named: HashMap<VerifierId, StreamId>,
    places: BTreeMap<u64, usize>,
    /// By client, those that end soonest first.
    ghosts: HashMap<ClientId, BTreeSet<(Instant, StreamId)>>,
    connected: usize,
}

struct Member {
    verifier: VerifierId,
    place: u64,
    presence: Presence,
}

enum Presence {
    Listens { max_staleness: Duration, superseded: Superseded, unanswered: u32 },
    Ghost { until: Instant },
}

impl Members {
    /// Takes in a stream. What its verifier had before, open or not, no longer counts.
    pub(super) fn open(
        &mut self,
        stream: StreamId,
        verifier: VerifierId,
        place: u64,
        max_staleness: Duration,
    ) -> Result<Superseded, TooManyStreams> {
        let before = self.named.get(&verifier).cloned();
        // One that comes back takes the place that it may still have.
        let takes_over = before.as_deref().is_some_and(|before| self.listens(before));
        if self.connected >= MAX_STREAMS && !takes_over {
            return Err(TooManyStreams);
        }
        if let Some(before) = before {
            self.remove(&before);
        }
        if verifier.name.is_some() {
            self.named.insert(verifier.clone(), Arc::clone(&stream));
        }
        let superseded = Superseded::default();
        let presence =
            Presence::Listens { max_staleness, superseded: Arc::clone(&superseded), unanswered: 0 };
        *self.places.entry(place).or_default() += 1;
        self.connected += 1;
        self.by_stream.insert(stream, Member { verifier, place, presence });
        Ok(superseded)
    }

    /// Everything before the place is in force there. `None`: no such stream is open.
    pub(super) fn acknowledge(&mut self, stream: &str, place: u64) -> Option<Progress> {
        let member = self.by_stream.get_mut(stream)?;
        let Presence::Listens { unanswered, .. } = &mut member.presence else { return None };
        *unanswered = 0;
        if place <= member.place {
            return Some(Progress::Known);
        }
        let before = std::mem::replace(&mut member.place, place);
        self.leave_place(before);
        *self.places.entry(place).or_default() += 1;
        Some(Progress::Advanced)
    }

    /// The stream was cut off: its verifier counts until it can no longer vouch.
    pub(super) fn part(&mut self, stream: &str, now: Instant) {
        let Some((stream, _)) = self.by_stream.get_key_value(stream) else { return };
        let stream = Arc::clone(stream);
        let Some(member) = self.by_stream.get_mut(&stream) else { return };
        let Presence::Listens { max_staleness, superseded, .. } = &member.presence else { return };
        superseded.store(true, Ordering::Relaxed);
        let until = now + *max_staleness;
        member.presence = Presence::Ghost { until };
        self.connected -= 1;
        let ghosts = self.ghosts.entry(member.verifier.client.clone()).or_default();
        ghosts.insert((until, stream));
        if ghosts.len() > MAX_GHOSTS
            && let Some((_, soonest)) = ghosts.first().cloned()
        {
            tracing::warn!(
                client.id = %member.verifier.client,
                "verifiers of this client were cut off faster than they could be waited for: the oldest are not"
            );
            self.remove(&soonest);
        }
    }

    /// Those who have not come so far are asked once more. Whoever has left too many questions unanswered is cut off: to a
    /// connection, a machine that has vanished is one that takes its time, for a quarter of an hour.
    pub(super) fn question(&mut self, place: u64, now: Instant) {
        let mut mute = Vec::new();
        for (stream, member) in &mut self.by_stream {
            if let Presence::Listens { unanswered, .. } = &mut member.presence
                && member.place < place
            {
                *unanswered += 1;
                if *unanswered > MAX_UNANSWERED {
                    mute.push(Arc::clone(stream));
                }
            }
        }
        for stream in mute {
            self.part(&stream, now);
        }
    }

    /// The verifier vouches for nothing any more. `None`: no such stream, open or not.
    pub(super) fn leave(&mut self, stream: &str) -> Option<()> {
        self.remove(stream)
    }

    /// Lets go of the ghosts that can no longer vouch.
    pub(super) fn expire(&mut self, now: Instant) {
        let due = |ghosts: &BTreeSet<(Instant, StreamId)>| {
            ghosts
                .iter()
                .take_while(|(until, _)| *until <= now)
                .map(|(_, stream)| Arc::clone(stream))
                .collect()
        };
        let gone: Vec<Vec<StreamId>> = self.ghosts.values().map(due).collect();
        for stream in gone.into_iter().flatten() {
            self.remove(&stream);
        }
    }

    /// When [`Members::expire`] has something to do next.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.ghosts.values().filter_map(|ghosts| ghosts.first()).map(|(until, _)| *until).min()
    }

    /// The log is another one: nobody has anything of it yet.
    pub(super) fn forget_places(&mut self) {
        self.by_stream.values_mut().for_each(|member| member.place = 0);
        self.places = BTreeMap::from([(0, self.by_stream.len())]);
        self.places.retain(|_, count| *count > 0);
    }

    /// The place that everybody has reached; past every place if there is nobody.
    pub(super) fn lowest(&self) -> u64 {
        self.places.first_key_value().map_or(u64::MAX, |(place, _)| *place)
    }

    /// Whether this client opened the stream.
    pub(super) fn is_of(&self, client: &ClientId, stream: &str) -> bool {
        self.by_stream.get(stream).is_some_and(|member| member.verifier.client == *client)
    }

    /// How many streams are open.
    pub(super) fn connected(&self) -> usize {
        self.connected
    }

    /// Who has reached the place and who has not.
    pub(super) fn standing(&self, place: u64) -> Applied {
        let behind = self.by_stream.iter().filter(|(_, member)| member.place < place);
        let mut waiting_for: Vec<Waiting> =
            behind.map(|(stream, member)| member.waited_for(stream)).collect();
        let total = self.by_stream.len();
        let applied = total - waiting_for.len();
        waiting_for.sort_unstable();
        waiting_for.truncate(Applied::MAX_LISTED);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Applied { applied: count(applied), total: count(total), waiting_for }
    }

    fn listens(&self, stream: &str) -> bool {
        self.by_stream.get(stream).is_some_and(|member| matches!(member.presence, Presence::Listens { .. }))
    }

    fn remove(&mut self, stream: &str) -> Option<()> {
        let (stream, Member { verifier, place, presence }) = self.by_stream.remove_entry(stream)?;
        self.leave_place(place);
        match presence {
            Presence::Listens { superseded, .. } => {
                superseded.store(true, Ordering::Relaxed);
                self.connected -= 1;
            }
            Presence::Ghost { until } => {
                if let Some(ghosts) = self.ghosts.get_mut(&verifier.client) {
                    ghosts.remove(&(until, Arc::clone(&stream)));
                }
                self.ghosts.retain(|_, ghosts| !ghosts.is_empty());
            }
        }
        if self.named.get(&verifier) == Some(&stream) {
            self.named.remove(&verifier);
        }
        Some(())
    }

    fn leave_place(&mut self, place: u64) {
        if let Some(count) = self.places.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.places.remove(&place);
            }
        }
    }
}

impl Member {
    fn waited_for(&self, stream: &StreamId) -> Waiting {
        let verifier = Arc::clone(self.verifier.name.as_ref().unwrap_or(stream));
        Waiting { verifier, connected: matches!(self.presence, Presence::Listens { .. }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verifier(name: Option<u8>) -> VerifierId {
        let name = name.map(|name| Arc::from(format!("v{name}")));
        VerifierId { client: ClientId::parse("api").unwrap(), name }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Open { name: Option<u8>, place: u64, staleness: u64 },
        Acknowledge { nth: usize, place: u64 },
        Part { nth: usize },
        Leave { nth: usize },
        Pass { seconds: u64 },
        Forget,
    }

    fn a_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (prop::option::of(0..3_u8), 0..6_u64, 0..4_u64)
                .prop_map(|(name, place, staleness)| Step::Open { name, place, staleness }),
            4 => (0..12_usize, 0..6_u64).prop_map(|(nth, place)| Step::Acknowledge { nth, place }),
            3 => (0..12_usize).prop_map(|nth| Step::Part { nth }),
            1 => (0..12_usize).prop_map(|nth| Step::Leave { nth }),
            2 => (0..3_u64).prop_map(|seconds| Step::Pass { seconds }),
            1 => Just(Step::Forget),
        ]
    }

    /// The same in the plainest way: a list.
    struct Plain {
        stream: usize,
        name: Option<u8>,
        place: u64,
        staleness: u64,
        until: Option<u64>,
    }

    fn take(plain: &mut Vec<Plain>, step: &Step, stream: usize, now: &mut u64) {
        match *step {
            Step::Open { name, place, staleness } => {
                plain.retain(|one| name.is_none() || one.name != name);
                plain.push(Plain { stream, name, place, staleness, until: None });
            }
            Step::Acknowledge { nth, place } => {
                let of_it = plain.iter_mut().filter(|one| one.stream == nth && one.until.is_none());
                of_it.for_each(|one| one.place = one.place.max(place));
            }
            Step::Part { nth } => {
                let of_it = plain.iter_mut().filter(|one| one.stream == nth && one.until.is_none());
                of_it.for_each(|one| one.until = Some(*now + one.staleness));
            }
            Step::Leave { nth } => plain.retain(|one| one.stream != nth),
            Step::Pass { seconds } => {
                *now += seconds;
                plain.retain(|one| one.until.is_none_or(|until| until > *now));
            }
            Step::Forget => plain.iter_mut().for_each(|one| one.place = 0),
        }
    }

    fn stream(nth: usize) -> StreamId {
        format!("s{nth}").into()
    }

    proptest! {
        #[test]
        fn counting_comes_to_the_same_as_looking(steps in prop::collection::vec(a_step(), 1..60)) {
            let start = Instant::now();
            let (mut members, mut plain, mut now, mut streams) = (Members::default(), Vec::new(), 0, 0);
            for step in steps {
                match step.clone() {
                    Step::Open { name, place, staleness } => {
                        let staleness = Duration::from_secs(staleness);
                        members.open(stream(streams), verifier(name), place, staleness).unwrap();
                    }
                    Step::Acknowledge { nth, place } => drop(members.acknowledge(&stream(nth), place)),
                    Step::Part { nth } => members.part(&stream(nth), start + Duration::from_secs(now)),
                    Step::Leave { nth } => drop(members.leave(&stream(nth))),
                    Step::Pass { seconds } => members.expire(start + Duration::from_secs(now + seconds)),
                    Step::Forget => members.forget_places(),
                }
                take(&mut plain, &step, streams, &mut now);
                streams += usize::from(matches!(step, Step::Open { .. }));

                prop_assert_eq!(members.connected(), plain.iter().filter(|one| one.until.is_none()).count());
                prop_assert_eq!(members.lowest(), plain.iter().map(|one| one.place).min().unwrap_or(u64::MAX));
                let next = plain.iter().filter_map(|one| one.until).min();
                prop_assert_eq!(members.next_expiry(), next.map(|at| start + Duration::from_secs(at)));
                let standing = members.standing(3);
                let behind = plain.iter().filter(|one| one.place < 3).count();
                prop_assert_eq!(standing.total as usize, plain.len());
                prop_assert_eq!((standing.total - standing.applied) as usize, behind);
                prop_assert_eq!(standing.waiting_for.len(), behind);
            }
        }
    }

    #[test]
    fn so_many_streams_and_no_more() {
        let mut members = Members::default();
        for nth in 0..MAX_STREAMS {
            members.open(stream(nth), verifier(None), 0, Duration::ZERO).unwrap();
        }
        let one_more = members.open(stream(MAX_STREAMS), verifier(None), 0, Duration::ZERO);
        assert_eq!(one_more.err(), Some(TooManyStreams));
        members.part(&stream(0), Instant::now());
        assert!(members.open(stream(MAX_STREAMS), verifier(None), 0, Duration::ZERO).is_ok());
    }

    #[test]
    fn one_that_comes_back_needs_no_place_beside_its_own() {
        let mut members = Members::default();
        for nth in 0..MAX_STREAMS {
            let name = (nth == 0).then_some(1);
            members.open(stream(nth), verifier(name), 0, Duration::from_secs(9)).unwrap();
        }
        assert!(members.open(stream(MAX_STREAMS), verifier(Some(1)), 0, Duration::ZERO).is_ok());
        assert_eq!(members.connected(), MAX_STREAMS);
        assert!(members.open(stream(MAX_STREAMS + 1), verifier(Some(2)), 0, Duration::ZERO).is_err());
    }

    #[test]
    fn of_too_many_ghosts_of_a_client_the_one_that_ends_soonest_goes_and_other_clients_keep_theirs() {
        let (mut members, now) = (Members::default(), Instant::now());
        let other = VerifierId { client: ClientId::parse("other").unwrap(), name: None };
        members.open("other".into(), other, 0, Duration::from_secs(1)).unwrap();
        members.part("other", now);
        for nth in 0..=MAX_GHOSTS {
            let staleness = Duration::from_secs(if nth == 7 { 10 } else { 20 });
            members.open(stream(nth), verifier(None), 0, staleness).unwrap();
            members.part(&stream(nth), now);
        }
        assert_eq!(members.standing(1).total as usize, MAX_GHOSTS + 1);
        assert!(members.leave(&stream(7)).is_none());
        assert!(members.leave("other").is_some());
    }

    #[test]
    fn the_stream_of_a_verifier_that_came_back_is_told() {
        let mut members = Members::default();
        let older = members.open(stream(0), verifier(Some(1)), 0, Duration::ZERO).unwrap();
        let other = members.open(stream(1), verifier(Some(2)), 0, Duration::ZERO).unwrap();
        members.open(stream(2), verifier(Some(1)), 0, Duration::ZERO).unwrap();
        assert!(older.load(Ordering::Relaxed));
        assert!(!other.load(Ordering::Relaxed));
    }
}
