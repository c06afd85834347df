# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote endpoint: one operation for a remote caller. Arguments in, answer out, both plain data.

The modules deploy, promote and rollback call `answer`. Their action plugins first try the engine that is installed on
the host (`main`, reading a request from standard input): that saves packing, sending and compiling the whole engine,
about half a second each time. It answers only if its files are identical to the caller's.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, cast

from ..env.secret_forms import Redactor
from ..errors import Problem, RefusedError
from ..operations import runner
from ..paths import RESULTS
from ..planning.preflight import PROVISION
from ..process import background
from ..releases.report import OperationReport, ReportData, problem_row
from ..releases.request import OPERATIONS, Request
from ..rendering import report as text
from ..stack.model import Stack
from ..stack.reader import read_stack
from ..util.printable import clean
from . import bootstrap
from .remote_client import VERSION_MISMATCH, engine_fingerprint


def answer(name: str, given: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Carry out operation `name` with a module's arguments, and return the module's result."""
    host, chosen = bootstrap.this_host(), given["stack"]
    try:
        chosen = host.stacks.choose(chosen)
        stack = host.stacks.load(chosen)
        _compare(stack, given["definition"])
    except RefusedError as refused:
        return _result(_refusal(name, chosen, refused), check)
    request = Request(
        operation=name,
        environment=OPERATIONS[name],
        person=given["person"],
        host=given["origin"],
        reason=given["reason"],
        apps=tuple(given["apps"]),
        version=given.get("version") or "",
        release=given.get("release") or "",
        rebuild=bool(given.get("rebuild")),
        keep_schema=bool(given.get("keep_schema")),
        skip_gates=tuple(given.get("skip_gates") or ()),
        secrets=given.get("secrets") or "today",
        database=given.get("database") or "",
        confirm=given.get("confirm") or "",
        lock_wait=given["lock_wait"],
        watch_seconds=given["watch_seconds"],
        warm_seconds=given["warm_seconds"],
    )
    if check:
        return _result(runner.run(host, stack, request, check=True).to_json(), check)
    path = runner.new_journal_path(host, stack, request)
    result_path = os.path.join(RESULTS, os.path.basename(path).replace(".jsonl", ".json"))

    redact = Redactor()

    def work() -> dict[str, Any]:
        return dict(runner.run(host, stack, request, journal_path=path, redact=redact).to_json())

    process, report = background.start(work, result_path, given["wait_seconds"], redact)
    if report is None:
        return {"changed": True, "running": True, "process": process, "journal": path, "result": result_path}
    return _result(report, check)


def main() -> int:
    """Read one request from standard input, write its answer. Returns the exit code."""
    asked = json.load(sys.stdin)
    if asked["engine"] != engine_fingerprint():
        found: dict[str, Any] = {VERSION_MISMATCH: True}
    else:
        found = answer(asked["operation"], asked["arguments"], bool(asked["check"]))
        if asked.get("journal"):
            found["journal_text"] = _journal_text(found)
    json.dump(found, sys.stdout)
    return 0


def _journal_text(found: Mapping[str, Any]) -> str:
    """The journal of an ended operation, so that the caller needs no second call for its steps."""
    path = found.get("report", {}).get("journal")
    if not path:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def _result(report: Mapping[str, Any], check: bool) -> dict[str, Any]:
    lines = (
        text.report_lines(cast(ReportData, report))
        if "problems" in report
        else [clean(line) for line in (report["message"], *report.get("log", []))]
    )
    changed = bool(report.get("changed")) or (check and report["message"].startswith("would "))
    diff = {"before": f"{report.get('was', '')}\n", "after": f"{report.get('release', '')}\n"}
    result = {"changed": changed, "report": report, "lines": lines, "diff": diff if changed else {}}
    if report["failed"] and check:
        # Check mode reports a refusal and goes on: the host may not have been provisioned yet.
        return {**result, "would_refuse": True, "msg": report["message"]}
    if report["failed"]:
        return {**result, "failed": True, "msg": "\n".join(lines)}
    return {**result, "msg": report["message"]}


def _compare(stack: Stack, definition: dict[str, Any] | None) -> None:
    if definition is None:
        return
    wanted = read_stack(stack.name, definition).to_mapping(with_env=False)
    have = stack.to_mapping(with_env=False)
    different = sorted(key for key in wanted if wanted[key] != have.get(key))
    if different:
        raise RefusedError(
            [
                Problem(
                    "differs between the inventory and the host: " + ", ".join(different),
                    f"stack {stack.name}",
                    PROVISION,
                )
            ]
        )


def _refusal(name: str, stack: str, refused: RefusedError) -> ReportData:
    report = OperationReport(name, stack or "(no stack)", OPERATIONS[name], failed=True)
    report.message = "refused, nothing was changed"
    report.problems = [problem_row(problem) for problem in refused.problems]
    return report.to_json()
