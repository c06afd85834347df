# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether files of a copy are what they have to be: as the database says, or as they are in the volume. Pure."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..releases.copied import Copied, Present

#: The kernel's clock of files is coarser than the one that says when a copy was begun.
CLOCK_SECONDS = 1.0
#: How many files are named that are not as they have to be.
NAMED = 3
LONGEST_PATH = 4096
Word = Literal["same", "newer", "read"]
#: How each is counted.
_SAID: Mapping[Word, str] = {"same": "{} as {}", "newer": "{} newer than the copy", "read": "{} only there"}


@dataclass(frozen=True)
class Row:
    """A file as the database knows it."""

    path: str
    sha256: str


def question(sql: str, number: int) -> str:
    """What the database is asked: so many rows at random of what the stack's own question finds."""
    inner = sql.rstrip().rstrip(";")
    drawn = (
        f"SELECT path::text, sha256::text FROM (\n{inner}\n) AS given (path, sha256) ORDER BY random() LIMIT {number}"
    )
    return f"SELECT coalesce(json_agg(json_build_array(path, sha256)), '[]') FROM (\n{drawn}\n) AS drawn"


def rows(answer: str) -> tuple[list[Row], list[str]]:
    """What the database answers, and what is wrong with it."""
    found, problems = [], []
    for path, text in json.loads(answer):
        # A value of bytes is written so.
        checksum = str(text or "").strip().lower().removeprefix("\\x")
        if why := _odd(path):
            problems.append(f"{path!r} {why}")
        elif not re.fullmatch(r"[0-9a-f]{64}", checksum):
            problems.append(f"{path}: {text!r} is no SHA-256")
        else:
            found.append(Row(path.lstrip("/"), checksum))
    return found, problems


def _odd(path: object) -> str:
    if not isinstance(path, str) or not path.strip("/") or len(path) > LONGEST_PATH:
        return "is no path of a file"
    if any(part in ("", ".", "..") for part in path.lstrip("/").split("/")):
        return "is no path within the volume"
    return ""


def drawn(paths: Iterable[str], number: int, chance: random.Random) -> tuple[list[str], int]:
    """So many of them, each with the same chance, and how many there are. Only those are kept meanwhile."""
    found: list[str] = []
    count = 0
    for path in paths:
        count += 1
        place = len(found) if len(found) < number else chance.randrange(count)
        if place < number:
            found[place : place + 1] = [path]
    return sorted(found), count


def of_database(row: Row, copied: str | None, now: Present | None, begun: float) -> tuple[Word | None, str]:
    """A word if all is well, or what is wrong. What came after the copy was begun is not in it, and need not be."""
    if copied == row.sha256:
        return "same", ""
    if now is not None and _is_newer(now, begun):
        return "newer", ""
    if copied is not None:
        return None, f"{row.path}: is not what the database says"
    where = "in the volume" if now is not None else "nowhere else either"
    return None, f"{row.path}: the database knows it, and it is not in the copy; it is {where}"


def of_volume(path: str, copied: str, now: Present | None, begun: float) -> tuple[Word | None, str]:
    """The same where nothing but the volume says how a file is to be."""
    if now is None:
        return "read", ""
    if now.sha256 == copied:
        return "same", ""
    return ("newer", "") if _is_newer(now, begun) else (None, f"{path}: is not what is in the volume")


def _is_newer(now: Present, begun: float) -> bool:
    return now.changed >= begun - CLOCK_SECONDS


def sentence(words: Sequence[Word], whose: str, total: int | None) -> str:
    """What was seen, where all is well."""
    counts = [_SAID[word].format(words.count(word), whose) for word in _SAID if word in words]
    many = f"{len(words)} of {total} files" if total is not None else f"{len(words)} files"
    return f"{many}: {', '.join(counts)}" if counts else f"{many}"


def trouble(problems: Sequence[str]) -> str:
    more = f" and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    return "; ".join(problems[:NAMED]) + more


def newest(copies: Sequence[Copied]) -> Copied | None:
    return max(copies, key=lambda one: one.begun, default=None)
