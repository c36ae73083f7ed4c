//! Thieves who use a copy of the stored token beside its owner. Every one of them must end the session.

use super::RUNS;
use super::world::{
    ACCESS_LIFE, Agenda, DAY, Dice, End, SECOND, Session, WINDOW, always_caught, assert_lifetimes,
};
use signet::session::register::{Presented, Theft};

/// How a thief goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thief {
    /// Refreshes like a client, every 200 to 300 s.
    OwnPace,
    /// Presents the copy every 9 s, to notice the owner's step and follow it.
    Polls,
    /// The same, every one or two minutes.
    PollsSparingly,
}

enum Event {
    Start,
    Serve(Presented),
    Reply(Presented),
    Copy,
    Thief,
}

/// What the thief holds: the token it presents. A poller goes on with it until the owner has stepped.
struct Loot {
    thief: Thief,
    held: Presented,
}

impl Loot {
    /// One move; the error is that the session has ended.
    fn act(&mut self, session: &mut Session, now: u64) -> Result<(), Theft> {
        let answer = session.present(&self.held, now.cast_signed())?;
        if self.thief == Thief::OwnPace {
            self.held = answer.token;
        } else if answer.is_straggler() {
            self.held = answer.token;
            session.present(&self.held, now.cast_signed() + 100)?;
        }
        Ok(())
    }

    fn pause(&self, dice: &mut Dice) -> u64 {
        match self.thief {
            Thief::OwnPace => dice.within(200 * SECOND..=300 * SECOND),
            Thief::Polls => 9 * SECOND,
            Thief::PollsSparingly => dice.within(60 * SECOND..=120 * SECOND),
        }
    }
}

/// An owner with up to three tabs who refreshes every 270 to 300 s, and a thief who copies its store.
fn beside(thief: Thief, skew: u64, seed: u64) -> End {
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let mut agenda = Agenda::new();
    let mut store = Session::root();
    let loss = dice.one_of(&[0, 2]);
    for _ in 0..dice.within(1..=3) {
        agenda.plan(dice.within(0..=3000), Event::Start);
    }
    let copied = dice.within(400 * SECOND..=3000 * SECOND);
    agenda.plan(copied, Event::Copy);
    let mut loot = Loot { thief, held: store };
    while let Some((now, event)) = agenda.next().filter(|(now, _)| *now < 40_000 * SECOND) {
        let node = now + dice.within(0..=skew);
        let caught = |theft| End::Caught { theft, after: now - copied };
        match event {
            Event::Start => agenda.plan(now + dice.within(0..=300), Event::Serve(store)),
            Event::Serve(token) => match session.present(&token, node.cast_signed()) {
                Err(theft) => return caught(theft),
                Ok(_) if dice.percent(loss) => {
                    agenda.plan(now + dice.one_of(&[500, 3000, 15_000, 400_000]), Event::Start);
                }
                Ok(answer) => agenda.plan(now + dice.within(0..=300), Event::Reply(answer.token)),
            },
            Event::Reply(token) => {
                store = token;
                agenda.plan(now + dice.within(270 * SECOND..=300 * SECOND), Event::Start);
            }
            Event::Copy => {
                loot.held = store;
                agenda.plan(now + dice.within(SECOND..=300 * SECOND), Event::Thief);
            }
            Event::Thief => match loot.act(&mut session, node) {
                Err(theft) => return caught(theft),
                Ok(()) => agenda.plan(now + loot.pause(&mut dice), Event::Thief),
            },
        }
    }
    End::Alive
}

#[test]
fn a_thief_who_refreshes_at_its_own_pace_is_caught_within_four_lifetimes() {
    let median = always_caught(RUNS, |seed| beside(Thief::OwnPace, 0, seed));
    assert_lifetimes(median, 1..=4);
}

#[test]
fn a_thief_who_polls_for_the_owners_step_is_caught_within_four_lifetimes() {
    let median = always_caught(RUNS, |seed| beside(Thief::Polls, 0, seed));
    assert_lifetimes(median, 0..=4);
}

