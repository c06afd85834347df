# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs where and since when, what a rollback would do, and what is unfinished."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..env import secret_ages
from ..env.env_file import is_same_content, parse_env
from ..errors import NothingToDoError, Problem, RefusedError
from ..hints import hint
from ..planning import canonical
from ..planning.gates import short_id
from ..planning.rollback import choose
from ..ports import Host
from ..process import journal, lock
from ..releases.history import newest_first
from ..releases.host_state import HostState
from ..releases.jobs import JobStatus, jobs_of
from ..releases.release import Release, seconds_of
from ..releases.replicas import in_force
from ..releases.request import Request
from ..releases.runtime import Container
from ..releases.slot import day_of
from ..releases.status import (
    AppStatus,
    EnvironmentStatus,
    OperationSummary,
    ReleaseSummary,
    RollbackPreview,
    StatusReport,
)
from ..stack import flags
from ..stack.model import ENVIRONMENTS, App, EnvironmentName, Stack
from ..util.lazy import lazy_part
from . import app_health, jobs, key_grace_period, maintenance_state, redaction, schemas, services
from .observe import observe

if TYPE_CHECKING:
    from . import backup_ages, databases
else:
    backup_ages = lazy_part(".backup_ages", __package__)
    databases = lazy_part(".databases", __package__)

#: How many releases, and how many operations, of each environment the report lists.
RELEASES = 5
OPERATIONS = 5


def status(host: Host, stack: Stack, state: HostState | None = None) -> StatusReport:
    """Everything status.yml shows. Pass `state` to avoid observing the host again."""
    state = state or observe(host, stack)
    found = StatusReport(
        stack=stack.name,
        environments={name: _environment(host, stack, state, name) for name in ENVIRONMENTS},
        rollback=_rollback(host, stack, state),
        history=tuple(
            ReleaseSummary.of(entry)
            for environment in ENVIRONMENTS
            for entry in newest_first(state.entries, environment)[:RELEASES]
        ),
        due=tuple(secret_ages.due(stack.env_matrix, secret_ages.days(state.secret_record, state.now))),
        offline=str(state.secret_record.get("offline", "")),
        keys=key_grace_period.state(host, stack, state),
        flags=tuple(text for name in ENVIRONMENTS for text in _flags(host, stack, name)),
        addresses=tuple(text for name in ENVIRONMENTS for text in _addresses(stack, state, name)),
        maintenance=tuple(text for name in ENVIRONMENTS for text in maintenance_state.lines(host, stack, name)),
        damage=tuple(str(problem) for problem in _damage(host, stack, state)),
        notifications=tuple(host.notifier.troubles()),
        free_gb=round(state.free_bytes / 1e9, 1),
        floor_gb=stack.disk_floor_gb,
    )
    return redaction.redact_status(found, redaction.redactor(host, stack))


def _damage(host: Host, stack: Stack, state: HostState) -> list[Problem]:
    router = host.router.problem()
    disputes = [(name, text) for name in ENVIRONMENTS for text in state.disputes.get(name, ())]
    found = [Problem(text, name, hint("recover")) for name, text in disputes]
    return ([router] if router else []) + found + host.store.troubles(stack.name)


def _addresses(stack: Stack, state: HostState, name: EnvironmentName) -> list[str]:
    """What ends of the live release's addresses, or of the next one's where nothing is live."""
    entry = state.live_entry(name)
    return canonical.told(day_of(entry.release, stack) if entry else stack, state.now, name)


def _flags(host: Host, stack: Stack, environment: EnvironmentName) -> list[str]:
    try:
        return flags.lines(stack, environment, host.store.flags(stack, environment))
    except RefusedError as refused:
        return [f"{environment} flags: {problem}" for problem in refused.problems]


