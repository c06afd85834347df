# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Shared by the action plugins deploy, promote and rollback: start the operation on the host, show its progress, and
# return its report. The operation itself is one process on the host; losing the connection here does not stop it.
import json
import os
import pwd
import shlex
import socket
import time
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.display import Display
from ansible_collections.onehost.release.plugins.module_utils.operation_arguments import ARGUMENTS
from ansible_collections.onehost.release.plugins.module_utils.release.entrypoints import remote_client
from ansible_collections.onehost.release.plugins.module_utils.release.hints import Place, hint, spell, spell_all
from ansible_collections.onehost.release.plugins.module_utils.release.paths import EXCHANGE_COMMAND
from ansible_collections.onehost.release.plugins.module_utils.release.rendering.report import report_lines
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean
from ansible_collections.onehost.release.plugins.plugin_utils import progress_channel, typed_options
from ansible_collections.onehost.release.plugins.plugin_utils.place import here

display = Display()

#: Short operations end within the first call; only longer ones deserve a line of progress.
FIRST_WAIT_SECONDS = 6.0
POLL_SECONDS = 0.7
#: Used instead if the collection's own callback shows each step live. Longer than a warm rollback takes.
LIVE_WAIT_SECONDS = 1.0
#: How often, at 0.1 s intervals, the host checks for new output before it answers that there is none.
LOOKS = 20
#: Options whose variable has a different name.
VARIABLES = {
    "person": "release_person",
    "watch_seconds": "release_watch_seconds",
    "warm_seconds": "release_warm_seconds",
}
#: Options that no variable sets.
NOT_FROM_VARIABLES = {"origin", "definition", "wait_seconds", "keep_schema"}
#: Longer than any build that anybody waits for. The operation continues even after that.
LONGEST_SECONDS = 3600.0


