# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at what a commit has for each image, and how much of it a build sees."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..planning.deploy import SourceEntry
from ..planning.source_view import ignore_files, read_patterns, visible
from ..ports import Host
from ..stack.image_source import ImageSource
from ..stack.model import Stack


class Sight(NamedTuple):
    """What a commit has at the paths of some images; by name, the patterns of what its build does not see and a
    fingerprint of the rest, without one where that is everything."""

    entries: Mapping[str, SourceEntry]
    ignores: Mapping[str, tuple[str, ...]]
    visible: Mapping[str, str]


def paths_of(image: ImageSource) -> tuple[str, str]:
    """The folder and the Dockerfile of an image in a commit."""
    context = posixpath.normpath(image.context)
    return context, _in(context, image.dockerfile)


def look(host: Host, stack: Stack, commit: str, images: Sequence[ImageSource]) -> Sight:
    """Ask git as little as possible: without patterns, one question for all images."""
    asked = {path for image in images for path in (*paths_of(image), *_ignore_files(image))}
    entries = host.git.entries(stack, commit, sorted(asked))
    chosen = {image.name: number for image in images if (number := _chosen(image, entries))}
    contents = host.git.contents(stack, sorted(set(chosen.values()))) if chosen else {}
    ignores = {
        image.name: (*read_patterns(contents.get(chosen.get(image.name, ""), b"")), *image.ignores) for image in images
    }
    # Of a folder in another repository only the commit is known; it counts whole.
    folders = {
        image.name: context
        for image in images
        if ignores[image.name] and (entry := entries.get(context := paths_of(image)[0])) and entry.kind == "tree"
    }
    files = host.git.files(stack, commit, sorted(set(folders.values()))) if folders else []
    found = {name: visible(files, context, ignores[name]) for name, context in folders.items()}
    return Sight(entries, ignores, {name: text for name, text in found.items() if text})


def _ignore_files(image: ImageSource) -> list[str]:
    return [_in(paths_of(image)[0], name) for name in ignore_files(image.dockerfile)]


def _chosen(image: ImageSource, entries: Mapping[str, SourceEntry]) -> str:
    """The file of patterns that BuildKit reads. A link is none: what it leads to is not looked at here."""
    found = next((entries[path] for path in _ignore_files(image) if path in entries), None)
    return found.number if found and found.kind == "blob" else ""


def _in(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))
