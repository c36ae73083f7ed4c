"""Bytes to frames, wherever the network cut them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signet_verifier._sse import EventReader, Frame
from signet_verifier.errors import FeedError


def frames(*chunks: bytes, max_bytes: int = 10_000) -> list[Frame]:
    reader = EventReader(max_bytes)
    return [frame for chunk in chunks for frame in reader.push(chunk)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"data: a\n\n", [Frame("", "a")]),
        (b"id: 7\nevent: x\ndata: a\n\n", [Frame("x", "a", "7")]),
        (b"data:a\n\n", [Frame("", "a")]),
        (b"data:  a\n\n", [Frame("", " a")]),
        (b"data: a\ndata: b\n\n", [Frame("", "a\nb")]),
        (b"data\n\n", [Frame("", "")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [Frame("", "a"), Frame("", "b"), Frame("", "c")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Frame("", "a")]),
        (b": a comment\n\n:\n\ndata: a\n\n", [Frame("", "a")]),
        (b"event: x\n\ndata: a\n\n", [Frame("", "a")]),
        (b"retry: 1\ncolour: blue\ndata: a\n\n", [Frame("", "a")]),
        (b"event: x\nevent: y\ndata: a\n\n", [Frame("y", "a")]),
        (b"id: a\0b\ndata: a\n\n", [Frame("", "a")]),
        ("data: é🙂\n\n".encode(), [Frame("", "é🙂")]),
        (b"data: a\n", []),
        (b"data: a", []),
    ],
)
def test_a_stream_is_cut_into_frames(text: bytes, expected: list[Frame]) -> None:
    assert frames(text) == expected


STREAM = "id: c1\r\nevent: x\r\ndata: é\r\n\r\n\rdata: b\ndata\n\n:c\rdata: 🙂\r\revent: y\r\ndata:\r\n\r\n".encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_where_the_network_cuts_makes_no_difference(cuts: list[int]) -> None:
    whole = frames(STREAM)
    assert [frame.data for frame in whole] == ["é", "b\n", "🙂", ""]
    places = [0, *cuts, len(STREAM)]
    assert frames(*(STREAM[a:b] for a, b in zip(places, places[1:], strict=False))) == whole


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"x" * 200],
        [b"data: " + b"x" * 200 + b"\n\n"],
        [b"data: x\n"] * 30,
        [b":" + b"x" * 50 + b"\n"] * 4,
        [b"x"] * 200,
    ],
)
def test_an_event_over_the_limit_is_refused_before_it_is_whole(chunks: list[bytes]) -> None:
    with pytest.raises(FeedError):
        frames(*chunks, max_bytes=100)


def test_the_limit_is_for_each_event() -> None:
    assert len(frames(b"data: 0123456789\n\n" * 100, max_bytes=100)) == 100


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(FeedError):
        frames(b"data: \xff\n\n")


@given(st.binary(max_size=300))
def test_whatever_comes_is_frames_or_a_refusal(noise: bytes) -> None:
    try:
        assert all(isinstance(frame, Frame) for frame in frames(noise, max_bytes=100))
    except FeedError:
        pass
