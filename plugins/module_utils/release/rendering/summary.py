# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of an operation: what is live where, which requests failed meanwhile, what is due.

The control machine loads this too, with each command, so it imports little of the engine.
"""

from __future__ import annotations

from ..hints import hint
from ..releases.report import ProbesRow, ReportData

#: A row of the summary: its label, its text, and ok, warning, error or nothing.
Row = tuple[str, str, str]


def rows(report: ReportData) -> list[Row]:
    """The summary of a report, as the terminal, the log and the notification show it."""
    found: list[Row] = []
    after = report.get("after") or {}
    for environment, live in (after.get("live") or {}).items():
        text = f"{live['release']} in {live['slot']}" if live["release"] else "nothing"
        if is_a_name(live["version"], live["commit"]):
            text += f", {live['version']}"
        found.append(("live", f"{environment:<10}  {text}", ""))
    if report.get("probes"):
        found.append(downtime(report["probes"]))
    found += [("note", text, "warning") for text in report.get("notes") or []]
    found += next_step(report)
    found += [("due", text, "warning") for text in after.get("due") or []]
    if after:
        low = after["free_gb"] < after["floor_gb"]
        text = f"{after['free_gb']:g} GB free, floor {after['floor_gb']:g} GB"
        found.append(("disk", text + (f". Fix: {hint('cleanup')}" if low else ""), "warning" * low))
    return found


def is_a_name(version: str, commit: str) -> bool:
    """Whether the requested revision says more than the (shortened) commit that it resolved to."""
    return bool(version) and not (commit and version.startswith(commit))


def downtime(probes: ProbesRow) -> Row:
    """The counts of the availability probes, in words."""
    if not probes["failed"]:
        return "downtime", f"none seen, {probes['asked']} probes answered", "ok"
    text = f"{probes['down_seconds']:.1f} s seen, {probes['failed']} of {probes['asked']} probes failed"
    return "downtime", text, "error"


def next_step(report: ReportData) -> list[Row]:
    """The command to type next."""
    if not report.get("changed"):
        return []
    if report["environment"] == "staging":
        return [("next", f"check staging, then {hint('promote')}", "")]
    if report["operation"] == "promote" and report["rollback_to"]:
        return [("back", f"{hint('rollback')} goes back to {report['rollback_to']}", "")]
    return [("next", hint("status"), "")]
