"""Asks the service about single tokens, and remembers its answers for a moment."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable

from ._counters import Tally
from ._service import Failed
from .errors import ConnectError, FeedError

log = logging.getLogger("signet_verifier")

_REMEMBERED_SECONDS = 3.0
_MAX_REMEMBERED = 4096
_MAX_AT_ONCE = 32


class Introspection:
    """Questions to the service: one for all who ask about one token, a few at once, answers kept for seconds."""

    def __init__(self, ask: Callable[[str], Awaitable[bool]], tally: Tally) -> None:
        self._ask = ask
        self._tally = tally
        self._turns = asyncio.Semaphore(_MAX_AT_ONCE)
        self._asking: dict[bytes, asyncio.Task[bool | None]] = {}
        self._answers: dict[bytes, tuple[float, bool]] = {}

    async def is_active(self, token: str) -> bool | None:
        """Whether the service believes the token; `None` if it gave no answer."""
        now = asyncio.get_running_loop().time()
        digest = hashlib.sha256(token.encode()).digest()
        known = self._answers.get(digest)
        if known is not None and now - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        if digest not in self._asking:
            self._asking[digest] = asyncio.create_task(self._question(digest, token))
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(self._asking[digest])

    async def _question(self, digest: bytes, token: str) -> bool | None:
        try:
            async with self._turns:
                self._tally.add("introspected")
                active = await self._ask(token)
        except (Failed, FeedError, ConnectError) as error:
            log.warning("the service could not be asked about a token: %s", error)
            self._tally.add("failed_requests")
            return None
        finally:
            del self._asking[digest]
        self._remember(digest, active)
        return active

    def _remember(self, digest: bytes, active: bool) -> None:
        now = asyncio.get_running_loop().time()
        # Oldest first, as they were entered.
        self._answers.pop(digest, None)
        while self._answers:
            oldest = next(iter(self._answers))
            if len(self._answers) < _MAX_REMEMBERED and now - self._answers[oldest][0] < _REMEMBERED_SECONDS:
                break
            del self._answers[oldest]
        self._answers[digest] = (now, active)
