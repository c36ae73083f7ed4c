"""Compact JWS (RFC 7515 §7.1): taking one apart, and the only place that checks a signature."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from . import _json
from .errors import VerifyError

MAX_TOKEN_BYTES = 8192
"""The longest token that is looked at: twice what fits a cookie."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")

# Members that would let a token choose its own key or its own rules. Never honoured, so never let pass.
_FORBIDDEN = ("jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "enc")


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A compact JWS taken apart and decoded; nothing of it has been checked."""

    header: bytes
    payload: bytes
    signature: bytes
    signing_input: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What a token's header says."""

    alg: str | None
    kid: str | None
    typ: str | None

    def is_type(self, expected: str) -> bool:
        """Whether `typ` names this media type: case-insensitive, with or without `application/` (RFC 7515 §4.1.9)."""
        if self.typ is None or not self.typ.isascii():
            return False
        return self.typ.lower().removeprefix("application/") == expected


def split(token: str) -> CompactJws:
    """Splits at the dots and decodes. Padding, other alphabets, white space and non-zero trailing bits are refused: otherwise
    one token would have several spellings."""
    if len(token.encode("utf-8", "surrogatepass")) > MAX_TOKEN_BYTES:
        raise VerifyError("too_long")
    segments = token.split(".")
    if len(segments) != 3:
        raise VerifyError("segments")
    decoded = [base64url(segment) for segment in segments]
    header, payload, signature = decoded
    if header is None or payload is None or signature is None:
        raise VerifyError("base64")
    signing_input = f"{segments[0]}.{segments[1]}".encode("ascii")
    return CompactJws(header, payload, signature, signing_input)


def base64url(text: str) -> bytes | None:
    """The bytes of canonical base64url without padding (RFC 7515 §2, RFC 4648 §3.5), or nothing."""
    if _BASE64URL.fullmatch(text) is None or len(text) % 4 == 1:
        return None
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    canonical = base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii")
    return decoded if canonical == text else None


def read_header(text: bytes) -> Header:
    """Reads the decoded first segment. The whole of it is read before any of it is judged; members that are neither known nor
    forbidden are ignored, as RFC 7515 §4 wants it."""
    found: dict[str, Any] = {}
    try:
        for name, value in _json.members(text):
            _json.refuse_duplicates(value)
            if name in found:
                raise VerifyError("header_duplicate")
            found[name] = value
    except _json.Malformed:
        raise VerifyError("header_malformed") from None
    except _json.Duplicate:
        raise VerifyError("header_duplicate") from None
    for member in _FORBIDDEN:
        if member in found:
            raise VerifyError("header_forbidden", member)
    return Header(_text(found, "alg"), _text(found, "kid"), _text(found, "typ"))


def _text(found: dict[str, Any], name: str) -> str | None:
    if name not in found:
        return None
    value = found[name]
    if not isinstance(value, str):
        raise VerifyError("header_malformed")
    return value
