"""How old what is known is: docs/feed.md, "What a verifier does", 3 and 6.

The service says by its own clock up to when it knew of everything (`as_of`) and when it said so (`server_time`). An answer is
stamped after its request was sent, so `sent` − `server_time` never overstates how our boot clock lies to the service's clock: an
`as_of` mapped with it is never too late, and staleness never understated. A stamp is also made before it is received, which
corrects the mapping when the service's clock runs ahead of ours; when it falls behind, staleness is overstated until the next
request, and `lag` says so.
"""

from __future__ import annotations

import threading

from ._clock import Instant

MAX_SKEW_MS = 2000
"""How far ahead of `server_time` an `as_of` may lie and still count, as if it were `server_time`: the service's nodes are that far
apart at most. One further ahead was stamped before a clock was set back: it says nothing."""

MAX_WALL_JUMP_MS = 2000
"""A wall clock that moved by more against the boot clock was set: what was forgotten by it may have been forgotten too early."""


class Freshness:
    """Since when the verifier knows everything, if it does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known_at: float | None = None
        self._server_to_boot = 0.0
        self._boot_to_wall = 0.0
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """A number that changes whenever what is known is lost."""
        return self._epoch

    @property
    def is_lost(self) -> bool:
        """Whether a snapshot must be loaded before anything is vouched for."""
        return self._known_at is None

    def staleness(self, now: Instant) -> float | None:
        """How many milliseconds ago everything was known."""
        known_at = self._known_at
        return None if known_at is None else max(now.boot - known_at, 0.0)

    def latest_wall(self, now: Instant) -> float:
        """The wall clock, or what it would say had nobody set it back since the last snapshot."""
        return max(now.wall, now.boot + self._boot_to_wall)

    def lose(self) -> None:
        """Nothing is known any more, until the next snapshot."""
        with self._lock:
            self._known_at = None
            self._epoch += 1

    def wall_clock_jumped(self, now: Instant) -> bool:
        """Whether the wall clock was set since the last snapshot; if so, what is known is lost."""
        with self._lock:
            moved = abs(now.wall - now.boot - self._boot_to_wall) > MAX_WALL_JUMP_MS
            if self._known_at is None or not moved:
                return False
            self._known_at = None
            self._epoch += 1
            return True

    def snapshot(self, sent: Instant, received: Instant, epoch: int, as_of: int, server_time: int) -> bool:
        """Takes in a snapshot that was asked for in an epoch; says no if what was known was lost since."""
        with self._lock:
            wall_moved = abs((received.wall - received.boot) - (sent.wall - sent.boot)) > MAX_WALL_JUMP_MS
            if epoch != self._epoch or wall_moved:
                return False
            self._boot_to_wall = received.wall - received.boot
            self._server_to_boot = sent.boot - server_time
            # What it holds is in force; if its stamps say nothing of when it was true, that is long ago.
            if self._known_at is None:
                self._known_at = float("-inf")
            self._advance(as_of, server_time, received)
            return True

    def opened(self, sent: Instant, received: Instant, server_time: int) -> None:
        """A stream was opened: measures anew how the clocks lie."""
        with self._lock:
            self._server_to_boot = min(sent.boot, received.boot) - server_time

    def heard(self, received: Instant, as_of: int | None, server_time: int) -> None:
        """Takes in the stamps of an event that was applied."""
        with self._lock:
            self._server_to_boot = min(self._server_to_boot, received.boot - server_time)
            if as_of is not None:
                self._advance(as_of, server_time, received)

    def lag(self, received: Instant, server_time: int) -> float:
        """By how many milliseconds the event just heard seems to be late: the network's delay, and how far the service's clock
        fell behind ours since the stream was opened."""
        return received.boot - server_time - self._server_to_boot

    def _advance(self, as_of: int, server_time: int, received: Instant) -> None:
        if self._known_at is None or as_of > server_time + MAX_SKEW_MS:
            return
        # Nobody knows the future; and what was known stays known.
        known_at = min(min(as_of, server_time) + self._server_to_boot, received.boot)
        self._known_at = max(self._known_at, known_at)
