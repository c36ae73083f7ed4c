"""The verifiers that embedders hold: one for threads, one for asyncio, on one core."""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from ._addresses import Addresses
from ._clock import Clock, SystemClock
from ._core import Core, Doubt, Question, Settings, Verified
from ._counters import Counters
from ._follower import Follower, Tuning
from ._service import Service
from ._thread import FollowerThread
from .errors import ConnectError, VerifyError
from .policy import WhenStale, check_policy

class _Settled:
    """What was asked for in `connect`, and what both verifiers answer from memory."""

    _core: Core

    def verify_local(
        self,
        token: str,
        *,
        audience: str | Iterable[str] | None = None,
        max_staleness: float | None = None,
        when_stale: WhenStale | None = None,
    ) -> Verified:
        """Verifies a token. Never touches the network and never waits: a key that is not known is `key_unknown`, and where the
        policy is to ask the service the answer is `StaleError`.

        Raises `VerifyError` or `StaleError`.
        """
        question = self._question(audience, max_staleness, when_stale)
        with self._core.refusals_counted():
            verdict = self._core.judge(token, question)
            if isinstance(verdict, Doubt):
                raise verdict.stale
            return self._core.accept(verdict)

    def staleness(self) -> float | None:
        """How many seconds ago the verifier knew of every revocation; `None`: it never has, or must load a snapshot first."""
        return self._core.staleness()

    @property
    def counters(self) -> Counters:
        """What it has been through."""
        return self._core.tally.read()

    def __len__(self) -> int:
        """How many revocations it holds."""
        return len(self._core.denylist)

    def __bool__(self) -> bool:
        return True

    def _question(
        self,
        audience: str | Iterable[str] | None,
        max_staleness: float | None,
        when_stale: WhenStale | None,
    ) -> Question:
        settings = self._core.settings
        if max_staleness is None and when_stale is None and audience is None:
            return Question(settings.audience, settings.max_staleness_ms, settings.when_stale)
        seconds = settings.max_staleness_ms / 1000 if max_staleness is None else max_staleness
        policy = settings.when_stale if when_stale is None else when_stale
        check_policy(seconds, policy)
        return Question(_audience(audience) or settings.audience, seconds * 1000, policy)


