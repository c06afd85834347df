# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The view of an operation: its steps as they pass, and its end. Pure: journal events and reports in, lines out.
import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.onehost.release.plugins.module_utils.release.hints import has_command
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import summary
from ansible_collections.onehost.release.plugins.module_utils.release.rendering.report import reason
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean, cleaned
from ansible_collections.onehost.release.plugins.plugin_utils.screen import (
    Line,
    Marks,
    Part,
    box,
    cut,
    duration,
    with_time,
)

#: Steps that get a line only if they take long.
QUIET_STEPS = ("record", "tags", "routes", "statuses", "warm")
QUIET_SECONDS = 0.5
#: A note on one app, which replaces the previous one on it.
_OF_AN_APP = re.compile(r"([a-z][a-z0-9-]*): (.+)", re.S)


@dataclass
class _Step:
    name: str
    text: str
    since: float
    #: The last note on each app.
    apps: dict[str, str] = field(default_factory=dict)


@dataclass
class OperationView:
    """The steps of one operation on one host."""

    marks: Marks
    width: int = 80
    #: Starts each line if there are several hosts.
    prefix: str = ""
    current: _Step | None = None
    turns: int = 0

    def add(self, item: dict[str, Any], now: float) -> list[Line]:
        """Take one event of the journal. Returns the lines that are final. `now` is local time, as the host's clock may
        differ."""
        event, text = item.get("event"), clean(item.get("text", ""))
        if event == "step":
            self.current = _Step(str(item.get("step", "")), text, now)
        elif event == "done" and self.current and item.get("step") == self.current.name:
            return self._done(float(item.get("seconds", 0.0)))
        elif event == "note":
            return self._note(text)
        return []

    def _note(self, text: str) -> list[Line]:
        of_app = _OF_AN_APP.fullmatch(text)
        if text.startswith("failed: ") and self.current:
            step, self.current = self.current, None
            return [Line(self._cut(f"  {self.marks.failed} {step.text}"), "error")]
        if of_app and self.current:
            self.current.apps[of_app[1]] = of_app[2]
            return []
        return [Line(self._cut(f"    {text}"), "dim")]

    def _done(self, seconds: float) -> list[Line]:
        step, self.current = self.current, None
        if step is None or (step.name in QUIET_STEPS and seconds < QUIET_SECONDS):
            return []
        style = "warning" if step.name == "back" else "ok"
        text = f"{self.prefix}  {self.marks.done} {step.text}"
        found = [Line(with_time(text, duration(seconds), self.width, self.marks.more), style)]
        if step.name == "build":
            found += self._apps(step)
        return found

    def live(self, now: float) -> list[Line]:
        """What is in progress right now, redrawn each time."""
        if self.current is None:
            return []
        self.turns += 1
        sign = self.marks.wheel[self.turns % len(self.marks.wheel)]
        passed = duration(max(0.0, now - self.current.since))
        text = f"{self.prefix}  {sign} {self.current.text}"
        return [Line(with_time(text, passed, self.width, self.marks.more), "heading"), *self._apps(self.current)]

    def _apps(self, step: _Step) -> list[Line]:
        name = max((len(app) for app in step.apps), default=0)
        return [Line(self._cut(f"      {app:<{name}}  {said}"), "dim") for app, said in sorted(step.apps.items())]

    def _cut(self, text: str) -> str:
        return cut(self.prefix + text, self.width - 1, self.marks.more)


def end_lines(host: str, report: dict[str, Any], marks: Marks, width: int) -> list[Line]:
    """The end of an operation: what is live where and what comes next, or what went wrong."""
    report = cleaned(report)
    if report.get("failed"):
        return failure_lines(host, report, marks, width)
    message = clean(report.get("message", ""))
    sign, style = (marks.done, "ok") if report.get("changed") else (marks.same, "")
    if (report.get("probes") or {}).get("failed"):
        sign, style = marks.failed, "error"  # it is done, but visitors lost something
    found = [Line(with_time(f"{sign} {message}", duration(float(report.get("seconds", 0))), width, marks.more), style)]
    if width < len(message) + 14:
        # Too long for one line with a time: wrap it, so that nothing is lost.
        found = [Line(f"{sign} {message} ({duration(float(report.get('seconds', 0)))})", style)]
    found += [Line(f"  found    {clean(text)}", "warning") for text in report.get("recovered", [])]
    found += [Line(f"  would    {clean(text)}") for text in report.get("preview") or []]
    found += _gate_lines(report)
    for label, text, kind in summary.rows(report):
        found.append(Line(f"  {label:<8} {clean(text)}".rstrip(), kind))
    return found


