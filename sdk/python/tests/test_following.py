"""Both verifiers against a service that tells the truth, fails, and lies."""

from __future__ import annotations

import functools
import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from conftest import FAST, Connect, FakeService, SigningKey, eventually, now_ms

from signet_verifier import (
    AcceptYoungerThan,
    ConnectError,
    InactiveError,
    Instant,
    StaleError,
    SystemClock,
    Verifier,
    VerifyError,
)


def refusal(driven: Any, token: str, **settings: Any) -> str:
    try:
        driven.verify(token, **settings)
    except (VerifyError, StaleError, InactiveError) as error:
        return error.code
    return "believed"


def is_revoked(driven: Any, token: str) -> bool:
    return refusal(driven, token) == "revoked"


class Clocks(SystemClock):
    """The machine's clocks, which can be set."""

    def __init__(self) -> None:
        self.wall_ahead = 0
        self.boot_ahead = 0.0

    def now(self) -> Instant:
        now = super().now()
        return Instant(now.wall + self.wall_ahead, now.boot + self.boot_ahead)


# --- the truth ---


def test_a_token_is_believed_until_it_is_revoked(connect: Connect, service: FakeService) -> None:
    token = service.token()
    driven = connect()
    verified = driven.verify(token)
    assert verified.claims.sub == "user-1"
    assert verified.custom == {"tenant": "acme"}
    assert verified.header.kid == "key-1"
    service.revoke({"sub": "user-1"})
    assert eventually(lambda: refusal(driven, token) == "revoked")
    assert driven.counters.revoked == 1
    assert driven.counters.entries == 1


def test_what_was_revoked_before_it_connected_is_in_the_snapshot(connect: Connect, service: FakeService) -> None:
    token = service.token()
    service.revoke({"claim": {"name": "tenant", "value": "acme"}}, "refresh")
    driven = connect()
    assert refusal(driven, token) == "revoked"
    assert refusal(driven, service.token(tenant="other")) == "believed"


def test_every_kind_of_scope_is_followed(connect: Connect, service: FakeService) -> None:
    driven = connect()
    token = service.token()
    claims = driven.verify(token).claims
    for scope in [{"jti": claims.jti}, {"sid": claims.sid}, {"client_id": "web"}, {"aud": "api"}, "all"]:
        service.entries.clear()
        mine = connect()
        assert refusal(mine, token) == "believed"
        service.revoke(scope)
        eventually(functools.partial(is_revoked, mine, token))


def test_the_signal_comes_when_the_session_is_revoked_and_not_before(connect: Connect, service: FakeService) -> None:
    driven = connect()
    mine, other = driven.verify(service.token()), driven.verify(service.token(sub="user-2"))
    waiting, waiting_too = driven.revoked(mine), driven.revoked(other)
    service.revoke({"sid": mine.claims.sid})
    assert waiting.result(10) == "sid"
    assert not waiting_too.done()
    assert driven.revoked(mine).result(10) == "sid", "one who asks later learns it at once"
    service.revoke("all")
    assert waiting_too.result(10) == "all"


def test_a_signal_that_nobody_holds_is_forgotten(connect: Connect, service: FakeService) -> None:
    driven = connect()
    verified = driven.verify(service.token())
    signal = verified.revoked()
    watches = driven.verifier._core.denylist._watches
    assert watches
    del signal
    assert not watches


def test_an_acknowledgement_is_sent_once_the_entries_are_in_force(connect: Connect, service: FakeService) -> None:
    token = service.token()
    verdicts: list[str] = []
    driven = connect()
    driven.verify(token)

    class Acks(list[dict[str, Any]]):
        def append(self, ack: dict[str, Any]) -> None:
            verdicts.append(refusal(driven, token))
            super().append(ack)

    service.acks = Acks()
    # The request for it is answered after the verdict: the verifier's loop is free meanwhile.
    service.revoke({"sub": "user-1"}, ack=True)
    [ack] = eventually(lambda: service.acks)
    assert ack == {"stream_id": service.streams[0].id, "cursor": "c1"}
    assert verdicts == ["revoked"]


def test_a_heartbeat_that_asks_is_acknowledged(connect: Connect, service: FakeService) -> None:
    connect()
    service.say("heartbeat", {"cursor": service.cursor, "ack": True} | service.stamps())
    assert eventually(lambda: service.acks)[0]["cursor"] == "c0"