def _environment(host: Host, stack: Stack, state: HostState, name: EnvironmentName) -> EnvironmentStatus:
    holder = lock.holder(lock.lock_path(stack.name, name, host.paths.locks))
    unfinished = [] if holder else journal.unfinished(stack.name, name, host.paths.state)
    known = schemas.known(host, stack, name) if stack.migrations else {}
    backups = backup_ages.seen(host, stack, name) if stack.has_backups(name) else None
    common = EnvironmentStatus(
        ports=stack.environments[name].ports,
        network=host.store.networks().get(stack.name, {}).get(name, ""),
        apps=_apps(host, stack, state, name),
        services=_services(host, stack, name),
        jobs=_jobs(host, stack, state, name),
        service_changes=_service_changes(host, stack, name),
        databases=databases.statuses(host, stack, name) if stack.databases else {},
        backups=tuple(backups.lines) if backups else (),
        backup_troubles=tuple(it.sentence for it in backups.troubles) if backups else (),
        schemas={app: found.shown for app, found in known.items()},
        schema_troubles={app: found.sentence for app, found in known.items() if not found.is_settled},
        running_operation=holder,
        unfinished=tuple(record.path.rsplit("/", 1)[-1] for record in unfinished),
        operations=tuple(operations(host, stack, name, OPERATIONS)),
    )
    live, entry = state.live[name], state.live_entry(name)
    if live is None:
        return common
    common = dataclasses.replace(common, release=live.release, slot=live.slot)
    if entry is None:
        return common
    return dataclasses.replace(
        common,
        # The next release may have others; until then visitors come by these.
        ports=day_of(entry.release, stack).environments[name].ports,
        commit=entry.release.commit[:12],
        version=entry.release.version,
        since=entry.since,
        age_seconds=max(0.0, state.now - since) if (since := seconds_of(entry.since)) else 0.0,
        via=entry.via,
        moved_tags=tuple(
            f"{app}:{name} names {short_id(state.tags.get((app, name), ''))}, live is {short_id(image)}"
            for app, image in entry.release.images.items()
            if state.tags.get((app, name)) != image
        ),
    )


def _apps(host: Host, stack: Stack, state: HostState, environment: EnvironmentName) -> dict[str, AppStatus]:
    live, entry = state.live[environment], state.live_entry(environment)
    today = [app.name for app in stack.apps.values() if not app.is_job]
    if live is None or entry is None:
        return {app: AppStatus() for app in today}
    running = state.in_slot(environment, live.slot)
    # As the live release has them: the inventory may have renamed, moved or removed them since.
    day = day_of(entry.release, stack)
    mine = [app for app in day.apps.values() if app.name in entry.release.in_slot]
    answers = {
        app.name: app_health.ask_all(
            host,
            day,
            environment,
            live.slot,
            app,
            app_health.Seen(running, state.count_of(environment, app.name), state.port_of(environment, live.slot, app)),
        )
        for app in mine
    }
    by_app = {app.name: [container for container in running if container.app == app.name] for app in mine}
    found = {app.name: _app(app, entry.release, by_app[app.name], answers[app.name]) for app in mine}
    held = in_force(state.scales.get(environment, {}), stack)
    found = {
        name: dataclasses.replace(one, scaled=held[name].sentence) if name in held else one
        for name, one in found.items()
    }
    return {name: found.get(name, AppStatus()) for name in dict.fromkeys((*today, *found))}


def _jobs(host: Host, stack: Stack, state: HostState, environment: EnvironmentName) -> dict[str, JobStatus]:
    entry = state.live_entry(environment)
    if entry is None:
        return {}
    mine = jobs_of(day_of(entry.release, stack), environment, entry.release.services)
    return jobs.listing(host, stack, environment, mine)


def _services(host: Host, stack: Stack, environment: EnvironmentName) -> dict[str, AppStatus]:
    if not stack.services_in(environment):
        return {}
    return {
        name: AppStatus(
            state=container.state if container else "missing",
            healthy=services.is_healthy(answer),
            cause="" if services.is_healthy(answer) or container is None else str(answer),
            image=short_id(container.image) if container else "",
            restarts=container.restarts if container else 0,
        )
        for name, (container, answer) in services.answers(host, stack, environment).items()
    }


def _service_changes(host: Host, stack: Stack, environment: EnvironmentName) -> tuple[str, ...]:
    if not stack.services:
        return ()
    try:
        changes = services.Services(host, stack, environment, journal.Journal(None, host.clock)).changes()
    except RefusedError as refused:
        return tuple(str(problem) for problem in refused.problems)
    return tuple(change.sentence for change in changes)


