"""Identifiers, read exactly as the service spells them."""

from __future__ import annotations

import re

_UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_ISSUER = re.compile(r"[\x21-\x7e]{1,512}")
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_CURSOR = re.compile(r"[\x21-\x7e]{1,128}")


def is_uuid_v7(text: str) -> bool:
    """Whether it is a UUID of version 7 (RFC 9562 §5.7) in its canonical spelling: lower case, hyphens."""
    return _UUID_V7.fullmatch(text) is not None


def uuid_time(uuid: str) -> int:
    """The millisecond in which a UUIDv7 was made."""
    return int(uuid[:8] + uuid[9:13], 16)


def is_plain_text(text: str, max_bytes: int) -> bool:
    """Whether it is 1 to `max_bytes` bytes of UTF-8 without control characters: a subject, an audience."""
    return 0 < len(text.encode()) <= max_bytes and _CONTROL.search(text) is None


def is_client_id(text: str) -> bool:
    """1 to 128 unreserved characters (RFC 3986 §2.3)."""
    return _CLIENT_ID.fullmatch(text) is not None


def is_issuer(text: str) -> bool:
    """1 to 512 visible ASCII characters; compared byte for byte."""
    return _ISSUER.fullmatch(text) is not None


def is_key_id(text: str) -> bool:
    """1 to 128 characters of base64url's alphabet."""
    return _KEY_ID.fullmatch(text) is not None


def is_cursor(text: str) -> bool:
    """1 to 128 visible ASCII characters, otherwise opaque."""
    return _CURSOR.fullmatch(text) is not None
