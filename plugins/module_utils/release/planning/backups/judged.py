# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ages of backups as sentences, and the gate of a promote that looks at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...hints import hint
from ...releases.backups import Archive
from ..gates import Gate
from .schedule import Age

GATE = "backups"
#: How long nothing may arrive in the archive: what is lost at most with the host is as old.
ARCHIVE_SECONDS = 900.0
_NAMES = {"incremental": "backup", "dump": "dump", "copy": "copy", "verify": "last read"}


def sentence(age: Age) -> str:
    """`production database main: backup 5 h old`, and what is wrong with it."""
    name = _NAMES.get(age.task.kind, age.task.kind)
    text = f"{age.task.thing}: {name} {ago(age.age)} old" if age.record.at else f"{age.task.thing}: no {name} yet"
    if age.is_damaged:
        return f"{age.task.thing}: DAMAGED: {age.record.why}"
    if age.record.failed_at:
        text += f", failing since {ago(max(0.0, age.age + age.record.counts_from - age.record.failed_at))}: "
        text += age.record.why
    return f"{text} (TOO OLD: at most {ago(age.task.limit)})" if age.is_too_old else text


def archive_trouble(name: str, archive: Archive, now: float) -> str:
    """Why a cluster's log is not as new in the archive as it is to be; empty where it is."""
    if not archive.is_on:
        return f"{name}: its log is not archived: it wants a restart since backups were turned on"
    if archive.fails and now - max(archive.last_at, 0.0) > ARCHIVE_SECONDS:
        since = f"for {ago(now - archive.last_at)}" if archive.last_at else "ever"
        return f"{name}: nothing has arrived in the archive {since}, {archive.failures} attempts failed"
    return ""


def gate(ages: Sequence[Age], archives: Mapping[str, Archive], now: float, skip: Sequence[str] = ()) -> Gate:
    """Whether what a promote could break can be brought back."""
    bad = [sentence(age) for age in ages if age.is_too_old or age.is_damaged]
    bad += [text for name, it in archives.items() if (text := archive_trouble(name, it, now))]
    if bad:
        fix = f"{hint('backup', where='production')}, and look why the last ones failed ({hint('status')})"
        return Gate(GATE, False, "; ".join(bad), fix, GATE in skip)
    oldest = max(ages, key=lambda age: age.age / age.task.limit)
    return Gate(GATE, True, f"{len(ages)} looked at; {sentence(oldest)}")


def ago(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