def test_a_verifier_that_is_closed_says_goodbye_and_vouches_for_nothing(connect: Connect, service: FakeService) -> None:
    driven = connect(when_stale="accept")
    token = service.token()
    assert refusal(driven, token) == "believed"
    [stream] = service.streams
    if isinstance(driven.verifier, Verifier):
        driven.verifier.close()
    else:
        driven.run(driven.verifier.close()).result(10)
    assert service.acks == [{"stream_id": stream.id, "cursor": "c0", "leaving": True}]
    assert refusal(driven, token) == "stale"
    assert driven.staleness() is None


def test_it_says_who_it_is_and_how_stale_it_may_be(connect: Connect, service: FakeService) -> None:
    connect(name="orders api/1", max_staleness=12.5)
    connect(name="orders api/1", max_staleness=12.5)
    first, second = eventually(lambda: len(service.streams) == 2 and service.streams)
    assert first.query["max_staleness_ms"] == "12500"
    assert first.query["verifier"].startswith("orders-api-1-")
    assert first.query["verifier"] != second.query["verifier"]


# --- failures ---


def test_a_stream_that_ends_is_resumed_from_its_cursor_under_the_same_name(
    connect: Connect, service: FakeService
) -> None:
    driven = connect()
    token = service.token()
    service.revoke({"sub": "somebody"})
    eventually(lambda: driven.counters.entries == 1)
    before = eventually(lambda: service.streams)[0]
    service.drop_streams()
    eventually(lambda: before not in service.streams)
    service.revoke({"sub": "user-1"})
    assert eventually(lambda: refusal(driven, token) == "revoked")
    after = eventually(lambda: service.streams)[0]
    assert after.query["cursor"] == "c1"
    assert after.query["verifier"] == before.query["verifier"]
    assert driven.counters.snapshots == 1


def test_a_stream_that_falls_silent_is_given_up(connect: Connect, service: FakeService) -> None:
    driven = connect()
    service.is_silent = True
    eventually(lambda: driven.counters.connects >= 2)
    service.is_silent = False
    token = service.token()
    service.revoke({"sub": "user-1"})
    assert eventually(lambda: refusal(driven, token) == "revoked")


def test_past_the_bound_it_refuses_and_says_that_it_is_stale_and_recovers(
    connect: Connect, service: FakeService
) -> None:
    driven = connect(max_staleness=0.5)
    token = service.token()
    assert refusal(driven, token) == "believed"
    service.status = {"/feed": 500, "/feed/stream": 500}
    service.drop_streams()
    assert eventually(lambda: refusal(driven, token) == "stale")
    with pytest.raises(StaleError) as stale:
        driven.verify(token)
    assert stale.value.staleness is not None
    assert stale.value.staleness > 0.5
    assert stale.value.retry_after >= 1
    assert refusal(driven, token, max_staleness=60) == "believed"
    assert refusal(driven, token, when_stale="accept") == "believed"
    assert refusal(driven, token, when_stale=AcceptYoungerThan(60)) == "believed"
    assert refusal(driven, service.token(at=now_ms() - 61_000), when_stale=AcceptYoungerThan(60)) == "stale"
    assert refusal(driven, service.token(sub="")) == "claim_invalid", "a bad token is bad, stale or not"
    counters = driven.counters
    assert counters.stale_accepted == 2
    assert counters.accepted >= 2
    assert counters.stale_refused >= 3
    assert counters.failed_requests > 0
    service.status = {}
    assert eventually(lambda: refusal(driven, token) == "believed")
    assert driven.counters.snapshots == 1, "it went on from its cursor"


def test_what_is_known_to_be_revoked_stays_so_past_the_bound(connect: Connect, service: FakeService) -> None:
    driven = connect(max_staleness=0.3, when_stale="accept")
    token = service.token()
    service.revoke({"sub": "user-1"})
    eventually(lambda: driven.counters.entries == 1)
    service.status = {"/feed/stream": 503}
    service.drop_streams()
    eventually(lambda: (driven.staleness() or 0) > 0.3)
    assert refusal(driven, token) == "revoked"
    assert refusal(driven, service.token(sub="user-2")) == "believed"


