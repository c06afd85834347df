# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a commit a build sees: the files of its folder without those that are ignored. The same files decide whether
an image is used again, so what does not count must not be there."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..env.env_file import fingerprint
from ..util.ignores import LARGEST, Ignores, PatternError, lines
from .submodules import is_below

TREE = "tree"


class Build(NamedTuple):
    """A folder that is built, its Dockerfile by its path in the folder, and patterns of what the build does not see."""

    context: str
    dockerfile: str
    ignores: tuple[str, ...] = ()


class SourceFile(NamedTuple):
    """A file of a commit, a link, or the commit of a submodule."""

    mode: str
    kind: str
    number: str
    path: str


class SourceText(NamedTuple):
    """A file of a commit with what it holds. A link is none."""

    path: str
    data: bytes


def ignore_files(dockerfile: str) -> tuple[str, str]:
    """Where BuildKit looks for patterns, in the app's folder: beside the Dockerfile, or else at the top."""
    return f"{dockerfile}.dockerignore", ".dockerignore"


def read_patterns(data: bytes) -> tuple[str, ...]:
    """The patterns of such a file. None if one of them cannot be read, or they are too many: then everything counts,
    and BuildKit says what is wrong."""
    if len(data) > LARGEST:
        return ()
    found = lines(data.decode(errors="surrogateescape"))
    try:
        Ignores(found)
    except PatternError:
        return ()
    return tuple(found)


def visible(files: Iterable[SourceFile], context: str, patterns: Sequence[str]) -> str:
    """A fingerprint of what is left of a folder; empty if that is all of it."""
    ignored = Ignores(patterns)
    folder = "" if context == "." else f"{context}/"
    mine = [file for file in files if file.path.startswith(folder)]
    left = [file for file in mine if _counts(file, file.path[len(folder) :], ignored)]
    if len(left) == len(mine):
        return ""
    return fingerprint(json.dumps(sorted([file.path[len(folder) :], file.mode, file.number] for file in left)))


def _counts(file: SourceFile, path: str, ignored: Ignores) -> bool:
    # What a submodule holds is not listed, so as long as an exception may be of something in it, it counts.
    return not ignored.ignores(path) or (file.kind == "commit" and ignored.has_exceptions)


def tree_names(builds: Sequence[Build]) -> list[str]:
    """For each build the directory that its files are laid out in. Builds share one unless a file could be ignored by
    one of them and seen by another."""
    trees: list[list[Build]] = []
    names = []
    for build in builds:
        number = next((n for n, tree in enumerate(trees) if all(_agree(build, other) for other in tree)), len(trees))
        if number == len(trees):
            trees.append([])
        trees[number].append(build)
        names.append(TREE if number == 0 else f"{TREE}{number}")
    return names


def _agree(one: Build, other: Build) -> bool:
    here, there = posixpath.normpath(one.context), posixpath.normpath(other.context)
    apart = not is_below(here, there) and not is_below(there, here)
    return apart or ((here == there or not one.ignores) and one.ignores == other.ignores)


class View:
    """What is left out of a directory that some builds share."""

    def __init__(self, builds: Iterable[Build]) -> None:
        self._ignored: dict[str, Ignores] = {}
        #: The client reads these even if they are ignored.
        self._needed: set[str] = set()
        for build in builds:
            folder = posixpath.normpath(build.context)
            if build.ignores:
                self._ignored[folder] = Ignores(build.ignores)
            names = (build.dockerfile, *ignore_files(build.dockerfile))
            self._needed.update(posixpath.normpath(posixpath.join(folder, name)) for name in names)

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self._ignored)

    def hides(self, path: str) -> bool:
        """Whether a file of the commit is not laid out."""
        if path in self._needed:
            return False
        for folder, ignored in self._ignored.items():
            if is_below(path, folder):
                return ignored.ignores(path if folder == "." else path[len(folder) + 1 :])
        return False
