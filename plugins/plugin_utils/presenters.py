# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Three ways to show a run: plain lines, a live terminal, JSON lines. They know nothing of Ansible's objects; the
# callback translates those into the types below, and provides a screen to write to.
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.onehost.release.plugins.module_utils.release.hints import (
    Place,
    hint,
    how_to_see_all,
    how_to_see_connection,
    spell,
)
from ansible_collections.onehost.release.plugins.module_utils.release.rendering.report import report_lines
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean
from ansible_collections.onehost.release.plugins.plugin_utils.operation_view import (
    OperationView,
    end_lines,
    task_failure_lines,
)
from ansible_collections.onehost.release.plugins.plugin_utils.screen import Line, Marks, cut, duration, with_time

ANYWHERE = Place()


class Screen(Protocol):
    """Where lines go. Drawn lines may be overwritten; said lines stay."""

    marks: Marks

    def width(self) -> int: ...
    def height(self) -> int: ...
    def say(self, line: Line) -> None: ...
    def draw(self, lines: list[Line]) -> None: ...
    def settle(self) -> None: ...


@dataclass(frozen=True)
class Task:
    """A task as it begins."""

    name: str
    role: str = ""
    action: str = ""
    where: str = ""

    @property
    def title(self) -> str:
        return f"{self.role}: {self.name}" if self.role else self.name


@dataclass(frozen=True)
class Outcome:
    """A task's result on one host, or on one item of its loop. `shown` is text meant for display (debug, assert)."""

    host: str
    task: Task
    result: dict[str, Any] = field(default_factory=dict)
    item: str = ""
    shown: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def report(self) -> dict[str, Any] | None:
        """The report, if this was a deploy, a promote or a rollback."""
        report = self.result.get("report")
        return report if isinstance(report, dict) and "operation" in report else None


class Plain:
    """Plain lines, one after another: for files, pipes and CI."""

    def __init__(self, screen: Screen, place: Place = ANYWHERE, playbooks: Sequence[str] = ()) -> None:
        self.screen = screen
        #: Where the user is, and what they typed.
        self.place = place
        self.playbooks = playbooks
        self.many = False
        self._announced: set[tuple[str, str]] = set()

    def play(self, name: str, hosts: list[str], check: bool) -> None:
        self.many = len(hosts) > 1
        who = ", ".join(hosts) if len(hosts) <= 6 else f"{len(hosts)} hosts"
        told = ", ".join(word for word in (who, "check mode" if check else "") if word)
        self.screen.say(Line(f"{clean(name)} ({told})" if told else clean(name), "heading"))

    def task(self, task: Task) -> None:
        self._announced.clear()

    def progress(self, host: str, item: dict[str, Any]) -> None:
        if item.get("event") in ("step", "note"):
            moment = time.strftime("%H:%M:%S", time.localtime(item.get("at", 0)))
            self.screen.say(Line(f"  {moment} {self._host(host)}{clean(item.get('text', ''))}"))

    def ok(self, outcome: Outcome) -> None:
        if outcome.report is not None:
            self._operation(outcome.host, outcome.report)
        elif outcome.shown:
            for text in outcome.shown:
                self.screen.say(Line(f"{self._host(outcome.host)}{clean(text)}"))
        elif outcome.changed:
            self.changed(outcome)

    def item(self, outcome: Outcome) -> None:
        """The result of one item of a loop."""
        if outcome.shown or outcome.changed:
            self.ok(outcome)

    def changed(self, outcome: Outcome) -> None:
        """Report once what changed where, unless a diff has shown it already."""
        key = (outcome.host, outcome.item)
        if key not in self._announced and (outcome.host, "") not in self._announced:
            self._announced.add(key)
            item = f" ({clean(outcome.item)})" if outcome.item else ""
            text = f"{self.screen.marks.changed} {outcome.task.title}{item}"
            self.screen.say(Line(f"{text} [{outcome.host}]" if self.many else text, "changed"))

    def diff(self, outcome: Outcome, text: str) -> None:
        self.changed(outcome)
        self.screen.say(Line(text.rstrip("\n")))

    def failed(self, outcome: Outcome, ignored: bool) -> None:
        if ignored:
            reason = clean(outcome.result.get("msg", ""))
            self.screen.say(Line(f"{outcome.task.title} failed and was ignored: {reason}", "warning"))
        elif outcome.report is not None:
            self._operation(outcome.host, outcome.report)
        else:
            self._failure(outcome, how_to_see_all(self.place, self.playbooks))

    def unreachable(self, outcome: Outcome, ignored: bool) -> None:
        if ignored:
            self.screen.say(Line(f"[{outcome.host}] is unreachable, which is ignored", "warning"))
        else:
            self._failure(outcome, how_to_see_connection(self.place, outcome.host))

    def _failure(self, outcome: Outcome, fix: str) -> None:
        marks, width = self.screen.marks, self.screen.width()
        task = outcome.task
        for line in task_failure_lines(
            outcome.host, task.title, task.where, outcome.result, fix, marks=marks, width=width
        ):
            self.screen.say(line)

    def _operation(self, host: str, report: dict[str, Any]) -> None:
        if report.get("failed"):
            self._end(host, report)
            return
        for text in report_lines(report):
            self.screen.say(Line(f"  [{host}] {clean(spell(text, self.place))}"))

    def _end(self, host: str, report: dict[str, Any]) -> None:
        for line in end_lines(host, report, self.screen.marks, self.screen.width()):
            self.screen.say(Line(spell(line.text, self.place), line.style))

    def note(self, text: str, style: str = "dim") -> None:
        self.screen.say(Line(clean(spell(text, self.place)), style))

    def end(self, hosts: dict[str, dict[str, int]], seconds: float) -> None:
        """The recap, in the words that programs search for."""
        width = max((len(host) for host in hosts), default=0)
        for host, counts in sorted(hosts.items()):
            text = "    ".join(f"{name}={count}" for name, count in counts.items())
            bad = counts.get("failed", 0) + counts.get("unreachable", 0)
            self.screen.say(Line(f"{host:<{width}} : {text}", "error" if bad else ""))

    def tick(self, now: float) -> None:
        """Called regularly; plain lines need no update."""

    def quiet(self) -> None:
        """Called when something else needs the screen: a prompt, or the end."""

    def _host(self, host: str) -> str:
        return f"[{host}] " if self.many else ""


