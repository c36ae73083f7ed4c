//! Owners alone: tabs that share one token store, with answers late, out of order or lost. None may be refused.

use super::RUNS;
use super::world::{Agenda, DAY, Dice, End, SECOND, Session, WINDOW, never_refused};
use signet::session::register::{Outcome, Presented, Register};

/// How an owner behaves, and the network and nodes it meets. Times are the most that something takes.
#[derive(Clone)]
pub(crate) struct Owner {
    /// From reading the token to its being served.
    pub(crate) flight: u64,
    /// From being served to the answer's being stored.
    pub(crate) reply: u64,
    /// Tabs at most.
    pub(crate) tabs: u64,
    /// Percent of answers lost; each run has one of these.
    pub(crate) losses: Vec<u64>,
    /// Waits before a refresh that got no answer is tried again.
    pub(crate) retries: Vec<u64>,
    /// Waits after an answer.
    pub(crate) pauses: Vec<u64>,
    /// Percent of retries that use the token remembered from the failed try.
    pub(crate) remembers: u64,
    /// Percent of requests before which the store falls back to one of its last registers, or none.
    pub(crate) rollbacks: u64,
    /// How far apart the nodes' clocks are; each request meets another node.
    pub(crate) skew: u64,
    /// Requests in a run.
    pub(crate) events: u64,
}

impl Owner {
    /// The model's owner: refreshes again at once or after hours, and loses up to 60 % of the answers.
    pub(crate) fn hectic() -> Self {
        Self {
            flight: 2 * SECOND,
            reply: 3 * SECOND,
            tabs: 6,
            losses: vec![0, 10, 40, 60],
            retries: vec![500, 3 * SECOND, 15 * SECOND, 400 * SECOND],
            pauses: vec![200, 1000, 5000, 270_000, 300_000, 300_000, 5_000_000],
            remembers: 0,
            rollbacks: 0,
            skew: 0,
            events: 6000,
        }
    }
}

enum Event {
    /// A tab refreshes, with the token remembered or else the one in the store.
    Start(Option<Presented>),
    Serve(Presented),
    Reply(Presented),
}

/// Plays one owner until its events are over or it is refused.
pub(crate) fn alone(owner: &Owner, seed: u64) -> End {
    let mut dice = Dice::new(seed);
    let mut session = Session::default();
    let mut agenda = Agenda::new();
    let mut store = Session::root();
    let mut past: Vec<Option<Register>> = vec![None];
    let loss = dice.one_of(&owner.losses);
    let nodes: Vec<i64> = (0..3).map(|_| dice.within(0..=owner.skew).cast_signed()).collect();
    for _ in 0..dice.within(1..=owner.tabs) {
        agenda.plan(dice.within(0..=3000), Event::Start(None));
    }
    for _ in 0..owner.events {
        let Some((now, event)) = agenda.next() else { break };
        match event {
            Event::Start(remembered) => {
                agenda.plan(now + dice.within(0..=owner.flight), Event::Serve(remembered.unwrap_or(store)));
            }
            Event::Serve(token) => {
                if dice.percent(owner.rollbacks) {
                    session.register = dice.one_of(&past[past.len().saturating_sub(4)..]);
                }
                let answer = match session.present(&token, now.cast_signed() + dice.one_of(&nodes)) {
                    Ok(answer) => answer,
                    Err(theft) => return End::Caught { theft, after: now },
                };
                past.push(session.register);
                if dice.percent(loss) {
                    let remembered = dice.percent(owner.remembers).then_some(token);
                    agenda.plan(now + dice.one_of(&owner.retries), Event::Start(remembered));
                } else {
                    agenda.plan(now + dice.within(0..=owner.reply), Event::Reply(answer.token));
                }
            }
            Event::Reply(token) => {
                // The last writer wins, as cookies and storage do.
                store = token;
                agenda.plan(now + dice.one_of(&owner.pauses), Event::Start(None));
            }
        }
    }
    End::Alive
}

