//! Thieves who know the owner's timer, and time their requests to its steps.

use super::RUNS;
use super::world::{Agenda, Dice, End, SECOND, Session, WINDOW, always_caught, assert_lifetimes, minted};
use signet::session::register::Presented;

/// The owner's timer and the thief's polling of it.
struct Timing {
    /// The owner steps after at least this.
    low: u64,
    /// And at most this.
    high: u64,
    /// How far a node's clock is off, either way.
    skew: u64,
    /// The thief polls so often around the step.
    gap: u64,
}

enum Event {
    Owner,
    Thief(Presented),
}

/// A thief who holds the token that the owner just presented and polls it a few times around the owner's next step.
fn polls_around_the_step(timing: &Timing, seed: u64) -> End {
    let Timing { low, high, skew, gap } = *timing;
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let mut agenda = Agenda::new();
    let mut store = Session::root();
    let mut steps = 0;
    let lead = low + gap - 500;
    agenda.plan(dice.within(low..=high), Event::Owner);
    while let Some((now, event)) = agenda.next().filter(|(now, _)| *now < 80_000 * SECOND) {
        let node = now.cast_signed() + dice.within(0..=2 * skew).cast_signed() - skew.cast_signed();
        let token = if let Event::Thief(held) = event { held } else { store };
        let answer = match session.present(&token, node) {
            Ok(answer) => answer,
            Err(theft) => return End::Caught { theft, after: now },
        };
        match event {
            Event::Owner => {
                store = answer.token;
                steps += 1;
                agenda.plan(now + dice.within(low..=high), Event::Owner);
                if steps == 2 {
                    agenda.plan(now + lead, Event::Thief(token));
                }
            }
            // The owner has just stepped: follow.
            Event::Thief(_) if answer.is_straggler() => match session.present(&answer.token, node + 50) {
                // The child tells when the owner stepped.
                Ok(child) => agenda.plan(minted(&child.token) + lead, Event::Thief(answer.token)),
                Err(theft) => return End::Caught { theft, after: now },
            },
            Event::Thief(held) => agenda.plan(now + gap, Event::Thief(held)),
        }
    }
    End::Alive
}

#[test]
fn a_thief_timed_to_a_regular_owner_is_caught_after_about_25_lifetimes() {
    let timing = Timing { low: 270 * SECOND, high: 300 * SECOND, skew: 0, gap: 9500 };
    assert_lifetimes(always_caught(RUNS, |seed| polls_around_the_step(&timing, seed)), 15..=35);
}

#[test]
fn a_thief_timed_to_a_less_regular_owner_is_caught_after_about_25_lifetimes() {
    let timing = Timing { low: 250 * SECOND, high: 300 * SECOND, skew: 0, gap: 9500 };
    assert_lifetimes(always_caught(RUNS, |seed| polls_around_the_step(&timing, seed)), 15..=35);
}

#[test]
fn a_timed_thief_is_caught_on_nodes_whose_clocks_differ() {
    let timing = Timing { low: 270 * SECOND, high: 300 * SECOND, skew: 2000, gap: 7000 };
    assert_lifetimes(always_caught(RUNS, |seed| polls_around_the_step(&timing, seed)), 15..=35);
}

/// A thief who knows each step of the owner to the millisecond, presents what it holds so long after it (as a range),
/// and follows whatever it is given.
pub(crate) fn knows_each_step(after: std::ops::RangeInclusive<u64>, steps: u64, seed: u64) -> End {
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let mut store = Session::root();
    let mut held = store;
    let mut now = 0;
    for _ in 0..steps {
        now += dice.within(270 * SECOND..=300 * SECOND);
        match session.present(&store, now.cast_signed()) {
            Ok(answer) => store = answer.token,
            Err(theft) => return End::Caught { theft, after: now },
        }
        let later = (now + dice.within(after.clone())).cast_signed();
        let answer = session.present(&held, later).and_then(|answer| {
            // Given the owner's current token, it takes the next step itself.
            if answer.is_straggler() { session.present(&answer.token, later) } else { Ok(answer) }
        });
        match answer {
            Ok(answer) => held = answer.token,
            Err(theft) => return End::Caught { theft, after: now },
        }
    }
    End::Alive
}

#[test]
fn a_thief_who_knows_each_step_but_comes_just_after_the_window_is_caught() {
    let median = always_caught(RUNS, |seed| knows_each_step(WINDOW + 1..=2 * WINDOW, 1000, seed));
    assert_lifetimes(median, 15..=35);
}

#[test]
fn a_thief_who_knows_each_step_but_comes_well_after_the_window_is_caught_within_four_lifetimes() {
    let median = always_caught(RUNS, |seed| knows_each_step(2 * WINDOW + 1..=60 * SECOND, 1000, seed));
    assert_lifetimes(median, 1..=4);
}

#[test]
fn a_thief_who_knows_each_step_only_to_half_a_minute_is_caught() {
    for beyond in [25, 30, 60] {
        let median = always_caught(RUNS, |seed| knows_each_step(0..=beyond * SECOND, 4000, seed));
        assert_lifetimes(median, 0..=10);
    }
}
