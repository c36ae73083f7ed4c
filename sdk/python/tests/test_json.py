"""What Python's own reader lets pass, and ours does not. The shared vectors say the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet_verifier import _json

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES), st.booleans())
def test_what_is_written_is_read(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert _json.loads(text) == document
    assert dict(_json.members(text)) == document


@given(st.text(alphabet='{}[]",:\\ue 019.-dDc8\n', max_size=40))
def test_no_text_is_read_that_python_does_not_read(text: str) -> None:
    try:
        mine = _json.loads(text.encode())
    except ValueError:
        return
    assert json.loads(text, parse_int=within_64_bits) == mine


def within_64_bits(literal: str) -> int | float:
    """An integer that no 64 bits hold is a number like any other, as in the other verifiers."""
    value = int(literal)
    return value if -(2**63) <= value < 2**64 else float(literal)


@pytest.mark.parametrize(
    "text",
    [
        "NaN", "[Infinity]", "-Infinity", "1e999", "[" + "9" * 400 + "]", '"\\ud800"', '"\\udc00"', '"\\ud800\\ud800"',
        '"\\ud800x\\udc00"', '"\\udc00\\ud800"', '{"\\ud800":1}', "\ufeff{}", "[1,]", "{} {}", "", '"\t"', "01", "[" * 128 + "]" * 128,
        "[" * 9999,
    ],
)  # fmt: skip
def test_what_is_malformed(text: str) -> None:
    with pytest.raises(_json.Malformed):
        _json.loads(text.encode())


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '[{"a":1,"\\u0061":2}]', '{"b":{"a":[],"c":1,"a":[]}}'])
def test_what_is_a_duplicate(text: str) -> None:
    with pytest.raises(_json.Duplicate):
        _json.loads(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"\\ud83d\\ude42"', "🙂"), ('"\\\\ud800"', "\\ud800"), ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", float(2**64)), ("-9223372036854775809", -float(2**63)), ("-0", 0), ("[" * 127 + "]" * 127, ...),
        ('{"a":"[[[[","b":{"a":1}}', {"a": "[[[[", "b": {"a": 1}}),
    ],
)  # fmt: skip
def test_what_is_taken(text: str, value: Any) -> None:
    read = _json.loads(text.encode())
    assert value is ... or (read == value and (text != "-0" or isinstance(read, float)))


def test_the_first_fault_of_a_document_is_named_wherever_the_second_lies() -> None:
    members = _json.members(b'{"a": 1, "a": 2, nonsense')
    assert [next(members), next(members)] == [("a", 1), ("a", 2)]
    with pytest.raises(_json.Malformed):
        next(members)