@dataclass
class _Section:
    """A role, or a task outside of any role: one line at its end."""

    task: Task
    since: float
    tasks: int = 0
    changed: int = 0


class Live(Plain):
    """A live terminal: what is in progress is redrawn at the bottom, what is finished stays above it."""

    def __init__(
        self, screen: Screen, place: Place = ANYWHERE, playbooks: Sequence[str] = (), every_change: bool = False
    ) -> None:
        super().__init__(screen, place, playbooks)
        #: In check or diff mode each change is shown, otherwise only their number.
        self.every_change = every_change
        self._views: dict[str, OperationView] = {}
        self._section: _Section | None = None
        self._turns = 0
        self._changes = 0

    def play(self, name: str, hosts: list[str], check: bool) -> None:
        self._end_section()
        super().play(name, hosts, check)

    def task(self, task: Task) -> None:
        super().task(task)
        if not self._section or not task.role or task.role != self._section.task.role:
            self._end_section()
            self._section = _Section(task, time.time())
        self._section.task = task
        self._section.tasks += 1
        self.tick(time.time())

    def progress(self, host: str, item: dict[str, Any]) -> None:
        view = self._views.get(host)
        if view is None:
            prefix = f"[{host}] " if self.many else ""
            view = self._views[host] = OperationView(self.screen.marks, prefix=prefix)
        view.width, now = self.screen.width(), time.time()
        for line in view.add(item, now):
            self.screen.say(line)
        self.tick(now)

    def changed(self, outcome: Outcome) -> None:
        if self._section:
            self._section.changed += 1
        self._changes += 1
        if self.every_change:
            super().changed(outcome)

    def diff(self, outcome: Outcome, text: str) -> None:
        Plain.changed(self, outcome)
        self.screen.say(Line(text.rstrip("\n")))

    def _operation(self, host: str, report: dict[str, Any]) -> None:
        self._views.pop(host, None)
        self._section = None
        self._end(host, report)

    def _failure(self, outcome: Outcome, fix: str) -> None:
        self._views.pop(outcome.host, None)
        super()._failure(outcome, fix)

    def tick(self, now: float) -> None:
        lines = [line for view in self._views.values() for line in view.live(now)]
        if not lines and self._section:
            lines = [self._task_line(self._section, now)]
        self.screen.draw(lines[: max(1, self.screen.height() - 2)])

    def _task_line(self, section: _Section, now: float) -> Line:
        marks = self.screen.marks
        self._turns += 1
        sign = marks.wheel[self._turns % len(marks.wheel)]
        changed = f"  {self._changes} changed" if self._changes else ""
        return Line(
            with_time(
                f"{sign} {section.task.title}{changed}", duration(now - section.since), self.screen.width(), marks.more
            ),
            "heading",
        )

    def _end_section(self) -> None:
        section, self._section = self._section, None
        self.screen.draw([])
        if section is None or (not section.task.role and not section.changed):
            return
        marks = self.screen.marks
        changed = f"  {section.changed} changed" if section.changed else ""
        name = section.task.role or section.task.name
        text = f"{marks.done} {cut(name, 40, marks.more)}{changed}"
        self.screen.say(
            Line(
                with_time(text, duration(time.time() - section.since), self.screen.width(), marks.more),
                "changed" if section.changed else "ok",
            )
        )

    def quiet(self) -> None:
        self.screen.draw([])

    def end(self, hosts: dict[str, dict[str, int]], seconds: float) -> None:
        going = [host for host, view in self._views.items() if view.current]
        self._views.clear()
        self._end_section()
        for host in going:
            self.note(f"[{host}] the operation continues on the host; see {hint('status')}", "warning")
        for host, counts in sorted(hosts.items()):
            told = [f"{count} {name}" for name, count in counts.items() if count and name not in ("ok", "skipped")]
            bad = counts.get("failed", 0) + counts.get("unreachable", 0)
            text = f"{host}: {', '.join(told) or 'nothing changed'}, {duration(seconds)}"
            self.screen.say(Line(text, "error" if bad else "dim"))


