"""Time: the wall clock, and a clock that goes on while the machine sleeps and that nobody sets."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks, in milliseconds."""

    wall: int
    """Since 1970-01-01T00:00:00Z."""
    boot: float
    """Since some start."""


class Clock(Protocol):
    """Where the present comes from."""

    def now(self) -> Instant:
        """The present."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """The present."""
        return Instant(time.time_ns() // 1_000_000, _boot_ns() / 1e6)


# Where the clock does not count sleep, sleep shows as a wall clock that jumped, which is noticed too.
if sys.platform == "linux":

    def _boot_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def _boot_ns() -> int:
        # Goes on during sleep there, other than what time.monotonic() reads.
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)

else:

    def _boot_ns() -> int:
        return time.monotonic_ns()
