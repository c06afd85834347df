# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature flags: set what an app declares, without a deploy. The kill switch for an incident.

Overrides are stored beside the releases, not in them, so they survive deploys, rollbacks and reboots until somebody
resets them. A running app sees its new file at once. A flag may also close a route; the router then answers 503
there.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from ..ports import Host
from ..process import lock
from ..releases.history import find
from ..releases.lock_holder import LockHolder
from ..releases.slot import day_of
from ..stack.flags import FlagChange, FlagSetting, State, closed, values, who_has
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack

LOCK_SECONDS = 10.0


def set_flag(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    flag: str,
    on: bool,
    who: LockHolder,
    *,
    write: bool = True,
) -> bool:
    """Set one flag for every app that declares it. Returns True if that is a change."""
    stacks = defining(host, stack, environment)
    declared_by(stacks, flag)
    if not write:
        return _is_change(host.store.flags(stack, environment), flag, on)
    with lock.hold(lock.lock_path(stack.name, f"flags-{environment}", host.paths.locks), who, LOCK_SECONDS):
        known = host.store.flags(stack, environment)
        changed = _is_change(known, flag, on)
        if changed:
            now = datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc)
            entry: FlagSetting = {
                "on": on,
                "person": who.person,
                "reason": who.reason,
                "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            known = {**known, flag: entry}
            host.store.set_flags(stack, environment, known, FlagChange(flag=flag, **entry))
        # Even when nothing changes: after a kill between the two writes, an app's file may be older than the record.
        _write_files(host, stacks, environment, known)
        host.router.set_closed(stack.name, environment, _closed(stacks, known))
    return changed


def provide(host: Host, stack: Stack, *, write: bool = True) -> list[str]:
    """Write each app's file and close or open routes; returns what changed. Covers new flags and new apps."""
    changed = []
    for environment in ENVIRONMENTS:
        known, stacks = host.store.flags(stack, environment), defining(host, stack, environment)
        changed += _write_files(host, stacks, environment, known, write)
        routes = _closed(stacks, known)
        if host.router.closed(stack.name, environment) != routes:
            changed.append(f"closed routes of {environment}")
            if write:
                host.router.set_closed(stack.name, environment, routes, must_run=False)
    return changed


def provide_maps(host: Host, name: str, stack: Stack | None, *, write: bool = True) -> list[str]:
    """Make the maps of closed routes anew that are missing: without them HAProxy does not start. Nothing is closed
    where the stack's definition cannot be read. Returns the environments."""
    made = []
    for environment in ENVIRONMENTS:
        if host.router.lacks_closed(name, environment):
            made.append(f"{environment}: closed routes")
            if write:
                stacks = defining(host, stack, environment) if stack else []
                routes = _closed(stacks, host.store.flags(stack, environment)) if stack else {}
                host.router.set_closed(name, environment, routes, must_run=False)
    return made


def apply(host: Host, stack: Stack, environment: EnvironmentName, days: Sequence[Stack]) -> None:
    """Before a release starts: the flags of its apps, and of those that it replaces, are as they were set. The
    inventory may not have these apps any more."""
    known, stacks = host.store.flags(stack, environment), [stack, *days]
    _write_files(host, stacks, environment, known)
    routes = _closed(stacks, known)
    if host.router.closed(stack.name, environment) != routes:
        host.router.set_closed(stack.name, environment, routes)


def defining(host: Host, stack: Stack, environment: EnvironmentName) -> list[Stack]:
    """The stack as it is today, and as the live release defines it: its apps keep their flags until it is gone."""
    live = host.router.live(stack.name, environment)
    entry = find(host.store.releases(stack.name), live.release) if live else None
    return [stack, *([day_of(entry.release, stack)] if entry else [])]


def declared_by(stacks: Sequence[Stack], flag: str) -> list[str]:
    """The apps that declare a flag. Raises RefusedError if there are none."""
    known = [stack for stack in stacks if any(flag in app.flags for app in stack.apps.values())]
    return list(dict.fromkeys(name for stack in known or stacks[:1] for name in who_has(stack, flag)))


def _closed(stacks: Sequence[Stack], known: State) -> dict[str, str]:
    return {key: flag for stack in stacks for key, flag in closed(stack, known).items()}


def _write_files(
    host: Host, stacks: Sequence[Stack], environment: EnvironmentName, known: State, write: bool = True
) -> list[str]:
    wanted: dict[str, dict[str, bool]] = {}
    for stack in stacks:
        for app in stack.apps.values():
            if app.flags:
                wanted.setdefault(app.name, {}).update(values(stack, app.name, known))
    paths = [host.store.set_app_flags(stacks[0], environment, app, its, write=write) for app, its in wanted.items()]
    return [path for path in paths if path]


def _is_change(known: State, flag: str, on: bool) -> bool:
    return flag not in known or known[flag]["on"] is not on
