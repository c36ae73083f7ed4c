"""The denylist against the rules of docs/feed.md, written down a second time."""

from __future__ import annotations

import threading
from typing import Any

from conftest import uuid7
from hypothesis import given, settings
from hypothesis import strategies as st

from signet_verifier._claims import Claims
from signet_verifier._denylist import Denylist, scopes_of
from signet_verifier._feed import Entry
from signet_verifier._signal import RevocationSignal

IDS = [uuid7(at) for at in (1000, 2000, 3000)]
SCOPES = st.sampled_from(
    [("all", "", ""), ("sub", "", "u"), ("client_id", "", "c"), ("aud", "", "a"), ("aud", "", "b"), ("kid", "", "k")]
    + [("claim", name, value) for name in ("tenant", "other") for value in ("t", "u")]
    + [(kind, "", one) for kind in ("jti", "sid") for one in IDS]
)
TIMES = st.sampled_from([999, 1000, 1001, 2000, 2001, 3001])
ENTRIES = st.lists(st.builds(Entry, SCOPES, st.sampled_from(["logout", "refresh"]), TIMES, TIMES), max_size=6)
CUSTOM: list[Any] = [{}, {"tenant": "t"}, {"tenant": ["t", 1, "u"]}, {"tenant": 1}, {"other": "t"}, {"tenant": {"t": 1}}]
TOKENS = st.builds(
    Claims,
    iss=st.just("https://i"),
    sub=st.sampled_from(["u", "v"]),
    aud=st.sampled_from([("a",), ("x", "b")]),
    exp=st.just(2),
    iat=st.just(1),
    jti=st.sampled_from(IDS),
    client_id=st.sampled_from(["c", "d"]),
    sid=st.sampled_from([None, *IDS]),
    custom=st.sampled_from(CUSTOM),
)


def time_of(uuid: str) -> int:
    return int(uuid.replace("-", "")[:12], 16)


def is_denied(claims: Claims, kid: str, entry: Entry) -> bool:
    kind, name, value = entry.scope
    tenant = claims.custom.get("tenant")
    in_scope = {
        "all": True,
        "sub": claims.sub == value,
        "client_id": claims.client_id == value,
        "aud": value in claims.aud,
        "kid": kid == value,
        "jti": claims.jti == value,
        "sid": claims.sid == value,
        "claim": name == "tenant" and (tenant == value or (isinstance(tenant, list) and value in tenant)),
    }[kind]
    if kind == "kid" or (kind in ("jti", "sid") and entry.effect == "logout"):
        return in_scope
    began = time_of(claims.sid or claims.jti if entry.effect == "logout" else claims.jti)
    return in_scope and began < entry.issued_before


@settings(max_examples=600)
@given(TOKENS, ENTRIES)
def test_a_token_is_denied_if_one_of_the_entries_denies_it(claims: Claims, entries: list[Entry]) -> None:
    denylist = Denylist()
    denylist.apply(entries)
    denied_by = denylist.denies(scopes_of(claims, "k", ("tenant",)))
    denying = {entry.scope[0] for entry in entries if is_denied(claims, "k", entry)}
    assert (denied_by in denying) if denying else denied_by is None


@given(TOKENS, st.lists(ENTRIES, max_size=3).flatmap(lambda lists: st.tuples(st.just(lists), st.permutations(lists))))
def test_order_and_repetition_change_nothing(
    claims: Claims, deliveries: tuple[list[list[Entry]], list[list[Entry]]]
) -> None:
    once, again = Denylist(), Denylist()
    for entries in deliveries[0]:
        once.apply(entries)
    for entries in [*deliveries[1], *deliveries[0]]:
        again.apply(reversed(entries))
    scopes = scopes_of(claims, "k", ("tenant",))
    assert (once.denies(scopes) is None) == (again.denies(scopes) is None)
    assert len(once) == len(again)
    once.sweep(2000)
    again.sweep(2000)
    assert len(once) == len(again)


def test_an_entry_is_forgotten_when_every_delivery_has_expired_and_never_early() -> None:
    denylist = Denylist()
    denylist.apply([Entry(("sub", "", "u"), "logout", 9000, 1500), Entry(("sub", "", "u"), "logout", 1, 2001)])
    denylist.sweep(2999)
    assert len(denylist) == 1
    denylist.sweep(3000)
    assert len(denylist) == 0


@given(TOKENS, ENTRIES, ENTRIES)
def test_a_watch_is_called_if_and_only_if_the_token_is_denied(
    claims: Claims, before: list[Entry], after: list[Entry]
) -> None:
    denylist, seen = Denylist(), list[str]()
    denylist.apply(before)
    scopes = scopes_of(claims, "k", ("tenant",))
    watch = denylist.watch(scopes, seen.append)
    assert bool(seen) == (denylist.denies(scopes) is not None)
    denylist.apply(after)
    assert bool(seen) == (denylist.denies(scopes) is not None)
    denylist.unwatch(watch)
    assert not denylist._watches


def test_a_signal_that_ends_wherever_the_garbage_collector_finds_it_waits_for_nobody() -> None:
    denylist = Denylist()
    scopes: Any = scopes_of(Claims("https://i", "u", ("a",), 2, 1, IDS[0], "c"), "k", ())
    signals = [RevocationSignal(denylist, scopes)]

    def collected_within_the_lock() -> None:
        with denylist._watching:
            signals.clear()

    thread = threading.Thread(target=collected_within_the_lock, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    denylist.unwatch(denylist.watch(scopes, lambda by: None))
    assert not denylist._watches
