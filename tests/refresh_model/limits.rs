//! Where the rule ends, as documented: what no rule of this kind can tell apart. These worlds hold the limits in place.

use super::RUNS;
use super::owners::{Owner, alone};
use super::timed_thieves::knows_each_step;
use super::world::{Dice, End, SECOND, Session, WINDOW, never_refused};
use signet::session::register::{Outcome, Theft};

fn tally(world: impl Fn(u64) -> End) -> (u64, u64) {
    let refused = (0..RUNS).filter(|seed| world(*seed) != End::Alive).count() as u64;
    (RUNS - refused, refused)
}

#[test]
fn a_thief_within_the_window_of_every_step_stays_because_it_is_the_same_as_a_tab() {
    never_refused(RUNS, |seed| knows_each_step(0..=WINDOW, 300, seed));
}

#[test]
fn a_thief_who_misses_the_window_by_little_and_seldom_stays_because_quiet_steps_forgive() {
    never_refused(RUNS / 5, |seed| knows_each_step(0..=WINDOW + WINDOW / 2, 300, seed));
}

#[test]
fn an_owner_who_for_days_loses_most_answers_and_never_retries_within_the_window_may_be_refused() {
    let slow = vec![15 * SECOND, 400 * SECOND];
    let owner =
        Owner { tabs: 1, losses: vec![60], retries: slow, pauses: vec![285 * SECOND], ..Owner::hectic() };
    let (alive, refused) = tally(|seed| alone(&owner, seed));
    assert!(alive > 0 && refused > 0, "{alive} alive, {refused} refused");
}

#[test]
fn a_client_that_retries_with_a_remembered_token_may_be_taken_for_a_thief() {
    let owner = Owner { remembers: 50, ..Owner::hectic() };
    let (alive, refused) = tally(|seed| alone(&owner, seed));
    assert!(alive > 0 && refused > 0, "{alive} alive, {refused} refused");
}

#[test]
fn answers_stored_much_later_than_the_window_may_cost_the_session() {
    let owner = Owner { flight: 60 * SECOND, reply: 120 * SECOND, ..Owner::hectic() };
    let (_, refused) = tally(|seed| alone(&owner, seed));
    assert!(refused > 0);
}

#[test]
fn an_owner_who_never_returns_leaves_the_session_to_the_thief() {
    let mut session = Session::default();
    let mut held = Session::root();
    for step in 1..1000 {
        held = session.present(&held, step * 285_000).expect("nobody contradicts").token;
    }
}

#[test]
fn a_copy_used_once_and_dropped_is_the_same_as_a_lost_response() {
    for seed in 0..RUNS {
        let mut dice = Dice::new(seed);
        let mut session = Session::default();
        let mut token = session.present(&Session::root(), 0).unwrap().token;
        let mut now = dice.within(WINDOW + 1..=270 * SECOND).cast_signed();
        session.present(&token, now).expect("the thief's only use");
        for _ in 0..100 {
            now += dice.within(270 * SECOND..=300 * SECOND).cast_signed();
            token = session.present(&token, now).expect("the owner goes on").token;
        }
    }
}

#[test]
fn two_copies_on_one_timer_stay_because_they_are_the_same_as_two_tabs() {
    let mut session = Session::default();
    let mut stores = [Session::root(); 2];
    for step in 1..1000 {
        for (copy, store) in (0..).zip(&mut stores) {
            *store = session.present(store, step * 285_000 + copy * 5000).expect("within the window").token;
        }
    }
}

#[test]
fn a_request_under_way_for_the_window_less_the_skew_is_a_tabs_and_longer_on_a_faster_node_a_thiefs() {
    let served_after = |flight: i64| {
        let skew = 2000;
        let mut session = Session::default();
        let token = session.present(&Session::root(), 0).unwrap().token;
        session.present(&token, 300_000).expect("its answer is lost");
        // One tab's request leaves now and is slow; another tab retries and, quickly answered, takes the next step.
        let retried = session.present(&token, 400_000).unwrap().token;
        session.present(&retried, 400_000).unwrap();
        session.present(&token, 400_000 + flight + skew).map(|answer| answer.outcome)
    };
    assert!(matches!(served_after(8000), Ok(Outcome::Straggler { .. })));
    assert_eq!(served_after(8001), Err(Theft::Stale));
}

/// Five requests of tabs, each with at most the window between reading the store and writing it.
#[test]
fn a_slow_request_that_overtakes_the_slow_answer_of_another_may_cost_the_session() {
    let last = |slow: i64| {
        let mut session = Session::default();
        let first = session.present(&Session::root(), 0).unwrap().token;
        let second = session.present(&first, 10_875).unwrap().token;
        // Too soon; this answer takes its time, and will put the second token back into the store.
        assert_eq!(session.present(&second, 19_033).unwrap().token, second);
        let third = session.present(&second, 21_801).unwrap().token;
        // Read before that, and served so much later: the third becomes current, the store holds the second.
        session.present(&third, 21_801 + slow).unwrap();
        session.present(&second, 270_000).map(|answer| answer.outcome)
    };
    assert_eq!(last(10_001), Err(Theft::Stale), "the owner's, and refused");
    assert!(last(10_000).is_ok());
}

/// Again each takes at most the window; together the two slow requests take longer.
#[test]
fn a_slow_request_beside_the_answer_to_a_slow_straggler_may_cost_the_session() {
    let last = |slow: i64| {
        let mut session = Session::default();
        let root = Session::root();
        session.present(&root, 4758).expect("its answer is lost");
        let first = session.present(&root, 278_949).unwrap().token;
        let second = session.present(&first, 279_654).unwrap().token;
        // The root's tab was slow: its answer puts the first token back into the store.
        assert_eq!(session.present(&root, 286_787).unwrap().token, first);
        // Read before that, and served so long after the first one; this answer is lost.
        session.present(&second, 279_654 + slow).unwrap();
        session.present(&first, 299_656).map(|answer| answer.outcome)
    };
    assert_eq!(last(10_001), Err(Theft::Stale), "the owner's, and refused");
    assert!(last(10_000).is_ok());
}
