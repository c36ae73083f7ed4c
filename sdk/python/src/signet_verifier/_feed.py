"""The revocation feed on the wire: docs/feed.md.

An entry is strict, because one that is not understood is a denial that would be missed: unknown scopes, effects and members
refuse it, and with it the whole document. Around the entries unknown members are ignored, so that a newer service can say more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from . import _ids, _json
from ._sse import Frame
from .errors import FeedError

FEED_VERSION = 1

ScopeKey: TypeAlias = tuple[str, str, str]
"""What tokens are looked up by: the scope's kind, the name of a claim (else empty), the value."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a verifier has to know of a revocation."""

    scope: ScopeKey
    effect: str
    issued_before: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the issuer promises of all tokens and asks of all verifiers."""

    longest_access_ttl_ms: int
    leeway_ms: int
    revocable_claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`GET /v1/revocations`."""

    cursor: str
    as_of: int
    server_time: int
    limits: Limits
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Hello:
    """The first event of a stream."""

    cursor: str
    stream_id: str
    as_of: int
    server_time: int
    heartbeat_ms: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Batch:
    """Something was revoked, or (without entries) a heartbeat."""

    cursor: str
    as_of: int | None
    server_time: int
    ack: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Reset:
    """The stream cannot go on from where the verifier is."""


Event: TypeAlias = Hello | Batch | Reset


def read_snapshot(text: bytes) -> Snapshot:
    """Reads a snapshot whole, or raises `FeedError`."""
    document = _document(text)
    _check_version(document)
    return Snapshot(
        cursor=_cursor(document),
        as_of=_whole(document, "as_of"),
        server_time=_whole(document, "server_time"),
        limits=_limits(document),
        entries=_entries(document),
    )


def read_event(frame: Frame) -> Event | None:
    """Reads a frame whole, or raises `FeedError`; `None` if its event is none of ours (a newer service may have more)."""
    read = _EVENTS.get(frame.event)
    return read(_document(frame.data.encode())) if read else None


def read_entry(value: Any) -> Entry:
    """Reads one entry, or raises `FeedError`."""
    if not isinstance(value, dict) or value.keys() != _ENTRY_MEMBERS:
        raise FeedError("an entry is malformed")
    if value["effect"] not in ("logout", "refresh"):
        raise FeedError("an entry has an unknown effect")
    return Entry(
        scope=_scope(value["scope"]),
        effect=value["effect"],
        issued_before=_whole(value, "issued_before"),
        expires_at=_whole(value, "expires_at"),
    )


_ENTRY_MEMBERS = {"scope", "effect", "issued_before", "expires_at"}

# The scopes with one text, and which texts there are.
_SCOPES: Final[dict[str, Callable[[str], bool]]] = {
    "jti": _ids.is_uuid_v7,
    "sid": _ids.is_uuid_v7,
    "sub": lambda text: _ids.is_plain_text(text, 255),
    "client_id": _ids.is_client_id,
    "aud": lambda text: True,
    "kid": _ids.is_key_id,
}


def _scope(value: Any) -> ScopeKey:
    if value == "all":
        return ("all", "", "")
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind == "claim" and isinstance(inner, dict) and inner.keys() == {"name", "value"}:
            return ("claim", _text(inner, "name"), _text(inner, "value"))
        is_valid = _SCOPES.get(kind)
        if is_valid and isinstance(inner, str) and is_valid(inner):
            return (kind, "", inner)
    raise FeedError("an entry has an unknown scope")


def _read_hello(document: dict[str, Any]) -> Hello:
    _check_version(document)
    return Hello(
        cursor=_cursor(document),
        stream_id=_text(document, "stream_id"),
        as_of=_whole(document, "as_of"),
        server_time=_whole(document, "server_time"),
        heartbeat_ms=_whole(document, "heartbeat_ms"),
        limits=_limits(document),
    )


def _read_batch(document: dict[str, Any]) -> Batch:
    as_of = _whole(document, "as_of") if document.get("as_of") is not None else None
    return Batch(_cursor(document), as_of, _whole(document, "server_time"), _ack(document), _entries(document))


def _read_heartbeat(document: dict[str, Any]) -> Batch:
    as_of, server_time = _whole(document, "as_of"), _whole(document, "server_time")
    return Batch(_cursor(document), as_of, server_time, _ack(document), ())


def _read_reset(document: dict[str, Any]) -> Reset:
    _text(document, "reason")
    return Reset()


_EVENTS: Final[dict[str, Callable[[dict[str, Any]], Event]]] = {
    "hello": _read_hello,
    "revocations": _read_batch,
    "heartbeat": _read_heartbeat,
    "reset": _read_reset,
}


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = _json.loads(text)
    except ValueError:
        raise FeedError("a part of the feed is malformed") from None
    if not isinstance(document, dict):
        raise FeedError("a part of the feed is malformed")
    return document


def _check_version(document: dict[str, Any]) -> None:
    if _whole(document, "version") != FEED_VERSION:
        raise FeedError("the feed has a version that is not known here")


def _limits(document: dict[str, Any]) -> Limits:
    limits = document.get("limits")
    if not isinstance(limits, dict):
        raise FeedError("limits is malformed")
    claims = limits.get("revocable_claims")
    if not isinstance(claims, list) or not all(isinstance(name, str) for name in claims):
        raise FeedError("revocable_claims is malformed")
    return Limits(_whole(limits, "longest_access_ttl_ms"), _whole(limits, "leeway_ms"), tuple(claims))


def _entries(document: dict[str, Any]) -> tuple[Entry, ...]:
    entries = document.get("entries")
    if not isinstance(entries, list):
        raise FeedError("entries is malformed")
    return tuple(map(read_entry, entries))


def _whole(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if type(value) is not int or value < 0:
        raise FeedError(f"{name} is malformed")
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise FeedError(f"{name} is malformed")
    return value


def _cursor(document: dict[str, Any]) -> str:
    cursor = _text(document, "cursor")
    if not _ids.is_cursor(cursor):
        raise FeedError("cursor is malformed")
    return cursor


def _ack(document: dict[str, Any]) -> bool:
    ack = document.get("ack", False)
    if not isinstance(ack, bool):
        raise FeedError("ack is malformed")
    return ack
