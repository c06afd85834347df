# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source says of its migrations in a file beside them: which break older code on purpose, and which findings
are known.

    contract: 0007, drops users.nick, 20261120T101500Z-production-1a2b3c4
    allow: 0007, truncate, the table is a cache
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ..errors import Problem
from ..releases.rehearsal import AppRehearsal
from ..releases.release import Entry, moment_of

#: The name of such a file, wherever it is in the folder of an app.
FILE = "onehost-migrations.txt"
LARGEST = 64 * 1024
_CONTRACT = "`contract: <revision>, <reason>, <release that stopped using it>`"
_ALLOW = "`allow: <revision>, <rule>, <reason>`"


@dataclass(frozen=True)
class Declared:
    """One line. `kind` is contract or allow; `what` the release that stopped using it, or the rule."""

    kind: str
    revision: str
    reason: str
    what: str
    where: str


def read(path: str, data: bytes) -> tuple[list[Declared], list[Problem]]:
    """The lines of a file, and what is wrong with it."""
    found: list[Declared] = []
    problems: list[Problem] = []
    if len(data) > LARGEST:
        return [], [Problem(f"is larger than {LARGEST} bytes", path, "keep declarations of the last releases alone")]
    for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        one = _line(text, f"{path}:{number}")
        if isinstance(one, Problem):
            problems.append(one)
        else:
            found.append(one)
    return found, problems


def _line(text: str, where: str) -> Declared | Problem:
    word, colon, rest = text.partition(":")
    word = word.strip()
    if not colon or word not in ("contract", "allow"):
        return Problem(f"{text[:60]!r} is no declaration", where, f"write {_CONTRACT} or {_ALLOW}")
    usage = _CONTRACT if word == "contract" else _ALLOW
    parts = [part.strip() for part in rest.split(",")]
    # A reason may have commas of its own.
    if word == "contract" and len(parts) > 3:
        parts = [parts[0], ", ".join(parts[1:-1]), parts[-1]]
    elif word == "allow" and len(parts) > 3:
        parts = [*parts[:2], ", ".join(parts[2:])]
    if len(parts) != 3 or not all(parts):
        return Problem(f"{text[:60]!r} does not say all three", where, f"write {usage}")
    if word == "allow":
        return Declared(word, parts[0], parts[2], parts[1], where)
    if not re.fullmatch(r"\d{8}T\d{6}Z-[a-z]+-[0-9a-f]+", parts[2]):
        fix = f"write {usage}; `onehost status` and the history name releases"
        return Problem(f"{parts[2][:60]!r} is no release", where, fix)
    return Declared(word, parts[0], parts[1], parts[2], where)


def names_of(one: AppRehearsal) -> set[str]:
    """The revisions that a declaration may name: what was reached, and each migration that was run on the way."""
    return {*one.reached.split(", "), *one.migrations}


def undeclared(one: AppRehearsal, declared: Sequence[Declared]) -> bool:
    """Whether nobody has said that this breaks older code."""
    names = names_of(one)
    return not any(it.kind == "contract" and it.revision in names for it in declared)


def used_by(one: AppRehearsal, declared: Iterable[Declared]) -> list[Declared]:
    """The contract lines about what was rehearsed."""
    names = names_of(one)
    return [it for it in declared if it.kind == "contract" and it.revision in names]


def release_problems(mine: Iterable[Declared], entries: Sequence[Entry], environment: str, live: str) -> list[Problem]:
    """Whether the release that a line names was live in the environment, and what is live now is not older."""
    known = {entry.release.id: entry for entry in entries if entry.release.environment == environment}
    found = []
    for it in mine:
        entry = known.get(it.what)
        if entry is None or entry.status not in ("live", "previous", "rolled_back"):
            why = "is not in the history" if entry is None else f"was never live there ({entry.status})"
            fix = f"name a release that was live in {environment} and no longer uses what goes"
            found.append(Problem(f"{it.what} {why}", it.where, fix))
        elif not live or moment_of(live) < moment_of(it.what):
            fix = "bring the release live that no longer uses it, then promote"
            what = f"{live or 'nothing'} is live, which is older than {it.what}: it still uses what goes"
            found.append(Problem(what, it.where, fix))
    return found


def not_allowed(one: AppRehearsal, declared: Collection[Declared]) -> list[str]:
    """Findings that nobody has allowed, as sentences."""
    names = names_of(one)
    allowed = {it.what for it in declared if it.kind == "allow" and it.revision in names}
    return [
        f"{it.rule}: {it.text}" + (f": {it.statement}" if it.statement else "")
        for it in one.findings
        if it.rule not in allowed
    ]
