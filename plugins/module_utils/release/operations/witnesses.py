# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hearing the four witnesses of what is live, and putting right what one of them has lost.

An unfinished operation comes first: while there is one, witnesses disagree for good reasons, and its recovery decides.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence

from ..errors import OperationError, RefusedError
from ..planning.witnesses import UP, Remembered, Statement, Verdict, judge, restore, sentence
from ..ports import Host
from ..process import journal
from ..releases.release import Entry, Live, timestamp
from ..releases.runtime import Placed
from ..stack.model import ENVIRONMENTS, SLOTS, EnvironmentName, Stack, other_slot

#: How long HAProxy may take to answer, for example while systemd starts it again.
ROUTER_SECONDS = 3.0
#: How many journals of an environment are asked about a release that cannot be read.
JOURNALS = 1000


def entries(host: Host, stack: str) -> list[Entry]:
    """The history, with what the journals know of releases and statuses that cannot be read."""
    found, names = host.store.releases(stack), host.store.release_names(stack)
    if len(found) == len(names) and all(entry.status != "unknown" for entry in found):
        return found
    live = [live.release for name in ENVIRONMENTS if (live := host.router.live(stack, name))]
    remembered = [item for name in ENVIRONMENTS for item in _remembered(host, stack, name)]
    return restore(found, names, remembered, live)


def _remembered(host: Host, stack: str, environment: EnvironmentName) -> Iterable[Remembered]:
    for record in reversed(journal.records(stack, environment, host.paths.state, JOURNALS)):
        if record.plan is not None and record.result is not None:
            succeeded = record.result.get("outcome") == "succeeded"
            at = _moment(record.result.get("at"))
            yield Remembered(os.path.basename(record.path), record.plan, succeeded, at)


def _moment(at: object) -> str:
    if not isinstance(at, (int, float)):
        return ""
    return timestamp(datetime.datetime.fromtimestamp(at, datetime.timezone.utc))


def verdict(
    host: Host,
    stack: str,
    environment: EnvironmentName,
    known: Iterable[Entry],
    containers: Sequence[Placed] | None,
) -> Verdict:
    """What is live in an environment, and who says otherwise."""
    heard = Statement(
        file=host.router.file(stack, environment),
        memory=host.router.memory(stack, environment),
        entries=[entry for entry in known if entry.release.environment == environment],
        containers=containers,
        slots={slot: host.store.slot_release(stack, environment, slot) for slot in SLOTS},
    )
    return judge(heard)


def is_settled(host: Host, stack: str, environment: EnvironmentName) -> bool:
    """Whether no operation is unfinished, be it running or interrupted."""
    return not journal.unfinished(stack, environment, host.paths.state)


def live(host: Host, stack: str, environment: EnvironmentName) -> Live | None:
    """What is live, whoever of the witnesses is lost. While an operation is unfinished the map file decides, if it can
    be read, as it does for recovery."""
    file = host.router.file(stack, environment)
    if not file.trouble and not is_settled(host, stack, environment):
        return file.live
    return _agreed(host, stack, environment)


def _agreed(host: Host, stack: str, environment: EnvironmentName) -> Live | None:
    return verdict(host, stack, environment, entries(host, stack), _placed(host, stack, environment)).live


def _placed(host: Host, stack: str, environment: EnvironmentName) -> list[Placed] | None:
    try:
        return host.docker.placed(stack, environment)
    except OperationError:
        return None  # at boot it may still be starting


def check_router(host: Host) -> None:
    """Raises RefusedError if HAProxy does not answer, before anything is built or started. A restart takes a moment."""
    deadline = host.clock.monotonic() + ROUTER_SECONDS
    while (problem := host.router.problem()) is not None:
        if host.clock.monotonic() >= deadline:
            raise RefusedError([problem])
        host.clock.wait(0.1)


def mend(host: Host, stack: Stack, environment: EnvironmentName) -> list[str]:
    """Have all witnesses say the same again. Returns what was put right, one sentence each. The caller holds the lock.

    Raises OperationError if HAProxy or Docker does not answer.
    """
    if not is_settled(host, stack.name, environment):
        return []
    read, whole = host.store.releases(stack.name), entries(host, stack.name)
    mine = [entry for entry in whole if entry.release.environment == environment]
    told = _mend_history(host, stack, read, mine)
    found = verdict(host, stack.name, environment, mine, host.docker.placed(stack.name, environment))
    for entry in found.apply(mine):
        if entry.release.id in found.statuses:
            host.store.set_status(stack, entry)
    if found.file or found.memory:
        host.router.set_live(stack.name, environment, found.live)
    if not found.is_unanimous:
        told.append(f"{environment}: {sentence(found)}; this was put right")
    forgotten = "" if host.store.warm(stack, environment) else stop_forgotten(host, stack, environment)
    return told + ([forgotten] if forgotten else [])


def stop_forgotten(host: Host, stack: Stack, environment: EnvironmentName) -> str:
    """Stop what runs beside the live release though nothing says that it should, since its note was lost: a worker must
    not go on working for a release that was replaced. Returns what was stopped."""
    if not is_settled(host, stack.name, environment) or (now := _agreed(host, stack.name, environment)) is None:
        return ""
    beside = other_slot(now.slot)
    if not any(at.slot == beside and at.state in UP for at in host.docker.placed(stack.name, environment)):
        return ""
    idle = host.docker.containers(stack.name, environment, beside)
    running = [container for container in idle if container.state in UP]
    host.docker.stop(running, {app.name: app.stop_seconds for app in stack.apps.values()})
    names = ", ".join(sorted({container.release for container in running}))
    return f"{stack.name} {environment}: {names} ran beside the live release, and was stopped" if running else ""


def _mend_history(host: Host, stack: Stack, read: Iterable[Entry], mine: Iterable[Entry]) -> list[str]:
    before = {entry.release.id: entry.status for entry in read}
    told = []
    for entry in mine:
        name = entry.release.id
        if name not in before:
            host.store.restore_release(stack, entry.release)
            told.append(f"release {name} could not be read; it was restored from its journal")
        if before.get(name) == "unknown":
            told.append(f"the status of release {name} could not be read; by the journals it is {entry.status}")
        if before.get(name, "unknown") == "unknown":
            host.store.set_status(stack, entry)
    return told


def disputes(host: Host, stack: Stack) -> list[str]:
    """What `mend` would put right, for check mode. Where an operation is unfinished its recovery comes first."""
    known, found = entries(host, stack.name), []
    for environment in ENVIRONMENTS:
        if is_settled(host, stack.name, environment):
            seen = verdict(host, stack.name, environment, known, _placed(host, stack.name, environment))
            found += [] if seen.is_unanimous else [f"{environment}: {sentence(seen)}"]
    return found


def provide_maps(host: Host, stack: str, *, write: bool = True) -> list[str]:
    """Make the map files of a stack anew that are missing or damaged: without them HAProxy does not start. Returns
    what they say now. Needs neither HAProxy nor Docker."""
    made = []
    for environment in ENVIRONMENTS:
        if host.router.file(stack, environment).trouble:
            now = live(host, stack, environment)
            made.append(f"{environment}: {now} is live" if now else f"{environment}: nothing is live")
            if write:
                host.router.write_file(stack, environment, now)
    return made
