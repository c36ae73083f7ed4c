//! The table of the rule, row by row, with the edges of each row. The worlds are in `tests/refresh_model`.

use super::*;

const W: Duration = Duration::from_secs(10);
const C: Duration = Duration::from_secs(20);
const MS: Duration = Duration::from_millis(1);
const BEGIN: UnixMs = UnixMs::from_secs(1_795_000_000);
const MINUTES: Duration = Duration::from_mins(5);

fn id(n: u8) -> RefreshId {
    [n; 16]
}

/// The current token: generation 7, a child of 6, minted at [`BEGIN`].
fn current() -> Presented {
    Presented { generation: 7, id: id(7), parent: id(6), minted: BEGIN }
}

/// The register when [`current`] has been presented five minutes later.
fn register() -> Register {
    let at = BEGIN.after(MINUTES);
    Register { current: current(), at, since: at, remints: 0, contested: 0, noisy: false }
}

fn child() -> Presented {
    Presented { generation: 8, id: id(8), parent: id(7), minted: register().since }
}

fn sibling_minted(minted: UnixMs) -> Presented {
    Presented { id: id(77), minted, ..current() }
}

fn parent() -> Presented {
    Presented { generation: 6, id: id(6), parent: id(5), minted: BEGIN.before(MINUTES) }
}

fn ask(register: &Register, presented: &Presented, now: UnixMs) -> (Outcome, Option<Register>) {
    decide(Some(register), presented, W, now)
}

fn thief(kind: Theft) -> (Outcome, Option<Register>) {
    (Outcome::Theft(kind), None)
}

/// The register after a step to `presented` that found nothing to remember.
fn fresh(presented: Presented, now: UnixMs) -> Register {
    Register { current: presented, at: now, since: now, remints: 0, contested: 0, noisy: false }
}

#[test]
fn the_first_refresh_is_behind_whatever_the_token_says() {
    for token in [current(), Presented { generation: 0, id: id(1), parent: id(0), minted: BEGIN }] {
        let now = BEGIN.after(MINUTES);
        let expected = (Outcome::Behind { since: now }, Some(fresh(token, now)));
        assert_eq!(decide(None, &token, W, now), expected);
    }
}

#[test]
fn two_or_more_generations_ahead_is_behind_and_becomes_current() {
    for generation in [9, 10, u32::MAX] {
        let token = Presented { generation, id: id(9), parent: id(88), minted: BEGIN };
        let now = register().at;
        let expected = (Outcome::Behind { since: now }, Some(fresh(token, now)));
        assert_eq!(ask(&register(), &token, now), expected, "generation {generation}");
    }
}

#[test]
fn a_child_made_within_the_window_is_too_soon_also_when_the_store_forgot_its_parent() {
    let token = Presented { generation: 9, id: id(9), parent: id(8), minted: BEGIN };
    for register in [None, Some(Register { current: parent(), ..register() })] {
        for now in [BEGIN.before(W), BEGIN, BEGIN.after(W)] {
            assert_eq!(decide(register.as_ref(), &token, W, now), (Outcome::TooSoon, None), "{now}");
        }
        let now = BEGIN.after(W + MS);
        assert_eq!(decide(register.as_ref(), &token, W, now).0, Outcome::Behind { since: now });
    }
}

#[test]
fn a_root_may_be_refreshed_at_once() {
    let root = Presented { generation: 0, id: id(1), parent: id(0), minted: BEGIN };
    assert_eq!(decide(None, &root, W, BEGIN).0, Outcome::Behind { since: BEGIN });
}

#[test]
fn behind_keeps_the_contention_of_a_noisy_generation_and_calms_a_quiet_one() {
    let token = Presented { generation: 9, id: id(9), parent: id(8), minted: BEGIN };
    for (noisy, left) in [(true, 20), (false, 14)] {
        let register = Register { contested: 20, remints: 2, noisy, ..register() };
        let now = register.at.after(MINUTES);
        let expected = Register { contested: left, ..fresh(token, now) };
        assert_eq!(ask(&register, &token, now), (Outcome::Behind { since: now }, Some(expected)));
    }
}

#[test]
fn a_child_within_the_window_of_its_parent_is_too_soon() {
    let at = register().at;
    for now in [at.before(W), at, at.after(W)] {
        assert_eq!(ask(&register(), &child(), now), (Outcome::TooSoon, None), "{now}");
    }
}

#[test]
fn a_child_past_the_window_advances() {
    for now in [register().at.after(W + MS), register().at.after(MINUTES * 10_000)] {
        let expected = (Outcome::Advance { since: now }, Some(fresh(child(), now)));
        assert_eq!(ask(&register(), &child(), now), expected, "{now}");
    }
}

