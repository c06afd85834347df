# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning a promote: production gets the very images that staging runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..env import secret_ages
from ..env.env_file import as_recorded, fingerprint
from ..errors import NothingToDoError, Problem, RefusedError
from ..hints import hint
from ..releases import compose
from ..releases.history import rollback_target
from ..releases.host_state import HostState
from ..releases.limits import Limits
from ..releases.plan import Plan, TagMove, moves
from ..releases.release import Release, ReleaseStatus, release_id
from ..releases.replicas import counts
from ..releases.request import Request
from ..releases.slot import stack_of
from ..stack.checks import address_problems
from ..stack.error_pages import files
from ..stack.model import Stack
from .preflight import check_apps, check_config, check_images, check_ports, selected


def plan_promote(stack: Stack, state: HostState, request: Request, *, is_behind: bool = False) -> Plan:
    """Raises RefusedError with all problems, or NothingToDoError if this is live already. `is_behind` says that a
    database has gone back from what the live release needs."""
    problems = check_apps(stack, request) + check_config(stack, state, "production")
    source, live = state.live_entry("staging"), state.live_entry("production")
    if source is None:
        problems.append(Problem("nothing is live in staging", f"stack {stack.name}", hint("deploy_staging")))
    else:
        problems += check_pages(stack, source.release)
    if source is not None and live is None and request.apps:
        problems.append(Problem("the first promote must include every app", "apps", "leave `apps` out"))
    if problems or source is None:
        raise RefusedError(problems)
    names = [name for name in selected(stack, request) if name in source.release.images]
    release = compose_release(
        stack,
        state,
        request,
        versions_of(source.release, names),
        commit=source.release.commit,
        version=source.release.version,
        promoted_from=source.release.id,
    )
    if live and not is_behind and is_same(live.release, release, state) and state.is_intact("production"):
        raise NothingToDoError(
            f"production already runs {live.release.id}, with the same images, configuration and keys"
        )
    # What a rollback would bring after this: the live release, or, where its record cannot be read, the one before.
    was = state.live["production"]
    good = live or (rollback_target(state.entries, "production", was.release, state.images) if was else None)
    back = moves(good.release.images if good else {}, "rollback", state.tags)
    tags = back + moves(release.images, "production", state.tags)
    return plan_new(stack, state, request, release, tuple(tags), old_status="previous")


def check_pages(stack: Stack, source: Release) -> list[Problem]:
    """A promote takes the error pages that staging has: those that were tried there."""
    lost = ", ".join(name for name in files(stack.error_pages) if name not in source.pages)
    what = f"has no {lost}, which `error_pages` names since"
    return [Problem(what, f"release {source.id}", hint("deploy_staging"))] if lost else []


def is_same(known: Release, new: Release, state: HostState) -> bool:
    """Whether users could not tell a release of the history from a new one. An earlier engine recorded shorter
    fingerprints, and those of env files without a salt."""
    env = dict(new.env)
    for layer, data in state.env_of(new.environment).items():
        if as_recorded(known.env.get(layer, ""), fingerprint(data)) == known.env.get(layer):
            env[layer] = known.env[layer]
    keys = {name: as_recorded(known.keys.get(name, ""), found) for name, found in new.keys.items()}
    routes = as_recorded(known.routes, new.routes)
    return known.content() == replace(new, env=env, keys=keys, routes=routes).content()


@dataclass(frozen=True)
class AppVersions:
    """For each app that a release changes: its image, and the commit and the source that it was built from."""

    images: dict[str, str]
    commits: dict[str, str]
    sources: dict[str, str]
    #: Fingerprints of the files of error pages.
    pages: Mapping[str, str] = field(default_factory=dict)
    #: The services that these images were tried as in staging; none for images that are to be tried now.
    tried: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def limits_of(self, name: str, state: HostState) -> Limits:
        """The default limits of an app."""
        limits = Limits.of_host(state.memory_bytes)
        return limits.tried_by(self.tried[name]) if name in self.tried else limits


def versions_of(release: Release, names: list[str]) -> AppVersions:
    """These apps as an earlier release has them."""
    return AppVersions(
        images={name: release.images[name] for name in names},
        commits={name: release.commits.get(name, release.commit) for name in names},
        sources={name: release.sources.get(name, "") for name in names},
        pages=release.pages,
        tried={name: release.services[name] for name in names},
    )


