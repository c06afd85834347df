# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning what to remove from the disk, from what was observed. Pure: nothing here touches the host.

Two questions, kept apart. What may be removed: everything of ours that nothing needs (`candidates`). What has to be
removed: the least of it that brings the free space up to its floor (`plan`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Problem, RefusedError
from ..releases.compose import LABEL
from ..releases.history import GOOD, KEPT_RELEASES, kept, newest_first, when
from ..releases.release import PARTIAL, Entry
from ..stack.model import ENVIRONMENTS, SLOTS, EnvironmentName
from ..util.fields import Fields

#: A tag that a build gave: <commit>, <commit>-<settings>, <commit>-<settings>-<n>. Any other was given on purpose.
BUILD_TAG = re.compile(r"[0-9a-f]{12}(-[0-9a-f]{6}(-[0-9]+)?)?")

#: What Compose notes on a network: the project, and its name in the Compose file.
PROJECT, KEY = "com.docker.compose.project", "com.docker.compose.network"

#: Docker writes a little when it removes something. Below this much free space, start with what needs none.
BALLAST_BYTES = 64_000_000

IMAGE, CACHE, CONTAINER, RELEASE, JOURNAL, VOLUME, PACKAGES, LOGS, NETWORK, KEPT_LOG = KINDS = (
    "image",
    "build cache",
    "container",
    "release directory",
    "journal",
    "volume",
    "package cache",
    "system log",
    "network",
    "kept log",
)

#: What is removed by the host's own programs or by unlinking, without Docker.
WITHOUT_DOCKER = (PACKAGES, LOGS, RELEASE, JOURNAL, KEPT_LOG)


@dataclass(frozen=True)
class Settings:
    """The free-space floor, and how much history is always kept."""

    free_gb: float = 20.0
    #: Per cent of the file system; the higher of both floors counts.
    free_percent: float = 0.0
    #: Release directories of each environment, journals of each stack.
    keep_releases: int = 50
    keep_journals: int = 500
    build_cache_gb: float = 5.0
    journal_mb: int = 200

    def floor(self, total: int) -> int:
        return int(max(self.free_gb * 1e9, total * self.free_percent / 100))


def read_settings(data: Any, given: Mapping[str, float | int | None], where: str) -> Settings:
    """The provisioned settings, overridden by what was asked for now. Raises RefusedError."""
    problems: list[Problem] = []
    usual = Settings()
    fields = Fields({**data, **{key: value for key, value in given.items() if value is not None}}, where, problems)
    settings = Settings(
        free_gb=fields.number("free_gb", usual.free_gb, 0, 100000),
        free_percent=fields.number("free_percent", usual.free_percent, 0, 95),
        keep_releases=fields.integer("keep_releases", usual.keep_releases, 2, 100000),
        keep_journals=fields.integer("keep_journals", usual.keep_journals, 20, 1000000),
        build_cache_gb=fields.number("build_cache_gb", usual.build_cache_gb, 0, 100000),
        journal_mb=fields.integer("journal_mb", usual.journal_mb, 8, 1000000),
    )
    fields.no_others()
    if problems:
        raise RefusedError(problems)
    return settings


@dataclass(frozen=True)
class ImageUsage:
    """An image on the host. `bytes` is what only this image takes, without shared layers."""

    id: str
    names: tuple[str, ...]
    labels: Mapping[str, str]
    bytes: int
    created: float = 0.0


@dataclass(frozen=True)
class ContainerUsage:
    """A container on the host, ours or not."""

    id: str
    name: str
    image: str
    labels: Mapping[str, str]
    is_running: bool
    bytes: int = 0
    networks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class DiskItem:
    """Any other item that takes up space and has a name."""

    name: str
    bytes: int


@dataclass(frozen=True)
class StackUsage:
    """What the history of one stack needs."""

    name: str
    entries: Sequence[Entry]
    #: The live release, by environment; empty for none.
    live: Mapping[EnvironmentName, str]
    #: Releases and images that an interrupted operation needs to be completed or reverted.
    unfinished: frozenset[str] = frozenset()
    needed_images: frozenset[str] = frozenset()
    #: Release directories by id, finished journals by path, oldest first.
    directories: Sequence[DiskItem] = ()
    journals: Sequence[DiskItem] = ()

    @property
    def is_complete(self) -> bool:
        """False if the history lacks the live release, and so cannot be trusted to name everything that is needed."""
        known = {entry.release.id for entry in self.entries}
        return all(release in known for release in self.live.values() if release)

    def protected_releases(self) -> set[str]:
        """Live and interrupted releases, the last good production releases, and staging's rollback target."""
        found = {release for release in self.live.values() if release} | set(self.unfinished)
        for environment in ENVIRONMENTS:
            found |= {e.release.id for e in kept(self.entries, environment, self.live.get(environment, ""))}
        good = [entry for entry in newest_first(self.entries, "production") if entry.status in GOOD]
        good.sort(key=when, reverse=True)
        return found | {entry.release.id for entry in good[:KEPT_RELEASES]}

    def protected_images(self) -> set[str]:
        """Images of the protected releases, except staging's rollback target: its containers keep those as long as they
        exist, and a build can recreate them."""
        releases = self.protected_releases()
        staging = self.live.get("staging", "")
        return set(self.needed_images) | {
            image
            for entry in self.entries
            if entry.release.id in releases
            and (entry.release.environment != "staging" or entry.release.id in {staging, *self.unfinished})
            for image in entry.release.images.values()
        }


@dataclass(frozen=True)
class HostUsage:
    """Everything on one host that a cleanup considers."""

    total: int
    free: int
    images: Sequence[ImageUsage] = ()
    containers: Sequence[ContainerUsage] = ()
    stacks: Sequence[StackUsage] = ()
    #: Volumes that no container uses, that carry our labels and are declared disposable.
    volumes: Sequence[DiskItem] = ()
    #: Networks of Docker, by name, with their labels.
    networks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    build_cache: int = 0
    package_cache: int = 0
    system_log: int = 0
    #: Logs of containers that are gone and of builds, by path, oldest first.
    kept_logs: Sequence[DiskItem] = ()


@dataclass(frozen=True)
class Removal:
    """One item to remove. `names` are what it is removed by; an image loses each of its names."""

    kind: str
    names: tuple[str, ...]
    bytes: int
    why: str
    #: Containers that have to be removed first.
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        much = "" if self.kind == NETWORK else f"{size(self.bytes)}, "
        return f"{self.kind} {', '.join(self.names)}: {much}{self.why}"


@dataclass(frozen=True)
class CleanupPlan:
    """What to remove, in this order, and how much space is still missing."""

    floor: int
    free: int
    removals: tuple[Removal, ...] = ()
    #: Beyond the number to keep, or holding addresses for nobody: removed whatever the free space is; not part of the
    #: minimum.
    trimmed: tuple[Removal, ...] = field(default=())

    @property
    def missing(self) -> int:
        return max(0, self.floor - self.free)


def plan(usage: HostUsage, settings: Settings, keep_images: Collection[str] = ()) -> CleanupPlan:
    """The least that brings the free space up to its floor, cheapest first."""
    floor = settings.floor(usage.total)
    trimmed = (*_beyond_number(usage.stacks, settings), *_unused_networks(usage))
    missing = max(0, floor - usage.free - sum(item.bytes for item in trimmed))
    ordered = candidates(usage, settings, keep_images)
    if usage.free < BALLAST_BYTES:
        ordered.sort(key=lambda item: item.kind not in WITHOUT_DOCKER)
    return CleanupPlan(floor, usage.free, tuple(_least(ordered, missing)), trimmed)


def candidates(usage: HostUsage, settings: Settings, keep_images: Collection[str] = ()) -> list[Removal]:
    """Everything that may be removed, cheapest first."""
    leftovers = _leftover_containers(usage)
    gone = {container.id for container in leftovers}
    used = {container.image for container in usage.containers}
    used_after = {container.image for container in usage.containers if container.id not in gone}
    images_of = {image.id: image.names or (image.id,) for image in usage.images}
    found = _images(usage, used | set(keep_images))
    cache = usage.build_cache - int(settings.build_cache_gb * 1e9)
    if cache > 0:
        found.append(Removal(CACHE, ("BuildKit",), cache, f"over its limit of {settings.build_cache_gb:g} GB"))
    found += [
        Removal(
            CONTAINER, (item.name,), item.bytes, f"stopped, of {_release(item) or 'no release'}, which nothing needs"
        )
        for item in leftovers
    ]
    # Images that only those containers used may follow them.
    for item in _images(usage, used_after | set(keep_images), only=used - used_after):
        holders = {container.name for container in leftovers if images_of.get(container.image) == item.names}
        found.append(dataclasses.replace(item, after=tuple(sorted(holders))))
    found += [Removal(VOLUME, (item.name,), item.bytes, "unused, disposable") for item in usage.volumes]
    if usage.package_cache:
        found.append(Removal(PACKAGES, ("apt",), usage.package_cache, "can be downloaded again"))
    log = usage.system_log - settings.journal_mb * 1_000_000
    if log > 0:
        found.append(Removal(LOGS, ("journald",), log, f"over its limit of {settings.journal_mb} MB"))
    # Last, for nothing makes them again.
    found += [Removal(KEPT_LOG, (item.name,), item.bytes, "of what is gone") for item in usage.kept_logs]
    return found


def why_kept(image: ImageUsage, usage: HostUsage, used: Collection[str]) -> str:
    """Why an image must stay; empty if it may be removed."""
    stacks = {stack.name: stack for stack in usage.stacks}
    stack = stacks.get(image.labels.get(f"{LABEL}.stack", ""))
    app = image.labels.get(f"{LABEL}.app", "")
    if stack is None or not app:
        return "not ours"
    if image.id in used:
        return "a container uses it"
    for name in image.names:
        repository, _separator, tag = name.rpartition(":")
        if repository != app or not BUILD_TAG.fullmatch(tag):
            return f"it is called {name}"
    if not stack.is_complete:
        return "the history of its stack is incomplete"
    # Other stacks count too: two builds of the same content have the same image.
    if any(image.id in other.protected_images() for other in usage.stacks):
        return "a release needs it"
    return ""


def _images(usage: HostUsage, used: Collection[str], only: Collection[str] | None = None) -> list[Removal]:
    """Images that may be removed: those in no good release first, then those of the oldest releases."""
    needed = {image for stack in usage.stacks for image in stack.protected_images()}
    newest: dict[str, str] = {}
    for stack in usage.stacks:
        for entry in stack.entries:
            if entry.status != "failed":
                for image_id in entry.release.images.values():
                    newest[image_id] = max(newest.get(image_id, ""), entry.release.id)
    free = [
        image
        for image in usage.images
        if (only is None or image.id in only) and image.id not in needed and not why_kept(image, usage, used)
    ]
    free.sort(key=lambda image: (newest.get(image.id, ""), image.created, image.id))
    return [
        Removal(
            IMAGE,
            image.names or (image.id,),
            image.bytes,
            f"last in {newest[image.id]}" if image.id in newest else "in no release",
        )
        for image in free
    ]


def _leftover_containers(usage: HostUsage) -> list[ContainerUsage]:
    """Stopped containers of slots that hold neither the live release nor one that is kept."""
    stacks = {stack.name: stack for stack in usage.stacks}
    found = []
    for container in usage.containers:
        stack = stacks.get(container.labels.get(f"{LABEL}.stack", ""))
        if stack is None or not stack.is_complete:
            continue
        if container.is_running or f"{LABEL}.slot" not in container.labels:
            continue
        if _release(container) not in stack.protected_releases():
            found.append(container)
    return found


def _release(container: ContainerUsage) -> str:
    return container.labels.get(f"{LABEL}.id", "")


def _is_partial(item: DiskItem) -> bool:
    """Whether this was left by an operation that was killed while it wrote a release."""
    return item.name.endswith(PARTIAL)


def _beyond_number(stacks: Iterable[StackUsage], settings: Settings) -> list[Removal]:
    found = []
    for stack in stacks:
        if not stack.is_complete:
            continue
        protected = stack.protected_releases()
        for environment in ENVIRONMENTS:
            mine = [item for item in stack.directories if f"-{environment}-" in item.name and not _is_partial(item)]
            old = mine[: max(0, len(mine) - settings.keep_releases)]
            found += [
                Removal(
                    RELEASE, (f"{stack.name}/{item.name}",), item.bytes, f"older than the last {settings.keep_releases}"
                )
                for item in old
                if item.name not in protected
            ]
        found += [
            Removal(RELEASE, (f"{stack.name}/{item.name}",), item.bytes, "half-written")
            for item in stack.directories
            if _is_partial(item) and item.name.removesuffix(PARTIAL) not in protected
        ]
        old = list(stack.journals[: max(0, len(stack.journals) - settings.keep_journals)])
        found += [
            Removal(JOURNAL, (item.name,), item.bytes, f"older than the last {settings.keep_journals}") for item in old
        ]
    return found


def _unused_networks(usage: HostUsage) -> list[Removal]:
    """Networks of slots in which no container is, not even a stopped one, which could not be started without. The
    next release of such a slot makes its own."""
    used = {name for container in usage.containers for name in container.networks}
    ours = {
        f"{stack.name}-{environment}-{slot}" for stack in usage.stacks for environment in ENVIRONMENTS for slot in SLOTS
    }
    return [
        Removal(NETWORK, (name,), 0, "no container is in it")
        for name, labels in usage.networks.items()
        # Compose notes the project; the network of an earlier version has no other mark.
        if labels.get(PROJECT) in ours and labels.get(KEY) == "default" and name not in used
    ]


def _least(ordered: Sequence[Removal], missing: int) -> list[Removal]:
    """As many from the front as it takes, without those that turn out to be unnecessary."""
    chosen: list[Removal] = []
    total = 0
    for item in ordered:
        if total >= missing:
            break
        chosen.append(item)
        total += item.bytes
    if total < missing:
        return chosen
    for item in reversed(list(chosen)):
        # A small item at the front is unnecessary if a large one had to follow it.
        prerequisite = any(name in other.after for other in chosen for name in item.names)
        if total - item.bytes >= missing and not prerequisite:
            chosen.remove(item)
            total -= item.bytes
    return chosen


def size(count: int) -> str:
    """Bytes for people."""
    if abs(count) < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1e6:.0f} MB" if abs(count) < 1e9 else f"{count / 1e9:.1f} GB"
