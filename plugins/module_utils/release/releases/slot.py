# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slot a release is planned for, and the stack as that release defines it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, TypedDict

from ..env.env_file import fingerprint
from ..errors import RefusedError
from ..stack.app_env import files_of, slot_env
from ..stack.model import Slot, Stack
from ..stack.reader import read_stack
from .compose import pair, slot_file
from .release import Release


class StandbyNote(TypedDict):
    """The slot that keeps running after it was replaced, its release, and until when (seconds since the epoch)."""

    slot: Slot
    release: str
    until: float


def stack_of(release: Release, current: Stack) -> Stack:
    """The stack as the release defines it, ports and all: whatever it is reached by stays as long as it does."""
    # Of before there were rules for these; and only today's are used.
    return _read(release.stack, release.defined, current.directory, current.owner, current.source)


@functools.lru_cache(maxsize=8)
def _read(name: str, definition: str, directory: str, owner: str, source: str) -> Stack:
    """An operation asks for the same few releases ten times, and reading one takes longer than comparing its text."""
    today = {"directory": directory, "owner": owner, "source": source}
    return read_stack(name, {**json.loads(definition), **today}, stored=True)


def day_of(release: Release, current: Stack) -> Stack:
    """The same for what runs already: if its definition cannot be read any more, today's has to do."""
    try:
        return stack_of(release, current)
    except RefusedError:
        return current


class Place(NamedTuple):
    """Where a release is planned for: a slot, the directory of its files, the apps that have several containers."""

    slot: Slot
    home: str
    counts: Mapping[str, int]


def planned_slot(
    stack: Stack, release: Release, place: Place, env: Mapping[str, bytes], known: Mapping[str, str | None]
) -> dict[str, Any]:
    """The Compose file of a release in a place, with these env files and these keys."""
    day = stack_of(release, stack)
    files = slot_env(day, release.environment, env)
    names = {app: files_of(day, app, files) for app in release.services}
    paths = {app: [f"{place.home}/env.{name}" for name in mine] for app, mine in names.items()}
    keys = sorted(pair(known).items())
    config = {
        app: fingerprint(repr((sorted((name, fingerprint(files[name])) for name in mine), keys)))
        for app, mine in names.items()
    }
    return slot_file(day, release, place.slot, paths, config, place.counts)
