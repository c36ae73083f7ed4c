"""The in-memory denylist: which tokens have been taken back.

Three rules, a table each. *Always*: a key, and the logout of one token or session, deny whatever the time. *Logout* compares its
time with the session's start, *refresh* with the token's own. There is no capacity limit and no eviction; entries go when they
expire.

One thread writes (the one that follows the feed), any number read: a table's values are replaced whole.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import _ids
from ._claims import Claims
from ._feed import Entry, ScopeKey


@dataclass(frozen=True, slots=True)
class TokenScopes:
    """What a token can be denied by."""

    keys: tuple[ScopeKey, ...]
    token_time: int
    """The time in `jti`: what a `refresh` compares."""
    session_start: int
    """The time in `sid`, or in `jti` where there is no session: what a `logout` compares."""


def scopes_of(claims: Claims, kid: str, revocable_claims: Iterable[str]) -> TokenScopes:
    """The scopes that a token lies in. Of its custom claims the revocable ones count that are a string, or an array, whose
    strings then count one by one."""
    keys: list[ScopeKey] = [("kid", "", kid), ("jti", "", claims.jti)]
    if claims.sid is not None:
        keys.append(("sid", "", claims.sid))
    keys += [("sub", "", claims.sub), ("client_id", "", claims.client_id), ("all", "", "")]
    keys += [("aud", "", audience) for audience in claims.aud]
    for name in revocable_claims:
        value = claims.custom.get(name)
        values = value if isinstance(value, list) else [value]
        keys += [("claim", name, one) for one in values if isinstance(one, str)]
    token_time = _ids.uuid_time(claims.jti)
    session_start = token_time if claims.sid is None else _ids.uuid_time(claims.sid)
    return TokenScopes(tuple(keys), token_time, session_start)


class Denylist:
    """The revocations that are known."""

    def __init__(self) -> None:
        # Scope to the time before which it denies and to when it may be forgotten.
        self._always: dict[ScopeKey, tuple[int, int]] = {}
        self._logout: dict[ScopeKey, tuple[int, int]] = {}
        self._refresh: dict[ScopeKey, tuple[int, int]] = {}
        self._watches: dict[ScopeKey, set[Watch]] = {}
        self._watching = threading.Lock()
        self._abandoned: deque[Watch] = deque()

    def __len__(self) -> int:
        return len(self._always) + len(self._logout) + len(self._refresh)

    def denies(self, scopes: TokenScopes) -> str | None:
        """Whether a cutoff denies the token, and of which kind. Of several it is not said which one is named."""
        always, logout, refresh = self._always, self._logout, self._refresh
        for key in scopes.keys:
            if key in always:
                return key[0]
            if (cutoff := logout.get(key)) and scopes.session_start < cutoff[0]:
                return key[0]
            if (cutoff := refresh.get(key)) and scopes.token_time < cutoff[0]:
                return key[0]
        return None

    def apply(self, entries: Iterable[Entry]) -> None:
        """Takes in cutoffs: in force when this returns. Applying one twice, late or in any order changes nothing."""
        concerned: set[Watch] = set()
        for entry in entries:
            table = self._table(entry)
            before, until = table.get(entry.scope, (0, 0))
            table[entry.scope] = (max(before, entry.issued_before), max(until, entry.expires_at))
            if self._watches:
                with self._watching:
                    self._forget_abandoned()
                    concerned |= self._watches.get(entry.scope, set())
        for watch in concerned:
            self._look(watch)

    def sweep(self, now: int) -> None:
        """Forgets what has expired by `now`, in milliseconds. An entry goes within a second of its expiry, never before it."""
        self._always = _unexpired(self._always, now)
        self._logout = _unexpired(self._logout, now)
        self._refresh = _unexpired(self._refresh, now)

    def watch(self, scopes: TokenScopes, on_denied: Callable[[str], None]) -> Watch:
        """Calls back when a cutoff denies the token: at once, or from the writer's thread; in a race from both. To be ended by
        `unwatch`."""
        watch = Watch(scopes, on_denied)
        with self._watching:
            self._forget_abandoned()
            for key in scopes.keys:
                self._watches.setdefault(key, set()).add(watch)
        # After it was entered: a cutoff in between is seen here or there.
        self._look(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Ends a watch; ending it twice does no harm."""
        with self._watching:
            self._forget(watch)

    def abandon(self, watch: Watch) -> None:
        """Ends a watch from a finalizer. Those run wherever the garbage collector comes by, in this thread within the lock, too: it
        is not waited for, and whoever has it, or takes it next, sees to the rest."""
        self._abandoned.append(watch)
        if self._watching.acquire(blocking=False):
            try:
                self._forget_abandoned()
            finally:
                self._watching.release()

    def _forget_abandoned(self) -> None:
        while self._abandoned:
            self._forget(self._abandoned.popleft())

    def _forget(self, watch: Watch) -> None:
        for key in watch.scopes.keys:
            watches = self._watches.get(key)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._watches[key]

    def _look(self, watch: Watch) -> None:
        denied_by = self.denies(watch.scopes)
        if denied_by is not None:
            self.unwatch(watch)
            watch.on_denied(denied_by)

    def _table(self, entry: Entry) -> dict[ScopeKey, tuple[int, int]]:
        kind = entry.scope[0]
        if kind == "kid" or (kind in ("jti", "sid") and entry.effect == "logout"):
            return self._always
        return self._logout if entry.effect == "logout" else self._refresh


class Watch:
    """Somebody who wants to know when a token is denied."""

    __slots__ = ("on_denied", "scopes")

    def __init__(self, scopes: TokenScopes, on_denied: Callable[[str], None]) -> None:
        self.scopes = scopes
        self.on_denied = on_denied


def _unexpired(table: dict[ScopeKey, tuple[int, int]], now: int) -> dict[ScopeKey, tuple[int, int]]:
    # Whole seconds, rounded up, so that an entry is never early.
    gone = [key for key, (_, until) in table.items() if -(-until // 1000) <= now // 1000]
    if not gone:
        return table
    remaining = dict(table)
    for key in gone:
        del remaining[key]
    return remaining
