# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that the apps of a stack have written: in Docker's own files, which are only read, and in the archive."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from typing import Any

from ..releases.compose import LABEL
from ..releases.logs import READABLE, Source, source_of
from .docker import Docker
from .log_archive import LogArchive, driver_of, log_path
from .log_files import LogFiles


class Logs:
    """All of them, of one host."""

    def __init__(self, docker: Docker, archive: LogArchive) -> None:
        self._docker, self._archive = docker, archive
        #: By the id of a container: its driver, and the path of its log.
        self._places: dict[str, tuple[str, str]] = {}

    def sources(self, stack: str) -> list[Source]:
        """Everything that has left lines; what is there still, and what is gone."""
        filters = json.dumps({"label": [f"{LABEL}.stack={stack}"]})
        found: dict[str, Source] = {}
        for item in self._docker.expect("GET", "/containers/json", {"all": "true", "filters": filters}):
            source = self._source(item)
            if source:
                found[source.id] = source
        # A container in both is about to be removed, and may still write.
        return [*found.values(), *(source for source in self._archive.sources(stack) if source.id not in found)]

    def open(self, source: Source, since: int) -> LogFiles:
        """The lines of a source from its first on, but for files that were complete before `since`."""
        # Once it is over it is in the archive, also if it was a container before.
        known = "" if source.is_over else self._places.get(source.id, ("", ""))[1]
        path = known or self._archive.path(source)
        return LogFiles(path, source.driver, lambda: self._archive.path(source), since / 1e9, is_over=source.is_over)

    def _source(self, item: dict[str, Any]) -> Source | None:
        container = item["Id"]
        driver, path = self._places.get(container) or self._place(container)
        source = source_of(container, item.get("Labels") or {}, driver, float(item["Created"]))
        if source is None or (source.is_readable and not path):
            return None
        with contextlib.suppress(OSError):
            if item["State"] in ("exited", "dead") and path:
                return replace(source, changed=os.stat(path).st_mtime)
        return source

    def _place(self, container: str) -> tuple[str, str]:
        status, data = self._docker.call("GET", f"/containers/{container}/json")
        if status >= 400:
            return READABLE[0], ""  # removed between the two calls: it is in the archive
        driver, path = driver_of(data), log_path(data)
        # One that was never started has no log yet.
        if path or driver not in READABLE:
            self._places[container] = driver, path
        return driver, path
