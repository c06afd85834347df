# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning a rollback: production returns to a good release as a whole. No network, no build, no git."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..env.env_file import format_env, parse_env
from ..env.secret_ages import content_fingerprint
from ..errors import NothingToDoError, Problem, RefusedError
from ..hints import hint, next_release, option
from ..paths import env_of, releases_of
from ..releases.compose import LABEL
from ..releases.history import GOOD, find, newest_first, rollback_target
from ..releases.host_state import HostState
from ..releases.plan import Plan, StartMode, TagMove, moves
from ..releases.release import Entry, Live, ReleaseStatus
from ..releases.replicas import counts
from ..releases.request import Request
from ..releases.slot import Place, planned_slot, stack_of
from ..stack.model import EnvironmentName, Slot, Stack
from .preflight import PROVISION, check_apps, check_ports, selected
from .promote import compose_release, is_same, plan_new, versions_of


def choose(stack: Stack, state: HostState, request: Request) -> Entry:
    """The release a rollback goes to. Raises RefusedError or NothingToDoError."""
    environment = request.environment
    # The release that is live may be one whose own record cannot be read.
    live, entry = state.live.get(environment), state.live_entry(environment)
    problems = check_apps(stack, request)
    where = f"stack {stack.name}, {environment}"
    if live is None:
        first = next_release(environment, {name: bool(there) for name, there in state.live.items()})
        problems.append(Problem("nothing is live, so there is nothing to roll back", where, hint(first)))
        raise RefusedError(problems)
    if request.release:
        target = find(newest_first(state.entries, environment), request.release)
        if target is None:
            known = ", ".join(e.release.id for e in newest_first(state.entries, environment)[:5])
            problems.append(
                Problem(f"release {request.release!r} is not in the history", where, f"choose one of: {known}")
            )
        elif target.status not in (*GOOD, "rolled_back"):
            problems.append(
                Problem(
                    f"release {request.release} was never live: {target.status}",
                    where,
                    f"choose another: {hint('status')} lists them",
                )
            )
        if problems or target is None:
            raise RefusedError(problems)
        if target.release.id == live.release and request.database != "downgrade":
            raise NothingToDoError(f"{environment} already runs {live.release}")
    else:
        if entry is not None and entry.via == "rollback" and not problems:
            raise NothingToDoError(
                f"{environment} was already rolled back to {live.release}; a second rollback changes nothing. "
                f"To go to another release: {hint('rollback', release='<id>')} ({hint('status')} lists them)"
            )
        # Prefer one whose images all exist; if there is none, the refusal below names what the latest lacks.
        target = rollback_target(state.entries, environment, live.release, state.images) or rollback_target(
            state.entries, environment, live.release
        )
        if target is None:
            problems.append(
                Problem(
                    "there is no good release to roll back to",
                    where,
                    "the first rollback is possible after the second promote",
                )
            )
            raise RefusedError(problems)
    problems += [
        Problem(
            f"image {image.removeprefix('sha256:')[:12]} of app {app} is missing",
            f"release {target.release.id}",
            f"{hint('deploy_staging', version=target.release.commit[:12])}, then {hint('promote')}",
        )
        for app, image in target.release.images.items()
        if image not in state.images
    ]
    if problems:
        raise RefusedError(problems)
    return target


