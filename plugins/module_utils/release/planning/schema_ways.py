# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people can do where a rollback does not fit the schema, and whether what they asked for can be done."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ..errors import Problem
from ..hints import hint, option
from ..releases.history import find
from ..releases.host_state import HostState
from ..releases.release import Entry
from ..releases.request import Request
from ..releases.schema import AppSchema, shown
from ..stack.migrate import REVISION, Migrate
from ..stack.model import EnvironmentName, Stack
from .schema_steps import Way

#: What is put into a command as one of its words.
_WORD = re.compile(r"[\w.+@:][\w.+@:-]*")


def refusals(
    ways: Sequence[Way],
    release: str,
    request: Request,
    downs: Mapping[str, Migrate],
    *,
    elsewhere: Collection[str] = (),
    check: bool = False,
) -> list[Problem]:
    """Why a rollback to a release is refused because of databases. `downs` are the migrations of their apps as those
    know them who would bring them down, `elsewhere` the apps whose database is not on this host. With `check` nothing
    is done, so nothing need be confirmed."""
    where, past = f"release {release}", [way for way in ways if way.kind == "past"]
    if not request.database:
        return [Problem(way.sentence, "gate schema", three_ways(way, request, downs)) for way in past]
    if request.database == "keep" and not past:
        return []
    going = to_bring_down(ways)
    if not going and request.database != "keep":
        what = f"every database that is known has the schema of {release}"
        return [Problem(what, where, f"leave out {option('database', request.database)}")]
    problems = []
    if request.apps and request.database != "keep":
        what = "a schema goes back for all apps at once: the others would be left on one that is not theirs"
        problems.append(Problem(what, "apps", "leave `apps` out"))
    if request.database == "downgrade":
        problems += [problem for way in going for problem in _down_problems(way, where, downs.get(way.app))]
    if request.database == "restore":
        problems += [problem for way in going for problem in _restore_problems(way, where, way.app in elsewhere)]
    if request.confirm != request.environment and not check:
        lost = {
            "keep": "some of its code may fail on what is applied",
            "downgrade": "what the newer schema alone can hold is lost",
            "restore": "all that was written since the migration is lost",
        }
        what = f"{request.database}: {lost[request.database]}; the environment must be named"
        problems.append(Problem(what, "confirm", f"add {option('confirm', request.environment)}"))
    return problems


def to_bring_down(ways: Sequence[Way]) -> list[Way]:
    """Those whose schema has to go back: where a step took something away those alone, else all that differ."""
    return [way for way in ways if way.kind == "past"] or [way for way in ways if way.kind in ("newer", "unknown")]


def three_ways(way: Way, request: Request, downs: Mapping[str, Migrate]) -> str:
    """What to type. The way that loses nothing comes first."""
    more = {"release": request.release} if request.release else {}

    def back_by(way: str) -> str:
        return hint("rollback", check=False, database=way, confirm=request.environment, **more)

    forward = f"mend it forward, which loses nothing: {hint('deploy_staging')}, then {hint('promote')}"
    migrate = downs.get(way.app)
    down = f"or take the schema back first, by the app's own `down`: {back_by('downgrade')}"
    if migrate is None or not migrate.down:
        down += f" ({way.app} has no `migrate.down` yet)"
    back = f"or bring it back to just before that, without what was written since: {back_by('restore')}"
    if not way.restore_point:
        back += f" ({way.app} has no restore point of before)"
    keep = f"If its code does not use what is gone: {back_by('keep')}"
    return f"{forward}; {down}; {back}. {keep}"


def _down_problems(way: Way, where: str, migrate: Migrate | None) -> list[Problem]:
    if migrate is None or not migrate.down:
        fix = f"add `down` to `migrate` of {way.app} and {hint('provision')}, or choose another way"
        return [Problem(f"{way.app} says nothing of how its schema goes back", where, fix)]
    if not way.wanted:
        what = f"{way.app}: the schema to go back to is not known"
        return [Problem(what, where, "choose another way")]
    if any(REVISION in word for word in migrate.down) and not _WORD.fullmatch(way.wanted):
        what = f"{way.app}: {way.wanted!r} is no single word that `{REVISION}` of its `down` could stand for"
        return [Problem(what, where, "give it a `down` without, which undoes one migration at a time")]
    return []


def _restore_problems(way: Way, where: str, is_elsewhere: bool) -> list[Problem]:
    if way.restore_point:
        return []
    if is_elsewhere:
        what = f"{way.app}: its database is not on this host, which has no backup of it"
        fix = f"bring it back where it lives, then leave out {option('database', 'restore')}; or choose another way"
        return [Problem(what, where, fix)]
    what = f"{way.app}: no restore point was made before its schema changed"
    return [Problem(what, where, f"choose another way, or a moment: {hint('restore', at='<moment>')}")]


def down_of(app: str, day: Stack, today: Stack) -> Migrate | None:
    """How its schema goes back: as the release that knows it says, or as somebody has written down since."""
    mine, now = day.migrations.get(app), today.migrations.get(app)
    if mine is None or mine.down or now is None:
        return mine or now
    return replace(mine, down=now.down)


def knowing(state: HostState, environment: EnvironmentName, app: str, known: AppSchema) -> Entry | None:
    """The release whose image knows all that is applied: the one that is live, or the one that brought the last of it.
    None if that is gone."""
    live = state.live_entry(environment)
    brought = next((step.release for step in reversed(known.steps) if step.after == known.revision), known.release)
    for entry in (live if live and live.schema.get(app) == known.revision else None, find(state.entries, brought)):
        if entry is not None and entry.release.images.get(app, "") in state.images:
            return entry
    return None


def left_behind(release: str, app: str, known: AppSchema, wanted: str | None) -> str:
    """What is said of a release that goes on without what it needs."""
    return (
        f"{app}: its database stays at {known.shown}, and {release}, which goes on, needs {shown(wanted)}: "
        f"{hint('promote')} migrates it again"
    )


def words_of(down: Sequence[str], revision: str) -> tuple[str, ...]:
    """The command that goes back to a revision."""
    return tuple(word.replace(REVISION, revision) for word in down)