class Verifier(_Settled):
    """Verifies access tokens in your own process, from any thread, and follows the service's revocations in a thread of its own.

    Connect it after a fork, not before: threads do not survive one, and a verifier without its thread grows stale and refuses.
    """

    def __init__(self, core: Core, thread: FollowerThread) -> None:
        """Use `Verifier.connect`."""
        self._core = core
        self._thread = thread
        # Also when the program ends, or nothing refers to the verifier any more.
        self._stop = weakref.finalize(self, thread.stop)

    @classmethod
    def connect(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str],
        client_id: str,
        client_secret: str,
        base_url: str | None = None,
        max_staleness: float = 30.0,
        when_stale: WhenStale = "refuse",
        leeway: float | None = None,
        name: str | None = None,
        ready_within: float | None = 10.0,
        remember: int = 16_384,
        allow_plain_http: bool = False,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        tuning: Tuning | None = None,
    ) -> Self:
        """Connects to an issuer and waits until keys and revocations are there.

        - `audience`: what this service is called; one of several must be in a token's `aud`.
        - `client_id`, `client_secret`: a client with the permission `revocations:read` (and `tokens:introspect` where the policy
          asks).
        - `base_url`: where the service is reached, if not under the issuer's URL.
        - `max_staleness`, `when_stale`: how many seconds it vouches without news, and what it does past that.
        - `leeway`: how many seconds clocks may be apart; what the issuer allows, unless less is asked for.
        - `name`: who this is, for operators; a random part is added.
        - `ready_within`: how many seconds to wait; `None`: connect in the background, every answer being `StaleError` until then.
        - `remember`: how many verified tokens are remembered.
        - `allow_plain_http`: take plain http to another machine: only within a network that nobody else is on.
        - `tls`: another context than httpx's default, for instance with your own certificate authority.
        - `clock`, `tuning`: for tests.

        Raises `ConnectError`.
        """
        core = Core(_settings(issuer, audience, max_staleness, when_stale, leeway, remember), clock or SystemClock())
        addresses = Addresses(issuer, base_url, allow_plain_http=allow_plain_http)

        def follower() -> Follower:
            service = Service(addresses, (client_id, client_secret), tls)
            return Follower(core, service, _verifier_id(name), tuning or Tuning())

        thread = FollowerThread(follower, ready_within)
        thread.start()
        return cls(core, thread)

    def verify(
        self,
        token: str,
        *,
        audience: str | Iterable[str] | None = None,
        max_staleness: float | None = None,
        when_stale: WhenStale | None = None,
    ) -> Verified:
        """Verifies a token. From memory, but for a key that is not known yet (one fetch for all who wait, with a cooldown) and
        where the policy is to ask the service.

        Raises `VerifyError`, `StaleError` or `InactiveError`.
        """
        question = self._question(audience, max_staleness, when_stale)
        with self._core.refusals_counted():
            try:
                verdict = self._core.judge(token, question)
            except VerifyError as error:
                if error.code != "key_unknown":
                    raise
                self._thread.ask(lambda follower: follower.find_keys())
                verdict = self._core.judge(token, question)
            if isinstance(verdict, Doubt):
                active = self._thread.ask(lambda follower: follower.introspection.is_active(token))
                verdict = self._core.settle(verdict, active)
            return self._core.accept(verdict)

    def close(self) -> None:
        """Vouches for nothing any more, says so to the service, and ends the thread."""
        self._core.close()
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncVerifier(_Settled):
    """Verifies access tokens in your own process, and follows the service's revocations in a task of the running event loop."""

    def __init__(self, core: Core, follower: Follower, following: asyncio.Task[None]) -> None:
        """Use `AsyncVerifier.connect`."""
        self._core = core
        self._follower = follower
        self._following = following

    @classmethod
    async def connect(
        cls,
        issuer: str,
        *,
        audience: str | Iterable[str],
        client_id: str,
        client_secret: str,
        base_url: str | None = None,
        max_staleness: float = 30.0,
        when_stale: WhenStale = "refuse",
        leeway: float | None = None,
        name: str | None = None,
        ready_within: float | None = 10.0,
        remember: int = 16_384,
        allow_plain_http: bool = False,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        tuning: Tuning | None = None,
    ) -> Self:
        """Connects to an issuer and waits until keys and revocations are there. The arguments are those of `Verifier.connect`.

        Raises `ConnectError`.
        """
        core = Core(_settings(issuer, audience, max_staleness, when_stale, leeway, remember), clock or SystemClock())
        addresses = Addresses(issuer, base_url, allow_plain_http=allow_plain_http)
        service = Service(addresses, (client_id, client_secret), tls)
        follower = Follower(core, service, _verifier_id(name), tuning or Tuning())
        verifier = cls(core, follower, asyncio.create_task(follower.run()))
        if ready_within is not None:
            try:
                await follower.ready(ready_within)
            except BaseException:
                await verifier.close()
                raise
        return verifier

    async def verify(
        self,
        token: str,
        *,
        audience: str | Iterable[str] | None = None,
        max_staleness: float | None = None,
        when_stale: WhenStale | None = None,
    ) -> Verified:
        """Verifies a token. From memory, but for a key that is not known yet (one fetch for all who wait, with a cooldown) and
        where the policy is to ask the service.

        Raises `VerifyError`, `StaleError` or `InactiveError`.
        """
        question = self._question(audience, max_staleness, when_stale)
        with self._core.refusals_counted():
            try:
                verdict = self._core.judge(token, question)
            except VerifyError as error:
                if error.code != "key_unknown":
                    raise
                await self._follower.find_keys()
                verdict = self._core.judge(token, question)
            if isinstance(verdict, Doubt):
                verdict = self._core.settle(verdict, await self._follower.introspection.is_active(token))
            return self._core.accept(verdict)

    async def close(self) -> None:
        """Vouches for nothing any more, says so to the service, and ends the task."""
        self._core.close()
        self._following.cancel()
        # Not awaited itself: the caller's own cancellation must not be taken for its end.
        await asyncio.wait({self._following})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _settings(
    issuer: str,
    audience: str | Iterable[str],
    max_staleness: float,
    when_stale: WhenStale,
    leeway: float | None,
    remember: int,
) -> Settings:
    check_policy(max_staleness, when_stale)
    audiences = _audience(audience)
    if not audiences:
        raise ConnectError("no audience: name the one that this service is")
    if leeway is not None and leeway < 0:
        raise ValueError("leeway is 0 or more seconds")
    leeway_ms = None if leeway is None else round(leeway * 1000)
    return Settings(issuer, audiences, leeway_ms, max_staleness * 1000, when_stale, max(remember, 0))


def _audience(audience: str | Iterable[str] | None) -> tuple[str, ...]:
    if audience is None:
        return ()
    return (audience,) if isinstance(audience, str) else tuple(audience)


def _verifier_id(name: str | None) -> str:
    """Unique to the process, the same across its reconnects; what the name has beyond the alphabet becomes a hyphen."""
    prefix = re.sub(r"[^A-Za-z0-9._-]", "-", name or "python")[:40]
    return f"{prefix}-{secrets.token_hex(8)}"
