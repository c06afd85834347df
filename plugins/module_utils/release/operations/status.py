# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs where, since when, what a rollback would do, and what is unfinished."""

from __future__ import annotations

from typing import Any

from ..env import secret_ages
from ..env.env_file import parse_env
from ..errors import NothingToDoError, RefusedError
from ..paths import Paths
from ..planning.gates import short
from ..planning.rollback import choose
from ..ports import Host
from ..process import journal, lock
from ..releases.history import newest_first
from ..releases.host_state import HostState
from ..releases.release import moment_of
from ..releases.request import Request
from ..stack import flags
from ..stack.model import ENVIRONMENTS, Stack
from . import key_overlap
from .observe import observe


def status(host: Host, stack: Stack, places: Paths | None = None, seen: HostState | None = None) -> dict[str, Any]:
    """Everything status.yml shows, as plain data. `seen` saves a second look."""
    places = places or Paths()
    seen = seen or observe(host, stack)
    return {
        "stack": stack.name,
        "environments": {name: _environment(host, stack, seen, name, places) for name in ENVIRONMENTS},
        "rollback": _rollback(host, stack, seen),
        "history": [
            {
                "release": e.release.id,
                "environment": e.release.environment,
                "status": e.status,
                "since": e.since,
                "commit": e.release.commit[:12],
                "person": e.release.person,
                "reason": e.release.reason,
            }
            for environment in ENVIRONMENTS
            for e in newest_first(seen.entries, environment)[:5]
        ],
        "due": secret_ages.due(stack.env_matrix, secret_ages.days(seen.secret_record, seen.now)),
        "offline": str(seen.secret_record.get("offline", "")),
        "keys": key_overlap.state(stack, seen),
        "flags": [text for name in ENVIRONMENTS for text in flags.lines(stack, name, host.store.flags(stack, name))],
        "notifications": host.notify.troubles(),
        "free_gb": round(seen.free_bytes / 1e9, 1),
        "floor_gb": stack.disk_floor_gb,
    }


def _environment(host: Host, stack: Stack, seen: HostState, name: str, places: Paths) -> dict[str, Any]:
    live, entry = seen.live[name], seen.live_entry(name)
    running = {c.app: c for c in seen.in_slot(name, live.slot)} if live else {}
    apps: dict[str, dict[str, Any]] = {}
    for app in stack.apps.values():
        container = running.get(app.name)
        if entry is None or live is None or app.name not in entry.release.images:
            apps[app.name] = {"state": "absent"}
            continue
        answer = host.probe.health(stack.loopback_port(app, name, live.slot), app.health) if app.is_web else None
        healthy = container is not None and container.state == "running" and (answer is None or 0 < answer.status < 400)
        apps[app.name] = {
            "state": container.state if container else "gone",
            "healthy": healthy,
            "cause": "" if healthy or answer is None else str(answer),
            "image": short(entry.release.images[app.name]),
            "commit": entry.release.commits.get(app.name, entry.release.commit)[:12],
            "restarts": container.restarts if container else 0,
        }
    holder = lock.holder(lock.lock_path(stack.name, name, places.locks))
    return {
        "release": live.release if live else "",
        "slot": live.slot if live else "",
        "commit": entry.release.commit[:12] if entry else "",
        "version": entry.release.version if entry else "",
        "since": entry.since if entry else "",
        "age_seconds": seen.now - moment_of(entry.since).timestamp() if entry and entry.since else 0.0,
        "via": entry.via if entry else "",
        "ports": list(stack.environments[name].ports),
        "apps": apps,
        "moved_tags": [
            f"{app}:{name} names {short(seen.tags.get((app, name), ''))}, live is {short(image)}"
            for app, image in (entry.release.images.items() if entry else ())
            if seen.tags.get((app, name)) != image
        ],
        "running_operation": holder.to_json() if holder else {},
        "unfinished": []
        if holder
        else [r.path.rsplit("/", 1)[-1] for r in journal.unfinished(stack.name, name, places.state)],
        "operations": [
            {
                "operation": r.header.get("operation", ""),
                "at": r.header.get("at", 0),
                "person": r.header.get("person", ""),
                "outcome": (r.result or {}).get("outcome", "running" if holder else "interrupted"),
                "message": (r.result or {}).get("message", ""),
                "seconds": round(float((r.result or r.header).get("at", 0)) - float(r.header.get("at", 0)), 1),
            }
            for r in journal.records(stack.name, name, places.state, newest=5)
        ],
    }


def value_of_that_day(there: bool) -> str:
    return "back to its value of that day" if there else "goes, that release did not have it"


def _rollback(host: Host, stack: Stack, seen: HostState) -> dict[str, Any]:
    """What `rollback.yml` would do now, by name, or why it cannot."""
    try:
        target = choose(stack, seen, Request("rollback", "production"))
    except NothingToDoError as nothing:
        return {"possible": True, "to": "", "text": str(nothing)}
    except RefusedError as refused:
        return {"possible": False, "to": "", "text": "; ".join(str(problem) for problem in refused.problems)}
    live = seen.live_entry("production")
    old = live.release if live else target.release
    changes = [
        f"{app}: image {short(old.images.get(app, ''))} -> {short(image)}"
        for app, image in target.release.images.items()
        if old.images.get(app) != image
    ]
    changes += [f"{app}: goes" for app in old.images if app not in target.release.images]
    then = {
        k: v for data in host.store.release_env(stack, target.release.id).values() for k, v in parse_env(data).items()
    }
    now = {k: v for data in seen.env_of("production").values() for k, v in parse_env(data).items()}
    changes += [
        f"{key}: {'stays as it is today (secret)' if key in stack.secrets else value_of_that_day(key in then)}"
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key) and not (key in stack.secrets and key not in then)
    ]
    if old.routes != target.release.routes:
        changes.append("routes of the edge: back to those of that day")
    return {
        "possible": True,
        "to": target.release.id,
        "commit": target.release.commit[:12],
        "changes": changes,
        "text": "",
    }
