# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be rehearsed, what of an earlier rehearsal still says something, and what is made of what was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..releases.rehearsal import LongestLock, Rehearsal
from ..releases.release import Entry, Release
from ..releases.schema import Schemas
from ..releases.scratch import LockSample
from ..stack.migrate import Migrate, in_order
from ..stack.model import Stack
from . import migrations

#: Data grows: what was rehearsed earlier is rehearsed again.
FRESH_SECONDS = 24 * 3600.0
#: Two looks at the same lock are at most so far apart.
_GAP_SECONDS = 1.0
#: Of statements and their length, how much is kept.
MOST_STATEMENTS, LONGEST_STATEMENT = 200, 400


def pending(day: Stack, release: Release, live: Entry | None, staging: Schemas, production: Schemas) -> list[str]:
    """The apps whose databases a promote would migrate, as far as is known without asking any, in order. Staging has
    the schema that the release brings."""
    mine = {name: it for name, it in day.migrations.items() if name in release.in_slot}
    same = migrations.unchanged(live.release, release, production, live.schema) if live else set()
    return [app for app in in_order(mine) if app not in same and not _is_there(app, staging, production)]


def _is_there(app: str, staging: Schemas, production: Schemas) -> bool:
    first, second = staging.get(app), production.get(app)
    return (
        first is not None
        and second is not None
        and first.is_settled
        and second.is_settled
        and first.revision is not None
        and first.revision == second.revision
    )


class Fit(NamedTuple):
    """What is to come: the migrations of these apps of a release, while another one is live."""

    release: Release
    old: Release | None
    apps: tuple[str, ...]


def fitting(known: Iterable[Rehearsal], wanted: Fit, production: Schemas, now: float) -> Rehearsal | None:
    """The newest rehearsal that is one of this: the same images from the same revisions, with the same release before,
    not long ago. One that failed for a reason of its own says nothing."""
    release, old, apps = wanted
    for one in sorted(known, key=lambda it: it.at, reverse=True):
        if now - one.at > FRESH_SECONDS or one.failure or {it.app for it in one.apps} != set(apps):
            continue
        if old and any(old.images.get(app) != image for app, image in one.old_images.items()):
            continue
        if (one.old != "") != (old is not None):
            continue
        if all(
            it.image == release.images.get(it.app)
            and (it.app not in production or production[it.app].revision in (None, it.revision))
            for it in one.apps
        ):
            return one
    return None


def longest_locks(samples: Iterable[LockSample], tables: Collection[str]) -> tuple[LongestLock, ...]:
    """For each table that was there before the strong lock that was held longest. Nobody waits for a new table."""
    spans: dict[tuple[str, str, str], tuple[float, float]] = {}
    longest: dict[str, LongestLock] = {}
    for one in sorted(samples):
        if one.table not in tables:
            continue
        key = (one.holder, one.mode, one.table)
        first, last = spans.get(key, (one.at, one.at))
        if one.at - last > _GAP_SECONDS:
            first = one.at
        spans[key] = (first, one.at)
        seconds = round(one.at - first, 2)
        if one.table not in longest or seconds > longest[one.table].seconds:
            longest[one.table] = LongestLock(one.table, one.mode, seconds)
    return tuple(sorted(longest.values(), key=lambda lock: -lock.seconds))


def too_long(rehearsal: Rehearsal, limits: Mapping[str, Migrate]) -> list[str]:
    """The locks that would keep visitors waiting for longer than a migration itself may wait for one."""
    return [
        f"{it.app}: {lock.mode} on {lock.table} was held for {lock.seconds:g} s, {limits[it.app].lock_seconds:g} s are "
        "the most (`lock_seconds`)"
        for it in rehearsal.apps
        if it.app in limits
        for lock in it.locks
        if lock.seconds > limits[it.app].lock_seconds
    ]


def shortened(statements: Sequence[str]) -> tuple[str, ...]:
    """Statements as they are kept: each on one line, none too long, not too many."""
    lines = [" ".join(text.split()) for text in statements]
    cut = [text if len(text) <= LONGEST_STATEMENT else f"{text[:LONGEST_STATEMENT]}…" for text in lines if text]
    return tuple(cut[:MOST_STATEMENTS])
