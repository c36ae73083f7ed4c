"""The cancellation signal: long-lived connections learn that their session has ended."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Generator

from ._denylist import Denylist, TokenScopes


class RevocationSignal:
    """Set when a cutoff denies the token. Await it, or `wait` for it in a thread; its value is the kind of cutoff.

    Only cutoffs that name the token wake it. It ends with `close`, or when nothing refers to it any more.
    """

    def __init__(self, denylist: Denylist, scopes: TokenScopes) -> None:
        self._by: str | None = None
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[str]]] = []
        # The denylist must not keep alive what nobody waits for.
        fire = weakref.WeakMethod(self._fire)

        def on_denied(by: str) -> None:
            if call := fire():
                call(by)

        watch = denylist.watch(scopes, on_denied)
        self._end = weakref.finalize(self, denylist.abandon, watch)
        self._end.atexit = False

    def is_set(self) -> bool:
        """Whether the token has been revoked."""
        return self._set.is_set()

    def wait(self, timeout: float | None = None) -> str | None:
        """Blocks until the token is revoked, at most `timeout` seconds: the kind of cutoff, or `None`."""
        return self._by if self._set.wait(timeout) else None

    def close(self) -> None:
        """Stops watching. Idempotent."""
        self._end()

    def __await__(self) -> Generator[None, None, str]:
        return self._wait().__await__()

    async def _wait(self) -> str:
        loop = asyncio.get_running_loop()
        revoked: asyncio.Future[str] = loop.create_future()
        waiter = (loop, revoked)
        with self._lock:
            if self._by is not None:
                return self._by
            self._waiting.append(waiter)
        try:
            return await revoked
        finally:
            with self._lock:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)

    def _fire(self, by: str) -> None:
        with self._lock:
            if self._by is not None:
                return
            self._by = by
            waiting, self._waiting = self._waiting, []
        self._set.set()
        for loop, revoked in waiting:
            try:
                loop.call_soon_threadsafe(_resolve, revoked, by)
            except RuntimeError:
                # That loop has been closed: nobody waits in it any more.
                continue


def _resolve(future: asyncio.Future[str], by: str) -> None:
    if not future.done():
        future.set_result(by)
