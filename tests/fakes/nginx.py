# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from release.stack.model import ENVIRONMENTS, EnvironmentName, Stack
from release.stack.tls import CertificatePair

if TYPE_CHECKING:
    from fakes.world import World


class FakeEdge:
    """nginx: the routes in its file, and those in memory, which it uses until it reloads the file."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file: dict[str, bytes | None] = dict.fromkeys(ENVIRONMENTS)
        self.memory: dict[str, bytes | None] = dict.fromkeys(ENVIRONMENTS)
        self.certificates: dict[str, CertificatePair] = {}
        self.reloads = 0
        #: The release whose error pages are shown.
        self.pages: dict[str, str] = {}

    def at(self, port: int, tls: bool) -> EnvironmentName | None:
        """The environment that has a public port: by its live routes, or before there are any, as it is wanted."""
        for environment in ENVIRONMENTS:
            routes = self.memory[environment] or self.wanted(self.world.stack, environment)
            if [port, tls] in json.loads(routes or b"")["listeners"]:
                return environment
        return None

    def wanted(self, stack: Stack, environment: EnvironmentName) -> bytes | None:
        routes = sorted(((r.path, app.name) for app in stack.web_apps for r in app.routes), reverse=True)
        return json.dumps({"listeners": stack.environments[environment].listeners, "routes": routes}).encode()

    def live(self, stack: Stack, environment: EnvironmentName) -> bytes | None:
        return self.file[environment]

    def set_live(self, stack: Stack, environment: EnvironmentName, routes: bytes) -> None:
        if self.file[environment] == self.memory[environment] == routes:
            return
        with self.world.change(f"edge file {environment}"):
            self.file[environment] = routes
        with self.world.change(f"edge reload {environment}"):
            self.memory[environment] = routes
            self.reloads += 1

    def set_pages(self, stack: Stack, environment: EnvironmentName, release: str) -> None:
        if self.pages.get(environment, "") == release:
            return
        with self.world.change(f"edge pages {environment}"):
            self.pages[environment] = release

    def reload(self) -> None:
        self.restart()

    def certificate(self, name: str) -> CertificatePair | None:
        return self.certificates.get(name)

    def set_certificate(self, name: str, pair: CertificatePair) -> bool:
        changed = self.certificates.get(name) != pair
        self.certificates[name] = pair
        return changed

    def place_certificate(self, name: str, pair: CertificatePair, *, write: bool = True) -> bool:
        return self.set_certificate(name, pair)

    def read_certificate(self, certificate_path: str, key_path: str) -> CertificatePair:
        return CertificatePair(b"certificate", b"key", certificate_path, key_path)

    def examine(self, pair: CertificatePair, hosts: Iterable[str]) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.world.clock.time + 30 * 86400, datetime.timezone.utc)

    def restart(self) -> None:
        self.memory = dict(self.file)