def test_where_the_policy_is_to_ask_the_answer_is_remembered_for_a_moment(
    connect: Connect, service: FakeService
) -> None:
    driven = connect(max_staleness=0.2, when_stale="introspect")
    token, other = service.token(), service.token()
    assert refusal(driven, token) == "believed"
    assert "/introspect" not in service.hits
    service.status = {"/feed/stream": 500}
    service.drop_streams()
    eventually(lambda: (driven.staleness() or 0) > 0.2)
    for _ in range(5):
        assert refusal(driven, token) == "believed"
    assert service.hits["/introspect"] == 1
    with pytest.raises(StaleError):
        driven.verifier.verify_local(token)
    service.active = False
    assert refusal(driven, other) == "inactive"
    assert driven.counters.revoked == 1
    assert refusal(driven, token) == "believed", "until the answer is forgotten"
    service.status["/introspect"] = 500
    assert refusal(driven, service.token()) == "stale"
    assert driven.counters.introspected == 3


def test_many_who_ask_about_one_token_ask_once(connect: Connect, service: FakeService) -> None:
    driven = connect(max_staleness=0.0, when_stale="introspect")
    token = service.token()
    verdicts: list[str] = []
    threads = [threading.Thread(target=lambda: verdicts.append(refusal(driven, token))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["believed"] * 20
    assert service.hits["/introspect"] == 1


# --- keys ---


def test_a_key_that_is_new_is_fetched_once_for_all_who_wait_and_not_again_so_soon(
    connect: Connect, service: FakeService
) -> None:
    driven = connect()
    time.sleep(FAST.key_cooldown)
    new = SigningKey("key-2")
    service.published = [service.key, new]
    tokens = [service.token(new) for _ in range(10)]
    verdicts: list[str] = []
    threads = [threading.Thread(target=lambda t=t: verdicts.append(refusal(driven, t))) for t in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == ["believed"] * 10
    assert service.hits["/jwks"] == 2
    unknown = service.token(SigningKey("key-3"))
    assert [refusal(driven, unknown) for _ in range(20)] == ["key_unknown"] * 20
    assert service.hits["/jwks"] <= 3
    assert driven.counters.invalid == 20
    with pytest.raises(VerifyError):
        driven.verifier.verify_local(unknown)


def test_the_set_is_fetched_anew_when_its_age_has_come_and_not_sent_again_if_unchanged(
    connect: Connect, service: FakeService
) -> None:
    service.max_age = 0
    driven = connect()
    eventually(lambda: service.hits.get("jwks 304", 0) >= 2)
    assert refusal(driven, service.token()) == "believed"
    eventually(lambda: driven.counters.key_fetches >= 3)


def test_the_last_good_set_is_kept_when_the_issuer_fails_or_answers_nonsense(
    connect: Connect, service: FakeService
) -> None:
    service.max_age = 0
    driven = connect()
    service.body["/jwks"] = b'{"keys": "none"}'
    seen = service.hits["/jwks"]
    eventually(lambda: service.hits["/jwks"] > seen + 2)
    del service.body["/jwks"]
    service.status["/jwks"] = 500
    seen = service.hits["/jwks"]
    eventually(lambda: service.hits["/jwks"] > seen + 2)
    assert refusal(driven, service.token()) == "believed"


def test_a_key_that_was_revoked_is_dropped_for_good_whatever_is_published(
    connect: Connect, service: FakeService
) -> None:
    service.max_age = 0
    driven = connect()
    token = service.token()
    assert refusal(driven, token) == "believed"
    service.revoke({"kid": "key-1"}, "refresh", expires_at=now_ms() + 1000)
    eventually(lambda: refusal(driven, token) == "key_unknown")
    seen = service.hits["/jwks"]
    eventually(lambda: service.hits["/jwks"] > seen + 1)
    driven.verifier._core.denylist.sweep(now_ms() + 10_000)
    assert refusal(driven, token) == "key_unknown"


# --- lies ---


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("revocations", "{"),
        ("revocations", '{"cursor":"c1","server_time":1,"entries":[{"scope":"all"}]}'),
        ("revocations", '{"cursor":"c1","server_time":1,"entries":[{"scope":{"device":"d"},"effect":"logout","issued_before":1,"expires_at":2}]}'),
        ("revocations", '{"cursor":"c1","server_time":1,"entries":[{"scope":"all","effect":"banish","issued_before":1,"expires_at":2}]}'),
        ("revocations", '{"cursor":"c1","server_time":1,"entries":[{"scope":"all","effect":"logout","issued_before":1,"expires_at":2,"unless":{}}]}'),
        ("revocations", '{"cursor":"c1","server_time":1,"entries":[],"entries":[]}'),
        ("revocations", '{"cursor":"","server_time":1,"entries":[]}'),
        ("heartbeat", '{"cursor":"c1","as_of":"now","server_time":1}'),
        ("heartbeat", '{"cursor":"c1","as_of":-1,"server_time":1}'),
        ("hello", '{"version":2}'),
        ("reset", "[]"),
    ],
)  # fmt: skip
def test_an_event_that_is_not_understood_is_counted_and_followed_by_a_snapshot(
    connect: Connect, service: FakeService, event: str, data: str
) -> None:
    driven = connect()
    token = service.token()
    # What the event would have said is in the next snapshot.
    now = now_ms()
    service.entries.append({"scope": "all", "effect": "logout", "issued_before": now + 2000, "expires_at": now + 9000})
    service.say(event, data)
    assert eventually(lambda: refusal(driven, token) == "revoked")
    counters = driven.counters
    assert (counters.malformed, counters.resyncs, counters.snapshots) == (1, 1, 2)


def test_unknown_events_and_members_are_ignored(connect: Connect, service: FakeService) -> None:
    service.hello = lambda hello: hello | {"colour": "blue"}
    driven = connect()
    service.say("weather", '{"sunny": tru')
    service.revoke({"sub": "user-1"})
    service.say("heartbeat", {"cursor": service.cursor, "mood": 1} | service.stamps())
    assert eventually(lambda: refusal(driven, service.token(at=now_ms() - 5000)) == "revoked")
    assert driven.counters.malformed == 0


def test_a_stream_that_does_not_begin_with_hello_is_not_understood(connect: Connect, service: FakeService) -> None:
    driven = connect()
    service.greets = False
    service.drop_streams()
    eventually(lambda: driven.counters.malformed >= 2)
    assert driven.counters.connects == 1
    service.greets = True
    assert eventually(lambda: refusal(driven, service.token()) == "believed")


def test_a_second_hello_is_not_understood(connect: Connect, service: FakeService) -> None:
    driven = connect()
    hello = service.stamps() | {"cursor": "c0", "version": 1, "stream_id": "s", "heartbeat_ms": 50, "limits": service.limits}
    service.say("hello", hello)
    eventually(lambda: driven.counters.malformed == 1)
    assert eventually(lambda: driven.counters.snapshots == 2)


def test_freshness_does_not_come_from_what_was_not_understood(connect: Connect, service: FakeService) -> None:
    driven = connect(max_staleness=0.5)
    token = service.token()
    service.hello = lambda hello: hello | {"version": 2}
    service.body["/feed"] = json.dumps(service.snapshot() | {"version": 2}).encode()
    service.drop_streams()
    assert eventually(lambda: refusal(driven, token) == "stale")
    eventually(lambda: driven.counters.malformed >= 2)
    service.hello = lambda hello: hello
    del service.body["/feed"]
    assert eventually(lambda: refusal(driven, token) == "believed")


def test_after_a_reset_nothing_is_vouched_for_before_a_snapshot(connect: Connect, service: FakeService) -> None:
    driven = connect()
    token = service.token()
    whole = json.dumps(service.snapshot()).encode()
    service.body["/feed"] = whole[: len(whole) // 2]
    service.say("reset", {"reason": "the log was replaced"})
    assert eventually(lambda: refusal(driven, token) == "stale")
    assert driven.staleness() is None
    eventually(lambda: driven.counters.malformed >= 3)
    assert refusal(driven, token) == "stale", "half a snapshot is none"
    assert refusal(driven, token, when_stale="accept") == "believed", "unless that is the policy"
    del service.body["/feed"]
    assert eventually(lambda: refusal(driven, token) == "believed")
    assert driven.counters.snapshots == 2
    assert driven.counters.resyncs == 1


def test_a_service_that_resets_every_stream_is_not_asked_as_fast_as_it_answers(
    connect: Connect, service: FakeService
) -> None:
    service.on_stream = lambda stream: stream.outbox.put(b'event: reset\ndata: {"reason":"again"}\n\n')
    driven = connect(ready_within=None, tuning=replace(FAST, first_retry=20.0, longest_retry=20.0))
    # The first time at once, then not before a wait that is longer than this test.
    eventually(lambda: driven.counters.resyncs == 2)
    eventually(lambda: driven.verifier._core.retry_after > 1)
    assert driven.counters.snapshots == 2


def test_a_cursor_that_is_not_taken_is_replaced_by_a_snapshot(connect: Connect, service: FakeService) -> None:
    driven = connect()
    service.status["/feed/stream"] = 400
    service.drop_streams()
    eventually(lambda: driven.counters.snapshots >= 2)
    assert refusal(driven, service.token()) == "believed"


def test_credentials_that_are_taken_away_are_tried_again_rarely(connect: Connect, service: FakeService) -> None:
    driven = connect()
    service.status["/feed/stream"] = 401
    service.drop_streams()
    failed = eventually(lambda: driven.counters.failed_requests)
    eventually(lambda: driven.verifier._core.retry_after > 5)
    assert driven.counters.failed_requests <= failed + 1


def test_an_event_without_end_is_given_up(connect: Connect, service: FakeService) -> None:
    driven = connect(tuning=replace(FAST, max_event=10_000))
    stream = eventually(lambda: service.streams)[0]
    for _ in range(20):
        stream.outbox.put(b"data: " + b"x" * 1000 + b"\n")
    eventually(lambda: driven.counters.malformed == 1)
    assert eventually(lambda: refusal(driven, service.token()) == "believed")


def test_something_else_that_answers_in_place_of_the_stream_is_not_followed(
    connect: Connect, service: FakeService
) -> None:
    service.body["/feed/stream"] = b"<html>proxy</html>"
    driven = connect(max_staleness=0.5)
    assert eventually(lambda: refusal(driven, service.token()) == "stale")
    assert driven.counters.connects == 0
    # Not even if what it says looks like events.
    service.drop_streams()
    now = service.stamps() | {"cursor": "c0", "version": 1, "stream_id": "s", "heartbeat_ms": 50, "limits": service.limits}
    service.body["/feed/stream"] = f"event: hello\ndata: {json.dumps(now)}\n\n".encode()
    seen = service.hits["/feed/stream"]
    eventually(lambda: service.hits["/feed/stream"] > seen + 2)
    assert driven.counters.connects == 0


def test_a_service_that_claims_to_know_the_future_is_as_fresh_as_its_present(
    connect: Connect, service: FakeService
) -> None:
    service.known_ahead = 1500
    driven = connect(max_staleness=0.5)
    token = service.token()
    assert refusal(driven, token) == "believed"
    service.status["/feed/stream"] = 500
    service.drop_streams()
    assert eventually(lambda: refusal(driven, token) == "stale", within=1.4)


def test_a_stamp_from_far_in_the_future_says_nothing(connect: Connect, service: FakeService) -> None:
    service.known_ahead = 3_600_000
    driven = connect()
    assert refusal(driven, service.token()) == "stale"
    service.known_ahead = 0
    assert eventually(lambda: refusal(driven, service.token()) == "believed")


def test_the_services_clock_may_lie_elsewhere(connect: Connect, service: FakeService) -> None:
    service.clock_ahead = -3_600_000
    driven = connect(max_staleness=1.0)
    staleness = driven.staleness()
    assert staleness is not None
    assert staleness < 1.0
    assert refusal(driven, service.token()) == "believed"


def test_a_service_whose_clock_was_set_back_is_measured_anew_before_anybody_notices(
    connect: Connect, service: FakeService
) -> None:
    driven = connect(max_staleness=5)
    service.clock_ahead = -3000
    eventually(lambda: driven.counters.connects == 2)
    service.clock_ahead -= 1500
    service.revoke({"sub": "somebody"})
    eventually(lambda: driven.counters.entries == 1)
    service.revoke({"sub": "somebody"})
    eventually(lambda: driven.counters.entries == 2)
    assert driven.counters.connects == 2, "not more often than it may"
    assert refusal(driven, service.token()) == "believed"
    assert driven.counters.snapshots == 1


def test_a_node_that_is_cut_off_makes_its_verifiers_stale(connect: Connect, service: FakeService) -> None:
    driven = connect(max_staleness=5)
    token = service.token()
    assert refusal(driven, token) == "believed"
    service.known_ahead = -60_000
    driven.verifier._core.clock = clocks = Clocks()
    clocks.boot_ahead = clocks.wall_ahead = 6000
    assert refusal(driven, token) == "stale"
    connects = driven.counters.connects
    eventually(lambda: driven.counters.connects >= connects + 1)
    assert refusal(driven, token) == "stale", "its heartbeats come, and say that it knows nothing new"
    service.known_ahead = 0
    assert eventually(lambda: refusal(driven, token) == "believed")


@pytest.mark.parametrize("jump", [-3_600_000, -2500, 2500, 3_600_000])
def test_a_wall_clock_that_was_set_means_a_snapshot_before_anything_is_vouched_for(
    connect: Connect, service: FakeService, jump: int
) -> None:
    clocks = Clocks()
    driven = connect(clock=clocks)
    token = service.token()
    assert refusal(driven, token) == "believed"
    service.status["/feed"] = 500
    clocks.wall_ahead = jump
    assert driven.staleness() is None
    clocks.wall_ahead = 0
    assert refusal(driven, token) == "stale", "also after it was set back"
    service.status = {}
    assert eventually(lambda: refusal(driven, token) == "believed")
    assert driven.counters.resyncs >= 1
    assert driven.counters.snapshots >= 2


def test_a_wall_clock_that_drifts_a_little_is_left_alone(connect: Connect, service: FakeService) -> None:
    clocks = Clocks()
    driven = connect(clock=clocks)
    clocks.wall_ahead = 1500
    assert refusal(driven, service.token()) == "believed"
    assert driven.counters.resyncs == 0


# --- connecting ---


def test_credentials_that_are_refused_are_said_so(connect: Connect, service: FakeService) -> None:
    service.status["/feed"] = 403
    with pytest.raises(ConnectError, match="credentials"):
        connect()


def test_a_service_that_does_not_answer_is_waited_for_and_then_said_so(connect: Connect, service: FakeService) -> None:
    service.status["/jwks"] = 500
    with pytest.raises(ConnectError, match="did not answer: keys: an answer with status 500"):
        connect(ready_within=0.3)


def test_in_the_background_it_is_stale_until_keys_and_snapshot_are_there(
    connect: Connect, service: FakeService
) -> None:
    service.status = {"/jwks": 500, "/feed": 500}
    driven = connect(ready_within=None, when_stale="accept")
    token = service.token()
    assert refusal(driven, token) == "stale"
    del service.status["/jwks"]
    eventually(lambda: driven.counters.key_fetches)
    assert refusal(driven, token) == "stale"
    service.status = {}
    assert eventually(lambda: refusal(driven, token) == "believed")


def test_more_leeway_than_the_issuer_allows_is_refused(connect: Connect, service: FakeService) -> None:
    with pytest.raises(ConnectError, match="leeway of 31"):
        connect(leeway=31)
    assert refusal(connect(leeway=0), service.token(at=now_ms() - 301_000)) == "expired"
    assert refusal(connect(), service.token(at=now_ms() - 301_000)) == "believed"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"issuer": "http://auth.example"}, "plain http"),
        ({"issuer": "auth.example"}, "not a URL"),
        ({"issuer": "ftp://auth.example"}, "not a URL"),
        ({"base_url": "http://10.0.0.7:8080"}, "plain http"),
        ({"audience": []}, "no audience"),
    ],
)
def test_settings_that_no_waiting_mends_are_refused_at_once(
    connect: Connect, settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConnectError, match=why):
        connect(**settings)


