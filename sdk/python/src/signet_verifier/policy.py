"""What to do with a token when the verifier has not heard from the service for too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class AcceptYoungerThan:
    """Believe a token past the bound if it was issued (`jti`) within this time: what was revoked before that would not have been
    issued."""

    seconds: float


WhenStale: TypeAlias = Literal["refuse", "accept", "introspect"] | AcceptYoungerThan
"""What a verifier does past its bound.

- `"refuse"`: `StaleError`. Revocation first.
- `"accept"`: believe the token. Availability first; what was revoked meanwhile is let in.
- `"introspect"`: ask the service about each token, and remember the answer for a moment.
- `AcceptYoungerThan(seconds)`: believe what was issued in the last moments.

The same holds while a snapshot must be loaded first (`reset`, an event that was not understood, a wall clock that was set). Before
the first keys and the first snapshot no policy vouches for anything.
"""


def check_policy(max_staleness: float, when_stale: WhenStale) -> None:
    """Raises `ValueError` for what is no policy."""
    if not 0 <= max_staleness <= 86_400:
        raise ValueError("max_staleness is 0 to 86,400 seconds")
    if isinstance(when_stale, AcceptYoungerThan):
        if when_stale.seconds < 0:
            raise ValueError("AcceptYoungerThan is of 0 or more seconds")
    elif when_stale not in ("refuse", "accept", "introspect"):
        raise ValueError("when_stale is 'refuse', 'accept', 'introspect' or AcceptYoungerThan(seconds)")
