# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching a source, file by file, and judging what stands in it. Pure: files come in, findings go out."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from ...stack.drift import Drift
from ...stack.model import Stack
from . import variables
from .addresses import MOST_PLACES
from .files import Kind, Lines, is_for_people, kind_of, text_of
from .findings import CODES, Finding
from .hosts import Hosts
from .matrix import Inventory

#: Of the places of one finding, how many are listed.
LISTED = 20
#: Of one file, how many hosts and variables are told apart.
MOST = 1000


@dataclass
class _Places:
    """Where one name stands in one file."""

    shown: str = ""
    what: str = ""
    fix: str = ""
    lines: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.lines) < LISTED:
            self.lines.append(line)


class Search:
    """One source under inspection."""

    def __init__(self, stack: Stack, drift: Drift, inventory: Inventory) -> None:
        self._inventory = inventory
        self._hosts = Hosts(stack, drift, inventory)
        self._places: dict[tuple[str, str, str], _Places] = {}
        self._of_file: dict[str, int] = {}
        #: Variables that code reads, those that files for people name, and which of the matrix nobody has named yet.
        self._examples: set[str] = set()
        self._has_examples = False
        self._unread = {name: name.lower().encode() for name in inventory.to_be_read}
        self.files = 0

    def look(self, path: str, data: bytes) -> None:
        """Search one file."""
        text = text_of(data)
        if not text:
            return
        self.files += 1
        low, kind = text.lower(), kind_of(path)
        self._addresses(path, text, low)
        self._variables(path, text, low, kind)

    def too_large(self, path: str, size: int) -> None:
        self._not_searched(path, f"has {size / 1e6:.1f} MB and was not searched")

    def _not_searched(self, path: str, what: str) -> None:
        self._places["not searched", path, path] = _Places(path, what, LEAVE_OUT, [1], 1)

    def findings(self) -> list[Finding]:
        """Everything, the worst first."""
        found = [
            Finding(code, file, tuple(p.lines), name, p.shown, p.what, p.fix, p.count)
            for (code, file, name), p in self._places.items()
        ]
        what = "is in the matrix, and no file names it"
        found += [_of_matrix("unread variable", name, what, UNREAD) for name in self._unread]
        if self._has_examples:
            absent = [name for name in self._inventory.to_be_shown if name not in self._examples]
            what = "is needed, and no example of an env file has it"
            found += [_of_matrix("not in examples", name, what, EXAMPLE) for name in absent]
        return sorted(found, key=lambda one: (CODES.index(one.code), one.file, one.lines, one.name))

    # Addresses

    def _addresses(self, path: str, text: bytes, low: bytes) -> None:
        lines = Lines(text)
        found, whole = self._hosts.finder.find(text, low)
        for address in found:
            verdict = self._hosts.judge(address, functools.partial(variables.key_before, text, address.place))
            if verdict:
                places = self._at(verdict.code, path, verdict.name)
                if not places.count:
                    places.shown, places.what, places.fix = verdict.shown, verdict.what, self._hosts.right(verdict)
                places.add(lines.at(address.place))
        if not whole:
            what = f"has more than {MOST_PLACES} places that may be addresses; not all of them were looked at"
            self._not_searched(path, what)

    # Variables

    def _variables(self, path: str, text: bytes, low: bytes, kind: Kind) -> None:
        lines = Lines(text)
        if kind in ("script", "python"):
            read = variables.in_script(text) if kind == "script" else variables.in_python(text)
            for place, name in read:
                self._unknown(path, name, lines.at(place), "is read here, and the matrix does not know it")
        if kind in ("docs", "example"):
            self._has_examples = self._has_examples or (kind == "example" and is_for_people(path))
            for place, name, _value in variables.assignments(text):
                if kind == "example":
                    self._examples.add(name)
                if kind == "example" or variables.is_public(name):
                    self._unknown(path, name, lines.at(place), "is named here, and the matrix does not know it")
        else:
            for name, word in list(self._unread.items()):
                if _has_word(low, word):
                    del self._unread[name]

    def _unknown(self, path: str, name: str, line: int, what: str) -> None:
        if self._inventory.is_unknown(name):
            places = self._at("unknown variable", path, name)
            if not places.count:
                places.shown, places.what, places.fix = name, what, ADD
            places.add(line)

    def _at(self, code: str, path: str, name: str) -> _Places:
        """The places of a finding, new ones if there is none yet. Of a file with very many the rest is one finding."""
        key = (code, path, name)
        if key not in self._places:
            self._of_file[path] = self._of_file.get(path, 0) + 1
            if self._of_file[path] > MOST:
                self._not_searched(path, f"has more than {MOST} findings; the others are not told")
                return _Places(count=1)
            self._places[key] = _Places()
        return self._places[key]


ADD = "add it to `env_matrix`, or say in `drift.variables` or the baseline who sets it"
UNREAD = "remove it, or say in `drift.variables` or the baseline who reads it"
EXAMPLE = "add it there, or say in the baseline why not"
LEAVE_OUT = "leave it out (`drift.leave_out`), or make it smaller"


def _of_matrix(code: str, name: str, what: str, fix: str) -> Finding:
    return Finding(code, "", (), name, name, what, fix)


def _has_word(low: bytes, word: bytes) -> bool:
    place = low.find(word)
    while place >= 0:
        before, after = low[place - 1 : place] if place else b"", low[place + len(word) : place + len(word) + 1]
        if not (before.isalnum() or before == b"_" or after.isalnum() or after == b"_"):
            return True
        place = low.find(word, place + 1)
    return False
