# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file of a log, open, and the names that the files of a log have.

The newest file is `<path>`, older ones `<path>.1` (`.gz`), `.2.gz` and so on. When the newest is full, Docker gives it
another name, compresses it later, and begins a new one.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import zlib
from typing import IO, NamedTuple

from ..releases.log_formats import Joiner, Split
from ..releases.logs import Line

CHUNK = 1 << 16
#: By how much of its beginning a file is known: it holds a whole record, whose time no other has.
HEAD = 1 << 15
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: What reading raises where a compressed file is cut off or damaged.
CUT = (EOFError, zlib.error, gzip.BadGzipFile)


class Named(NamedTuple):
    """A file of the log by its name: the older, the higher the number."""

    number: int
    path: str
    inode: int


def listed(path: str) -> list[Named]:
    """The files of a log, the oldest first. One that is just compressed is there twice; the whole one is named."""
    home, base = os.path.split(path)
    pattern = re.compile(re.escape(base) + r"(?:\.(\d+))?(\.gz)?")
    found: dict[int, Named] = {}
    with contextlib.suppress(OSError), os.scandir(home) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match and (match[1] or not match[2]):
                number = int(match[1] or 0)
                if not match[2] or number not in found:
                    found[number] = Named(number, entry.path, entry.inode())
    return [found[number] for number in sorted(found, reverse=True)]


class OpenFile:
    """One of the files, open."""

    def __init__(self, path: str, split: Split) -> None:
        raw = io.FileIO(os.open(path, _OPEN))
        self.inode = os.fstat(raw.fileno()).st_ino
        self.changed = os.fstat(raw.fileno()).st_mtime
        self._raw, self._split = raw, split
        self._zipped = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else None
        self._file: IO[bytes] | gzip.GzipFile = self._zipped or raw
        self._rest = b""
        #: Of a compressed file, which is complete.
        self._head = self._file.read(HEAD) if self._zipped else b""
        self._ahead = self._head

    def head(self) -> bytes:
        return self._head or os.pread(self._raw.fileno(), HEAD, 0)

    def size(self) -> int:
        return os.fstat(self._raw.fileno()).st_size

    def position(self) -> int:
        return self._raw.tell()

    def is_at(self, path: str) -> bool:
        """Whether it still has this name."""
        try:
            return os.stat(path, follow_symlinks=False).st_ino == self.inode
        except OSError:
            return False

    def go_on_from(self, other: OpenFile) -> None:
        """This is a copy of the other: what follows is what that has not given yet."""
        self._raw.seek(other.position())
        self._rest = other._rest

    def read(self, joiner: Joiner) -> list[Line] | None:
        """The next lines, which may be none when there is only a part of one; None at the end. Raises DamagedError."""
        data, self._ahead = self._ahead or self._file.read(CHUNK), b""
        if not data:
            return None
        pieces, taken = self._split(self._rest + data)
        self._rest = (self._rest + data)[taken:]
        return joiner.join(pieces)

    def close(self) -> None:
        if self._zipped:
            self._zipped.close()
        self._raw.close()


def head_of(path: str, split: Split) -> bytes:
    """How a file begins; nothing if it is gone or cut off."""
    try:
        file = OpenFile(path, split)
    except (FileNotFoundError, *CUT):
        return b""
    head = file.head()
    file.close()
    return head
