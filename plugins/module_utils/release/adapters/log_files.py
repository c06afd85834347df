# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotating files of one log, read while they are written: no line is missed, none read twice.

A file that is open here stays readable whatever becomes of its name; the one after it is found by looking for this one
among the names, by its inode, or compressed by how it begins.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

from ..releases.log_formats import FORMATS, DamagedError, Joiner
from ..releases.logs import Line, Wish
from .log_file import CUT, Named, OpenFile, head_of, listed

#: Names change only while Docker rotates. More often than this, one after the other, they do not.
TRIES = 50


class LogFiles:
    """The lines of one source. `moved` says where its files are once they are no longer at `path`, or nothing."""

    def __init__(
        self, path: str, driver: str, moved: Callable[[], str], since: float = 0.0, *, is_over: bool = False
    ) -> None:
        self._path, self._moved, self._since = path, moved, since
        self._split = FORMATS[driver]
        self._joiner = Joiner()
        self._file: OpenFile | None = None
        #: How the file after the open one begins, if there was one when that was opened.
        self._next = b""
        self._is_final = is_over
        self.ended = False
        #: What a person should know, for whoever reads to take.
        self.troubles: list[str] = []

    def read(self) -> list[Line]:
        """The next lines; none if there are no more, which is for good once `ended` is set."""
        try:
            return self._read()
        except (DamagedError, *CUT) as error:
            return self._end(f"its log is damaged: {error!r}")
        except OSError as error:
            return self._end(f"its log cannot be read: {error.strerror}")

    def _read(self) -> list[Line]:
        while not self.ended:
            if self._file is None:
                if not self._begin():
                    return []
                continue
            lines = self._file.read(self._joiner)
            if lines:
                return lines
            if lines is not None:
                continue
            if self._file.is_at(self._path):
                return self._end() if self._is_final else []
            # It has got another name, so nothing more is written to it; but that may have happened since it was read.
            lines = self._file.read(self._joiner)
            if lines is None:
                self._advance()
            elif lines:
                return lines
        return []

    def tail(self, number: int, asked: Wish) -> list[Line]:
        """The newest lines that are asked for, at most so many. What `read` returns after it comes after these."""
        try:
            return self._tail(number, asked)
        except (DamagedError, *CUT) as error:
            return self._end(f"its log is damaged: {error!r}")
        except OSError as error:
            return self._end(f"its log cannot be read: {error.strerror}")

    def _tail(self, number: int, asked: Wish) -> list[Line]:
        if not self._begin(newest=True) or self._file is None:
            return []
        kept: deque[Line] = deque(maxlen=number)
        end = self._file.size()
        while self._file.position() < end:
            kept.extend(line for line in self._file.read(self._joiner) or () if asked.wants(line))
        lines, anchor = list(kept), self._file
        with contextlib.ExitStack() as stack:
            while len(lines) < number and (older := self._older(anchor)):
                stack.callback(older.close)
                if older.changed + 1 < asked.since / 1e9:
                    break
                lines = [*_last(older, number - len(lines), asked), *lines]
                anchor = older
        return lines

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file, self.ended = None, True

    def _end(self, trouble: str = "") -> list[Line]:
        rest = self._joiner.rest()
        self.close()
        if trouble:
            self.troubles.append(trouble)
        return rest

    def _begin(self, *, newest: bool = False) -> bool:
        """Open the first file that may have what is asked for."""
        for _try in range(TRIES):
            files = listed(self._path)
            if not files and not self._relocate():
                self.ended = True
                return False
            for place, named in enumerate(files):
                if newest and place < len(files) - 1:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    opened = OpenFile(named.path, self._split)
                    if opened.changed + 1 < self._since and place < len(files) - 1:
                        opened.close()
                        continue
                    if listed(self._path) == files:
                        return self._adopt(opened, files, place)
                    opened.close()
                break
        self.ended = True
        self.troubles.append("its log files change too often to be read")
        return False

    def _relocate(self) -> bool:
        place = "" if self._is_final else self._moved()
        if place:
            self._path, self._is_final = place, True
        return bool(place)

    def _adopt(self, opened: OpenFile, files: list[Named], place: int) -> bool:
        if self._file:
            self._file.close()
        self._file = opened
        self._next = head_of(files[place + 1].path, self._split) if place + 1 < len(files) else b""
        return True

    def _advance(self) -> None:
        """Go on with the file after the open one, whose end was read."""
        if self._file is None:
            return
        for _try in range(TRIES):
            files = listed(self._path)
            if not files:
                if self._relocate():
                    continue
                break
            place = self._find(files, self._file.inode, self._file.head())
            after = place + 1 if place is not None else self._find(files, 0, self._next)
            is_newest = after is not None and after >= len(files)
            if is_newest and self._file.is_at(self._path):
                return  # under the name that it got with its removal
            with contextlib.suppress(FileNotFoundError):
                opened = OpenFile(files[-1 if is_newest else after or 0].path, self._split)
                if listed(self._path) == files:
                    if is_newest:
                        # On another file system what is kept is a copy.
                        opened.go_on_from(self._file)
                    if after is None:
                        self.troubles.append("lines are missing here: they were rotated away before they were read")
                    self._adopt(opened, files, after or 0)
                    return
                opened.close()
        self.ended = True

    def _older(self, anchor: OpenFile) -> OpenFile | None:
        for _try in range(TRIES):
            files = listed(self._path)
            place = self._find(files, anchor.inode, anchor.head())
            if not place:
                return None
            with contextlib.suppress(FileNotFoundError):
                opened = OpenFile(files[place - 1].path, self._split)
                if listed(self._path) == files:
                    return opened
                opened.close()
        return None

    def _find(self, files: list[Named], inode: int, head: bytes) -> int | None:
        for place, named in enumerate(files):
            if inode and named.inode == inode:
                return place
            if head:
                begins = head_of(named.path, self._split)
                length = min(len(begins), len(head))
                if length and begins[:length] == head[:length]:
                    return place
        return None


def _last(file: OpenFile, number: int, asked: Wish) -> list[Line]:
    """The newest lines of a whole file that are asked for."""
    joiner, found = Joiner(), deque[Line](maxlen=number)
    while (lines := file.read(joiner)) is not None:
        found.extend(line for line in lines if asked.wants(line))
    return list(found)
