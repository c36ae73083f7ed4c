"""How old what is known is: never understated, whatever the network and the clocks do."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from signet_verifier import Instant
from signet_verifier._freshness import Freshness

EPOCH = 1_795_262_400_000


@dataclass(frozen=True)
class Message:
    """In milliseconds, one after the other."""

    pause: int
    """Until the service stamps it."""
    on_the_way: int
    node_lag: int
    """How long before the stamp the service knew everything."""
    connects: bool
    """It is the first of a new connection: how long its request took is `asked`."""
    asked: int


MESSAGES = st.lists(
    st.builds(
        Message,
        pause=st.integers(1, 20_000),
        on_the_way=st.integers(0, 5_000),
        node_lag=st.integers(0, 60_000),
        connects=st.booleans(),
        asked=st.integers(0, 3_000),
    ),
    min_size=1,
    max_size=12,
)


def at(boot: float, wall: int | None = None) -> Instant:
    return Instant(EPOCH + round(boot) if wall is None else wall, boot)


class Run:
    """A verifier's freshness beside the truth. The service's clock runs `ppm` fast, and stood at `ahead` when ours stood at zero."""

    def __init__(self, ahead: int, ppm: int) -> None:
        self.freshness = Freshness()
        self.ahead = ahead
        self.ppm = ppm
        self.boot = 0
        self.known_at = 0
        self.slack = 0.0
        """By how much drift and the whole milliseconds of stamps may mislead."""
        self.opened = 0

    def server(self, boot: int) -> int:
        return self.ahead + boot + boot * self.ppm // 1_000_000

    def snapshot(self, asked: int, node_lag: int) -> None:
        sent, stamped = self.boot, self.boot + asked
        self.boot = stamped + 1
        self.opened = sent
        self.known_at = max(self.known_at, stamped - node_lag)
        taken = self.freshness.snapshot(
            at(sent), at(self.boot), self.freshness.epoch, self.server(stamped - node_lag), self.server(stamped)
        )
        assert taken

    def message(self, message: Message) -> None:
        stamped = self.boot + message.pause
        if message.connects:
            sent = stamped - min(message.asked, message.pause)
            received = stamped + message.on_the_way
            self.freshness.opened(at(sent), at(received), self.server(stamped))
            self.opened = sent
        else:
            received = stamped + message.on_the_way
            as_of = stamped - message.node_lag
            self.freshness.heard(at(received), self.server(as_of), self.server(stamped))
            self.known_at = max(self.known_at, as_of)
        self.boot = received
        self.slack = max(self.slack, 2 + (self.boot - self.opened) * abs(self.ppm) / 1_000_000)


@given(MESSAGES, st.integers(-10_000_000, 10_000_000), st.integers(-500, 500), st.integers(0, 5000))
def test_staleness_is_never_understated(messages: list[Message], ahead: int, ppm: int, asked: int) -> None:
    run = Run(EPOCH + ahead, ppm)
    run.snapshot(asked, 0)
    for message in messages:
        run.message(message)
        staleness = run.freshness.staleness(at(run.boot))
        assert staleness is not None
        assert staleness >= run.boot - run.known_at - run.slack
        later = run.freshness.staleness(at(run.boot + 1000))
        assert later == staleness + 1000


@given(st.integers(0, 3000), st.integers(0, 60_000))
def test_it_is_overstated_by_the_request_that_measured_it_at_most(asked: int, node_lag: int) -> None:
    run = Run(EPOCH, 0)
    run.snapshot(asked, node_lag)
    staleness = run.freshness.staleness(at(run.boot))
    assert staleness is not None
    assert node_lag <= staleness <= node_lag + asked + 1


def test_an_event_that_lay_in_a_buffer_is_as_old_as_it_is() -> None:
    run = Run(EPOCH, 0)
    run.snapshot(0, 0)
    run.message(Message(1000, 0, 0, connects=True, asked=0))
    run.message(Message(pause=1000, on_the_way=25_000, node_lag=0, connects=False, asked=0))
    assert run.freshness.staleness(at(run.boot)) == 25_000
    assert run.freshness.lag(at(run.boot), EPOCH + run.boot - 25_000) == 25_000


def test_a_service_whose_clock_was_set_forward_is_no_fresher_for_it() -> None:
    run = Run(EPOCH, 0)
    run.snapshot(0, 0)
    run.freshness.opened(at(10), at(10), EPOCH + 10)
    # An hour ahead from now on: what it knew ten seconds before it said so is ten seconds old.
    ahead = EPOCH + 3_600_000
    run.freshness.heard(at(20_000), ahead + 10_000, ahead + 20_000)
    assert run.freshness.staleness(at(20_000)) == 10_000


def test_it_goes_on_counting_while_the_wall_clock_stands_still() -> None:
    run = Run(EPOCH, 0)
    run.snapshot(0, 0)
    assert run.freshness.staleness(Instant(EPOCH, 40_000.0)) == 39_999 + 1


def test_nothing_is_known_before_a_snapshot_nor_after_it_was_lost() -> None:
    run = Run(EPOCH, 0)
    assert run.freshness.staleness(at(0)) is None
    run.freshness.heard(at(1), EPOCH, EPOCH)
    assert run.freshness.is_lost
    run.snapshot(0, 0)
    assert not run.freshness.is_lost
    run.freshness.lose()
    run.message(Message(10, 0, 0, connects=False, asked=0))
    assert run.freshness.staleness(at(run.boot)) is None


def test_a_snapshot_that_was_asked_for_before_the_loss_restores_nothing() -> None:
    freshness = Freshness()
    epoch = freshness.epoch
    freshness.lose()
    assert not freshness.snapshot(at(0), at(1), epoch, EPOCH, EPOCH)
    assert freshness.is_lost
    assert freshness.snapshot(at(0), at(1), freshness.epoch, EPOCH, EPOCH)


def test_a_snapshot_during_which_the_clock_was_set_is_not_taken() -> None:
    freshness = Freshness()
    assert not freshness.snapshot(at(0), at(10, wall=EPOCH + 5000), freshness.epoch, EPOCH, EPOCH)
    assert freshness.is_lost


def test_a_wall_clock_that_was_set_is_noticed_once_and_lets_no_token_seem_young() -> None:
    run = Run(EPOCH, 0)
    run.snapshot(0, 0)
    assert not run.freshness.wall_clock_jumped(at(5000))
    set_back = at(5000, wall=EPOCH + 5000 - 2100)
    assert run.freshness.latest_wall(set_back) == EPOCH + 5000
    assert run.freshness.wall_clock_jumped(set_back)
    assert not run.freshness.wall_clock_jumped(set_back)
    assert run.freshness.is_lost
