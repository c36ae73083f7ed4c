"""What a verifier has been through, as numbers that only grow."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Counters:
    """Counted since the verifier was made. A metrics endpoint reads them as they are."""

    accepted: int = 0
    """Tokens believed within the bound, or because the service said yes."""
    revoked: int = 0
    """Tokens refused because a cutoff denies them, or because the service said no."""
    invalid: int = 0
    """Tokens refused for any other fault of theirs."""
    stale_refused: int = 0
    """Answers `StaleError`."""
    stale_accepted: int = 0
    """Tokens believed past the bound, because the policy says so."""
    introspected: int = 0
    """Questions put to the service."""
    connects: int = 0
    """Streams opened."""
    snapshots: int = 0
    """Snapshots loaded."""
    resyncs: int = 0
    """`reset` events, clock jumps and unreadable events: each is followed by a snapshot."""
    malformed: int = 0
    """Events and snapshots that could not be understood."""
    key_fetches: int = 0
    """Key sets fetched, 304 included."""
    failed_requests: int = 0
    """Requests to the service that failed."""
    entries: int = 0
    """Revocations applied."""


class Tally:
    """The counters while they count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def add(self, counter: str, more: int = 1) -> None:
        """Counts."""
        with self._lock:
            self._counts[counter] = self._counts.get(counter, 0) + more

    def read(self) -> Counters:
        """The numbers now."""
        with self._lock:
            return replace(Counters(), **self._counts)