def mended_env(state: HostState, target: Entry, then: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """The release's own env files, with today's in place of those that are missing or damaged, and the names of these.
    A rollback is what is left when other things are wrong: it does not wait for a file to be mended."""
    today = state.env_of(target.release.environment)
    lost = []
    for name, recorded in target.release.env.items():
        data = then.get(name)
        meant = data == b"" and content_fingerprint(state.secret_record, name, b"") == recorded
        if (data is None or b"\0" in data or not data) and not meant and today.get(name):
            lost.append(name)
    return {**then, **{name: today[name] for name in lost}}, lost


def rollback_env(
    stack: Stack, state: HostState, target: Entry, then: dict[str, bytes], secrets: str
) -> dict[str, bytes]:
    """The release's own config values with today's secrets. A secret that is missing today keeps its old value."""
    if secrets == "release":
        return then
    # All layers together: a secret may have moved from one to another since.
    new: dict[str, str] = {}
    for layer, data in state.env_of(target.release.environment).items():
        new.update(parse_env(_text(data, f"{env_of(stack.name)}/{layer}")))
    result = {}
    for layer, data in then.items():
        old = parse_env(_text(data, f"{releases_of(stack.name)}/{target.release.id}/env/{layer}"))
        changed = {key: new[key] for key in stack.secrets if key in old and key in new and new[key] != old[key]}
        result[layer] = format_env({**old, **changed}).encode() if changed else data
    return result


def _text(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fix = f"{PROVISION}, or use that day's secrets: {option('secrets', 'release')}"
        raise RefusedError(
            [Problem(f"line {line} is not UTF-8, so today's secrets are not known", where, fix)]
        ) from None


def plan_rollback(
    stack: Stack, state: HostState, request: Request, target: Entry, then: dict[str, bytes], home: str
) -> tuple[Plan, dict[str, bytes]]:
    """The plan and the env files it runs with. `then` are the target's files, `home` is the idle slot's directory.

    Raises RefusedError or NothingToDoError.
    """
    environment = request.environment
    env = rollback_env(stack, state, target, then, request.secrets)
    if request.apps:
        return _plan_some(stack, state, request, target), state.env_of(environment)
    was = state.live[environment]
    if was and was.release == target.release.id:
        # It runs, and only its database goes back: a release that migrated has failed since.
        return _plan_staying(stack, state, request, target, was), env
    slot = state.idle_slot(environment)
    if problems := check_ports(stack, target.release, slot, state):
        raise RefusedError(problems)
    day = stack_of(target.release, stack)
    many = counts(day, target.release.services, stack, state.scales.get(environment, {}))
    planned = planned_slot(stack, target.release, Place(slot, home, many), env, state.keys)
    after = _after(state, environment, target, was)
    tags = [
        *moves(target.release.images, environment, state.tags),
        *(_rollback_tags(state, after) if environment == "production" else []),
    ]
    statuses: dict[str, ReleaseStatus] = {target.release.id: "live"}
    if was:
        statuses[was.release] = "rolled_back" if was.release > target.release.id else "previous"
    plan = Plan(
        operation=request.operation,
        stack=stack.name,
        environment=environment,
        release=target.release,
        is_new=False,
        slot=slot,
        was=was,
        start=_start_mode(state, target, slot, planned),
        tags=tuple(tags),
        statuses=statuses,
        failed_status=target.status,
        watch_seconds=stack.watch_seconds if request.watch_seconds is None else request.watch_seconds,
        warm_seconds=stack.warm_seconds if request.warm_seconds is None else request.warm_seconds,
        reached={app: str(at) for app, at in state.reached(environment).items()},
        replicas=many,
    )
    return plan, env


def _plan_staying(stack: Stack, state: HostState, request: Request, target: Entry, was: Live) -> Plan:
    return Plan(
        operation=request.operation,
        stack=stack.name,
        environment=request.environment,
        release=target.release,
        is_new=False,
        slot=was.slot,
        was=was,
        start="running",
        failed_status=target.status,
        reached={app: str(at) for app, at in state.reached(request.environment).items()},
        replicas=dict(state.replicas.get(request.environment, {})),
    )


def _after(state: HostState, environment: EnvironmentName, target: Entry, was: Live | None) -> Entry | None:
    """Where the next rollback would go: to the live release if it stays good, otherwise to the one before it."""
    before = find(state.entries, was.release) if was and was.release < target.release.id else None
    if before and state.images.issuperset(before.release.images.values()):
        return before
    others = [entry for entry in state.entries if was is None or entry.release.id != was.release]
    return rollback_target(others, environment, target.release.id, state.images)


def _start_mode(state: HostState, target: Entry, slot: Slot, planned: Mapping[str, Any]) -> StartMode:
    """Kept containers are reused only if each was created from exactly what it would be created from now."""
    wanted = {
        name: service
        for name, service in planned["services"].items()
        if service["labels"][f"{LABEL}.app"] in target.release.in_slot
    }
    kept = {c.unit: c for c in state.in_slot(target.release.environment, slot) if c.release == target.release.id}
    same = kept.keys() == wanted.keys() and all(
        kept[name].created_from == service["labels"][f"{LABEL}.created-from"] for name, service in wanted.items()
    )
    if not same:
        return "create"
    return "running" if all(c.state == "running" for c in kept.values()) else "start"


def _rollback_tags(state: HostState, after: Entry | None) -> list[TagMove]:
    """:rollback names what the next rollback would bring back; the tag is removed if there is nothing."""
    images = after.release.images if after else {}
    gone = [
        TagMove(app, tag, "", image)
        for (app, tag), image in state.tags.items()
        if tag == "rollback" and app not in images
    ]
    return moves(images, "rollback", state.tags) + gone


def _plan_some(stack: Stack, state: HostState, request: Request, target: Entry) -> Plan:
    """Some apps only: a new release that combines their old images with the live ones of the others."""
    old = target.release
    names = [name for name in selected(stack, request) if name in old.images]
    release = compose_release(
        stack,
        state,
        request,
        versions_of(old, names),
        commit=old.commit,
        version=old.version,
        promoted_from=old.promoted_from,
    )
    release = dataclasses.replace(release, operation="rollback")
    live = state.live_entry(request.environment)
    if live and is_same(live.release, release, state):
        raise NothingToDoError("these apps already run the images of that release")
    tags = moves(release.images, request.environment, state.tags)
    return plan_new(stack, state, request, release, tuple(tags), old_status="rolled_back")
