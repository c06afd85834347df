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

from ..ports import Host
from ..process import lock
from ..releases.lock_holder import LockHolder
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
    who_has(stack, flag)
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
        _write_files(host, stack, environment, known)
        host.router.set_closed(stack.name, environment, closed(stack, known))
    return changed


def provide(host: Host, stack: Stack, *, write: bool = True) -> list[str]:
    """Write each app's file and close or open routes; returns what changed. Covers new flags and new apps."""
    changed = []
    for environment in ENVIRONMENTS:
        known = host.store.flags(stack, environment)
        changed += _write_files(host, stack, environment, known, write)
        routes = closed(stack, known)
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
                routes = closed(stack, host.store.flags(stack, environment)) if stack else {}
                host.router.set_closed(name, environment, routes, must_run=False)
    return made


def _write_files(host: Host, stack: Stack, environment: EnvironmentName, known: State, write: bool = True) -> list[str]:
    apps = [app.name for app in stack.apps.values() if app.flags]
    paths = [host.store.set_app_flags(stack, environment, app, values(stack, app, known), write=write) for app in apps]
    return [path for path in paths if path]


def _is_change(known: State, flag: str, on: bool) -> bool:
    return flag not in known or known[flag]["on"] is not on