#[test]
fn a_thief_who_polls_sparingly_is_caught_within_four_lifetimes() {
    let median = always_caught(RUNS, |seed| beside(Thief::PollsSparingly, 0, seed));
    assert_lifetimes(median, 0..=4);
}

#[test]
fn clocks_two_seconds_apart_hide_no_thief() {
    for thief in [Thief::OwnPace, Thief::Polls, Thief::PollsSparingly] {
        let median = always_caught(RUNS, |seed| beside(thief, 2000, seed));
        assert_lifetimes(median, 0..=4);
    }
}

/// Two stores of one session, each refreshed by its own timer: a duplicated tab with session storage of its own, a
/// copied profile. `first` after the copy is who of them refreshes first, more than a window before the other.
fn two_stores(first: usize, seed: u64) -> End {
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let mut token = Session::root();
    let mut now = 0;
    for _ in 0..dice.within(0..=5) {
        now += dice.within(270 * SECOND..=300 * SECOND);
        token = session.present(&token, now.cast_signed()).expect("alone").token;
    }
    let copied = now;
    let mut stores = [token, token];
    let mut agenda = Agenda::new();
    let lead = now + dice.within(270 * SECOND..=300 * SECOND);
    agenda.plan(lead, first);
    agenda.plan(lead + dice.within(WINDOW + 1..=ACCESS_LIFE), 1 - first);
    while let Some((now, who)) = agenda.next().filter(|(now, _)| *now < 40_000 * SECOND) {
        match session.present(&stores[who], now.cast_signed()) {
            Ok(answer) => stores[who] = answer.token,
            Err(theft) => return End::Caught { theft, after: now - copied },
        }
        agenda.plan(now + dice.within(270 * SECOND..=300 * SECOND), who);
    }
    End::Alive
}

#[test]
fn a_duplicated_store_ends_the_session_whichever_refreshes_first() {
    for first in [0, 1] {
        let median = always_caught(RUNS, |seed| two_stores(first, seed));
        assert_lifetimes(median, 1..=4);
    }
}

/// A session after an owner's steps every 270 to 300 s: a copy taken of its stored token some `steps` ago, what it
/// stores now, and the time.
fn copied(steps: u64, seed: u64) -> (Session, Presented, Presented, i64) {
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let (mut token, mut now) = (Session::root(), 0);
    let mut walk = |steps| {
        for _ in 0..steps {
            now += dice.within(270 * SECOND..=300 * SECOND).cast_signed();
            token = session.present(&token, now).expect("alone").token;
        }
        (token, now)
    };
    let (copy, _) = walk(seed % 6);
    let (token, now) = walk(steps);
    (session, copy, token, now)
}

#[test]
fn a_copy_used_once_after_the_owner_moved_past_it_ends_the_session_at_once() {
    for seed in 0..RUNS {
        for steps in [2, 3, 20] {
            let (mut session, copy, owners, now) = copied(steps, seed);
            let later = now + Dice::new(seed).within(WINDOW + 1..=14 * DAY).cast_signed();
            assert_eq!(session.present(&copy, later), Err(Theft::Stale), "run {seed}, {steps} steps");
            assert_eq!(session.present(&owners, later), Err(Theft::Stale), "the session has ended for both");
        }
    }
}

#[test]
fn what_a_copy_used_once_brought_ends_the_session_when_it_is_used() {
    for seed in 0..RUNS {
        // The copy is the token that the owner has yet to present; its use looks like a lost response.
        let (mut session, copy, owners, now) = copied(0, seed);
        let mut dice = Dice::new(seed);
        let used = now + dice.within(WINDOW + 1..=200 * SECOND).cast_signed();
        let thiefs = session.present(&copy, used).expect("indistinguishable so far").token;
        let mut now = used + dice.within(21 * SECOND..=300 * SECOND).cast_signed();
        let mut owners = session.present(&owners, now).expect("an owner whose response was lost").token;
        for _ in 0..dice.within(1..=5) {
            now += 285_000;
            owners = session.present(&owners, now).expect("the owner goes on").token;
        }
        let theft = session.present(&thiefs, now + 11_000).expect_err("a copy's child");
        assert!(matches!(theft, Theft::Sibling | Theft::Stale), "{theft:?} in run {seed}");
    }
}
