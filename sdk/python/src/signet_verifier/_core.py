"""What is known now, and what follows from it for a token: shared by the task that learns and the calls that verify. No I/O."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from . import _ids
from ._check import CheckedToken, Expected, check_claims, check_denylist, check_token
from ._claims import Claims
from ._clock import Clock, Instant
from ._counters import Tally
from ._denylist import Denylist, TokenScopes
from ._feed import Batch, Entry, Hello, Limits, Snapshot
from ._freshness import Freshness
from ._jws import Header
from ._keys import KeySet
from ._signal import RevocationSignal
from .errors import InactiveError, Refused, StaleError, VerifyError
from .policy import AcceptYoungerThan, WhenStale

_DEFAULT_LEEWAY_MS = 30_000
_SWEEP_EVERY_MS = 60_000
_COUNTER_OF = {"revoked": "revoked", "inactive": "revoked", "stale": "stale_refused"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the embedder asked for; durations in milliseconds."""

    issuer: str
    audience: tuple[str, ...]
    leeway_ms: int | None
    """`None`: what the issuer allows."""
    max_staleness_ms: float
    when_stale: WhenStale
    remembered: int
    """How many tokens are remembered."""


@dataclass(frozen=True, slots=True)
class Question:
    """How one token is to be verified: the settings, or what the call says instead."""

    audience: tuple[str, ...]
    max_staleness_ms: float
    when_stale: WhenStale


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Verified:
    """A token that has been believed. Only a verifier makes one."""

    claims: Claims
    header: Header
    scopes: TokenScopes = field(repr=False)
    """What it can be revoked by."""
    _denylist: Denylist = field(repr=False)
    _is_stale: bool = field(default=False, repr=False)

    @property
    def custom(self) -> Mapping[str, Any]:
        """The claims beyond the registered ones."""
        return self.claims.custom

    def revoked(self) -> RevocationSignal:
        """A signal for long-lived connections: `await verified.revoked()`, or `verified.revoked().wait(timeout)`."""
        return RevocationSignal(self._denylist, self.scopes)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A token that is good as far as the verifier knows, which is not far enough: the policy is to ask the service."""

    verified: Verified
    stale: StaleError


class Core:
    """Keys, denylist, limits and freshness, and the verdict on a token."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.keys = KeySet()
        self.denylist = Denylist()
        self.freshness = Freshness()
        self.tally = Tally()
        self.limits: Limits | None = None
        self.on_lost: Callable[[], None] = lambda: None
        """Called from any thread when a snapshot is needed, other than by word of the feed."""
        self.retry_after = 1.0
        """In how many seconds another attempt to reach the service is to be expected."""
        self._swept_at = 0.0
        self._is_closed = False
        self._remembered: dict[bytes, tuple[object, CheckedToken]] = {}
        self._remembering = threading.Lock()

    @property
    def is_ready(self) -> bool:
        """Whether keys and snapshot are there."""
        return self.keys.is_loaded and not self.freshness.is_lost

    @property
    def _is_of_use(self) -> bool:
        """Whether keys and a snapshot have ever been there, and it has not been closed: no policy vouches before that."""
        return self.keys.is_loaded and self.limits is not None and not self._is_closed

    def staleness(self) -> float | None:
        """How many seconds ago everything was known."""
        now = self.clock.now()
        self.look_at_clocks(now)
        staleness = None if self._is_closed else self.freshness.staleness(now)
        return None if staleness is None else staleness / 1000

    def judge(self, token: str, question: Question) -> Verified | Doubt:
        """The verdict on a token, as far as it can be given here. To be asked for within `refusals_counted`.

        Raises `VerifyError` or `StaleError`.
        """
        now = self.clock.now()
        self.look_at_clocks(now)
        staleness = None if self._is_closed else self.freshness.staleness(now)
        stale = StaleError(None if staleness is None else staleness / 1000, self.retry_after)
        try:
            verified = self._believe(token, question.audience, now)
        except VerifyError as error:
            if error.code == "key_unknown" and not self._is_of_use:
                raise stale from None
            raise
        if staleness is not None and staleness <= question.max_staleness_ms:
            return verified
        if not self._is_of_use:
            raise stale
        if question.when_stale == "introspect":
            return Doubt(verified, stale)
        if not _is_accepted(question.when_stale, verified.claims, self.freshness.latest_wall(now)):
            raise stale
        return replace(verified, _is_stale=True)

    def settle(self, doubt: Doubt, active: bool | None) -> Verified:
        """The verdict after the service was asked; `None`: it gave no answer.

        Raises `VerifyError`, `StaleError` or `InactiveError`.
        """
        if active is None:
            raise doubt.stale
        if not active:
            raise InactiveError
        # The feed may have said so while the service was asked.
        check_denylist(doubt.verified.scopes, self.denylist)
        return doubt.verified

    def accept(self, verified: Verified) -> Verified:
        """Counts a token that was believed."""
        self.tally.add("stale_accepted" if verified._is_stale else "accepted")
        return verified

    @contextmanager
    def refusals_counted(self) -> Iterator[None]:
        """Counts how the verification within ends, if it is a refusal."""
        try:
            yield
        except Refused as refused:
            self.tally.add(_COUNTER_OF.get(refused.code, "invalid"))
            raise

    def load(self, snapshot: Snapshot, sent: Instant, epoch: int) -> bool:
        """Takes in a snapshot that was asked for in an epoch of the freshness; says no if that has passed."""
        self.limits = snapshot.limits
        self._apply(snapshot.entries)
        self.tally.add("snapshots")
        return self.freshness.snapshot(sent, self.clock.now(), epoch, snapshot.as_of, snapshot.server_time)

    def greet(self, hello: Hello, sent: Instant) -> None:
        """A stream was opened. Its `as_of` is only as good as its cursor, so freshness waits for the next."""
        self.limits = hello.limits
        self.tally.add("connects")
        self.freshness.opened(sent, self.clock.now(), hello.server_time)

    def apply(self, batch: Batch) -> None:
        """Takes in an event: its entries are in force when this returns."""
        self._apply(batch.entries)
        self.freshness.heard(self.clock.now(), batch.as_of, batch.server_time)

    def lag(self, batch: Batch) -> float:
        """By how many milliseconds the event just applied seems to be late."""
        return self.freshness.lag(self.clock.now(), batch.server_time)

    def lose(self) -> None:
        """Vouches for nothing until the next snapshot."""
        self.tally.add("resyncs")
        self.freshness.lose()

    def look_at_clocks(self, now: Instant) -> None:
        """Notices a wall clock that was set."""
        if self.freshness.wall_clock_jumped(now):
            self.tally.add("resyncs")
            self.on_lost()

    def tick(self) -> None:
        """To be called every second or so: looks at the clocks, forgets what has expired."""
        now = self.clock.now()
        self.look_at_clocks(now)
        # By a wall clock that can be trusted only.
        if now.boot - self._swept_at >= _SWEEP_EVERY_MS and not self.freshness.is_lost:
            self._swept_at = now.boot
            self.denylist.sweep(now.wall)

    def close(self) -> None:
        """Vouches for nothing any more."""
        self._is_closed = True

    def _believe(self, token: str, audience: tuple[str, ...], now: Instant) -> Verified:
        limits = self.limits
        checked = self._checked(token, limits.revocable_claims if limits else ())
        check_claims(checked.claims, self._expected(audience, limits), now.wall)
        check_denylist(checked.scopes, self.denylist)
        return Verified(checked.claims, checked.header, checked.scopes, self.denylist)

    def _expected(self, audience: tuple[str, ...], limits: Limits | None) -> Expected:
        asked = self.settings.leeway_ms
        if limits is None:
            return Expected(self.settings.issuer, audience, _DEFAULT_LEEWAY_MS if asked is None else asked, None)
        # Entries are forgotten by the issuer's leeway: more would let a revoked token in again.
        leeway = limits.leeway_ms if asked is None else min(asked, limits.leeway_ms)
        return Expected(self.settings.issuer, audience, leeway, limits.longest_access_ttl_ms)

    def _checked(self, token: str, revocable_claims: tuple[str, ...]) -> CheckedToken:
        """Signature and claims, or their remembered outcome. Refusals are not remembered: they are cheap to repeat, and
        strangers could fill the memory with them."""
        version, keys = self.keys.current
        if self.settings.remembered == 0 or len(token) > 8192:
            return check_token(token, keys, revocable_claims)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        made_under = (version, revocable_claims)
        known = self._remembered.get(digest)
        if known is not None and known[0] == made_under:
            return known[1]
        checked = check_token(token, keys, revocable_claims)
        with self._remembering:
            while len(self._remembered) >= self.settings.remembered:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = (made_under, checked)
        return checked

    def _apply(self, entries: Iterable[Entry]) -> None:
        entries = tuple(entries)
        self.keys.drop(entry.scope[2] for entry in entries if entry.scope[0] == "kid")
        self.denylist.apply(entries)
        self.tally.add("entries", len(entries))


def _is_accepted(when_stale: WhenStale, claims: Claims, now: float) -> bool:
    if isinstance(when_stale, AcceptYoungerThan):
        return now - _ids.uuid_time(claims.jti) < when_stale.seconds * 1000
    return when_stale == "accept"
