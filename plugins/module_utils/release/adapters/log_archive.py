# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of containers that are gone, and of builds: for each a directory with its files and what they are of.

Docker deletes a container's log with it. Before one is removed, its files get a second name here, which takes no time
and no space; where that is on another file system, they are copied.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import syslog
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..paths import STATE, logs_of
from ..planning.logs import surplus
from ..releases.log_formats import timestamp
from ..releases.logs import Source, read_source, source_of, to_json
from ..util.files import as_json, write_atomically
from . import own_files
from .log_file import listed

ABOUT = "about.json"
LOG = "container.log"
#: In the names of what is not complete.
PARTIAL = ".partial"
#: What is not complete after so long was interrupted, or is damaged.
STALE_SECONDS = 3600
#: Its time says when a stack's logs were tidied last.
TIDIED = ".tidied"
TIDY_SECONDS = 3600
#: For a log of so many bytes room is made at once.
MUCH = 1_000_000


def log_path(inspected: Mapping[str, Any]) -> str:
    """Where Docker keeps the log of a container; nothing if its driver keeps none, or it was never started."""
    home = os.path.dirname(str(inspected.get("HostnamePath") or ""))
    driver = driver_of(inspected)
    if not home:
        return ""
    if driver == "json-file":
        return os.path.join(home, f"{inspected['Id']}-json.log")
    return os.path.join(home, "local-logs", LOG) if driver == "local" else ""


def driver_of(inspected: Mapping[str, Any]) -> str:
    return str(((inspected.get("HostConfig") or {}).get("LogConfig") or {}).get("Type", ""))


class LogArchive:
    """What is kept below the directories of the stacks."""

    def __init__(self, state: str = STATE) -> None:
        self._state = state
        #: By directory: what never changes of it.
        self._known: dict[str, Source] = {}

    def keep(self, inspected: Mapping[str, Any], began: float) -> None:
        """Keep the log of a container that is about to be removed. A log that cannot be kept is said in the journal of
        the host: no release fails for it."""
        labels = (inspected.get("Config") or {}).get("Labels") or {}
        source = source_of(str(inspected["Id"]), labels, driver_of(inspected), began)
        path = log_path(inspected)
        if source is None or not path:
            return
        files = listed(path)
        if not any(os.path.getsize(file.path) for file in files if os.path.exists(file.path)):
            return
        with _told(source):
            home = self._home(source.stack)
            place = os.path.join(home, source.id)
            partial = place + PARTIAL
            shutil.rmtree(partial, ignore_errors=True)
            os.mkdir(partial, 0o700)
            for file in files:
                name = LOG + os.path.basename(file.path)[len(os.path.basename(path)) :]
                _second_name(file.path, os.path.join(partial, name))
            # Not flushed to the disk, for which a release would wait: what a power failure spoils here is left out.
            _write(os.path.join(partial, ABOUT), as_json(to_json(replace(source, is_over=True))))
            # It is there already if a kill came between its keeping and its removal.
            shutil.rmtree(place, ignore_errors=True)
            os.rename(partial, place)
            self._known.pop(place, None)
            self._tidy_at_times(source.stack, sum(os.stat(file.path).st_size for file in listed(f"{place}/{LOG}")))

    @contextlib.contextmanager
    def build(self, stack: str, app: str, version: str) -> Iterator[Callable[[str], None]]:
        """Keep the lines of a build, which are given to what this yields."""
        now = time.time()
        name = f"build-{int(now * 1000)}-{app}"
        source = Source(name, stack, "staging", "build", app, version, driver="json-file", began=now)
        with contextlib.ExitStack() as open_file:
            write: Callable[[str], object] = len
            place = os.path.join(logs_of(stack, self._state), name)
            with _told(source):
                self._home(stack)
                os.mkdir(place, 0o700)
                handle = os.open(os.path.join(place, LOG), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                file = open_file.enter_context(open(handle, "w", encoding="utf-8", buffering=1))
                _write(os.path.join(place, ABOUT), as_json(to_json(source)))
                write = file.write

            def add(line: str) -> None:
                entry = {"log": f"{line}\n", "stream": "stdout", "time": timestamp(time.time_ns())}
                write(json.dumps(entry) + "\n")

            yield add
        with _told(source):
            write_atomically(os.path.join(place, ABOUT), as_json(to_json(replace(source, is_over=True))), 0o600)
            self._tidy(stack)

    def sources(self, stack: str) -> list[Source]:
        """What is kept, with its size and when it was written last."""
        home = logs_of(stack, self._state)
        names = os.listdir(home) if os.path.isdir(home) else []
        found = (self._source(os.path.join(home, name)) for name in names if not name.endswith((PARTIAL, TIDIED)))
        return [source for source in found if source is not None]

    def path(self, source: Source) -> str:
        """Where the newest file of a kept log is; nothing if it is not kept."""
        path = os.path.join(logs_of(source.stack, self._state), source.id, LOG)
        return path if os.path.exists(path) else ""

    def _source(self, place: str) -> Source | None:
        if place in self._known:
            return self._known[place]
        data = own_files.load(os.path.join(place, ABOUT))[0]
        try:
            source = read_source(data or {})
            facts = [os.stat(file.path) for file in listed(os.path.join(place, LOG))]
        except (OSError, ValueError, TypeError, KeyError):
            return None  # it is removed just now, or damaged
        changed = max((fact.st_mtime for fact in facts), default=source.began)
        found = replace(source, changed=changed, size=sum(fact.st_blocks * 512 for fact in facts))
        if source.is_over:
            self._known[place] = found
        return found

    def _home(self, stack: str) -> str:
        home = logs_of(stack, self._state)
        os.makedirs(home, 0o700, exist_ok=True)
        return home

    def _tidy_at_times(self, stack: str, added: int) -> None:
        """To look at everything that is kept takes some 50 ms: once in an hour a promote pays for it, or when it has
        added much."""
        with contextlib.suppress(FileNotFoundError):
            passed = time.time() - os.stat(os.path.join(logs_of(stack, self._state), TIDIED)).st_mtime
            if added < MUCH and 0 <= passed < TIDY_SECONDS:
                return
        self._tidy(stack)

    def _tidy(self, stack: str) -> None:
        home, now = logs_of(stack, self._state), time.time()
        sources = self.sources(stack)
        gone, known = surplus(sources, now), {source.id for source in sources}
        for name in os.listdir(home):
            path = os.path.join(home, name)
            is_stale = name not in known and os.stat(path).st_mtime < now - STALE_SECONDS
            if name in gone or (is_stale and name != TIDIED):
                shutil.rmtree(path, ignore_errors=True)
        _write(os.path.join(home, TIDIED), b"")


def _write(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _second_name(path: str, place: str) -> None:
    try:
        os.link(path, place, follow_symlinks=False)
    except FileNotFoundError:
        return  # compressed by now, under a name that comes next
    except OSError:
        shutil.copy2(path, place, follow_symlinks=False)


@contextlib.contextmanager
def _told(source: Source) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        syslog.openlog("onehost", 0, syslog.LOG_USER)
        what = f"{source.stack} {source.environment} {source.app} {source.id[:12]}"
        syslog.syslog(syslog.LOG_ERR, f"the log of {what} is not kept: {error}")
