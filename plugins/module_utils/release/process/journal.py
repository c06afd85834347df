# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: one file per operation. Every step is recorded before and after, and flushed line by line.

Recovery reads it after a kill, and people watch it while an operation runs. It contains no secret that the engine
knows, and is root's alone, since an app may print others.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..paths import STATE
from ..planning.scale import ScalePlan
from ..ports import ClockPort
from ..releases.plan import Plan, Step
from ..releases.restores import RestorePlan
from ..stack.model import EnvironmentName
from ..util.files import sync_directory
from ..util.printable import clean
from .private import open_private, private_directory

#: How many of the newest journals are looked at.
LOOKED_AT = 20
#: What people read, and others may have written: apps, builds, git, whoever gave a reason.
TEXTS = ("text", "message", "found", "person", "host", "reason")


@dataclass
class Record:
    """What the journal says about one operation."""

    path: str
    header: dict[str, Any]
    plan: Plan | None = None
    #: Steps that began; True for those that ended.
    steps: dict[str, bool] = field(default_factory=dict)
    #: Changes of services that began and were neither completed nor put back, by the service's name.
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The plan of a change of the number of replicas.
    scale: ScalePlan | None = None
    #: The plan of a restore in place.
    restore: RestorePlan | None = None
    result: dict[str, Any] | None = None
    #: Why the plan, or a part of what was recorded, cannot be read; the last line may be cut off, that is no damage.
    damage: str = ""

    @property
    def is_finished(self) -> bool:
        return self.result is not None


class Journal:
    """Writes the journal of one operation. With `path` None nothing is written (check mode)."""

    def __init__(
        self,
        path: str | None,
        clock: ClockPort,
        header: dict[str, Any] | None = None,
        redact: Callable[[str], str] = clean,
    ) -> None:
        self.path = path
        self._clock = clock
        self.seconds: dict[str, float] = {}
        self._redact = redact
        self._handle = -1
        if path is None:
            return
        private_directory(os.path.dirname(path))
        self._handle = open_private(path, os.O_RDWR | os.O_APPEND)
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")  # a line cut off by a power failure must not swallow the next one
        if header is not None:
            self.add("begin", **header)
            sync_directory(os.path.dirname(path))

    def add(self, event: str, **data: Any) -> None:
        if self._handle < 0:
            return
        # Not the plan: recovery needs it as it is.
        shown = {key: self._redact(data[key]) for key in TEXTS if isinstance(data.get(key), str)}
        line = json.dumps({"event": event, "at": round(self._clock.now(), 3), **data, **shown}, sort_keys=True) + "\n"
        os.write(self._handle, line.encode())
        if event != "note":
            os.fdatasync(self._handle)

    def note(self, text: str) -> None:
        """Progress for people. Recovery does not need it, so it is not flushed."""
        self.add("note", text=text)

    @contextlib.contextmanager
    def step(self, name: Step, text: str) -> Iterator[None]:
        begun = self._clock.monotonic()
        self.add("step", step=name, text=text)
        yield
        seconds = self._clock.monotonic() - begun
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 3)
        self.add("done", step=name, seconds=round(seconds, 3))

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def directory(stack: str, home: str = STATE) -> str:
    return os.path.join(home, stack, "operations")


def read(path: str) -> Record:
    """Read one journal, as far as it can be read. A last line that was cut off by a kill is ignored."""
    record = Record(path, {})
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except OSError as error:
        return Record(path, {}, damage=str(error))
    for number, line in enumerate(lines, 1):
        trouble = _take(record, line)
        if trouble and (number < len(lines) or line.endswith("\n")):
            record.damage = f"line {number}: {trouble}"
    if not record.header:
        record.damage = record.damage or "its beginning is missing"
    return record


def _take(record: Record, line: str) -> str:
    """Add one line to the record. Returns why it cannot be read."""
    try:
        item = json.loads(line)
        event = item.get("event")
        if event == "begin":
            record.header = item
        elif event == "plan":
            record.plan = Plan.from_json(item["plan"])
        elif event == "scale":
            record.scale = ScalePlan.from_json(item["plan"])
        elif event == "restore":
            record.restore = RestorePlan.from_json(item["plan"])
        elif event == "step":
            record.steps.setdefault(str(item["step"]), False)
        elif event == "done":
            record.steps[str(item["step"])] = True
        elif event == "change":
            keys = ("action", "service", "was", "to")
            record.changes[str(item["service"])] = {
                **{key: str(item[key]) for key in keys},
                "image": str(item.get("image", "")),
            }
        elif event == "settled":
            record.changes.pop(str(item["service"]), None)
        elif event == "end":
            record.result = item
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def records(stack: str, environment: EnvironmentName, home: str = STATE, newest: int = LOOKED_AT) -> list[Record]:
    """The newest journals of an environment, newest first."""
    return [read(path) for path in _paths(stack, environment, home, newest)]


def glances(
    stack: str, environment: EnvironmentName, home: str = STATE, newest: int = LOOKED_AT
) -> list[tuple[Any, Any]]:
    """How the newest operations began and ended, newest first. The end is None if there is none.

    Reads only the first and the last line, because the status page does this every minute.
    """
    found = []
    for path in _paths(stack, environment, home, newest):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            begin, last = _parsed(file.readline()), _last_line(file.fileno())
            found.append((begin, _parsed(last) if _is_end(last) else None))
    return found


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _paths(stack: str, environment: EnvironmentName, home: str, newest: int) -> list[str]:
    part, folder = f"-{environment}-", directory(stack, home)
    mine = [name for name in names(stack, home) if part in name]
    return [os.path.join(folder, name) for name in reversed(mine[max(0, len(mine) - newest) :])]


def names(stack: str, home: str = STATE) -> list[str]:
    """The names of all journals of a stack, oldest first."""
    folder = directory(stack, home)
    try:
        found = os.listdir(folder)
    except OSError:
        if os.path.isdir(folder):
            raise
        return []
    return sorted([name for name in found if name.endswith(".jsonl")])


def finished(stack: str, home: str = STATE) -> list[str]:
    """The journals of a stack that have an end, oldest first."""
    folder = directory(stack, home)
    return [path for name in names(stack, home) if read(path := os.path.join(folder, name)).is_finished]


def unfinished(stack: str, environment: EnvironmentName, home: str = STATE) -> list[Record]:
    """Every operation asks this first, so journals that have an end are not read as a whole."""
    candidates = (read(path) for path in _paths(stack, environment, home, LOOKED_AT) if not _has_ended(path))
    return [record for record in candidates if not record.is_finished]


def _has_ended(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0) as file:
            return _is_end(_last_line(file.fileno()))
    except OSError:
        return True  # nobody could append to it either; the status names it


def _last_line(handle: int) -> bytes:
    """The last line, however long: the end of an operation holds everything that went wrong."""
    size, length = os.fstat(handle).st_size, 4096
    while True:
        text = os.pread(handle, length, max(0, size - length)).rstrip(b"\n")
        if b"\n" in text or length >= size:
            return text.rpartition(b"\n")[2]
        length *= 8


def _is_end(line: bytes) -> bool:
    # Within a text of the journal the quotes would be escaped by backslashes.
    return line.startswith(b"{") and b'"event": "end"' in line
