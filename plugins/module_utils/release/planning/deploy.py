# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy releases: the source it builds from, and the plan that brings it live."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import NothingToDoError
from ..releases.host_state import HostState
from ..releases.plan import Plan, moves
from ..releases.request import Request
from ..stack.model import Stack
from .promote import AppVersions, compose_release, plan_new

#: Names beside the source that belong to the platform; a repository that tracks one of them cannot be checked out.
RESERVED = (
    "config",
    "docker-compose.yml",
    "nginx",
    "releases",
    "scripts/deploy-staging.sh",
    "scripts/promote-production.sh",
    "scripts/rollback-production.sh",
)


#: Digits of the commit in `<app>:<commit>`.
COMMIT_DIGITS = 12


@dataclass(frozen=True)
class Source:
    """A commit that can be built: for each app the fingerprint of its folder and build settings."""

    commit: str
    version: str
    sources: dict[str, str]


def leaves_out(ignored: str | None, folder: str) -> bool:
    """Whether a .dockerignore excludes a folder from the build; the last matching line counts."""
    left_out = False
    for line in (ignored or "").splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        takes_back, pattern = pattern.startswith("!"), pattern.lstrip("!").strip().strip("/")
        if takes_back and (pattern == folder or pattern.startswith((f"{folder}/", "*"))):
            left_out = False
        elif not takes_back and pattern in (folder, f"{folder}/**", f"{folder}/*", f"**/{folder}", "*", "**"):
            left_out = True
    return left_out


def _tags(commit: str, settings: str) -> Iterator[str]:
    yield commit
    yield f"{commit}-{settings}"
    for number in itertools.count(2):
        yield f"{commit}-{settings}-{number}"


def plan_deploy(stack: Stack, state: HostState, request: Request, source: Source, images: dict[str, str]) -> Plan:
    """Raises NothingToDoError if exactly this is live already."""
    release = compose_release(
        stack,
        state,
        request,
        AppVersions(images, dict.fromkeys(images, source.commit), source.sources),
        commit=source.commit,
        version=source.version,
    )
    live = state.live_entry(request.environment)
    if live and live.release.content() == release.content() and state.is_intact(request.environment):
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
