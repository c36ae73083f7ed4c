"""The claims of an access token (RFC 9068 §2.2), read strictly and once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from . import _ids, _json
from .errors import VerifyError

_LATEST_DATE = 253_402_300_799
"""9999-12-31T23:59:59Z."""

_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one access token."""

    iss: str
    """Who issued it."""
    sub: str
    """Whom it is for."""
    aud: tuple[str, ...]
    """Which services may take it."""
    exp: int
    """From this second on it is expired."""
    iat: int
    """When it was issued."""
    jti: str
    """Its own name, a UUIDv7."""
    client_id: str
    """Which client asked for it."""
    sid: str | None = None
    """The session it belongs to; a token of a client for itself has none."""
    scope: str | None = None
    """What it allows: tokens separated by single spaces."""
    auth_time: int | None = None
    """When the user authenticated."""
    amr: tuple[str, ...] | None = None
    """How the user authenticated (RFC 8176)."""
    acr: str | None = None
    """How strongly the user authenticated."""
    cnf: Mapping[str, Any] | None = None
    """What key the sender must prove (RFC 7800 §3.1)."""
    custom: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Everything else at the top level."""

    @property
    def scopes(self) -> frozenset[str]:
        """The tokens of `scope`."""
        return frozenset(self.scope.split(" ")) if self.scope else frozenset()

    def to_dict(self) -> dict[str, Any]:
        """The claims as they stand in the token."""
        found: dict[str, Any] = {
            name: value for name in _READERS if (value := getattr(self, name)) is not None
        }
        found["aud"] = self.aud[0] if len(self.aud) == 1 else list(self.aud)
        if self.amr is not None:
            found["amr"] = list(self.amr)
        if self.cnf is not None:
            found["cnf"] = dict(self.cnf)
        return found | dict(self.custom)


def read_claims(payload: bytes) -> Claims:
    """Reads a payload. Duplicate members at any depth, missing or ill-typed claims are refused by name: the first fault in the
    order of the text, then the first claim that is missing."""
    found: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    try:
        for name, value in _json.members(payload):
            if name in _READERS:
                if name in found:
                    raise _json.Duplicate
                found[name] = _read(name, value)
            elif name == "nbf":
                # Reserved, never issued: a token that carries one was not made by the service as it stands.
                raise VerifyError("claim_invalid", name)
            else:
                _json.refuse_duplicates(value)
                if name in custom:
                    raise _json.Duplicate
                custom[name] = value
    except _json.Malformed:
        raise VerifyError("claims_malformed") from None
    except _json.Duplicate:
        raise VerifyError("claims_duplicate") from None
    for name in _REQUIRED:
        if name not in found:
            raise VerifyError("claim_missing", name)
    return Claims(**found, custom=MappingProxyType(custom))


def _read(name: str, value: Any) -> Any:
    read = _READERS[name](value)
    if read is None:
        raise VerifyError("claim_invalid", name)
    return read


def _text(is_valid: Callable[[str], bool]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and is_valid(value) else None


def _audience(value: Any) -> tuple[str, ...] | None:
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, list) or not 1 <= len(many) <= 32:
        return None
    if not all(isinstance(one, str) and _ids.is_plain_text(one, 255) for one in many):
        return None
    return tuple(many) if len(set(many)) == len(many) else None


def _date(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _LATEST_DATE else None


def _is_scope(text: str) -> bool:
    tokens = text.split(" ")
    distinct = len(set(tokens)) == len(tokens)
    return distinct and len(text) <= 1024 and all(_SCOPE_TOKEN.fullmatch(token) for token in tokens)


def _texts(value: Any) -> tuple[str, ...] | None:
    is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return tuple(value) if is_list else None


def _object(value: Any) -> Mapping[str, Any] | None:
    _json.refuse_duplicates(value)
    return MappingProxyType(value) if isinstance(value, dict) else None


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "iss": _text(_ids.is_issuer),
    "sub": _text(lambda text: _ids.is_plain_text(text, 255)),
    "aud": _audience,
    "exp": _date,
    "iat": _date,
    "jti": _text(_ids.is_uuid_v7),
    "sid": _text(_ids.is_uuid_v7),
    "client_id": _text(_ids.is_client_id),
    "scope": _text(_is_scope),
    "auth_time": _date,
    "amr": _texts,
    "acr": _text(lambda _: True),
    "cnf": _object,
}

_REQUIRED = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")
