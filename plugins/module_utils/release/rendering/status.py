# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as one screen: what runs where, since when, what happened last, what a rollback would do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..hints import Place, hint, next_release, spell, verb_hint
from ..releases.status import AppStatus, EnvironmentStatus, StatusReport
from ..util.lazy import lazy_part
from ..util.printable import cleaned
from . import jobs, key_grace_period
from .report import table
from .summary import is_a_name

if TYPE_CHECKING:
    from . import databases
else:
    databases = lazy_part(".databases", __package__)

#: How many of a stack's last operations, and of each environment's releases, are shown.
OPERATIONS = 5
RELEASES = 3


def all_lines(reports: Sequence[StatusReport]) -> list[str]:
    """All stacks. If there are several, commands name their stack."""
    return [
        spell(line, Place(stack=report.stack)) if len(reports) > 1 else line
        for report in reports
        for line in status_lines(report)
    ]


def status_lines(status: StatusReport) -> list[str]:
    """One stack."""
    status = cleaned(status)
    environments = status.environments
    lines = [_environment_line(status.stack, name, env) for name, env in environments.items()]
    lines += status.maintenance
    lines += [f"address of {text}" for text in status.addresses]
    lines += _next(environments)
    lines += _apps(environments)
    lines += _services(environments)
    lines += [line for name, env in environments.items() for line in databases.lines(name, env.databases)]
    lines += _backups(environments)
    lines += _schemas(environments)
    lines += [line for name, env in environments.items() for line in jobs.status_lines(name, env.jobs)]
    for name, env in environments.items():
        if env.running_operation:
            lines.append(f"running now: {env.running_operation}")
        mover = "deploy" if name == "staging" else "promote or rollback"
        lines += [f"tag moved by hand: {text}; the next {mover} moves it back" for text in env.moved_tags]
        lines += [f"unfinished: {name}. Fix: {hint('recover')}" for name in env.unfinished]
    lines += [f"damaged: {text}" for text in status.damage]
    lines += _operations(environments)
    back = status.rollback
    if back.to:
        would, fix = ("would go to", "") if back.possible else ("would be refused: to", f". Fix: {back.text}")
        lines.append(f"rollback {would} {back.to} (commit {back.commit}){fix}")
        lines += [f"   {change}" for change in back.changes]
    else:
        lines.append(f"rollback: {back.text}")
    rows = [
        [e.release, e.status, e.person, e.reason]
        for name in environments
        for e in [e for e in status.history if e.environment == name][:RELEASES]
    ]
    if rows:
        lines += table(["release", "status", "by", "reason"], rows)
    lines += [f"secret {text}" for text in status.due]
    lines += key_grace_period.lines(status.keys)
    if status.offline:
        lines.append(f"values: provisioned offline, {status.offline}. Fix: {hint('provision')}")
    lines += status.flags
    lines += [f"notification to {text}. Fix: {verb_hint('notify')}" for text in status.notifications]
    low = f". Fix: {hint('cleanup')}" if status.free_gb < status.floor_gb else ""
    lines.append(f"disk: {status.free_gb} GB free, floor {status.floor_gb:g} GB{low}")
    return lines


def _environment_line(stack: str, name: str, env: EnvironmentStatus) -> str:
    containers = f"; containers {env.network}" if env.network else ""
    place = f"{stack} {name} (port {', '.join(str(port) for port in env.ports)}{containers})"
    if not env.release:
        return f"{place}: nothing is live"
    version = f" ({env.version})" if is_a_name(env.version, env.commit) else ""
    return (
        f"{place}: {env.release} in {env.slot}, commit {env.commit}{version}, "
        f"live for {age(env.age_seconds)} by {env.via}"
    )


def _next(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """What to type where nothing is live yet."""
    live = {name: bool(env.release) for name, env in environments.items()}
    wanted = dict.fromkeys(next_release(name, live) for name in environments if not live[name])
    return [f"next: {hint(playbook)}" for playbook in wanted]


def _apps(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """One table for all environments, and a line for each app that is not as it should be."""
    names = list(dict.fromkeys(app for env in environments.values() for app in env.apps))
    head = ["app", *(word for name in environments for word in (name, "image", "commit"))]
    rows, trouble = [], []
    for app in names:
        row = [app]
        for name, env in environments.items():
            found = env.apps.get(app, AppStatus())
            word = "-" if found.is_absent else "healthy" if found.healthy else "NOT HEALTHY"
            if found.replicas > 1:
                word += f" {found.healthy_replicas}/{found.replicas}"
            image = f"{found.image} of {found.image_of}" if found.image_of else found.image
            row += [word, image, found.commit[:7]]
            if found.is_unhealthy:
                trouble.append(f"   {name} {app}: {found.state}, not healthy {found.cause}".rstrip())
            if found.scaled:
                back = hint("scale", app=app, replicas="default", where=name)
                trouble.append(f"   {name} {app}: scaled to {found.scaled}. Back: {back}")
        rows.append(row)
    return table(head, rows) + trouble


def _services(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """One line for the services of each environment that has any, and one for each that is not as it should be."""
    lines = []
    for name, env in environments.items():
        if env.services:
            words = [f"{one} {'healthy' if found.healthy else 'NOT HEALTHY'}" for one, found in env.services.items()]
            lines.append(f"services of {name}: {', '.join(words)}")
        for one, found in env.services.items():
            if found.is_unhealthy:
                lines.append(f"   {name} {one}: {found.state}, not healthy {found.cause}".rstrip())
        if env.service_changes:
            fix = hint("services", where=name)
            lines += [f"   {name}, not done yet: {text}. Fix: {fix}" for text in env.service_changes]
    return lines


def _backups(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """One line for each thing that is backed up; what is wrong is told as such."""
    lines = []
    for env in environments.values():
        lines += [f"{'BACKUP' if text in env.backup_troubles else 'backup'} of {text}" for text in env.backups]
        lines += [f"BACKUP of {text}" for text in env.backup_troubles if text not in env.backups]
    return lines


def _schemas(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """One line for the databases of each environment, and one for each whose migration did not end well."""
    lines = []
    for name, env in environments.items():
        if env.schemas:
            known = ", ".join(f"{app} {revision}" for app, revision in env.schemas.items())
            lines.append(f"schema of {name}: {known}")
        lines += [f"   {name} {app}: {text}" for app, text in env.schema_troubles.items()]
    return lines


def _operations(environments: dict[str, EnvironmentStatus]) -> list[str]:
    """The last operations of all environments, newest first."""
    known = [(last, name) for name, env in environments.items() for last in env.operations]
    known.sort(key=lambda item: -item[0].at)
    rows = [
        [
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last.at)),
            last.operation,
            name,
            last.person,
            last.outcome
            + (f" in {last.seconds:.0f} s" if last.outcome == "succeeded" and last.seconds is not None else ""),
            last.message,
        ]
        for last, name in known[:OPERATIONS]
    ]
    return table(["last operations", "", "", "by", "", ""], rows) if rows else []


def age(seconds: float) -> str:
    """A duration for people, in its two largest units."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return f"{max(0, int(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"
