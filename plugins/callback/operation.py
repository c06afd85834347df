# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: operation
type: stdout
short_description: Shows a deploy, promote or rollback as a short list of steps, and any other play briefly
description:
  - On a terminal the steps of an operation pass by with their times, what goes on now is at the bottom. Other plays
    show one line for each role, with the number of changes; with C(--check) or C(--diff) each change and its diff.
  - Where the output is no terminal, plain lines. With O(format=json) one JSON object for each event.
  - A failure is shown as a box which says what failed, where and why, the last lines of the log, and what fixes it.
  - With C(-v) and above, everything is as in P(ansible.builtin.default#callback).
  - Colours are left out as Ansible does, with E(NO_COLOR) or E(ANSIBLE_NOCOLOR).
requirements:
  - set as stdout in configuration
extends_documentation_fragment:
  - default_callback
  - result_format_callback
options:
  format:
    description:
      - V(live) moves, V(plain) and V(json) are lines. V(auto) is V(live) on a terminal, otherwise V(plain).
    type: str
    choices: [auto, live, plain, json]
    default: auto
    env:
      - name: ONEHOST_OUTPUT
    ini:
      - section: callback_onehost_operation
        key: format
author:
  - the onehost.release maintainers (@onehost)
"""

import atexit
import contextlib
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from ansible import constants, context
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible_collections.onehost.release.plugins.module_utils.release.hints import spell_all
from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean, cleaned_blocks
from ansible_collections.onehost.release.plugins.plugin_utils import progress_channel
from ansible_collections.onehost.release.plugins.plugin_utils.new_files import shortened
from ansible_collections.onehost.release.plugins.plugin_utils.place import here, typed_playbooks
from ansible_collections.onehost.release.plugins.plugin_utils.presenters import JsonLines, Live, Outcome, Plain, Task
from ansible_collections.onehost.release.plugins.plugin_utils.screen import Line, marks_for

COLOURS = {
    "ok": constants.COLOR_OK,
    "changed": constants.COLOR_CHANGED,
    "error": constants.COLOR_ERROR,
    "warning": constants.COLOR_WARN,
    "dim": "dark gray",
    "heading": constants.COLOR_HIGHLIGHT,
}
TICK_SECONDS = 0.2
#: The exit code of a run that did nothing at all.
NOTHING_DONE = 1
#: These ask the person at the terminal something; nothing may be drawn meanwhile.
ASKING = ("pause", "ansible.builtin.pause", "ansible.legacy.pause")


class Terminal:
    """The screen, through Ansible's display, which keeps its lock while Ansible forks its workers."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._wanted: list[Line] = []
        self._is_drawn = False
        self.marks = marks_for(getattr(sys.stdout, "encoding", None))

    def width(self) -> int:
        return shutil.get_terminal_size((100, 24)).columns

    def height(self) -> int:
        return shutil.get_terminal_size((100, 24)).lines

    def say(self, line: Line) -> None:
        self._erase()
        self._display.display(line.text, color=COLOURS.get(line.style))

    def draw(self, lines: list[Line]) -> None:
        self._wanted = lines
        self._erase()
        self.settle()

    def settle(self) -> None:
        """Once everything is said, what moves is drawn below it."""
        if self._wanted and not self._is_drawn:
            self._put(self._wanted)
        sys.stdout.flush()

    def _erase(self) -> None:
        if self._is_drawn:
            self._raw("\x1b[J")
            self._is_drawn = False

    def _put(self, lines: list[Line]) -> None:
        """Draw and go back to where it began: whatever Ansible itself writes next comes in front of it."""
        for number, line in enumerate(lines):
            self._raw("\n" if number else "")
            self._raw(line.text, COLOURS.get(line.style))
        self._raw(f"\r\x1b[{len(lines) - 1}A" if len(lines) > 1 else "\r")
        self._is_drawn = True

    def _raw(self, text: str, colour: str | None = None) -> None:
        self._display.display(text, color=colour, screen_only=True, newline=False)


class CallbackModule(DefaultCallback):
    """Turns Ansible's events into what the presenters know. Without one, at -v, it is Ansible's own callback."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "onehost.release.operation"

    def __init__(self) -> None:
        super().__init__()
        self._presenter: Plain | None = None
        self._place = here()
        self._reader: progress_channel.Reader | None = None
        self._mutex = threading.RLock()
        self._over = threading.Event()
        self._asking = False
        self._tasks: dict[str, Task] = {}
        self._begun = 0.0
        #: The hosts of the play that matched none.
        self._unmatched = ""

    # Beginning and end

    def _choose(self) -> Plain | None:
        if self._display.verbosity > 0:
            return None
        screen, chosen = Terminal(self._display), self.get_option("format")
        place, playbooks = self._place, typed_playbooks()
        if chosen == "json":
            return JsonLines(screen, place, playbooks)
        moves = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not context.CLIARGS.get("step")
        if chosen == "live" or (chosen == "auto" and moves):
            every_change = bool(context.CLIARGS.get("check") or context.CLIARGS.get("diff"))
            return Live(screen, place, playbooks, every_change)
        return Plain(screen, place, playbooks)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._presenter = self._choose()
        if self._presenter is None:
            super().v2_playbook_on_start(playbook)
            return
        self._begun = time.monotonic()
        # Before any worker is forked, which inherits it.
        self._reader = progress_channel.Reader(progress_channel.open_channel())
        threading.Thread(target=self._watch, name="onehost-progress", daemon=True).start()
        atexit.register(self._stop)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._show_stats(stats)
        if not stats.processed:
            # For Ansible it is a success to do nothing, and a CI job that forgets its inventory would be green. What a
            # callback raises is only warned of, unless it is the end of the program.
            self._note(lambda: self._display.error(self._why_nothing()), self._why_nothing(), "error")
            raise SystemExit(NOTHING_DONE)

    def _why_nothing(self) -> str:
        if self._unmatched:
            return (
                f"nothing was done: the inventory has no host for {self._unmatched}. "
                "Fix: name the inventory with -i, or in ansible.cfg"
            )
        tags = ",".join(str(tag) for tag in context.CLIARGS.get("tags") or ())
        skipped = context.CLIARGS.get("skip_tags") or context.CLIARGS.get("start_at_task")
        given = (
            f"--tags {tags}" if tags and tags != "all" else "--skip-tags or --start-at-task" if skipped else "the play"
        )
        return f"nothing was done: {given} matches no task"

    def _show_stats(self, stats: Any) -> None:
        if self._presenter is None:
            super().v2_playbook_on_stats(stats)
            return
        self._over.set()
        hosts = {}
        for host in stats.processed:
            found = stats.summarize(host)
            names = {"ok": "ok", "changed": "changed", "unreachable": "unreachable", "failures": "failed"}
            names |= {name: name for name in ("skipped", "rescued", "ignored")}
            hosts[host] = {told: found[name] for name, told in names.items()}
        with self._shown() as presenter:
            presenter.end(hosts, time.monotonic() - self._begun)

    def _watch(self) -> None:
        """In a thread of its own: show what workers send as it comes, and that time passes."""
        while self._reader is not None and not self._over.is_set():
            ready = select.select([self._reader.descriptor], [], [], TICK_SECONDS)[0]
            with self._mutex:
                if self._over.is_set() or self._asking or self._presenter is None:
                    continue
                if ready:
                    self._take()
                    self._presenter.screen.settle()
                else:
                    self._presenter.tick(time.time())

    def _take(self) -> None:
        if self._reader is not None and self._presenter is not None:
            for event in self._reader.events():
                self._presenter.progress(event.pop("host", ""), event)

    def _stop(self) -> None:
        """Also after Ctrl-C, when Ansible tells callbacks nothing more."""
        with self._mutex:
            if not self._over.is_set() and self._presenter is not None:
                self._over.set()
                self._presenter.end({}, 0.0)
                self._presenter.screen.settle()

    @contextlib.contextmanager
    def _shown(self) -> Iterator[Plain]:
        """What was sent before this moment is shown before it."""
        with self._mutex:
            self._take()
            if self._presenter is None:
                raise RuntimeError("there is nothing to show with")
            yield self._presenter
            self._presenter.screen.settle()

    # Plays and tasks

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._wanted = ",".join(str(name) for name in play.hosts)
        if self._presenter is None:
            super().v2_playbook_on_play_start(play)
            return
        self._play = play
        hosts = play.get_variable_manager().get_vars(play=play).get("ansible_play_batch") or []
        with self._shown() as presenter:
            presenter.play(play.get_name().strip(), [str(host) for host in hosts], bool(play.check_mode))

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._unmatched = self._wanted
        self._note(super().v2_playbook_on_no_hosts_matched, "no host matches", "warning")

    def v2_playbook_on_no_hosts_remaining(self) -> None:
        self._note(super().v2_playbook_on_no_hosts_remaining, "no hosts are left", "warning")

    def v2_playbook_on_vars_prompt(self, *arguments: Any, **more: Any) -> None:
        if self._presenter is None:
            super().v2_playbook_on_vars_prompt(*arguments, **more)
        else:
            with self._shown() as presenter:
                presenter.quiet()

    def _note(self, usual: Any, text: str, style: str) -> None:
        if self._presenter is None:
            usual()
        else:
            with self._shown() as presenter:
                presenter.note(text, style)

    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        if self._presenter is None:
            super()._task_start(task, prefix)
            return
        with self._shown() as presenter:
            presenter.task(self._task(task))
            self._asking = task.action in ASKING
            if self._asking:
                presenter.quiet()

    def v2_playbook_on_include(self, included_file: Any) -> None:
        if self._presenter is None:
            super().v2_playbook_on_include(included_file)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._presenter is None:
            super().v2_runner_on_start(host, task)

    def _task(self, task: Any) -> Task:
        """Names are templated at the start only; results find them here again."""
        if task._uuid not in self._tasks:
            role = task._role.get_name(include_role_fqcn=False) if task._role else ""
            self._tasks[task._uuid] = Task(
                clean(task.name or task.action).strip(), role, task.action, _near(task.get_path())
            )
        return self._tasks[task._uuid]

    # Results

    def _outcome(self, result: Any, is_item: bool = False) -> Outcome:
        # Those of roles, too: their authors cannot know where the person is.
        data = spell_all(_data(result), self._place)
        shown: tuple[str, ...] = ()
        if self._run_is_verbose(result) and "censored" not in data:
            shown = tuple(self._texts(data))
        host = result.host if hasattr(result, "host") else result._host
        # An item that is hidden is no help to anybody.
        item = str(self._get_item_label(data)) if is_item and not data.get("_ansible_no_log") else ""
        return Outcome(host.get_name(), self._task(_task_of(result)), data, item, shown)

    def _texts(self, data: dict[str, Any]) -> list[str]:
        """What debug or assert has to say."""
        if "msg" in data:
            items = data["msg"] if isinstance(data["msg"], list) else [data["msg"]]
            if all(isinstance(item, (str, int, float)) for item in items):
                return [line for item in items for line in (str(item).splitlines() or [""])]
        self._clean_results(data, "debug")
        return str(self._dump_results(data)).strip("\n").splitlines()

    def v2_runner_on_ok(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_on_ok(result)
            return
        outcome = self._outcome(result)
        with self._shown() as presenter:
            self._warn(result, presenter)
            if "results" not in outcome.result or not _task_of(result).loop:
                presenter.ok(outcome)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if self._presenter is None:
            super().v2_runner_on_failed(result, ignore_errors)
            return
        # The box says what the exception says.
        _data(result).pop("exception", None)
        outcome = self._outcome(result)
        with self._shown() as presenter:
            self._warn(result, presenter)
            presenter.failed(outcome, bool(ignore_errors))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_on_unreachable(result)
            return
        with self._shown() as presenter:
            _data(result).pop("exception", None)
            outcome = self._outcome(result)
            presenter.unreachable(outcome, bool(_task_of(result).ignore_unreachable))

    def v2_runner_on_skipped(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_item_on_ok(result)
            return
        with self._shown() as presenter:
            self._warn(result, presenter)
            presenter.item(self._outcome(result, is_item=True))

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """The task's own failure, which follows, names each item."""
        if self._presenter is None:
            super().v2_runner_item_on_failed(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_runner_retry(result)
            return
        data = _data(result)
        left = data.get("retries", 0) - data.get("attempts", 0)
        with self._shown() as presenter:
            presenter.note(f"{self._outcome(result).task.title}: not yet, {left} more tries")

    def v2_on_file_diff(self, result: Any) -> None:
        if self._presenter is None:
            super().v2_on_file_diff(result)
            return
        outcome = self._outcome(result)
        in_loop = bool(_task_of(result).loop)
        # The items of a loop come one by one, or together at its end.
        for part in outcome.result["results"] if in_loop and "results" in outcome.result else [outcome.result]:
            changed = part.get("diff") and part.get("changed")
            text = self._get_diff(shortened(cleaned_blocks(part["diff"]))) if changed else ""
            if text:
                with self._shown() as presenter:
                    label = str(self._get_item_label(part)) if in_loop else ""
                    presenter.diff(Outcome(outcome.host, outcome.task, part, label), text)

    def _warn(self, result: Any, presenter: Plain) -> None:
        """Ansible's own way with warnings, once nothing that moves is in their way."""
        data = _data(result)
        if data.get("warnings") or data.get("deprecations"):
            presenter.quiet()
            self._handle_warnings(data)


def _data(result: Any) -> dict[str, Any]:
    """ansible-core 2.19 gave these their public names."""
    found: dict[str, Any] = result.result if hasattr(result, "result") else result._result
    return found


def _near(path: str | None) -> str:
    """A file of this very project as seen from here, which is what an editor is given."""
    real = os.path.realpath(path or "")
    return os.path.relpath(real) if path and real.startswith(os.getcwd() + os.sep) else path or ""


def _task_of(result: Any) -> Any:
    return result.task if hasattr(result, "task") else result._task
