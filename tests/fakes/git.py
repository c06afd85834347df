# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository of a stack."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.stack.model import Stack

if TYPE_CHECKING:
    from fakes.world import World


class FakeGit:
    """A repository with one folder for each app, whose source says how the app will behave."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commits: dict[str, dict[str, str]] = {}
        self.origin: dict[str, str] = {}
        self.fetched: dict[str, str] = {}
        self.head = ""
        self.changes: list[str] = []
        self.trouble = ""
        self.offline = False

    def commit(self, changes: Mapping[str, str]) -> str:
        files = dict(self.commits.get(self.origin.get("main", ""), {}))
        number = next(self.world.numbers)
        for app, behaviour in changes.items():
            files[f"{app}/Dockerfile"] = "FROM scratch"
            files[f"{app}/main"] = f"{number}:{behaviour}"
        commit = hashlib.sha1(f"{number}".encode()).hexdigest()
        self.commits[commit] = files
        self.origin["main"] = commit
        return commit

    def behaviour(self, app: str) -> str:
        return self.commits[self.head][f"{app}/main"].partition(":")[2]

    def problem(self, stack: Stack) -> str:
        return self.trouble

    def fetch(self, stack: Stack) -> None:
        if self.offline:
            raise OperationError("git fetch failed", stack.directory, "could not resolve host", "look at the network")
        with self.world.change("git fetch"):
            self.fetched = dict(self.origin)

    def resolve(self, stack: Stack, version: str) -> str | None:
        return self.fetched.get(version) or (version if version in self.commits else None)

    def local_changes(self, stack: Stack) -> list[str]:
        return self.changes

    def tracked(self, stack: Stack, commit: str, paths: Sequence[str]) -> list[str]:
        return [f for f in self.commits[commit] if any(f == p or f.startswith(f"{p}/") for p in paths)]

    def tree(self, stack: Stack, commit: str, path: str) -> str | None:
        inside = {
            name: text
            for name, text in self.commits[commit].items()
            if path in (".", name) or name.startswith(f"{path}/")
        }
        return digest(json.dumps(inside, sort_keys=True)) if inside else None

    def read(self, stack: Stack, commit: str, path: str) -> str | None:
        return self.commits[commit].get(path)

    def checkout(self, stack: Stack, commit: str) -> None:
        with self.world.change("git checkout"):
            self.head = commit


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
