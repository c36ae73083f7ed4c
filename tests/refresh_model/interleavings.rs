//! Every interleaving that a client with several tabs can produce, searched and shrunk by proptest.
//!
//! A refresh takes at most half the window from reading the store to writing it, which is when SDKs abort. `limits`
//! shows why the whole window would be too long.

use super::world::{Agenda, DAY, End, SECOND, Session, WINDOW};
use proptest::collection::vec;
use proptest::prelude::*;
use signet::session::register::Presented;

/// One refresh of one tab.
#[derive(Clone, Debug)]
struct Refresh {
    /// Waited before the store is read.
    pause: u64,
    /// From reading to being served.
    flight: u64,
    /// From being served to the answer's being stored; `None` if it is lost.
    reply: Option<u64>,
    /// How far ahead the clock of the node is that serves it.
    ahead: u64,
}

prop_compose! {
    /// Flight and reply together take at most `late`.
    fn refresh(late: u64, skew: u64)(
        pause in prop_oneof![
            3 => 0..=SECOND,
            3 => 0..=3 * WINDOW,
            2 => 270 * SECOND..=300 * SECOND,
            1 => 0..=10 * DAY,
        ],
        flight in 0..=late,
        answered in proptest::bool::weighted(0.7),
        reply in 0..=late,
        ahead in 0..=skew,
    ) -> Refresh {
        Refresh { pause, flight, reply: answered.then_some(reply.min(late - flight)), ahead }
    }
}

/// Up to eight tabs, with so many refreshes that contention alone cannot reach its limit.
fn tabs(late: u64, skew: u64) -> impl Strategy<Value = Vec<Vec<Refresh>>> {
    vec(vec(refresh(late, skew), 1..=6), 1..=8)
}

enum Event {
    Read,
    Serve(Presented, Refresh),
    Store(Presented),
}

fn play(tabs: Vec<Vec<Refresh>>) -> End {
    let mut session = Session::default();
    let mut store = Session::root();
    let mut agenda = Agenda::new();
    let mut plans: Vec<_> = tabs.into_iter().map(IntoIterator::into_iter).collect();
    let mut next: Vec<Option<Refresh>> = plans.iter_mut().map(Iterator::next).collect();
    for (tab, refresh) in next.iter().enumerate() {
        agenda.plan(refresh.as_ref().map_or(0, |refresh| refresh.pause), (tab, Event::Read));
    }
    while let Some((now, (tab, event))) = agenda.next() {
        let mut done = false;
        match event {
            Event::Read => {
                if let Some(refresh) = next[tab].take() {
                    agenda.plan(now + refresh.flight, (tab, Event::Serve(store, refresh)));
                }
            }
            Event::Serve(token, refresh) => {
                match session.present(&token, (now + refresh.ahead).cast_signed()) {
                    Err(theft) => return End::Caught { theft, after: now },
                    Ok(answer) => match refresh.reply {
                        Some(reply) => agenda.plan(now + reply, (tab, Event::Store(answer.token))),
                        None => done = true,
                    },
                }
            }
            Event::Store(token) => {
                store = token;
                done = true;
            }
        }
        if done {
            next[tab] = plans[tab].next();
            let pause = next[tab].as_ref().map_or(0, |refresh| refresh.pause);
            agenda.plan(now + pause, (tab, Event::Read));
        }
    }
    End::Alive
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_of_tabs_that_read_the_shared_store_is_a_theft(tabs in tabs(WINDOW / 2, 0)) {
        prop_assert_eq!(play(tabs), End::Alive);
    }

    #[test]
    fn nor_is_one_on_nodes_whose_clocks_are_two_seconds_apart_if_delays_leave_room_for_it(
        tabs in tabs((WINDOW - 2 * SECOND) / 2, 2 * SECOND),
    ) {
        prop_assert_eq!(play(tabs), End::Alive);
    }
}