#[test]
fn a_child_of_another_token_is_a_fork_also_within_the_window() {
    let fork = Presented { parent: id(77), ..child() };
    for wait in [Duration::ZERO, W, W + MS, MINUTES] {
        assert_eq!(ask(&register(), &fork, register().at.after(wait)), thief(Theft::Fork), "{wait:?}");
    }
}

#[test]
fn a_child_is_displaced_by_more_than_three_remints_and_more_than_two_windows() {
    for (remints, behind, kind) in [
        (3, C + MS, None),
        (4, C, None),
        (4, C + MS, Some(Theft::Displaced)),
        (u8::MAX, MINUTES, Some(Theft::Displaced)),
        (u8::MAX, Duration::ZERO, None),
    ] {
        let since = child().minted.after(behind);
        let register = Register { remints, since, contested: 4, noisy: true, ..register() };
        let now = since.after(MINUTES);
        let expected = match kind {
            Some(kind) => thief(kind),
            None => (Outcome::Advance { since: now }, Some(Register { contested: 4, ..fresh(child(), now) })),
        };
        assert_eq!(ask(&register, &child(), now), expected, "{remints} re-mints, {behind:?} behind");
    }
}

#[test]
fn a_child_dated_later_than_the_newest_one_is_not_displaced() {
    let register = Register { remints: 9, ..register() };
    let token = Presented { minted: register.since.after(MINUTES), ..child() };
    let now = register.at.after(MINUTES);
    assert_eq!(ask(&register, &token, now).0, Outcome::Advance { since: now });
}

#[test]
fn a_young_register_calls_a_displaced_child_too_soon_first() {
    let since = child().minted.after(C + MS);
    let register = Register { remints: 9, since, at: since, ..register() };
    assert_eq!(ask(&register, &child(), since), (Outcome::TooSoon, None));
}

#[test]
fn an_advance_calms_by_six_unless_its_generation_was_noisy() {
    for (contested, noisy, left) in [
        (0, false, 0),
        (5, false, 0),
        (6, false, 0),
        (7, false, 1),
        (48, false, 42),
        (48, true, 48),
        (1, true, 1),
    ] {
        let register = Register { contested, noisy, ..register() };
        let now = register.at.after(MINUTES);
        let expected = Register { contested: left, ..fresh(child(), now) };
        assert_eq!(ask(&register, &child(), now).1, Some(expected), "{contested}, noisy {noisy}");
    }
}

#[test]
fn current_within_the_window_of_since_gets_the_same_child_and_nothing_is_written() {
    let since = register().at.after(MINUTES);
    let register = Register { since, remints: 1, contested: 48, noisy: true, ..register() };
    for now in [since.before(W), since, since.after(W)] {
        assert_eq!(ask(&register, &current(), now), (Outcome::Again { since }, None), "{now}");
    }
}

#[test]
fn current_past_the_window_of_since_is_reminted() {
    for wait in [W + MS, MINUTES, MINUTES * 10_000] {
        let now = register().since.after(wait);
        let expected = Register { since: now, remints: 1, contested: 1, noisy: true, ..register() };
        assert_eq!(
            ask(&register(), &current(), now),
            (Outcome::Remint { since: now }, Some(expected)),
            "{wait:?}"
        );
    }
}

#[test]
fn the_same_token_is_current_whatever_else_it_says() {
    let odd = Presented { parent: id(99), minted: UnixMs::default(), ..current() };
    let since = register().since;
    assert_eq!(ask(&register(), &odd, since), (Outcome::Again { since }, None));
}

#[test]
fn remints_saturate() {
    let register = Register { remints: u8::MAX, ..register() };
    let now = register.since.after(W + MS);
    assert_eq!(ask(&register, &current(), now).1.map(|next| next.remints), Some(u8::MAX));
}

#[test]
fn a_young_register_takes_any_sibling_for_a_straggler() {
    let at = register().at;
    for (now, minted) in [(at, UnixMs::default()), (at.after(W), BEGIN.after(MINUTES)), (at.before(W), BEGIN)]
    {
        let expected = Register { contested: 1, noisy: true, ..register() };
        assert_eq!(
            ask(&register(), &sibling_minted(minted), now),
            (Outcome::Straggler { current: current() }, Some(expected)),
        );
    }
}

#[test]
fn later_a_sibling_is_a_straggler_only_if_minted_within_two_windows_of_current() {
    let now = register().at.after(W + MS);
    for minted in [BEGIN.before(C), BEGIN, BEGIN.after(C)] {
        let outcome = ask(&register(), &sibling_minted(minted), now).0;
        assert_eq!(outcome, Outcome::Straggler { current: current() }, "{minted}");
    }
    for minted in [BEGIN.before(C + MS), BEGIN.after(C + MS), UnixMs::default()] {
        assert_eq!(ask(&register(), &sibling_minted(minted), now), thief(Theft::Sibling), "{minted}");
    }
}

