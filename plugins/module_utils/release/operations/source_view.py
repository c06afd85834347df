# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at what a commit has for each app, and how much of it a build sees."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..planning.deploy import SourceEntry
from ..planning.source_view import ignore_files, read_patterns, visible
from ..ports import Host
from ..stack.model import App, Stack


class Sight(NamedTuple):
    """What a commit has at the paths of some apps; by app, the patterns of what its build does not see and a
    fingerprint of the rest, without one where that is everything."""

    entries: Mapping[str, SourceEntry]
    ignores: Mapping[str, tuple[str, ...]]
    visible: Mapping[str, str]


def paths_of(app: App) -> tuple[str, str]:
    """The app's folder and its Dockerfile in a commit."""
    context = posixpath.normpath(app.context)
    return context, _in(context, app.dockerfile)


def look(host: Host, stack: Stack, commit: str, apps: Sequence[App]) -> Sight:
    """Ask git as little as possible: without patterns, one question for all apps."""
    asked = {path for app in apps for path in (*paths_of(app), *_ignore_files(app))}
    entries = host.git.entries(stack, commit, sorted(asked))
    chosen = {app.name: number for app in apps if (number := _chosen(app, entries))}
    contents = host.git.contents(stack, sorted(set(chosen.values()))) if chosen else {}
    ignores = {
        app.name: (*read_patterns(contents.get(chosen.get(app.name, ""), b"")), *app.build_ignores) for app in apps
    }
    # Of a folder in another repository only the commit is known; it counts whole.
    folders = {
        app.name: context
        for app in apps
        if ignores[app.name] and (entry := entries.get(context := paths_of(app)[0])) and entry.kind == "tree"
    }
    files = host.git.files(stack, commit, sorted(set(folders.values()))) if folders else []
    found = {name: visible(files, context, ignores[name]) for name, context in folders.items()}
    return Sight(entries, ignores, {name: text for name, text in found.items() if text})


def _ignore_files(app: App) -> list[str]:
    return [_in(paths_of(app)[0], name) for name in ignore_files(app.dockerfile)]


def _chosen(app: App, entries: Mapping[str, SourceEntry]) -> str:
    """The file of patterns that BuildKit reads. A link is none: what it leads to is not looked at here."""
    found = next((entries[path] for path in _ignore_files(app) if path in entries), None)
    return found.number if found and found.kind == "blob" else ""


def _in(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))
