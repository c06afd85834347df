# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What visitors get of the apps, in more detail than a probe sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from fakes.docker import BREAKING, BREAKING_IN_PRODUCTION
from release.releases.endpoints import Asked, Came
from release.releases.runtime import ProbeTarget

if TYPE_CHECKING:
    from fakes.world import World


class FakeEndpoints:
    """Every app answers JSON with its own name, and `status: ok` unless it breaks that promise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[Asked] = []
        #: What a path answers instead.
        self.instead: dict[str, Callable[[Asked], Came]] = {}

    def ask(self, asked: Asked) -> Came:
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        if path in self.instead:
            self.world.faults.alive()
            return self.instead[path](asked)
        target = ProbeTarget(asked.port, asked.host, path, asked.scheme == "https", asked.site)
        answer = self.world.probe.edge(target)
        if not answer.status:
            return Came(silence="refused", trouble=answer.error)
        app = answer.body.partition(" ")[0]
        said = {"app": app, "status": self._status(app, answer.release, asked.site)}
        headers = [("X-Release", answer.release)] + ([("X-Flag-Off", answer.flag)] if answer.flag else [])
        return Came(answer.status, tuple(headers), json.dumps(said).encode())

    def search(self, pattern: str, text: str) -> bool | None:
        return re.search(pattern, text) is not None

    def _status(self, app: str, release: str, site: str) -> str:
        written = self.world.store.written.get(release)
        image = written.release.images.get(app, "") if written else ""
        behaviour = self.world.docker.images[image][1] if image in self.world.docker.images else ""
        later = behaviour == BREAKING_IN_PRODUCTION and site.endswith("production")
        return "broken" if behaviour == BREAKING or later else "ok"