@pytest.mark.parametrize(
    "settings", [{"max_staleness": -1}, {"when_stale": "hope"}, {"when_stale": AcceptYoungerThan(-1)}, {"leeway": -1}]
)
def test_settings_that_make_no_sense_are_refused(connect: Connect, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="."):
        connect(**settings)


def test_the_metadata_of_another_issuer_is_refused(connect: Connect, service: FakeService) -> None:
    with pytest.raises(ConnectError, match="another issuer"):
        connect(issuer=service.url + "/tenant", base_url=service.url)


def test_an_older_service_without_a_feed_is_refused(connect: Connect, service: FakeService) -> None:
    metadata = {"issuer": service.url, "jwks_uri": service.url + "/jwks"}
    service.body["/.well-known/oauth-authorization-server"] = json.dumps(metadata).encode()
    with pytest.raises(ConnectError, match="no revocation_feed_uri"):
        connect()


def test_a_feed_that_would_send_the_secret_in_clear_is_refused(connect: Connect, service: FakeService) -> None:
    metadata = {
        "issuer": service.url,
        "jwks_uri": service.url + "/jwks",
        "revocation_feed_uri": "http://feed.example/v1/revocations",
    }
    service.body["/.well-known/oauth-authorization-server"] = json.dumps(metadata).encode()
    with pytest.raises(ConnectError, match="plain http"):
        connect()
