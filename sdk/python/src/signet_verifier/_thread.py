"""A follower in a thread of its own, with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, TypeVar

from ._follower import Follower

T = TypeVar("T")

_ASK_SECONDS = 6.0
"""A little over what one request takes at most."""
_STOP_SECONDS = 3.0


class FollowerThread:
    """Runs a follower until it is stopped."""

    def __init__(self, make: Callable[[], Follower], ready_within: float | None) -> None:
        self._make = make
        self._ready_within = ready_within
        self._started: Future[None] = Future()
        self._follower: Follower | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        # Never keeps a program from ending; `stop` is for ending it in order.
        self._thread = threading.Thread(target=self._run, name="signet-verifier", daemon=True)

    def start(self) -> None:
        """Starts, and waits until the follower is ready where that was asked for.

        Raises what the follower raised; the thread has ended then.
        """
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            self.stop()
            raise

    def ask(self, question: Callable[[Follower], Coroutine[Any, Any, T]]) -> T | None:
        """Has the follower do something, and waits for it; `None` if there is no answer in time, or no follower any more."""
        if self._loop is None or self._follower is None:
            return None
        coroutine = question(self._follower)
        try:
            asked = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            return None
        try:
            return asked.result(_ASK_SECONDS)
        except (TimeoutError, CancelledError):
            asked.cancel()
            return None

    def stop(self) -> None:
        """Ends the follower, and waits a moment for its goodbye. Idempotent."""
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(stop.set)
        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)

    async def _follow(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._follower = self._make()
        following = asyncio.create_task(self._follower.run())
        try:
            if self._ready_within is not None:
                await self._follower.ready(self._ready_within)
            self._started.set_result(None)
            await self._stop.wait()
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