class OperationAction(ActionBase):
    """Runs the module of the same name and follows its journal."""

    TRANSFERS_FILES = False
    _host = "host"
    _place = Place()

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        if problem := typed_options.problem_with(self._operation, task_vars, self._loader):
            return {**result, "failed": True, "msg": spell(problem, here())}
        arguments = self._arguments(task_vars)
        self._place = here(arguments.get("stack"))
        if not self._task.check_mode:
            live = progress_channel.is_open()
            arguments.setdefault("wait_seconds", LIVE_WAIT_SECONDS if live else FIRST_WAIT_SECONDS)
        asked = self._ask_installed(arguments)
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars) if asked is None else asked)
        self._host = task_vars.get("inventory_hostname", "host")
        steps = result.pop("journal_text", "")
        if result.pop("running", False):
            result.update(self._follow(result.pop("journal"), result.pop("result"), int(result.pop("process"))))
        elif progress_channel.is_open() and result.get("report", {}).get("journal"):
            # It ended within the first call; its steps are still of interest.
            self._show_all(steps or self._read(result["report"]["journal"], os.devnull, os.getpid(), 0, looks=0) or "")
        result = spell_all(result, self._place)
        if not result.get("failed") and not progress_channel.is_open():
            for line in result.get("lines", []):
                display.display(f"  [{self._host}] {clean(line)}")
        return result

    def _arguments(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """The task's arguments; for those it does not set, variables, such as those of -e."""
        arguments = dict(self._task.args)
        options = ARGUMENTS[self._operation]
        for option in options.keys() - arguments.keys() - NOT_FROM_VARIABLES:
            variable = VARIABLES.get(option, option)
            if variable in task_vars:
                arguments[option] = self._templar.template(task_vars[variable])
        for option, kind in options.items():
            if kind["type"] == "list" and isinstance(arguments.get(option), str):
                arguments[option] = [word.strip() for word in arguments[option].split(",") if word.strip()]
        arguments["person"] = arguments.get("person") or _login_name()
        arguments.setdefault("origin", socket.gethostname())
        if "definition" not in arguments:
            arguments["definition"] = self._definition(arguments.get("stack"), task_vars)
        arguments["definition"] = _without_env(arguments["definition"])
        return {option: value for option, value in arguments.items() if value is not None}

    def _definition(self, stack: str | None, task_vars: dict[str, Any]) -> dict[str, Any] | None:
        """The stack's definition in the inventory. None if it has no such stack; the host then reports its own."""
        stacks = lookup_loader.get("onehost.release.stacks", loader=self._loader, templar=self._templar)
        try:
            # Another stack that is wrong must not stand in the way of this one.
            found = stacks.run([stack] if stack else [], variables=task_vars, env=False, keep_going=True)
        except AnsibleError as error:
            if self._operation != "rollback":
                raise
            # Nor must anything in the inventory stand in the way of the way back, which takes the host's definition.
            display.warning(f"the inventory is not compared with the host: {error}")
            return None
        return found[0] if found else None

    @property
    def _operation(self) -> str:
        return str(self._task.action.rpartition(".")[2])

    def _ask_installed(self, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """The answer of the installed engine if it is identical to this one; None if the module must be sent.

        A different engine declines before it begins anything, so nothing can be done twice.
        """
        name = self._operation
        checked = ArgumentSpecValidator(ARGUMENTS[name]).validate(arguments)
        if checked.errors.messages:
            return None  # the module reports it as modules do
        asked = {
            "engine": remote_client.engine_fingerprint(),
            "operation": name,
            "check": self._task.check_mode,
            "journal": progress_channel.is_open(),
            "arguments": checked.validated_parameters,
        }
        answer = self._low_level_execute_command(EXCHANGE_COMMAND, in_data=json.dumps(asked).encode(), sudoable=True)
        try:
            found = json.loads(answer.get("stdout", ""))
        except ValueError:
            display.vv(f"no answer from {EXCHANGE_COMMAND}: {answer.get('stderr', '')}")
            return None
        return None if remote_client.VERSION_MISMATCH in found else found

    def _follow(self, journal: str, result: str, process: int) -> dict[str, Any]:
        """Show each new step until the report is there, or the process has ended without one."""
        seen, deadline, quiet_since = 0, time.monotonic() + LONGEST_SECONDS, time.monotonic()
        while time.monotonic() < deadline:
            text = self._read(journal, result, process, seen)
            if text is None:
                # The connection failed. The operation continues; so do we, until the deadline.
                if time.monotonic() - quiet_since > 60:
                    break
                time.sleep(POLL_SECONDS)
                continue
            quiet_since = time.monotonic()
            rest = text.partition("\n--report--\n")[2]
            alive, _newline, report = rest.partition("\n")
            seen += self._show_all(text)
            if report.strip():
                return self._ended(json.loads(report))
            if alive.strip() == "gone":
                return {
                    "failed": True,
                    "msg": f"the operation was killed on the host (process {process}). The next operation finishes or "
                    f"undoes it. To do it now: {hint('recover')}",
                }
        return {
            "failed": True,
            "msg": f"the connection was lost; the operation continues on the host. To see how it ends: "
            f"{hint('status')}",
        }

    def _read(self, journal: str, result: str, process: int, seen: int, looks: int = LOOKS) -> str | None:
        # Wait for output on the host: one call over SSH costs more than many checks there.
        size = f"$(stat -c %s {shlex.quote(journal)} 2>/dev/null || echo 0)"
        command = (
            f"i=0; while [ $i -lt {looks} ] && test -d /proc/{process} && test ! -e {shlex.quote(result)}"
            f' && [ "{size}" -le {seen} ]; do sleep 0.1; i=$((i + 1)); done; '
            f"tail -c +{seen + 1} {shlex.quote(journal)} 2>/dev/null; printf '\\n--report--\\n'; "
            f"test -d /proc/{process} && echo alive || echo gone; cat {shlex.quote(result)} 2>/dev/null"
        )
        try:
            answer = self._low_level_execute_command(command, sudoable=True)
        except Exception as error:  # each connection plugin has its own exceptions for a lost connection
            display.vv(f"cannot reach the host: {error}")
            return None
        # Some connection settings request a terminal, which changes line ends.
        text = answer.get("stdout", "").replace("\r\n", "\n")
        return text if "--report--" in text else None

    def _show_all(self, text: str) -> int:
        """Show the complete lines of the journal text. Returns their length in bytes."""
        whole = text.partition("\n--report--\n")[0].rpartition("\n")[0]
        for line in whole.splitlines():
            self._show(line)
        return len(whole.encode()) + 1 if whole else 0

    def _show(self, line: str) -> None:
        try:
            item = json.loads(line)
        except ValueError:
            return
        item = spell_all(item, self._place)
        if progress_channel.is_open():
            # Events that only recovery needs are not shown.
            if item.get("event") in ("step", "note", "done"):
                progress_channel.send(self._host, item)
        elif item.get("event") in ("step", "note"):
            moment = time.strftime("%H:%M:%S", time.localtime(item.get("at", 0)))
            display.display(f"  {moment} {clean(item.get('text', ''))}")

    @staticmethod
    def _ended(report: dict[str, Any]) -> dict[str, Any]:
        if "problems" in report:
            lines = report_lines(report)
        else:
            lines = [clean(line) for line in (report.get("message", ""), *report.get("log", []))]
        failed = bool(report.get("failed"))
        return {
            "changed": bool(report.get("changed")),
            "failed": failed,
            "report": report,
            "lines": lines,
            "msg": "\n".join(lines) if failed else report.get("message", ""),
        }


def _login_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _without_env(definition: Any) -> Any:
    """Remove values of environment variables, which must not be in a module's arguments."""
    return {**definition, "env": {}} if isinstance(definition, dict) else definition