#[test]
fn a_token_beside_current_with_another_parent_is_a_theft_also_within_the_window() {
    let cousin = Presented { parent: id(66), ..sibling_minted(BEGIN) };
    for wait in [Duration::ZERO, MINUTES] {
        assert_eq!(ask(&register(), &cousin, register().at.after(wait)), thief(Theft::Sibling));
    }
}

#[test]
fn the_parent_is_a_straggler_within_the_window_and_stale_after() {
    let at = register().at;
    for now in [at.before(W), at, at.after(W)] {
        let expected = Register { contested: 1, noisy: true, ..register() };
        assert_eq!(
            ask(&register(), &parent(), now),
            (Outcome::Straggler { current: current() }, Some(expected))
        );
    }
    assert_eq!(ask(&register(), &parent(), at.after(W + MS)), thief(Theft::Stale));
}

#[test]
fn an_uncle_or_anything_older_is_stale_also_within_the_window() {
    let uncle = Presented { id: id(66), ..parent() };
    let grandparent = Presented { generation: 5, id: id(5), parent: id(4), minted: BEGIN };
    let namesake = Presented { generation: 5, ..current() };
    let root = Presented { generation: 0, id: id(6), parent: id(0), minted: BEGIN };
    for token in [uncle, grandparent, namesake, root] {
        assert_eq!(ask(&register(), &token, register().at), thief(Theft::Stale), "{token:?}");
    }
}

#[test]
fn the_forty_eighth_contention_is_answered_and_the_forty_ninth_is_a_theft() {
    let at = register().at;
    let late = at.after(W + MS);
    for (token, now) in [(current(), late), (sibling_minted(BEGIN), late), (parent(), at)] {
        let allowed = Register { contested: 47, ..register() };
        assert_eq!(ask(&allowed, &token, now).1.map(|next| (next.contested, next.noisy)), Some((48, true)));
        for contested in [48, 49, u8::MAX] {
            let full = Register { contested, ..register() };
            assert_eq!(ask(&full, &token, now), thief(Theft::Contested), "{contested}");
        }
    }
}

#[test]
fn the_edges_move_with_the_window() {
    let window = Duration::from_secs(1);
    let since = register().since;
    let decide = |token, wait| decide(Some(&register()), &token, window, since.after(wait)).0;
    assert_eq!(decide(current(), window), Outcome::Again { since });
    assert_eq!(decide(current(), window + MS), Outcome::Remint { since: since.after(window + MS) });
    assert_eq!(decide(child(), window), Outcome::TooSoon);
    assert_eq!(decide(child(), window + MS), Outcome::Advance { since: since.after(window + MS) });
    let sibling = |apart| sibling_minted(BEGIN.after(apart));
    assert_eq!(decide(sibling(window * 2), W), Outcome::Straggler { current: current() });
    assert_eq!(decide(sibling(window * 2 + MS), W), Outcome::Theft(Theft::Sibling));
}

#[test]
fn times_at_the_ends_of_the_range_do_not_overflow() {
    let end = UnixMs::from_millis(u64::MAX);
    let register = Register { at: end, since: end, ..register() };
    assert_eq!(ask(&register, &current(), UnixMs::default()), (Outcome::Again { since: end }, None));
    assert_eq!(ask(&register, &child(), UnixMs::default()), (Outcome::TooSoon, None));
    let longest = decide(Some(&register), &child(), Duration::MAX, end);
    assert_eq!(longest, (Outcome::TooSoon, None));
}

#[test]
fn thefts_have_the_names_of_the_audit_log() {
    let all = [Theft::Sibling, Theft::Fork, Theft::Stale, Theft::Displaced, Theft::Contested];
    assert_eq!(all.map(Theft::name), ["sibling", "fork", "stale", "displaced", "contested"]);
}

#[test]
fn the_token_of_a_kept_session_is_good_until_a_window_after_its_root_was_presented() {
    let root = Presented { generation: 0, id: id(1), parent: id(0), minted: BEGIN };
    let ask = |register: Option<&Register>, now| decide_kept(register, &root, W, now);
    let far = BEGIN.after(Duration::from_hours(100));
    assert_eq!(ask(None, far), Ok(()), "the answer was lost");
    let presented = fresh(root, BEGIN.after(MINUTES));
    assert_eq!(ask(Some(&presented), presented.at.after(W)), Ok(()));
    assert_eq!(ask(Some(&presented), presented.at.after(W + MS)), Err(Theft::Stale));
    let gone_on = fresh(Presented { generation: 1, id: id(2), parent: id(1), minted: BEGIN }, far);
    assert_eq!(ask(Some(&gone_on), far), Err(Theft::Stale), "whatever the time");
}
