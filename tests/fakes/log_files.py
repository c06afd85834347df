# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log files as Docker's drivers write and rotate them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

from release.releases.log_formats import timestamp


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def local(at: int, text: bytes, stream: str = "stdout", *, goes_on: bool = False, last: bool = False) -> bytes:
    """A record of the driver `local`; of a piece, whether it goes on or is the last one."""
    entry = _field(1, stream.encode()) + b"\x10" + _varint(at) + (_field(3, text) if text else b"")
    if goes_on or last:
        entry += b"\x20\x01" + _field(5, (b"\x08\x01" if last else b"") + _field(2, b"an-id") + b"\x18\x01")
    length = len(entry).to_bytes(4, "big")
    return length + entry + length


def json_file(at: int, text: bytes, stream: str = "stdout", *, goes_on: bool = False, last: bool = False) -> bytes:
    """The same of the driver `json-file`."""
    assert not (goes_on and last)
    entry = {"log": text.decode() + ("" if goes_on else "\n"), "stream": stream, "time": timestamp(at)}
    return json.dumps(entry).encode() + b"\n"


RECORD: dict[str, Callable[..., bytes]] = {"local": local, "json-file": json_file}


class Writer:
    """Writes a log as Docker does."""

    def __init__(self, path: Path, driver: str = "local", files: int = 5) -> None:
        self.path, self.files = path, files
        self.record = RECORD[driver]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, at: int, text: bytes, stream: str = "stdout", *, goes_on: bool = False, last: bool = False) -> None:
        self._file.write(self.record(at, text, stream, goes_on=goes_on, last=last))

    def raw(self, data: bytes) -> None:
        self._file.write(data)

    def rotate(self, *, compress: bool = True) -> None:
        """Begin a new file; the one before is compressed at once, or later by `compress`."""
        self._file.close()
        for number in range(self.files - 1, 1, -1):
            older = Path(f"{self.path}.{number - 1}.gz")
            if older.exists():
                older.replace(f"{self.path}.{number}.gz")
        self.path.replace(f"{self.path}.1")
        self._file = self.path.open("wb", buffering=0)
        if compress:
            self.compress()

    def compress(self) -> None:
        full = Path(f"{self.path}.1")
        Path(f"{self.path}.1.gz").write_bytes(gzip.compress(full.read_bytes()))
        full.unlink()