def compose_release(
    stack: Stack,
    state: HostState,
    request: Request,
    given: AppVersions,
    *,
    commit: str,
    version: str,
    promoted_from: str = "",
) -> Release:
    """A new release: the given apps as given, every other app as it is live in the environment now. Raises RefusedError
    if apps of one image would have two."""
    environment, images = request.environment, given.images
    live = state.live_entry(environment)
    kept = live.release if live else None
    names = [name for name in stack.apps if name in images or (kept and name in kept.images)]
    services = {
        name: compose.service(stack, stack.apps[name], environment, images[name], given.limits_of(name, state))
        if name in images or kept is None
        else kept.services[name]
        for name in names
    }
    moment = datetime.datetime.fromtimestamp(state.now, datetime.timezone.utc)
    identifier = release_id(moment, environment, commit, state.known_releases())

    def old(field: str) -> dict[str, str]:
        return getattr(kept, field) if kept else {}

    release = Release(
        id=identifier,
        stack=stack.name,
        environment=environment,
        commit=commit,
        version=version,
        created=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        person=request.person,
        reason=request.reason,
        operation=request.operation,
        services=services,
        images={name: images.get(name) or old("images")[name] for name in names},
        commits={name: given.commits.get(name) or old("commits").get(name, "") for name in names},
        sources={name: given.sources.get(name) or old("sources").get(name, "") for name in names},
        definition=_definition(stack, images, kept),
        env={
            layer: secret_ages.content_fingerprint(state.secret_record, layer, data)
            for layer, data in state.env_of(environment).items()
        },
        keys=compose.pair(state.keys),
        routes=fingerprint(state.routes.get(environment) or b""),
        promoted_from=promoted_from,
        skipped_gates=request.skip_gates,
        pages={name: given.pages[name] for name in files(stack.error_pages) if name in given.pages},
    )
    if problems := check_images(release):
        raise RefusedError(problems)
    return release


def _definition(stack: Stack, images: Mapping[str, str], kept: Release | None) -> dict[str, Any]:
    """Today's definition, except that unchanged apps keep the one that their containers were made from."""
    definition = stack.to_mapping(with_env=False)
    old = kept.definition.get("apps", {}) if kept else {}
    for name, app in definition["apps"].items():
        if name not in images and name in old:
            after = [other for other in old[name].get("after", []) if other in definition["apps"]]
            definition["apps"][name] = {**old[name], "after": after} if "after" in old[name] else old[name]
            # Its container is a new one all the same, in ports that the inventory keeps free for it.
            for key in ("loopback_port", "replace"):
                if key in app:
                    definition["apps"][name] = {**definition["apps"][name], key: app[key]}
            # As many as the stack has today; one is not written down.
            others = {key: value for key, value in definition["apps"][name].items() if key != "replicas"}
            definition["apps"][name] = others | ({"replicas": app["replicas"]} if "replicas" in app else {})
    return definition


def plan_new(
    stack: Stack,
    state: HostState,
    request: Request,
    release: Release,
    tags: tuple[TagMove, ...],
    old_status: ReleaseStatus,
) -> Plan:
    """The plan for a release that is not in the history yet: into the idle slot, the live one becomes `old_status`."""
    was = state.live[request.environment]
    slot = state.idle_slot(request.environment)
    many = counts(stack_of(release, stack), release.services, stack, state.scales.get(request.environment, {}))
    problems = check_ports(stack, release, slot, state)
    if many:
        containers = {name: many.get(name, 1) for name in release.services}
        problems += address_problems(stack, f"stack {stack.name}", containers)
    if problems:
        raise RefusedError(problems)
    statuses: dict[str, ReleaseStatus] = {release.id: "live"}
    if was:
        statuses[was.release] = old_status
    return Plan(
        operation=request.operation,
        stack=stack.name,
        environment=request.environment,
        release=release,
        is_new=True,
        slot=slot,
        was=was,
        start="create",
        tags=tags,
        statuses=statuses,
        watch_seconds=stack.watch_seconds if request.watch_seconds is None else request.watch_seconds,
        warm_seconds=stack.warm_seconds if request.warm_seconds is None else request.warm_seconds,
        reached={app: str(at) for app, at in state.reached(request.environment).items()},
        replicas=many,
        keeps_schema=request.keep_schema,
    )