#[test]
fn an_owner_whose_answers_are_up_to_two_seconds_late_is_never_refused() {
    let owner = Owner { flight: SECOND, reply: SECOND, ..Owner::hectic() };
    never_refused(RUNS, |seed| alone(&owner, seed));
}

#[test]
fn an_owner_whose_answers_are_up_to_five_seconds_late_is_never_refused() {
    never_refused(RUNS, |seed| alone(&Owner::hectic(), seed));
}

#[test]
fn an_owner_whose_answers_are_up_to_the_window_late_is_never_refused() {
    let owner = Owner { flight: 4 * SECOND, reply: 6 * SECOND, ..Owner::hectic() };
    never_refused(RUNS, |seed| alone(&owner, seed));
}

#[test]
fn an_owner_whose_store_loses_or_rolls_back_writes_is_never_refused() {
    let owner = Owner { rollbacks: 5, ..Owner::hectic() };
    never_refused(RUNS, |seed| alone(&owner, seed));
}

#[test]
fn an_owner_on_nodes_whose_clocks_are_two_seconds_apart_is_never_refused() {
    for (flight, reply) in [(1, 1), (2, 3), (4, 6)] {
        let owner = Owner { flight: flight * SECOND, reply: reply * SECOND, skew: 2000, ..Owner::hectic() };
        never_refused(RUNS, |seed| alone(&owner, seed));
    }
}

#[test]
fn an_owner_with_skewed_nodes_and_a_failing_store_is_never_refused() {
    let owner = Owner { rollbacks: 5, skew: 2000, ..Owner::hectic() };
    never_refused(RUNS, |seed| alone(&owner, seed));
}

#[test]
fn tabs_that_all_refresh_on_one_timer_are_never_refused() {
    let owner = Owner { tabs: 12, pauses: vec![285 * SECOND], skew: 2000, ..Owner::hectic() };
    never_refused(RUNS / 2, |seed| alone(&owner, seed));
}

#[test]
fn a_mobile_client_with_one_request_a_day_is_never_refused() {
    let owner = Owner {
        tabs: 1,
        events: 180,
        retries: vec![SECOND, 60 * SECOND, DAY],
        pauses: vec![DAY],
        ..Owner::hectic()
    };
    never_refused(RUNS, |seed| alone(&owner, seed));
}

#[test]
fn an_owner_who_lost_a_response_and_returns_days_later_goes_on() {
    for days in 1..=14 {
        for steps in 0..5 {
            let mut session = Session::default();
            let (mut token, mut now) = (Session::root(), 0);
            for _ in 0..steps {
                now += 300_000;
                token = session.present(&token, now).unwrap().token;
            }
            now += 300_000;
            let lost = session.present(&token, now).unwrap();
            now += days * DAY.cast_signed();
            let found = session.present(&token, now).expect("the owner was refused after days").token;
            assert_ne!(found, lost.token, "a child of days ago is not made again");
            now += 300_000;
            let next = session.present(&found, now).expect("the new child was refused").token;
            assert_eq!(next.generation, found.generation + 1);
        }
    }
}

#[test]
fn twelve_tabs_that_burst_a_thousand_requests_of_one_token_all_get_the_same_successor() {
    for seed in 0..RUNS {
        let mut dice = Dice::new(seed);
        let mut session = Session::default();
        let token = session.present(&Session::root(), 0).unwrap().token;
        let first = 300_000;
        let mut requests: Vec<i64> =
            (0..1000).map(|_| first + dice.within(0..=WINDOW).cast_signed()).collect();
        requests.sort_unstable();
        requests[0] = first;
        let successor = session.present(&token, requests[0]).unwrap().token;
        for now in &requests[1..] {
            // A node two seconds behind is as good as one on time.
            let answer = session.present(&token, now - dice.within(0..=2000).cast_signed()).unwrap();
            assert_eq!(answer.token, successor);
            assert_eq!(answer.outcome, Outcome::Again { since: successor.minted });
        }
        assert_eq!(session.register.map(|register| (register.contested, register.remints)), Some((0, 0)));
    }
}