def _app(app: App, release: Release, containers: list[Container], answers: app_health.Answers) -> AppStatus:
    there = {container.replica: container for container in containers}
    well = [n for n, answer in answers.items() if n in there and app.accepts(answer.status) and _runs(there[n])]
    healthy, answer = len(well) == len(answers), app_health.worst(app, answers)
    # Of several the state is that of one that is not well.
    sick = next((number for number in answers if number not in well), 1)
    container = there.get(sick)
    return AppStatus(
        state=container.state if container else "missing",
        healthy=healthy,
        cause="" if healthy or str(answer) in ("no container", container and container.state) else str(answer),
        image=short_id(release.images[app.name]),
        commit=release.commits.get(app.name, release.commit)[:12],
        restarts=sum(one.restarts for one in containers),
        image_of=app.image_of,
        replicas=len(answers),
        healthy_replicas=len(well),
    )


def _runs(container: Container) -> bool:
    return container.state == "running"


def operations(host: Host, stack: Stack, environment: EnvironmentName, newest: int) -> list[OperationSummary]:
    """The newest operations of an environment, newest first.

    Of several that were refused one after the other, none of which did anything, the last is told.
    One without an end is running if its process holds the lock; otherwise it was interrupted.
    """
    holder = lock.holder(lock.lock_path(stack.name, environment, host.paths.locks))
    found: list[OperationSummary] = []
    # More than are wanted: slips of the pen come in rows, and would leave no room for what was done.
    for header, end in journal.glances(stack.name, environment, host.paths.state, 3 * newest):
        if end and end.get("outcome") == "refused" and found and found[-1].outcome == "refused":
            continue
        begun = _number(header.get("at"))
        outcome = "running" if holder and holder.pid == header.get("pid") else "interrupted"
        found.append(
            OperationSummary(
                operation=str(header.get("operation", "")),
                environment=environment,
                at=begun,
                seconds=max(0.0, round(_number(end.get("at", begun)) - begun, 1)) if end else None,
                person=str(header.get("person", "")),
                reason=str(header.get("reason", "")),
                outcome=str(end.get("outcome", "")) if end else outcome,
                message=str(end.get("message", "")) if end else "",
                release=str(end.get("release", "")) if end else "",
            )
        )
    return found[:newest]


def _number(found: object) -> float:
    return float(found) if isinstance(found, (int, float)) else 0.0


def value_of_that_day(there: bool) -> str:
    return "restored to the value of that release" if there else "removed, that release did not have it"


def _rollback(host: Host, stack: Stack, state: HostState) -> RollbackPreview:
    """What `rollback.yml` would do now: the release and the changes, or why it cannot."""
    try:
        target = choose(stack, state, Request("rollback", "production"))
    except NothingToDoError as nothing:
        return RollbackPreview(possible=True, text=str(nothing))
    except RefusedError as refused:
        return RollbackPreview(possible=False, text="; ".join(str(problem) for problem in refused.problems))
    live = state.live_entry("production")
    old = live.release if live else target.release
    changes = [
        f"{app}: image {short_id(old.images.get(app, ''))} -> {short_id(image)}"
        for app, image in target.release.images.items()
        if old.images.get(app) != image
    ]
    changes += [f"{app}: removed" for app in old.images if app not in target.release.images]
    then = {
        k: v for data in host.store.release_env(stack, target.release.id).values() for k, v in parse_env(data).items()
    }
    now = {k: v for data in state.env_of("production").values() for k, v in parse_env(data).items()}
    changes += [
        f"{key}: " + ("keeps today's value (secret)" if key in stack.secrets else value_of_that_day(key in then))
        for key in sorted(then.keys() | now.keys())
        if then.get(key) != now.get(key) and not (key in stack.secrets and key not in then)
    ]
    if not is_same_content(old.routes, target.release.routes):
        changes.append("routes of the edge: restored to those of that release")
    ways = schemas.ways(host, stack, target)
    changes += [f"{row['gate']}: {row['evidence']}" for row in schemas.gates(ways)]
    in_the_way = schemas.refused(host, stack, state, ways, target)
    return RollbackPreview(
        possible=not in_the_way,
        to=target.release.id,
        commit=target.release.commit[:12],
        changes=tuple(changes),
        text="; ".join(problem.fix for problem in in_the_way),
    )
