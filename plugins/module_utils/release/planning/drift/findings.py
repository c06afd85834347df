# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found in a source, and the file of known findings in it."""

from __future__ import annotations

import dataclasses
import fnmatch
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import Problem
from ...util.fields import Fields

#: Kinds of findings, the worst first.
CODES = (
    "dead host",
    "baseline",
    "not searched",
    "unknown host",
    "other value",
    "unknown variable",
    "unread variable",
    "not in examples",
)
ERRORS = frozenset(("dead host", "baseline"))
#: A baseline that is larger was not written by people.
LARGEST = 1_000_000


@dataclasses.dataclass(frozen=True)
class Finding:
    """One host or variable in one file. Without a file it is about the inventory."""

    code: str
    file: str
    #: Of each place, counted from 1.
    lines: tuple[int, ...]
    #: The host or the variable.
    name: str
    #: As it is written there; what is wrong; what is right.
    shown: str
    what: str
    fix: str = ""
    #: More places than are listed.
    count: int = 1

    @property
    def is_error(self) -> bool:
        return self.code in ERRORS

    def problem(self) -> Problem:
        return Problem(f"{self.shown} {self.what}", self.place, self.fix)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.lines[0]}" if self.file and self.lines else self.file or "the matrix"


@dataclasses.dataclass(frozen=True)
class Known:
    """An entry of the baseline: what is known, where, how often, and why it stays."""

    name: str
    file: str
    reason: str
    #: 0 for any number.
    count: int = 0

    def covers(self, finding: Finding) -> bool:
        if finding.code == "baseline":
            return False
        return self.name.lower() == finding.name.lower() and fnmatch.fnmatchcase(finding.file, self.file)


@dataclasses.dataclass
class Sorted:
    """Findings that are new, those that the baseline knows, and what it knows that is no longer there."""

    new: list[Finding]
    known: list[Finding]
    stale: list[str]


def read_baseline(data: bytes, path: str) -> tuple[list[Known], list[Problem]]:
    """The entries of a baseline, and everything that is wrong with it."""
    problems: list[Problem] = []
    try:
        if len(data) > LARGEST:
            raise ValueError("it is too large")
        whole = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        return [], [Problem(f"is no JSON: {error}", path, "write it as `onehost drift --new-baseline` does")]
    fields = Fields(whole, path, problems)
    entries = [_read_entry(item, f"{path} known[{i}]", problems) for i, item in enumerate(fields.items("known"))]
    fields.no_others()
    return entries, problems


def _read_entry(data: Any, where: str, problems: list[Problem]) -> Known:
    fields = Fields(data, where, problems)
    known = Known(
        name=fields.text("name", required=True, hint="the host or the variable"),
        file=fields.text("file", "*"),
        reason=fields.text("reason"),
        count=fields.integer("count", 0, 1, 1_000_000),
    )
    if not known.reason.strip():
        fields.note("reason", "is missing", "say why it stays")
    fields.no_others()
    return known


def sort(findings: Iterable[Finding], known: Sequence[Known]) -> Sorted:
    """What is new. An entry with a count covers so many places; the rest is new, the last ones first."""
    new: list[Finding] = []
    old: list[Finding] = []
    left = {number: entry.count for number, entry in enumerate(known)}
    seen: set[int] = set()
    for finding in findings:
        mine = (
            [number for number, entry in enumerate(known) if entry.covers(finding)]
            if finding.code != "baseline"
            else []
        )
        seen.update(mine)
        if not mine:
            new.append(finding)
        elif any(known[number].count == 0 for number in mine):
            old.append(finding)
        else:
            covered = _take(left, mine, finding.count)
            if covered:
                old.append(dataclasses.replace(finding, lines=finding.lines[:covered], count=covered))
            if covered < finding.count:
                rest = finding.lines[covered:] or finding.lines[-1:]
                new.append(dataclasses.replace(finding, lines=rest, count=finding.count - covered))
    stale = [f"{entry.name} in {entry.file} is no longer there" for n, entry in enumerate(known) if n not in seen]
    stale += [
        f"{entry.name} in {entry.file} is there {entry.count - left[n]} times, not {entry.count}"
        for n, entry in enumerate(known)
        if n in seen and left[n]
    ]
    return Sorted(new, old, stale)


def _take(left: dict[int, int], numbers: Iterable[int], wanted: int) -> int:
    taken = 0
    for number in numbers:
        part = min(left[number], wanted - taken)
        left[number] -= part
        taken += part
    return taken


def new_baseline(findings: Iterable[Finding], known: Sequence[Known]) -> str:
    """A file that knows all of these, with the reasons that were given; the others have to be written by people."""
    reasons = {(entry.name.lower(), entry.file): entry.reason for entry in known}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for finding in findings:
        if finding.code in ("baseline", "not searched"):
            continue
        key = (finding.name.lower(), finding.file or "*")
        row = rows.setdefault(key, {"name": finding.name, "file": key[1], "count": 0, "reason": ""})
        row["count"] += finding.count
        row["reason"] = _reason(reasons, finding)
    return json.dumps({"known": list(rows.values())}, indent=2) + "\n"


def _reason(reasons: Mapping[tuple[str, str], str], finding: Finding) -> str:
    return next(
        (
            reason
            for (name, file), reason in reasons.items()
            if name == finding.name.lower() and fnmatch.fnmatchcase(finding.file, file)
        ),
        "",
    )
