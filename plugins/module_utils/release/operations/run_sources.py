# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands by hand come from: the slot of the live release, a release of the history, a container that runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem, RefusedError
from ..hints import hint, next_release, option
from ..planning import by_hand
from ..planning.by_hand import Asked
from ..planning.rollback import mended_env, rollback_env
from ..ports import Host
from ..releases.compose import slot_network
from ..releases.history import find as find_entry
from ..releases.release import Entry, Live
from ..releases.runs import Run, id_by_hand
from ..releases.runtime import Container
from ..releases.slot import Place, day_of, planned_slot
from ..stack.app_env import slot_env
from ..stack.model import Stack
from . import witnesses
from .observe import observe

SEPARATOR = "."
USUAL_STOP_SECONDS = 10
#: Of a command in a container that runs.
EXEC_STOP_SECONDS = 5


@dataclass(frozen=True)
class Source:
    """What a run is created from: the Compose file of a slot with its release, and env files that are its own."""

    run: Run
    compose: Mapping[str, Any]
    live: Live
    #: Of its own; nothing where those of the slot are used.
    env: Mapping[str, bytes] = field(default_factory=dict)
    is_of_slot: bool = False


def find(host: Host, stack: Stack, asked: Asked) -> Source:
    """Where a new container comes from. Raises RefusedError with every problem."""
    live = _live(host, stack, asked)
    release = asked.release or live.release
    entry = find_entry(witnesses.entries(host, stack.name), release)
    if entry is None:
        raise RefusedError([Problem("is not in the history", f"release {release}", f"{hint('status')} lists them")])
    if entry.release.environment != asked.environment:
        fix = f"{option('where', entry.release.environment)}, or a release of {asked.environment}"
        raise RefusedError([Problem(f"is one of {entry.release.environment}", f"release {release}", fix)])
    _check_app(host, asked.app, entry)
    day = day_of(entry.release, stack)
    stop_seconds = day.apps[asked.app].stop_seconds if asked.app in day.apps else USUAL_STOP_SECONDS
    run = _run(host, stack, asked, release, asked.app, stop_seconds)
    if release == live.release and host.store.slot_release(stack.name, asked.where, live.slot) == release:
        return Source(run, host.store.slot_compose(stack.name, asked.where, live.slot), live, is_of_slot=True)
    return _of_history(host, stack, run, entry, live)


def _of_history(host: Host, stack: Stack, run: Run, entry: Entry, live: Live) -> Source:
    """As a rollback would give it: that day's settings with today's secrets, in the network of the live slot."""
    state, home = observe(host, stack), host.runs.home(run)
    then, _lost = mended_env(state, entry, host.store.release_env(stack, entry.release.id))
    env = rollback_env(stack, state, entry, then, "today")
    compose = planned_slot(stack, entry.release, Place(live.slot, home, {}), env, state.keys)
    block = host.store.networks().get(stack.name, {}).get(run.environment, "")
    files = slot_env(day_of(entry.release, stack), run.environment, env)
    return Source(run, compose | slot_network(stack, run.environment, live.slot, block), live, files)


def is_still(host: Host, stack: Stack, source: Source) -> bool:
    """Whether what a container was created from was of its release all the time: slots are written anew."""
    slot_release = host.store.slot_release(stack.name, source.run.environment, source.live.slot)
    return not source.is_of_slot or slot_release == source.run.release


def find_running(host: Host, stack: Stack, asked: Asked) -> Run:
    """The container that runs, as the beginning of a record. Raises RefusedError with every problem."""
    live = _live(host, stack, asked)
    name, _dot, number = asked.app.partition(SEPARATOR)
    there = [
        found for found in host.docker.containers(stack.name, asked.where, live.slot) if found.release == live.release
    ]
    mine = [found for found in there if found.app == name]
    if not mine:
        raise RefusedError([by_hand.no_app(name, {found.app for found in there}, live.release)])
    container = _chosen(mine, asked.app, number)
    if container.state != "running":
        fix = f"{hint('status')}; a new container of it: onehost run"
        raise RefusedError([Problem(f"its container does not run: {container.state}", f"app {name}", fix)])
    run = _run(host, stack, asked, live.release, name, EXEC_STOP_SECONDS)
    return dataclasses.replace(run, why="exec", container=container.id)


def _chosen(mine: list[Container], name: str, number: str) -> Container:
    if not number and SEPARATOR not in name:
        return next((found for found in mine if found.state == "running"), mine[0])
    if chosen := next((found for found in mine if str(found.replica) == number), None):
        return chosen
    known = ", ".join(f"{found.app}{SEPARATOR}{found.replica}" for found in mine)
    raise RefusedError([Problem(f"{number!r} is no replica of it", f"app {mine[0].app}", f"choose from {known}")])


def _live(host: Host, stack: Stack, asked: Asked) -> Live:
    found = by_hand.problems(asked)
    if found:
        raise RefusedError(found)
    live = witnesses.live(host, stack.name, asked.where)
    if live is None:
        fix = hint(next_release(asked.where, {"staging": witnesses.live(host, stack.name, "staging") is not None}))
        raise RefusedError([Problem(f"nothing is live in {asked.environment}", f"stack {stack.name}", fix)])
    return live


def _check_app(host: Host, app: str, entry: Entry) -> None:
    images = entry.release.images
    if app not in images:
        raise RefusedError([by_hand.no_app(app, images, entry.release.id)])
    if host.docker.image(images[app]) is None:
        what = f"image {images[app].removeprefix('sha256:')[:12]} of app {app} is missing"
        fix = f"choose another release; {hint('status')} lists them"
        raise RefusedError([Problem(what, f"release {entry.release.id}", fix)])


def _run(host: Host, stack: Stack, asked: Asked, release: str, app: str, stop_seconds: int) -> Run:
    now = host.clock.now()
    return Run(
        id=id_by_hand(now, asked.where, app, os.urandom(4).hex()),
        stack=stack.name,
        environment=asked.where,
        app=app,
        release=release,
        why="command",
        begun=now,
        person=asked.person,
        host=asked.host,
        command=asked.command,
        deadline_seconds=asked.timeout_seconds,
        stop_seconds=stop_seconds,
    )
