# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing from the history: what is live, where a rollback goes, what must be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..stack.model import EnvironmentName
from .release import Entry

#: Good production releases that are always kept: the live one and the one before it.
KEPT_RELEASES = 2

GOOD = ("live", "previous")


def newest_first(entries: Iterable[Entry], environment: EnvironmentName) -> list[Entry]:
    mine = [entry for entry in entries if entry.release.environment == environment]
    return sorted(mine, key=lambda entry: entry.release.id, reverse=True)


def find(entries: Iterable[Entry], release_id: str) -> Entry | None:
    return next((entry for entry in entries if entry.release.id == release_id), None)


def rollback_target(
    entries: Sequence[Entry], environment: EnvironmentName, live: str, images: Collection[str] | None = None
) -> Entry | None:
    """The good release that was live last, other than the live one. Never one that failed or was rolled back from, nor,
    if `images` names those on the host, one that has lost an image."""
    for entry in _good(entries, environment, live):
        if images is None or all(image in images for image in entry.release.images.values()):
            return entry
    return None


def _good(entries: Iterable[Entry], environment: EnvironmentName, live: str) -> list[Entry]:
    """Good releases other than the live one, the one that was live last first. After a rollback over several releases
    that is not the one with the newest id."""
    good = [e for e in newest_first(entries, environment) if e.status in GOOD and e.release.id != live]
    return sorted(good, key=when, reverse=True)


def when(entry: Entry) -> tuple[str, str, str]:
    """Sorts entries by the operation that gave them their status, and those of an earlier engine by its time."""
    return entry.journal, entry.since, entry.release.id


def kept(entries: Sequence[Entry], environment: EnvironmentName, live: str) -> list[Entry]:
    """The releases whose images and files must never be removed: the live one and the newest good others."""
    alive = [e for e in entries if e.release.id == live]
    return alive + _good(entries, environment, live)[: KEPT_RELEASES - 1]
