# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The banner of the status page: whether anything needs attention."""

from __future__ import annotations

from ...hints import hint, on_host, verb_hint
from .. import jobs, key_grace_period
from .data import PageData
from .html import Markup, gigabytes, tag
from .parts import clip, icon


def verdict(data: PageData) -> Markup:
    """One line with the overall verdict, and each item that needs attention."""
    bad, warn, busy = findings(data)
    look, shape, text = overall(data)
    lines = [tag("li", clip(line)) for line in [*bad, *warn, *busy]]
    title = tag("h2", icon(shape), text)
    return tag("section", title, *([tag("ul", *lines)] if lines else []), class_=f"verdict {look} whole")


def overall(data: PageData) -> tuple[str, str, str]:
    """The style, the icon and the words of the verdict."""
    bad, warn, _busy = findings(data)
    if bad:
        return "bad", "cross", "Needs attention"
    if not any(env.release for env in data.status.environments.values()):
        return "none", "dash", "Nothing has been released yet"
    if warn:
        return "warn", "alert", "Running, with warnings"
    return "good", "check", "Everything that is live is healthy"


def findings(data: PageData) -> tuple[list[str], list[str], list[str]]:
    """What is broken, what to know, and what is in progress."""
    bad: list[str] = []
    warn: list[str] = []
    busy: list[str] = []
    status, disk = data.status, data.disk
    warn += [on_host(text, status.stack) for text in status.maintenance]
    for name in ("production", "staging"):
        env = status.environments[name]
        if env.unhealthy_apps:
            bad.append(f"{name}: not healthy: {', '.join(env.unhealthy_apps)}")
        # The first release starts them; until then there is nothing to do.
        if env.release and env.unhealthy_services:
            bad.append(f"{name}: services that are not healthy: {', '.join(env.unhealthy_services)}")
        if env.silent_databases:
            bad.append(f"{name}: databases that do not answer: {', '.join(env.silent_databases)}")
        bad += [f"backup of {text}" for text in env.backup_troubles]
        if env.release and env.service_changes:
            fix = on_host(hint("services", where=name), status.stack)
            warn += [f"{name}, not done yet: {text}. Fix: {fix}" for text in env.service_changes]
        warn += [f"{name}: job {text}" for text in jobs.troubles(env.jobs)]
        if env.unfinished:
            bad.append(f"{name}: an operation was interrupted. Fix: {on_host(hint('recover'), status.stack)}")
        if env.running_operation:
            busy.append(f"{name}: {env.running_operation.operation} by {env.running_operation.person} is running")
    if disk.free < status.floor_gb * 1e9:
        warn.append(f"disk: {gigabytes(disk.free)} free, which is below the floor of {status.floor_gb:g} GB")
    if not status.rollback.possible and status.environments["production"].release:
        warn.append("a rollback is not possible, see below")
    bad += [f"damaged: {on_host(text, status.stack)}" for text in status.damage]
    warn += [f"secret {text}" for text in status.due]
    # A rotation that goes its way is no warning; one that waits for a person is.
    if status.keys and (status.keys.interrupted or status.keys.late or status.keys.old_pair_in):
        warn += [on_host(text, status.stack) for text in key_grace_period.lines(status.keys)]
    warn += [
        f"notification to {text}. Fix: {on_host(verb_hint('notify'), status.stack)}" for text in status.notifications
    ]
    return bad, warn, busy
