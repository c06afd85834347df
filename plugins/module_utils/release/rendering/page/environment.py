# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment on the status page: what is live there, and how each app is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...hints import hint, next_release, on_host
from ...releases.lock_holder import LockHolder
from ...releases.release import seconds_of
from ...releases.status import AppStatus, EnvironmentStatus
from ...util.lazy import lazy_part
from .data import PageData
from .html import Markup, join, length, moment, tag
from .parts import clip, facts, note, pill, section

if TYPE_CHECKING:
    from .. import databases
else:
    databases = lazy_part("..databases", __package__)


def environment(data: PageData, name: str) -> Markup:
    """The card of an environment."""
    env, now = data.status.environments[name], float(data.at)
    ports = "port" if len(env.ports) == 1 else "ports"
    parts: list[Markup] = []
    if env.running_operation:
        parts.append(note(_running(data, name, env.running_operation), "busy"))
    if env.unfinished:
        names = ", ".join(env.unfinished)
        parts.append(
            note(f"Interrupted: {names}. To finish or undo it: {on_host(hint('recover'), data.status.stack)}", "bad")
        )
    if env.release:
        since = seconds_of(env.since)
        parts.append(
            facts(
                [
                    ("Commit", _commit(env.commit, env.version)),
                    ("Live since", join(moment(since, now), f" by {env.via}") if since else ""),
                    ("Release", tag("code", env.release)),
                    ("Slot", env.slot),
                    (ports.capitalize(), ", ".join(str(port) for port in env.ports)),
                ]
            )
        )
        parts.append(_table("App", env.apps))
    else:
        live = {other: bool(found.release) for other, found in data.status.environments.items()}
        command = on_host(hint(next_release(name, live)), data.status.stack)
        numbers = ", ".join(str(port) for port in env.ports)
        text = f"Nothing is live here yet; visitors of {ports} {numbers} see a notice. "
        parts.append(tag("p", text, tag("code", command), class_="empty"))
    if env.release and env.services:
        parts.append(_table("Service", env.services))
    if env.databases:
        parts.append(facts([(f"Database {one}", databases.word(found)) for one, found in env.databases.items()]))
    if env.backups:
        parts.append(facts([("Backup", text) for text in (*env.backups, *_more_of_backups(env))]))
    return section(name.capitalize(), *parts, beside=_state(env))


def _more_of_backups(env: EnvironmentStatus) -> list[str]:
    return [text for text in env.backup_troubles if text not in env.backups]


def _state(env: EnvironmentStatus) -> Markup:
    """The state of the environment in one word."""
    if env.running_operation:
        return pill(f"{env.running_operation.operation} running", "busy", "clock")
    if not env.release:
        return pill("nothing is live")
    there = [app for app in env.apps.values() if not app.is_absent]
    if env.unhealthy_apps:
        return pill(f"{len(env.unhealthy_apps)} of {len(there)} not healthy", "bad", "cross")
    if env.unhealthy_services:
        return pill(f"{len(env.unhealthy_services)} of {len(env.services)} services not healthy", "bad", "cross")
    if env.silent_databases:
        return pill(f"{len(env.silent_databases)} of {len(env.databases)} databases silent", "bad", "cross")
    return pill("healthy")


def _running(data: PageData, name: str, holder: LockHolder) -> str:
    begun = [item.at for item in data.operations if item.environment == name and item.outcome == "running"]
    text = f"{holder.operation} by {holder.person} on {holder.host} runs"
    text += f" for {length(max(0.0, float(data.at) - begun[0]))}" if begun else ""
    text += f": {holder.reason}" if holder.reason else ""
    return clip(text[0].upper() + text[1:])


def _commit(commit: str, version: str) -> Markup:
    named = f" ({clip(version, 120)})" if version and version != commit else ""
    return join(tag("code", commit), named)


def _table(kind: str, apps: dict[str, AppStatus]) -> Markup:
    """Apps, or services, which belong to no commit."""
    head = [tag("th", kind, scope="col"), tag("th", "State", scope="col"), tag("th", "Commit", scope="col")]
    head.append(tag("th", "Image", scope="col", class_="wide"))
    rows = [row for name, app in apps.items() for row in _app(name, app)]
    return tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows))


def _app(name: str, app: AppStatus) -> list[Markup]:
    """A row for the app, and a second one for remarks on it."""
    if app.is_absent:
        shown = pill("absent")
    elif app.healthy:
        shown = pill("healthy" if app.replicas == 1 else f"{app.replicas} healthy")
    else:
        shown = pill("not healthy" if app.state == "running" else app.state, "bad", "cross")
    row = tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", shown),
        tag("td", tag("code", app.commit)),
        tag("td", tag("code", app.image), f" of {app.image_of}" if app.image_of else "", class_="wide"),
    )
    notes = [clip(app.cause, 300)] if app.cause else []
    if app.replicas > 1 and not app.healthy:
        notes.append(f"{app.healthy_replicas} of {app.replicas} replicas are healthy")
    if app.scaled:
        notes.append(clip(f"Scaled to {app.scaled}", 300))
    if app.restarts:
        notes.append(f"{app.restarts} restart{'s' if app.restarts != 1 else ''}")
    if not notes:
        return [row]
    return [row, tag("tr", tag("td", *[tag("p", text) for text in notes], colspan=4), class_="why")]