class JsonLines(Plain):
    """One JSON object for each event, for programs."""

    def _tell(self, event: str, **data: Any) -> None:
        text = json.dumps({"event": event, "at": round(time.time(), 3), **data}, default=str)
        # The one control character that JSON does not escape.
        self.screen.say(Line(text.replace("\x7f", "\\u007f")))

    def play(self, name: str, hosts: list[str], check: bool) -> None:
        self._tell("play", name=name, hosts=hosts, check=check)

    def task(self, task: Task) -> None:
        self._tell("task", task=task.name, role=task.role)

    def progress(self, host: str, item: dict[str, Any]) -> None:
        if item.get("event") in ("step", "note", "done"):
            told = {key: item[key] for key in ("step", "text", "seconds") if key in item}
            self._tell("progress", host=host, kind=item["event"], **told)

    def _result(self, state: str, outcome: Outcome, **more: Any) -> None:
        what: dict[str, Any] = {"host": outcome.host, "task": outcome.task.name, "role": outcome.task.role}
        if outcome.item:
            what["item"] = outcome.item
        for key in ("msg", "lines", "report", "stacks", "censored", "rc", "stderr", "diff"):
            if outcome.result.get(key):
                what[key] = outcome.result[key]
        self._tell("result", state=state, changed=outcome.changed, **what, **more)

    def ok(self, outcome: Outcome) -> None:
        self._result("ok", outcome)

    def item(self, outcome: Outcome) -> None:
        self._result("failed" if outcome.result.get("failed") else "ok", outcome)

    def diff(self, outcome: Outcome, text: str) -> None:
        """Nothing to do: the result contains it."""

    def failed(self, outcome: Outcome, ignored: bool) -> None:
        results = outcome.result.get("results") or []
        items = [
            {"item": item.get("_ansible_item_label", item.get("item")), "msg": item.get("msg", "")}
            for item in results
            if isinstance(item, dict) and item.get("failed")
        ]
        more = {"items": items} if items else {}
        self._result("failed", outcome, ignored=ignored, where=outcome.task.where, **more)

    def unreachable(self, outcome: Outcome, ignored: bool) -> None:
        self._result("unreachable", outcome, ignored=ignored)

    def note(self, text: str, style: str = "dim") -> None:
        self._tell("note", text=text)

    def end(self, hosts: dict[str, dict[str, int]], seconds: float) -> None:
        self._tell("end", hosts=hosts, seconds=round(seconds, 2))
