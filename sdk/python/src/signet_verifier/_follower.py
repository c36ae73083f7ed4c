"""Keeps a core up to date: one asyncio task fetches keys, one loads snapshots and follows the stream.

Whatever goes wrong here, freshness does not advance, and the core refuses by itself once it is past its bound: failures are
counted, logged once and tried again, with a wait that grows and is never the same for two verifiers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from ._clock import Instant
from ._core import Core
from ._feed import Batch, Event, Hello, Reset, Snapshot, read_event, read_snapshot
from ._introspection import Introspection
from ._service import Failed, Forbidden, Service, Unacceptable
from ._sse import EventReader
from .errors import ConnectError, FeedError

log = logging.getLogger("signet_verifier")


@dataclass(frozen=True, slots=True)
class Tuning:
    """Times in seconds and a size. Tests shorten them."""

    first_retry: float = 0.25
    longest_retry: float = 5.0
    refused_retry: float = 10.0
    """Who was refused needs an operator, not patience."""
    key_cooldown: float = 10.0
    """Between fetches because of a key that is not known."""
    key_wait: float = 2.0
    """For how long a token waits for its key."""
    key_max_age: tuple[float, float] = (10.0, 3600.0)
    """What `max-age` is held within."""
    key_age_unknown: float = 300.0
    heartbeat: float = 5.0
    """Until the service says how far apart they are."""
    stream_wait: float = 2.0
    """For how long `connect` waits for the stream beyond keys and snapshot."""
    tick: float = 1.0
    lived: float = 1.0
    """A stream that lasted longer was a good one."""
    most_lag: float = 1.0
    """A stream that seems later than this is opened anew, which measures how the clocks lie."""
    remeasure_every: float = 60.0
    max_event: int = 1 << 24


class Retry:
    """Waits that grow from failure to failure, with jitter."""

    def __init__(self, tuning: Tuning) -> None:
        self._first = tuning.first_retry
        self._longest = tuning.longest_retry
        self._next = self._first

    def reset(self) -> None:
        """All is well."""
        self._next = self._first

    def step(self) -> float:
        """How long to wait now."""
        longest = self._next
        self._next = min(self._next * 2, self._longest)
        return longest * random.uniform(0.2, 1.0)


class Outcome(Enum):
    """What came of following, and so how long to wait before the next attempt."""

    AT_ONCE = auto()
    """Nothing failed: a reset, a clock that was set, a stream to be opened anew."""
    FAILED = auto()
    REFUSED = auto()


class Follower:
    """The tasks behind one verifier. Made and used in one event loop."""

    def __init__(self, core: Core, service: Service, verifier_id: str, tuning: Tuning) -> None:
        self.introspection = Introspection(service.is_active, core.tally)
        self._core = core
        self._service = service
        self._verifier_id = verifier_id
        self._tuning = tuning
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        """Something that whoever waits for the first snapshot should look at."""
        self._problem: ConnectError | None = None
        self._last_failure = "nothing was tried"
        self._wake = asyncio.Event()
        """The stream is to be left now: the state was lost in a call that verifies, or it is to be opened
        anew, though nothing is wrong with it."""
        self._cursor: str | None = None
        self._stream_id: str | None = None
        self._heartbeat = tuning.heartbeat
        self._heard_at = 0.0
        self._opened_at = 0.0
        self._remeasured_at = float("-inf")
        self._ack_due: str | None = None
        self._acking: asyncio.Task[None] | None = None
        self._etag: str | None = None
        self._fetching: asyncio.Task[float] | None = None
        self._fetched_at = float("-inf")
        self._until_keys = Retry(tuning)
        core.on_lost = self._on_lost

    async def run(self) -> None:
        """Follows until cancelled; then says goodbye and closes the connections."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_keys())
                tasks.create_task(self._follow_feed())
        finally:
            self._core.close()
            await self._leave()

    async def ready(self, within: float) -> None:
        """Waits until keys and snapshot are there, and a moment for the stream: once that is open, a revocation that waits for
        verifiers waits for this one.

        Raises `ConnectError` for what no waiting mends, and when the time is up.
        """
        try:
            async with asyncio.timeout(within):
                while not self._core.is_ready:
                    if self._problem:
                        raise self._problem
                    await self._change()
        except TimeoutError:
            raise ConnectError(f"the service did not answer: {self._last_failure}") from None
        self._check_leeway()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tuning.stream_wait):
                while self._stream_id is None:
                    await self._change()

    async def find_keys(self) -> None:
        """Fetches the keys because one is not known: one fetch for all who wait, none so soon after the last. Whoever asked looks
        again in any case: another's fetch may have ended just before."""
        idle = self._fetching is None or self._fetching.done()
        if not idle or self._loop.time() - self._fetched_at >= self._tuning.key_cooldown:
            # One who gives up must not take the keys from the others.
            await asyncio.wait({self._fetch()}, timeout=self._tuning.key_wait)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    # --- keys ---

    async def _keep_keys(self) -> None:
        while True:
            await asyncio.sleep(await self._fetch())

    def _fetch(self) -> asyncio.Task[float]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_keys())
        return self._fetching

    async def _fetch_keys(self) -> float:
        """Fetches the set; says in how many seconds the next fetch is due. Of a failure the last good set is kept."""
        self._fetched_at = self._loop.time()
        try:
            answer = await self._service.keys(self._etag)
            if answer.text is not None:
                self._core.keys.accept(answer.text)
            self._etag = answer.etag
        except Exception as error:
            if not isinstance(error, Failed | FeedError | ConnectError):
                log.exception("the keys could not be fetched")
            self._failed("keys", error)
            return self._tuning.longest_retry * random.uniform(0.5, 1.0) if self._core.keys.is_loaded else self._until_keys.step()
        self._core.tally.add("key_fetches")
        self._changed.set()
        shortest, longest = self._tuning.key_max_age
        age = self._tuning.key_age_unknown if answer.max_age is None else answer.max_age
        return min(max(age, shortest), longest)

    # --- the feed ---

    async def _follow_feed(self) -> None:
        retry = Retry(self._tuning)
        at_once_last = float("-inf")
        while True:
            outcome = await self._follow_once()
            if self._heard_at - self._opened_at > self._tuning.lived * 1000:
                retry.reset()
            # A service that resets every stream must not have us ask as fast as it answers.
            if outcome is Outcome.AT_ONCE and self._loop.time() - at_once_last > self._tuning.lived:
                at_once_last = self._loop.time()
                continue
            wait = retry.step()
            if outcome is Outcome.REFUSED:
                wait += self._tuning.refused_retry
            self._core.retry_after = max(1.0, wait)
            await asyncio.sleep(wait)
            self._core.tick()

    async def _follow_once(self) -> Outcome:
        """Loads a snapshot if one is needed and follows the stream until it ends."""
        try:
            if self._cursor is None or self._core.freshness.is_lost:
                await self._load_snapshot()
            return await self._listen_until_due()
        except FeedError as error:
            self._core.tally.add("malformed")
            self._failed("feed", error)
        except Forbidden as error:
            self._failed("feed", error)
            return Outcome.REFUSED
        except Unacceptable as error:
            # The cursor, for instance: a service that does not take it should have said `reset`.
            self._cursor = None
            self._failed("feed", error)
        except (Failed, ConnectError) as error:
            self._failed("feed", error)
        except Exception as error:
            # A fault of ours must not end the following: it would be noticed only past the bound.
            log.exception("the revocation feed could not be followed")
            self._cursor = None
            self._failed("feed", error)
        return Outcome.FAILED

    async def _load_snapshot(self) -> None:
        epoch, sent = self._core.freshness.epoch, self._core.clock.now()
        text = await self._service.snapshot()
        # Parsing a large one would hold up whoever else is in this event loop.
        large = len(text) > 1 << 18
        snapshot: Snapshot = await asyncio.to_thread(read_snapshot, text) if large else read_snapshot(text)
        if not self._core.load(snapshot, sent, epoch):
            raise Failed("the clock was set while a snapshot was loaded")
        self._cursor = snapshot.cursor
        self._check_leeway()
        self._changed.set()
        log.info("following the revocations of %s", self._core.settings.issuer)

    async def _listen_until_due(self) -> Outcome:
        """Follows the stream until it ends, falls silent, or something else is due."""
        self._opened_at = self._heard_at = self._core.clock.now().boot
        self._wake.clear()
        if self._core.freshness.is_lost:
            return Outcome.AT_ONCE
        listening, waking = asyncio.create_task(self._listen()), asyncio.create_task(self._wake.wait())
        try:
            while not listening.done():
                await asyncio.wait({listening, waking}, timeout=self._tuning.tick, return_when="FIRST_COMPLETED")
                self._core.tick()
                if self._wake.is_set() or self._is_silent():
                    break
            else:
                return listening.result()
        finally:
            waking.cancel()
            listening.cancel()
            # Not awaited itself: whoever cancels us meanwhile must not be taken for its end.
            await asyncio.wait({listening})
            if not listening.cancelled():
                # Looked at: what went wrong just before it was left is of no interest any more.
                listening.exception()
        if self._is_silent():
            raise Failed("the stream fell silent")
        return Outcome.AT_ONCE

    async def _listen(self) -> Outcome:
        """Follows the stream until it ends."""
        sent = self._core.clock.now()
        reader = EventReader(self._tuning.max_event)
        self._stream_id = None
        async with self._service.stream(self._parameters(), self._patience()) as chunks:
            try:
                async for chunk in chunks:
                    for frame in reader.push(chunk):
                        event = read_event(frame)
                        if isinstance(event, Reset):
                            self._core.lose()
                            return Outcome.AT_ONCE
                        if event is not None:
                            self._take(event, sent)
            except FeedError:
                # It may have been a denial: nothing is vouched for before the next snapshot.
                self._core.lose()
                raise
        raise Failed("the stream ended")

    def _parameters(self) -> dict[str, str]:
        max_staleness = min(max(int(self._core.settings.max_staleness_ms), 0), 86_400_000)
        parameters = {"verifier": self._verifier_id, "max_staleness_ms": str(max_staleness)}
        return parameters if self._cursor is None else parameters | {"cursor": self._cursor}

    def _take(self, event: Event, sent: Instant) -> None:
        if isinstance(event, Hello) is not (self._stream_id is None):
            raise FeedError("the stream does not begin with one hello")
        self._heard_at = self._core.clock.now().boot
        if isinstance(event, Hello):
            self._core.greet(event, sent)
            self._stream_id = event.stream_id
            self._changed.set()
            self._heartbeat = min(max(event.heartbeat_ms / 1000, 0.05), 60.0)
        elif isinstance(event, Batch):
            self._core.apply(event)
            # Only now: what is before the cursor is in force.
            self._cursor = event.cursor
            if event.ack:
                self._acknowledge(event.cursor)
            self._look_at_lag(event)

    def _look_at_lag(self, event: Batch) -> None:
        now = self._loop.time()
        is_late = self._core.lag(event) > self._tuning.most_lag * 1000
        if is_late and now - self._remeasured_at > self._tuning.remeasure_every:
            self._remeasured_at = now
            self._wake.set()

    def _patience(self) -> float:
        """Two heartbeats and a bit."""
        return self._heartbeat * 2 + min(1.0, self._heartbeat)

    def _is_silent(self) -> bool:
        # By the boot clock: after the machine slept the connection is dead, whatever the socket says.
        return self._core.clock.now().boot - self._heard_at > self._patience() * 1000

    def _acknowledge(self, cursor: str) -> None:
        self._ack_due = cursor
        if self._acking is None or self._acking.done():
            self._acking = asyncio.create_task(self._send_acks())

    async def _send_acks(self) -> None:
        """Sends the latest cursor, and again what became the latest meanwhile."""
        while (cursor := self._ack_due) is not None and self._stream_id is not None:
            self._ack_due = None
            try:
                await self._service.acknowledge(self._stream_id, cursor)
            except Failed:
                # Who waits is asked for in the next heartbeat again; the next connection's cursor says it too.
                self._core.tally.add("failed_requests")

    async def _leave(self) -> None:
        if self._acking is not None:
            self._acking.cancel()
        if self._stream_id is not None and self._cursor is not None:
            with suppress(Failed, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._service.acknowledge(self._stream_id, self._cursor, leaving=True)
        await self._service.close()

    # --- what others hear of it ---

    def _on_lost(self) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._wake.set)

    def _check_leeway(self) -> None:
        asked, limits = self._core.settings.leeway_ms, self._core.limits
        if asked is not None and limits is not None and asked > limits.leeway_ms:
            self._problem = ConnectError(
                f"a leeway of {asked / 1000} s is over the {limits.leeway_ms / 1000} s that the issuer remembers revocations for"
            )
            raise self._problem

    def _failed(self, what: str, error: Exception) -> None:
        text = f"{what}: {error}"
        if text != self._last_failure:
            log.warning("cannot follow %s: %s", self._core.settings.issuer, text)
        self._last_failure = text
        if isinstance(error, Failed):
            self._core.tally.add("failed_requests")
        if isinstance(error, Forbidden):
            self._problem = ConnectError(f"the service refused these credentials: {error}")
        elif isinstance(error, ConnectError):
            self._problem = error
        self._changed.set()
