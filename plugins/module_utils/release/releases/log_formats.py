# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of log files: Docker's drivers `local` (binary) and `json-file`, which the logs of builds use too.

Docker cuts a line of more than 16 kB into pieces, which are joined here.
"""

from __future__ import annotations

import calendar
import datetime
import json
import re
from collections.abc import Callable
from typing import NamedTuple

from .logs import Line

#: A longer line is passed on in parts: nothing that an app writes may fill the memory.
LONGEST = 1 << 20
#: Of a single record. One that says to be longer is damaged: Docker's own hold 16 kB, in JSON up to six times as much.
_LARGEST = 1 << 20
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z")


class Piece(NamedTuple):
    """A record of a log file: a line, or a piece of one that goes on in the next record of its stream."""

    at: int
    stream: str
    text: bytes
    goes_on: bool


class DamagedError(ValueError):
    """What is there is no record."""


#: The records at the start of some bytes, and how many bytes those take. Raises DamagedError.
Split = Callable[[bytes], tuple[list[Piece], int]]


def split_local(data: bytes) -> tuple[list[Piece], int]:
    """Each record is a message of protocol buffers between its length and its length, in four bytes each."""
    found, place, end = [], 0, len(data)
    while place + 4 <= end:
        length = int.from_bytes(data[place : place + 4], "big")
        if length > _LARGEST:
            raise DamagedError(f"a record of {length} bytes")
        after = place + length + 8
        if after > end:
            break
        if data[after - 4 : after] != data[place : place + 4]:
            raise DamagedError("a record that does not end as it begins")
        found.append(_entry(data, place + 4, after - 4))
        place = after
    return found, place


def _entry(data: bytes, place: int, end: int) -> Piece:
    at, stream, text, partial, last = 0, "stdout", b"", False, False
    while place < end:
        tag = data[place]
        place += 1
        if tag & 7 == 0:
            value, place = _varint(data, place, end)
            if tag == 0x10:
                at = value
            elif tag == 0x20:
                partial = bool(value)
        elif tag & 7 == 2:
            length, place = _varint(data, place, end)
            after = place + length
            if after > end:
                raise DamagedError("a field that is longer than its record")
            if tag == 0x0A:
                stream = "stderr" if data[place:after] == b"stderr" else "stdout"
            elif tag == 0x1A:
                text = data[place:after]
            elif tag == 0x2A:
                # Of a piece: whether it is the last one.
                last = data[place : place + 2] == b"\x08\x01"
            place = after
        else:
            raise DamagedError(f"a field of kind {tag & 7}")
    return Piece(at, stream, text, partial and not last)


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while place < end and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise DamagedError("a number without an end")


def split_json(data: bytes) -> tuple[list[Piece], int]:
    """Each record is one line of JSON."""
    found, place = [], 0
    while (end := data.find(b"\n", place)) >= 0:
        found.append(_json_entry(data[place:end]))
        place = end + 1
    if len(data) - place > 8 * _LARGEST:
        raise DamagedError("a line without an end")
    return found, place


def _json_entry(line: bytes) -> Piece:
    try:
        entry = json.loads(line)
        text, at = str(entry["log"]), nanoseconds(str(entry["time"]))
        stream = "stderr" if entry.get("stream") == "stderr" else "stdout"
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedError(repr(error)) from error
    whole = text.endswith("\n")
    return Piece(at, stream, (text[:-1] if whole else text).encode(errors="replace"), not whole)


def nanoseconds(text: str) -> int:
    """A time as Docker writes it, in nanoseconds since the epoch. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"no time: {text!r}")
    whole = calendar.timegm((*(int(part) for part in found.groups()[:6]), 0, 0, 0))
    return whole * 1_000_000_000 + int((found[7] or "").ljust(9, "0"))


def timestamp(at: int, digits: int = 9) -> str:
    """The same the other way round, in UTC."""
    seconds, rest = divmod(at, 1_000_000_000)
    then = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f"{then:%Y-%m-%dT%H:%M:%S}." + f"{rest:09d}"[:digits] + "Z"


class Joiner:
    """Makes lines of pieces, for each stream of one container."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, list[bytes], int]] = {}

    def join(self, pieces: list[Piece]) -> list[Line]:
        lines = []
        for piece in pieces:
            if not piece.goes_on and piece.stream not in self._open:
                lines.append(Line(piece.at, piece.stream, piece.text))
                continue
            at, texts, size = self._open.pop(piece.stream, (piece.at, [], 0))
            texts.append(piece.text)
            size += len(piece.text)
            if not piece.goes_on or size >= LONGEST:
                lines.append(Line(at, piece.stream, b"".join(texts), whole=not piece.goes_on))
            else:
                self._open[piece.stream] = at, texts, size
        return lines

    def rest(self) -> list[Line]:
        """What never got its end, since the app or its container was gone before."""
        lines = [Line(at, stream, b"".join(texts), whole=False) for stream, (at, texts, _size) in self._open.items()]
        self._open.clear()
        return lines


#: By Docker's log driver.
FORMATS: dict[str, Split] = {"local": split_local, "json-file": split_json}
