# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports and status as lines for people."""

from __future__ import annotations

import time
from typing import Any

_STEP_WORDS = {
    "cleanup": "room made",
    "fetch": "fetched",
    "build": "built",
    "search": "images searched for secrets",
    "record": "release written",
    "start": "slot started",
    "healthy": "all healthy",
    "tags": "tags moved",
    "routes": "routes set",
    "warm": "old slot kept warm",
    "pause": "paused",
    "switch": "switched",
    "resume": "resumed",
    "confirm": "confirmed through the edge",
    "watch": "watched",
    "statuses": "history written",
    "drain": "drained",
    "stop": "old slot stopped",
    "back": "put back",
}


def report_lines(report: dict[str, Any]) -> list[str]:
    """What happened, how long it took, what is live now, what to type next."""
    lines = [f"{report['operation']} {report['stack']} {report['environment']}: {report['message']}"]
    lines += [f"found: {text}" for text in report["recovered"]]
    if report["gates"] and (report["failed"] or report["changed"]):
        lines += _table(
            ["gate", "result", "evidence"], [[g["gate"], g["result"], g["evidence"]] for g in report["gates"]]
        )
    for problem in report["problems"]:
        lines.append(f"problem: {problem['where']}: {problem['what']}")
        if problem["mend"]:
            lines.append(f"   mend: {problem['mend']}")
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
        lines.append("next: " + _next(report))
    lines.append(f"took {report['seconds']:.2f} s")
    return lines


def _next(report: dict[str, Any]) -> str:
    if report["environment"] == "staging":
        return "look at staging, then ansible-playbook playbooks/promote.yml"
    if report["operation"] == "promote" and report["rollback_to"]:
        return f"ansible-playbook playbooks/rollback.yml goes back to {report['rollback_to']}"
    return "ansible-playbook playbooks/status.yml"


def status_lines(status: dict[str, Any]) -> list[str]:
    """One screen: what runs where, since when, and what a rollback would do."""
    lines = []
    for name, env in status["environments"].items():
        ports = ", ".join(str(port) for port in env["ports"])
        if env["release"]:
            lines.append(
                f"{status['stack']} {name} (port {ports}): {env['release']} in {env['slot']}, "
                f"commit {env['commit']} ({env['version']}), since {env['since']} by {env['via']}"
            )
        else:
            lines.append(f"{status['stack']} {name} (port {ports}): nothing is live")
        rows = [
            [
                app,
                a["state"]
                if a["state"] == "absent"
                else ("healthy" if a["healthy"] else f"{a['state']}, not healthy {a['cause']}".strip()),
                a.get("image", ""),
                a.get("commit", ""),
            ]
            for app, a in env["apps"].items()
        ]
        lines += _table(["app", "state", "image", "commit"], rows)
        if env["running_operation"]:
            who = env["running_operation"]
            lines.append(
                f"running now: {who.get('operation')} by {who.get('person')} since {who.get('since')} "
                f"{who.get('reason', '')}".rstrip()
            )
        for last in env["operations"][:3]:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last["at"]))
            lines.append(
                f"   {moment} {last['operation']} by {last['person']}: {last['outcome']} {last['message']}".rstrip()
            )
        lines += [f"unfinished: {name}; mend: ansible-playbook playbooks/recover.yml" for name in env["unfinished"]]
    back = status["rollback"]
    if back["to"]:
        lines.append(f"rollback would go to {back['to']} (commit {back['commit']})")
        lines += [f"   {change}" for change in back["changes"]]
    else:
        lines.append(f"rollback: {back['text']}")
    rows = [[e["release"], e["status"], e["person"], e["reason"]] for e in status["history"]]
    if rows:
        lines += _table(["release", "status", "by", "reason"], rows)
    lines += [f"secret {text}" for text in status["due"]]
    lines += status["flags"]
    lines.append(f"disk: {status['free_gb']} GB free, floor {status['floor_gb']:g} GB")
    return lines


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "   " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
