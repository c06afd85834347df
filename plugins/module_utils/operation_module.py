# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# What the modules deploy, promote and rollback share: arguments in, one operation in a process of its own, report out.
import dataclasses
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

# Loaded here and not when first needed: the operation may outlive the archive that this file came in.
from .release import background, command, journal, lock, operation, provisioned, text
from .release.errors import Problem, Refused
from .release.request import OPERATIONS, Request
from .release.stack import Stack, read_stack

LOADED = (background, command, journal, lock)

ARGUMENTS: dict[str, Any] = {
    "stack": {"type": "str", "default": ""},
    "apps": {"type": "list", "elements": "str", "default": []},
    "reason": {"type": "str", "default": ""},
    "person": {"type": "str", "default": "unknown"},
    "origin": {"type": "str", "default": "unknown"},
    "lock_wait": {"type": "float", "default": 0},
    "watch_seconds": {"type": "int"},
    "warm_seconds": {"type": "int"},
    "wait_seconds": {"type": "float"},
    "definition": {"type": "dict"},
}


def run_module(name: str, own_arguments: dict[str, Any]) -> None:
    """Carry out operation `name` and end the module with its report."""
    module = AnsibleModule(argument_spec={**ARGUMENTS, **own_arguments}, supports_check_mode=True)
    given = module.params
    chosen = given["stack"]
    try:
        chosen = provisioned.choose_stack(chosen)
        stack = provisioned.load_stack(chosen)
        _compare(stack, given["definition"])
    except Refused as refused:
        _finish(module, _refusal(name, chosen, refused))
        return
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
        skip_gates=tuple(given.get("skip_gates") or ()),
        secrets=given.get("secrets") or "today",
        lock_wait=given["lock_wait"],
        watch_seconds=given["watch_seconds"],
        warm_seconds=given["warm_seconds"],
    )
    host = provisioned.this_host()
    if module.check_mode:
        _finish(module, dataclasses.asdict(operation.run(host, stack, request, check=True)))
        return
    path = operation.new_journal_path(stack, request, operation.Places())
    result_path = os.path.join(background.RESULTS, os.path.basename(path).replace(".jsonl", ".json"))

    def work() -> dict[str, Any]:
        return dataclasses.asdict(operation.run(host, stack, request, journal_path=path))

    process, report = background.start(work, result_path, given["wait_seconds"])
    if report is None:
        module.exit_json(changed=True, running=True, process=process, journal=path, result=result_path)
    _finish(module, report)


def _finish(module: AnsibleModule, report: dict[str, Any]) -> None:
    lines = text.report_lines(report) if "problems" in report else [report["message"], *report.get("log", [])]
    failed = report["failed"]
    changed = bool(report.get("changed")) or (module.check_mode and report["message"].startswith("would "))
    diff = {"before": f"{report.get('was', '')}\n", "after": f"{report.get('release', '')}\n"}
    result = {"changed": changed, "report": report, "lines": lines, "diff": diff if changed else {}}
    if failed and module.check_mode:
        # Check mode says what would be refused and goes on: a host may be looked at before it was ever provisioned.
        module.exit_json(would_refuse=True, msg=report["message"], **result)
    if failed:
        module.fail_json(msg="\n".join(lines), **result)
    module.exit_json(msg=report["message"], **result)


def _compare(stack: Stack, definition: dict[str, Any] | None) -> None:
    if definition is None:
        return
    wanted = read_stack(stack.name, definition).to_mapping(with_env=False)
    have = stack.to_mapping(with_env=False)
    different = sorted(key for key in wanted if wanted[key] != have.get(key))
    if different:
        raise Refused(
            [
                Problem(
                    "differs between the inventory and the host: " + ", ".join(different),
                    f"stack {stack.name}",
                    provisioned.PROVISION,
                )
            ]
        )


def _refusal(name: str, stack: str, refused: Refused) -> dict[str, Any]:
    report = dataclasses.asdict(operation.Report(name, stack or "(no stack)", OPERATIONS[name], failed=True))
    report["message"] = "refused, nothing was changed"
    report["problems"] = [{"what": p.what, "where": p.where, "mend": p.mend} for p in refused.problems]
    return report
