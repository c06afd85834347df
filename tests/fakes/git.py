# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository of a stack."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.planning.deploy import SourceEntry
from release.planning.source_view import Build, SourceFile, SourceText
from release.planning.submodules import is_below
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
        #: By full name.
        self.tags: dict[str, str] = {}
        #: What was built last, and each time which folders.
        self.head = ""
        self.laid_out: list[list[str]] = []
        #: How many trees of builds there are.
        self.trees = 0
        #: What is at a path, if not a folder or file; and submodules by path.
        self.kinds: dict[str, str] = {}
        self.submodules: dict[str, str] = {}
        #: The commit that the checkout shows, and why it cannot show another.
        self.shown = ""
        self.view_trouble = ""
        self.trouble = ""
        self.offline = False
        #: Files of every commit beside those of the apps; and the commits whose texts were read.
        self.others: dict[str, str] = {}
        self.searched: list[str] = []

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
            raise OperationError("the source cannot be fetched", stack.source, "could not resolve host", "ask")
        with self.world.change("git fetch"):
            self.fetched = dict(self.origin)

    def resolve(self, stack: Stack, names: Collection[str]) -> dict[str, str]:
        known = {**{f"refs/heads/{name}": commit for name, commit in self.fetched.items()}, **self.tags}
        known.update({commit: commit for commit in self.commits})
        return {name: known[name] for name in names if name in known}

    def entries(self, stack: Stack, commit: str, paths: Collection[str]) -> dict[str, SourceEntry]:
        found = {}
        for path in paths:
            inside = {
                name: text
                for name, text in self.commits[commit].items()
                if path in (".", name) or name.startswith(f"{path}/")
            }
            if inside:
                kind = self.kinds.get(path, "blob" if list(inside) == [path] else "tree")
                found[path] = SourceEntry(kind, digest(json.dumps(inside, sort_keys=True)))
        found.update({path: SourceEntry("commit", number) for path, number in self.submodules.items()})
        return found

    def files(self, stack: Stack, commit: str, folders: Collection[str]) -> list[SourceFile]:
        files = sorted(self.commits[commit].items())
        return [
            SourceFile("100644", "blob", digest(path, text), path)
            for path, text in files
            if any(is_below(path, folder) for folder in folders)
        ]

    def contents(self, stack: Stack, numbers: Sequence[str]) -> dict[str, bytes]:
        known = {
            self.entries(stack, commit, [path])[path].number: text
            for commit, files in self.commits.items()
            for path, text in files.items()
        }
        return {number: known[number].encode() for number in numbers}

    def texts(
        self, stack: Stack, commit: str, folders: Collection[str], wanted: Callable[[str, int], bool]
    ) -> Iterator[SourceText]:
        self.searched.append(commit)
        for path, text in {**self.commits[commit], **self.others}.items():
            if wanted(path, len(text)):
                yield SourceText(path, text.encode())

    @contextlib.contextmanager
    def lay_out(self, stack: Stack, commit: str, builds: Sequence[Build]) -> Iterator[str]:
        try:
            with self.world.change("git lay out"):
                self.head = commit
                self.trees = 1
            yield "/state/source/tree-1"
        finally:
            if not self.world.faults.dead:
                self.trees = 0
        self.laid_out.append([build.context for build in builds])

    def sweep(self, stack: Stack) -> None:
        self.world.faults.alive()
        self.trees = 0

    def show(self, stack: Stack, commit: str, reserved: Collection[str]) -> str:
        if not self.view_trouble:
            self.shown = commit
        return self.view_trouble


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
