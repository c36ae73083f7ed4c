"""Server-sent events (WHATWG HTML §9.2) as the feed uses them: bytes to frames, wherever the network cut them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import FeedError

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it came over the wire."""

    event: str
    """`event:`; empty if there was none."""
    data: str
    """The `data:` lines, joined."""
    id: str | None = None
    """`id:`, if any."""


class EventReader:
    """Cuts a byte stream into frames. After a `FeedError` the stream is of no use any more."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pending = bytearray()
        """Bytes of a line whose end has not come."""
        self._at_start = True
        self._after_cr = False
        self._fields: dict[str, str] = {}
        self._data: list[str] = []
        self._size = 0
        """Bytes of the event so far, its ended lines only."""

    def push(self, chunk: bytes) -> Iterator[Frame]:
        """Takes in more bytes, and gives the frames that are whole now.

        Raises `FeedError` for an event over the limit and for what is not UTF-8.
        """
        for line in self._lines(chunk):
            self._size += len(line) + 1
            if self._size > self._max_bytes:
                raise FeedError("an event is too large")
            if line:
                self._take(line)
                continue
            frame = Frame(self._fields.get("event", ""), "\n".join(self._data), self._fields.get("id"))
            has_data = bool(self._data)
            self._fields, self._data, self._size = {}, [], 0
            if has_data:
                yield frame
        if self._size + len(self._pending) > self._max_bytes:
            raise FeedError("an event is too large")

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        if self._after_cr and chunk:
            # The other half of a CR LF that was cut between them.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        # A line end lies in the new bytes: what waits has none, and is not looked at again.
        start = 0
        for end in _LINE_END.finditer(chunk):
            self._pending += chunk[start : end.start()]
            start = end.end()
            self._after_cr = end[0] == b"\r" and start == len(chunk)
            line = bytes(self._pending)
            self._pending.clear()
            if self._at_start:
                line = line.removeprefix(_BOM)
                self._at_start = False
            yield line
        self._pending += chunk[start:]

    def _take(self, line: bytes) -> None:
        try:
            name, _, value = line.decode("utf-8").partition(":")
        except UnicodeDecodeError:
            raise FeedError("an event is not UTF-8") from None
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event" or (name == "id" and "\0" not in value):
            self._fields[name] = value