def _gate_lines(report: dict[str, Any]) -> list[Line]:
    gates = report.get("gates") or []
    if not gates:
        return []
    passed = [gate for gate in gates if gate["result"] == "go"]
    # What was only asked is told in full.
    is_preview = not report.get("changed")
    found = [Line(f"  gates    {len(passed)} of {len(gates)} go", "")]
    return found + [
        Line(f"           {gate['gate']}: {gate['result']}, {clean(gate['evidence'])}", _style_of(gate["result"]))
        for gate in gates
        if is_preview or gate["result"] != "go"
    ]


def _style_of(result: str) -> str:
    return "" if result == "go" else "warning"


def failure_lines(host: str, report: dict[str, Any], marks: Marks, width: int) -> list[Line]:
    """A failed or refused operation as a box: what, where, why, the last lines, the fix."""
    report = cleaned(report)
    title = (
        f"{report.get('operation', 'operation')} {report.get('stack', '')} {report.get('environment', '')} on {host}"
    )
    parts = [Part("What:", [clean(report.get("message", ""))])]
    parts += [Part("Found:", [clean(text)]) for text in report.get("recovered", [])]
    for problem in report.get("problems", []):
        parts.append(Part("Where:", [clean(problem["where"])]))
        if why := reason({"message": "", **report}, problem["what"]):
            parts.append(Part("Why:", [clean(why)]))
        if problem.get("fix"):
            parts.append(Part("Fix:", [clean(problem["fix"])], as_it_is=True))
    if report.get("log"):
        parts.append(Part("Log:", [clean(line) for line in report["log"]], as_it_is=True))
    rows = [row for row in summary.rows(report) if row[0] in ("live", "downtime")]
    now = [f"{label}: {clean(text)}" for label, text, _style in rows]
    if now:
        parts.append(Part("Now:", now))
    return box(title, parts, width, marks)


def task_failure_lines(
    host: str, task: str, where: str, result: dict[str, Any], fix: str, *, marks: Marks, width: int
) -> list[Line]:
    """Any other task that failed."""
    message = result.get("msg") or result.get("censored") or result.get("reason") or "it gave no reason"
    why = [clean(line) for line in _texts(message)]
    if result.get("rc") not in (None, 0):
        why.append(f"exit code {result['rc']}")
    parts = [
        Part("What:", [clean(task)]),
        Part("Where:", [clean(where)] if where else [], as_it_is=True),
        *(reasons := _reasons(why)),
    ]
    for item in result.get("results") or []:
        if isinstance(item, dict) and (item.get("failed") or item.get("unreachable")):
            label = item.get("_ansible_item_label", item.get("item", ""))
            parts.append(Part("Item:", [clean(f"{label}: {item.get('msg', 'failed')}")]))
            parts += _log(item)
    parts += _log(result)
    if not any(part.label == "Fix:" for part in reasons):
        parts.append(Part("Fix:", [fix], as_it_is=True))
    return box(f"failed on {host}", parts, width, marks)


def _reasons(lines: list[str]) -> list[Part]:
    """Why it failed. What mends it stands apart, if the reasons name it as the engine and our roles do."""
    parts: list[Part] = []
    pending: list[str] = []
    for line in lines:
        why, _mark, mend = line.partition(" Fix: ")
        pending.append(why)
        if mend:
            parts += [Part("Why:", pending), Part("Fix:", [mend], as_it_is=has_command(mend))]
            pending = []
    return [*parts, Part("Why:", pending)] if pending else parts


def _log(result: dict[str, Any]) -> list[Part]:
    text = result.get("stderr") or result.get("module_stderr") or result.get("stdout") or result.get("module_stdout")
    lines = [clean(line) for line in str(text or "").splitlines() if line.strip()]
    return [Part("Log:", lines[-12:], as_it_is=True)] if lines else []


def _texts(message: Any) -> list[str]:
    items = message if isinstance(message, list) else [message]
    return [line for item in items for line in str(item).splitlines()]
