"""JSON read strictly (RFC 8259): no duplicate member at any depth, no `NaN`, no half surrogates, no number beyond a double, at
most 127 levels. Two readers that choose differently are how signed tokens come to mean two things.

Python's own reader does the work; what it lets pass is caught here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

MAX_DEPTH = 127
"""What serde_json's limit of 128 leaves: the Rust verifier reads no deeper."""


class Malformed(ValueError):
    """Not JSON, or nested too deeply."""


class Duplicate(ValueError):
    """A member name occurs twice in one object."""


class _Repeated(dict[str, Any]):
    """An object of which a member name occurs twice: found while reading, judged where it stands."""


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")


def loads(text: bytes) -> Any:
    """Reads one document.

    Raises `Malformed` or `Duplicate`.
    """
    decoded = _prepared(text)
    value, end = _value(_EAGER, decoded, _skip(decoded, 0))
    _expect_end(decoded, end)
    return value


def members(text: bytes) -> Iterator[tuple[str, Any]]:
    """The members of a document that is an object, one by one as they stand, names that repeat included.

    Lazy, so that whoever reads them names the first fault, wherever the second lies. Objects within values are whole;
    `refuse_duplicates` says whether theirs are in order.
    """
    decoded = _prepared(text)
    at = _skip(decoded, 0)
    if not decoded.startswith("{", at):
        raise Malformed
    at = _skip(decoded, at + 1)
    if decoded.startswith("}", at):
        return _expect_end(decoded, at + 1)
    while True:
        name, at = _name(decoded, at)
        value, at = _value(_LAZY, decoded, at)
        yield name, value
        at = _skip(decoded, at)
        if decoded.startswith("}", at):
            return _expect_end(decoded, at + 1)
        if not decoded.startswith(",", at):
            raise Malformed
        at = _skip(decoded, at + 1)


def refuse_duplicates(value: Any) -> None:
    """Raises `Duplicate` if an object somewhere within has a member name twice."""
    if isinstance(value, dict):
        if isinstance(value, _Repeated):
            raise Duplicate
        for member in value.values():
            refuse_duplicates(member)
    elif isinstance(value, list):
        for element in value:
            refuse_duplicates(element)


def _prepared(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed from None
    if decoded.count("[") + decoded.count("{") > MAX_DEPTH and _depth(decoded) > MAX_DEPTH:
        raise Malformed
    if "\\u" in decoded and not _surrogates_are_paired(decoded):
        raise Malformed
    return decoded


def _depth(text: str) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in ("]", "}"):
            depth -= 1
    return deepest


def _surrogates_are_paired(text: str) -> bool:
    """Raw text decoded as UTF-8 has none, so only escapes need a look: a high one and right behind it a low one."""
    expected_at = -1
    for escape in _ESCAPE.finditer(text):
        unit = int(escape[1], 16) if escape[1] else 0
        is_low = 0xDC00 <= unit <= 0xDFFF
        if (expected_at == escape.start()) is not is_low or (expected_at >= 0) is not is_low:
            return False
        expected_at = escape.end() if 0xD800 <= unit <= 0xDBFF else -1
    return expected_at < 0


def _marked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeated(found)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Duplicate
    return found


def _integer(literal: str) -> int | float:
    """As serde_json has it: 64 bits, or else a double."""
    if len(literal) <= 20:
        value = int(literal)
        if literal != "-0" and -(1 << 63) <= value < 1 << 64:
            return value
    return _number(literal)


def _number(literal: str) -> float:
    value = float(literal)
    if value in (float("inf"), float("-inf")):
        raise Malformed
    return value


def _constant(_name: str) -> NoReturn:
    raise Malformed


def _decoder(hook: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=hook, parse_int=_integer, parse_float=_number, parse_constant=_constant
    )


_EAGER = _decoder(_distinct)
_LAZY = _decoder(_marked)


def _value(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except (json.JSONDecodeError, RecursionError):
        raise Malformed from None


def _name(text: str, at: int) -> tuple[str, int]:
    if not text.startswith('"', at):
        raise Malformed
    name, at = _value(_LAZY, text, at)
    at = _skip(text, at)
    if not text.startswith(":", at):
        raise Malformed
    return name, _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _expect_end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise Malformed
