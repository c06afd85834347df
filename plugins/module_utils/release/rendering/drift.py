# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift as lines for people, and as data."""

from __future__ import annotations

from typing import Any

from ..planning.drift.findings import Finding, new_baseline
from ..planning.drift.report import DriftReport
from ..util.printable import cleaned
from .report import table

#: Of a text of others.
LONGEST = 160


def lines(report: DriftReport) -> list[str]:
    """A table of what is new, a sentence with the fix for each, and what became of the baseline."""
    report = cleaned(report)
    errors = sum(1 for one in report.new if one.is_error)
    found = f"{len(report.new)} new findings ({errors} errors)" if report.new else "nothing new"
    text = f"{report.stack} at {report.commit[:12]}: {found}, {len(report.known)} known; {report.files} files"
    rows = [[one.code, one.place, _cut(one.shown)] for one in report.new]
    return [
        f"{text} in {report.seconds:g} s",
        *(table(["kind", "place", "what stands there"], rows) if rows else []),
        *(_sentence(one) for one in report.new),
        *(f"baseline: {text}" for text in report.stale),
    ]


def document(report: DriftReport) -> dict[str, Any]:
    """Everything as plain data."""
    report = cleaned(report)
    return {
        "stack": report.stack,
        "commit": report.commit,
        "version": report.version,
        "ok": report.ok,
        "files": report.files,
        "seconds": report.seconds,
        "findings": [_row(one) for one in report.new],
        "known": [_row(one) for one in report.known],
        "stale": report.stale,
    }


def baseline(report: DriftReport) -> str:
    """A baseline that knows all that was found."""
    return new_baseline([*cleaned(report.new), *cleaned(report.known)], report.baseline)


def _sentence(finding: Finding) -> str:
    more = [str(line) for line in finding.lines[1:]]
    rest = finding.count - len(finding.lines)
    also = f" (also in line {', '.join(more)}{f' and {rest} more' if rest > 0 else ''})" if more else ""
    return f"{finding.place}: {_cut(finding.shown)} {finding.what}{also}." + (
        f" Fix: {finding.fix}" if finding.fix else ""
    )


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "error": finding.is_error,
        "file": finding.file,
        "lines": list(finding.lines),
        "count": finding.count,
        "name": finding.name,
        "shown": finding.shown,
        "what": finding.what,
        "fix": finding.fix,
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
