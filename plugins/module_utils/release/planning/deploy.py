# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy releases: the source it builds from, and the plan that brings it live."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..errors import NothingToDoError, Problem
from ..releases.host_state import HostState
from ..releases.plan import Plan, moves
from ..releases.release import Entry
from ..releases.request import Request
from ..stack.image_source import ImageSource
from ..stack.model import BUILD_KEYS, Stack
from .gates import changed_settings, short_id
from .promote import AppVersions, compose_release, is_same, plan_new

#: What the platform keeps in the stack's directory. A checkout there cannot show a commit that has one of these names.
OWN_NAMES = ("config", "docker-compose.yml", "nginx", "releases", "scripts")

#: Digits of the commit in `<app>:<commit>`.
COMMIT_DIGITS = 12

#: The keys of an app that decide how it is built.
_BUILD_SETTINGS = (*BUILD_KEYS, "image_of")


@dataclass(frozen=True)
class Source:
    """A commit that can be built: for each image the fingerprint of its folder and build settings."""

    commit: str
    version: str
    sources: dict[str, str]
    images: dict[str, ImageSource]
    #: Images of the history that are known to be of these sources, by app, whatever their label says.
    built: dict[str, str] = field(default_factory=dict)
    #: What of it is told, and stops nothing.
    told: list[str] = field(default_factory=list)
    #: Patterns of what each app's build does not see.
    ignores: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Fingerprints of the files of error pages, by name.
    pages: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceEntry:
    """What a commit has at a path: a folder (`tree`), a file (`blob`), a `link`, or another repository's commit. The
    same number means the same content."""

    kind: str
    number: str


def names_of(version: str) -> tuple[str, ...]:
    """What a version may stand for in the repository: a branch, a tag, or a commit by its number or the beginning of
    it. A full name and a full number are never anything else."""
    if version.startswith("refs/") or re.fullmatch(r"[0-9a-f]{40}", version):
        return (version,)
    short = (version,) if re.fullmatch(r"[0-9a-f]{7,39}", version) else ()
    return (f"refs/heads/{version}", f"refs/tags/{version}", *short)


def choose(version: str, found: Mapping[str, str]) -> tuple[str, Problem | None]:
    """The commit that a version means among those that its names were found to mean; or what is wrong with it."""
    commits = set(found.values())
    if len(commits) == 1:
        return commits.pop(), None
    if not commits:
        what = f"version {version!r} is not a branch, tag or commit of the repository"
        return "", Problem(what, "version", "push it, or name another one")
    known = ", ".join(f"{name} ({commit[:COMMIT_DIGITS]})" for name, commit in found.items())
    return "", Problem(f"version {version!r} is ambiguous: {known}", "version", f"name one of them: {', '.join(found)}")


def _tags(commit: str, settings: str) -> Iterator[str]:
    yield commit
    yield f"{commit}-{settings}"
    for number in itertools.count(2):
        yield f"{commit}-{settings}-{number}"


def preview(stack: Stack, state: HostState, request: Request, source: Source, known: Mapping[str, str]) -> list[str]:
    """What a deploy would do with each app, and why. `known` are the images that exist already."""
    live = state.live_entry(request.environment)
    today = stack.to_mapping(with_env=False)["apps"]
    lines = []
    texts: dict[str, str] = {}
    for name, fingerprint in source.sources.items():
        if name not in known:
            text = f"would be built: {_why_built(stack, live, request, name, fingerprint)}"
        elif live and live.release.images.get(name) == known[name]:
            text = f"image {short_id(known[name])} is live already"
        else:
            text = f"image {short_id(known[name])} of the same source is used again"
        texts[name] = text
    for name, builder in stack.for_each({name: name for name in texts}).items():
        tried = live.release.definition.get("apps", {}).get(name, {}) if live else {}
        settings = changed_settings(tried, today[name]) if tried else []
        text = texts[name] if name == builder else f"runs the image of {builder}"
        lines.append(f"{name}: {text}" + (f"; settings changed: {', '.join(settings)}" if settings else ""))
    return lines


def _why_built(stack: Stack, live: Entry | None, request: Request, name: str, fingerprint: str) -> str:
    if request.rebuild:
        return "rebuild was asked for"
    if live is None or name not in live.release.images:
        return f"{request.environment} has no release with it yet"
    if live.release.sources.get(name) == fingerprint:
        return "its image is no longer on the host"
    then, now = live.release.definition.get("apps", {}).get(name, {}), stack.to_mapping(with_env=False)["apps"][name]
    keys = [key for key in _BUILD_SETTINGS if key in then and then[key] != now.get(key)]
    keys += ["build_arguments of all apps"] * (
        live.release.definition.get("build_arguments", {}) != stack.build_arguments
    )
    return "changed build settings: " + ", ".join(keys) if keys else f"its source {now['context']} has changed"


def plan_deploy(stack: Stack, state: HostState, request: Request, source: Source, images: dict[str, str]) -> Plan:
    """`images` are by the apps that they are built for. Raises NothingToDoError if exactly this is live already."""
    mine = stack.for_each(images)
    release = compose_release(
        stack,
        state,
        request,
        AppVersions(mine, dict.fromkeys(mine, source.commit), stack.for_each(source.sources), source.pages),
        commit=source.commit,
        version=source.version,
    )
    live = state.live_entry(request.environment)
    if live and is_same(live.release, release, state) and state.is_intact(request.environment):
        raise NothingToDoError(
            f"{request.environment} already runs {live.release.id}, with the same images, configuration and keys"
        )
    return plan_new(
        stack,
        state,
        request,
        release,
        tuple(moves(release.images, request.environment, state.tags)),
        old_status="previous",
    )
