# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as lines for people."""

from __future__ import annotations

from ..releases.report import ReportData
from ..util.printable import cleaned
from . import summary

_STEP_WORDS = {
    "cleanup": "disk space freed",
    "fetch": "fetched",
    "build": "built",
    "search": "images searched",
    "drift": "source compared",
    "rehearse": "migrations rehearsed",
    "record": "release written",
    "start": "slot started",
    "healthy": "all healthy",
    "migrate": "database seen to",
    "restore_point": "restore point",
    "old_release": "old release asked again",
    "downgrade": "schema taken back",
    "before_switch": "hooks before the switch done",
    "tags": "tags moved",
    "routes": "routes set",
    "warm": "old slot kept warm",
    "pause": "paused",
    "switch": "switched",
    "resume": "resumed",
    "confirm": "confirmed through the edge",
    "endpoints": "endpoints hold",
    "after_switch": "hooks after the switch done",
    "watch": "watched",
    "statuses": "history written",
    "drain": "drained",
    "stop": "old slot stopped",
    "scale": "number changed",
    "back": "undone",
}


def report_lines(report: ReportData) -> list[str]:
    """What happened, how long it took, what is live now, what to type next."""
    report = cleaned(report)
    lines = [f"{report['operation']} {report['stack']} {report['environment']}: {report['message']}"]
    lines += [f"found: {text}" for text in report["recovered"]]
    lines += [f"would: {text}" for text in report.get("preview") or []]
    if report["gates"]:
        lines += table(
            ["gate", "result", "evidence"], [[g["gate"], g["result"], g["evidence"]] for g in report["gates"]]
        )
    for problem in report["problems"]:
        lines.append(": ".join(word for word in ("problem", problem["where"], reason(report, problem["what"])) if word))
        if problem["fix"]:
            lines.append(f"   Fix: {problem['fix']}")
    if report["log"]:
        lines += ["last lines:", *(f"   | {line}" for line in report["log"])]
    if report["built"]:
        lines.append("built: " + ", ".join(f"{app} {seconds:g} s" for app, seconds in sorted(report["built"].items())))
    if report["steps"]:
        lines.append(
            "steps: "
            + ", ".join(f"{_STEP_WORDS.get(step, step)} {seconds:.2f} s" for step, seconds in report["steps"].items())
        )
    if report["changed"]:
        lines.append(
            f"live now: {report['release']} in {report['slot']}"
            + (f", before: {report['was']}" if report["was"] else "")
        )
        lines += [f"{'next' if label == 'back' else label}: {text}" for label, text, _kind in summary.next_step(report)]
    lines += [
        f"{label}: {text}"
        for label, text, _kind in summary.rows(report)
        if label in ("downtime", "note", "due", "disk")
    ]
    lines.append(f"took {report['seconds']:.2f} s")
    return lines


def reason(report: ReportData, what: str) -> str:
    """What a problem says beyond the message: a failure begins as the message does, and need not be read twice."""
    if what == report["message"]:
        return ""
    return what.removeprefix(f"{report['message'].partition(';')[0]}: ")


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Rows under a header, in columns."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
