//! What every world is made of: random numbers, an agenda of events, one session as the nodes see it, and clients.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use signet::session::register::{Outcome, Presented, RefreshId, Register, Theft, decide};
use signet_verifier::UnixMs;

/// W of the design, in the worlds' milliseconds.
pub(crate) const WINDOW: u64 = 10_000;

/// The life of an access token: what thieves' times are measured in.
pub(crate) const ACCESS_LIFE: u64 = 300_000;

pub(crate) const SECOND: u64 = 1000;
pub(crate) const DAY: u64 = 86_400 * SECOND;

/// Where the worlds' time begins: late enough that no clock behind another falls off the epoch.
const BEGIN: UnixMs = UnixMs::from_secs(1_795_000_000);

/// When a token was minted, in the world's time.
pub(crate) fn minted(token: &Presented) -> u64 {
    u64::try_from(token.minted.since(BEGIN).as_millis()).unwrap()
}

/// SplitMix64: small, and the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range. (The bias is a ten-millionth at most: nothing here is that long.)
    pub(crate) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.within(0..=choices.len() as u64 - 1)).unwrap()].clone()
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.within(0..=99) < chance
    }
}

/// What happens when; events of one instant happen in the order of their planning.
pub(crate) struct Agenda<E> {
    events: BTreeMap<(u64, u64), E>,
    planned: u64,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { events: BTreeMap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: u64, event: E) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    pub(crate) fn next(&mut self) -> Option<(u64, E)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}

/// What a refresh that was not refused answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) token: Presented,
    pub(crate) outcome: Outcome,
}

impl Answer {
    /// Whether the register has moved past the token that was presented.
    pub(crate) fn is_straggler(&self) -> bool {
        matches!(self.outcome, Outcome::Straggler { .. })
    }
}

/// One session: its register, and the keyed hash that all nodes share.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) register: Option<Register>,
    successors: HashMap<(RefreshId, UnixMs), RefreshId>,
    ended: Option<Theft>,
}

impl Session {
    pub(crate) fn root() -> Presented {
        Presented { generation: 0, id: [0xff; 16], parent: [0; 16], minted: BEGIN }
    }

    /// A refresh on a node whose clock says `now`, in milliseconds of the world (behind its beginning if negative).
    pub(crate) fn present(&mut self, token: &Presented, now: i64) -> Result<Answer, Theft> {
        if let Some(theft) = self.ended {
            return Err(theft);
        }
        let now = UnixMs::from_millis(BEGIN.as_millis().checked_add_signed(now).unwrap());
        let (outcome, next) = decide(self.register.as_ref(), token, Duration::from_millis(WINDOW), now);
        self.register = next.or(self.register);
        let token = match outcome {
            Outcome::Behind { since }
            | Outcome::Advance { since }
            | Outcome::Again { since }
            | Outcome::Remint { since } => self.child(token, since),
            Outcome::TooSoon => *token,
            Outcome::Straggler { current } => current,
            Outcome::Theft(theft) => {
                self.ended = Some(theft);
                return Err(theft);
            }
        };
        Ok(Answer { token, outcome })
    }

    /// Stands for the keyed hash: the same input gives the same id, another input another one.
    fn child(&mut self, token: &Presented, since: UnixMs) -> Presented {
        let fresh = (self.successors.len() as u128 + 1).to_be_bytes();
        let id = *self.successors.entry((token.id, since)).or_insert(fresh);
        Presented { generation: token.generation + 1, id, parent: token.id, minted: since }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The world's time was over and nobody had been refused.
    Alive,
    /// The session ended, so long after the token was copied (or the world began).
    Caught { theft: Theft, after: u64 },
}

/// Plays a world with many seeds and asserts that its owner was never refused.
pub(crate) fn never_refused(runs: u64, world: impl Fn(u64) -> End) {
    for seed in 0..runs {
        assert_eq!(world(seed), End::Alive, "the owner was refused in run {seed}");
    }
}

/// Plays a world with many seeds, asserts that every run ended in theft, and gives the median time that it took.
pub(crate) fn always_caught(runs: u64, world: impl Fn(u64) -> End) -> u64 {
    let mut times: Vec<u64> = (0..runs)
        .map(|seed| match world(seed) {
            End::Caught { after, .. } => after,
            End::Alive => panic!("the thief was never caught in run {seed}"),
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// What a median should be within, in access lifetimes.
#[track_caller]
pub(crate) fn assert_lifetimes(median: u64, lifetimes: RangeInclusive<u64>) {
    let within = lifetimes.start() * ACCESS_LIFE..=lifetimes.end() * ACCESS_LIFE;
    assert!(
        within.contains(&median),
        "caught after {} s (median), not {lifetimes:?} lifetimes",
        median / 1000
    );
}
