# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of this host: what takes up space on it, and removing one item at a time.

Nothing is forced and nothing here writes a file, so even a completely full disk can be cleaned up. Docker is called
over its socket for the same reason: its command line keeps files of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import OperationError
from ..paths import APT_CACHE, CLEANUP_SETTINGS, STATE, SYSTEM_LOG, logs_of, releases_of
from ..planning import cleanup
from ..planning.cleanup import ContainerUsage, DiskItem, HostUsage, ImageUsage, Removal, Settings
from ..releases.compose import LABEL
from ..stack.model import Stack
from . import own_files
from .docker import Docker

DISPOSABLE = f"{LABEL}.disposable"
#: What Docker's API calls the kinds that it removes one by one.
DOCKER_OBJECTS = {
    cleanup.IMAGE: "images",
    cleanup.CONTAINER: "containers",
    cleanup.VOLUME: "volumes",
    cleanup.NETWORK: "networks",
}
#: Removing an image of several GB, or pruning the cache, takes longer than other calls.
REMOVE_SECONDS = 600
#: Ballast file: deleting it frees the few MB that Docker needs to delete anything on a full disk.
BALLAST = "onehost-spare"
#: Where large files usually are when the disk is full.
USUAL_PLACES = ("/var/log", "/var/cache", "/var/tmp", "/tmp", "/root", "/opt", "/srv", "/home", "/usr")


class Disk:
    """The disk of this host, and the part of it that Docker keeps."""

    def __init__(self, docker: Docker, provisioned: str = CLEANUP_SETTINGS, state: str = STATE) -> None:
        self.docker = docker
        self.provisioned = provisioned
        self.state = state
        self._home = ""

    # Inspecting

    def observe(self, stacks: Sequence[Stack]) -> HostUsage:
        """Everything that takes up space on the host, except what the stacks themselves keep."""
        total, free = self.space(stacks)
        return HostUsage(
            total=total,
            free=free,
            images=self.images(),
            containers=self.all_containers(),
            volumes=self.disposable_volumes(),
            networks=self.networks(),
            build_cache=self.build_cache(),
            package_cache=sum(used(path) for path in package_files()),
            system_log=used(SYSTEM_LOG),
            kept_logs=[item for stack in stacks for item in self.kept_logs(stack)],
        )

    def space(self, stacks: Sequence[Stack]) -> tuple[int, int]:
        """Total and free bytes of the fullest file system that releases need: Docker's and those of the stacks."""
        places = [self._docker_home(), "/", self.state]
        # Only asked how full they are: which file system that is, may be up to the owner.
        places += [stack.directory for stack in stacks]
        found = {os.stat(place).st_dev: shutil.disk_usage(place) for place in places if os.path.isdir(place)}
        fullest = min(found.values(), key=lambda usage: usage.free)
        return fullest.total, fullest.free

    def releases(self, stack: Stack) -> list[DiskItem]:
        """The directories of a stack's releases, oldest first."""
        home = releases_of(stack.name, self.state)
        names = sorted(os.listdir(home)) if os.path.isdir(home) else []
        return [DiskItem(name, used(os.path.join(home, name))) for name in names if not name.startswith(".")]

    def kept_logs(self, stack: Stack) -> list[DiskItem]:
        """The logs that are kept of a stack, oldest first."""
        home = logs_of(stack.name, self.state)
        places = list(os.scandir(home)) if os.path.isdir(home) else []
        places.sort(key=lambda place: place.stat(follow_symlinks=False).st_mtime)
        return [DiskItem(place.path, used(place.path)) for place in places]

    def used(self, path: str) -> int:
        return used(path)

    def settings(self, given: Mapping[str, float | int | None]) -> Settings:
        """The provisioned settings, overridden by what was asked for now. Where the file is damaged, the usual ones
        hold. Raises RefusedError for an unknown or impossible one."""
        return cleanup.read_settings(own_files.load(self.provisioned)[0] or {}, given, self.provisioned)

    def _docker_home(self) -> str:
        if not self._home:
            self._home = str((self.docker.expect("GET", "/info") or {}).get("DockerRootDir", "/"))
        return self._home

    def spend_ballast(self) -> None:
        """Delete the ballast file: Docker needs a few free bytes to record that an image is removed."""
        _unlink(os.path.join(self._docker_home(), BALLAST))

    def renew_ballast(self, stacks: Sequence[Stack]) -> None:
        """Write the ballast file for the day when the disk is full. Not while free space is low."""
        path = os.path.join(self._docker_home(), BALLAST)
        if os.path.exists(path) or self.space(stacks)[1] < 4 * cleanup.BALLAST_BYTES:
            return
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, cleanup.BALLAST_BYTES)
        except OSError:
            _unlink(path)
        finally:
            os.close(handle)

    def images(self) -> list[ImageUsage]:
        found = []
        for item in self.docker.expect("GET", "/images/json", {"shared-size": "true"}):
            names = [name for name in item.get("RepoTags") or [] if name != "<none>:<none>"]
            if not names:
                # The containerd store names an untagged image by its digest; the classic store has no name for it.
                names = [name for name in item.get("RepoDigests") or [] if not name.startswith("<none>@")]
            shared = max(0, int(item.get("SharedSize", 0)))
            found.append(
                ImageUsage(
                    id=item["Id"],
                    names=tuple(names),
                    labels=item.get("Labels") or {},
                    bytes=max(0, int(item["Size"]) - shared),
                    created=float(item["Created"]),
                )
            )
        return found

    def all_containers(self) -> list[ContainerUsage]:
        listed = self.docker.expect("GET", "/containers/json", {"all": "true", "size": "true"}, REMOVE_SECONDS)
        return [
            ContainerUsage(
                id=item["Id"],
                name=item["Names"][0].lstrip("/") if item.get("Names") else item["Id"],
                image=item["ImageID"],
                labels=item.get("Labels") or {},
                is_running=item["State"] not in ("created", "exited", "dead"),
                bytes=int(item.get("SizeRw") or 0),
                networks=frozenset((item.get("NetworkSettings") or {}).get("Networks") or {}),
            )
            for item in listed
        ]

    def networks(self) -> dict[str, dict[str, str]]:
        return {item["Name"]: item.get("Labels") or {} for item in self.docker.expect("GET", "/networks")}

    def disposable_volumes(self) -> list[DiskItem]:
        filters = {"dangling": ["true"], "label": [f"{LABEL}.stack", f"{DISPOSABLE}=true"]}
        listed = self.docker.expect("GET", "/volumes", {"filters": json.dumps(filters)}).get("Volumes") or []
        sizes = {item["Name"]: item["UsageData"]["Size"] for item in self._usage("volume") if item.get("UsageData")}
        return [DiskItem(item["Name"], max(0, int(sizes.get(item["Name"], 0)))) for item in listed]

    def build_cache(self) -> int:
        data = self.docker.expect("GET", "/system/df", {"type": "build-cache"}, REMOVE_SECONDS)
        summed = (data.get("BuildCacheUsage") or {}).get("TotalSize")
        if summed is not None:
            return int(summed)
        return sum(int(item["Size"]) for item in data.get("BuildCache") or [] if not item.get("Shared"))

    def _usage(self, kind: str) -> list[dict[str, Any]]:
        data = self.docker.expect("GET", "/system/df", {"type": kind}, REMOVE_SECONDS)
        return list(
            data.get(f"{kind.capitalize()}s") or (data.get(f"{kind.capitalize()}Usage") or {}).get("Items") or []
        )

    def consumers(self, usage: HostUsage, number: int = 10) -> list[DiskItem]:
        """The largest consumers of space, for a person who has to free more of it."""
        ours = {stack.name for stack in usage.stacks}
        found = [
            DiskItem(f"image {', '.join(image.names) or image.id[7:19]}{_mark(image, ours)}", image.bytes)
            for image in usage.images
        ]
        found += [DiskItem(f"container {item.name} (its writable layer)", item.bytes) for item in usage.containers]
        found += [DiskItem(f"volume {item['Name']}", int(item["UsageData"]["Size"])) for item in self._volumes_in_use()]
        found += [DiskItem("build cache", usage.build_cache)]
        found += [DiskItem(place, used(place)) for place in USUAL_PLACES if os.path.isdir(place)]
        found.sort(key=lambda item: item.bytes, reverse=True)
        return found[:number]

    def _volumes_in_use(self) -> list[dict[str, Any]]:
        return [item for item in self._usage("volume") if item.get("UsageData")]

    # Removing

    def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
        """Remove one thing. Returns why it stayed, or nothing."""
        if removal.kind == cleanup.CONTAINER:
            for name in removal.names:
                self.docker.keep_log(urllib.parse.quote(name))
        if removal.kind in DOCKER_OBJECTS:
            return self._delete(
                f"/{DOCKER_OBJECTS[removal.kind]}/{urllib.parse.quote(name, safe=':/@')}" for name in removal.names
            )
        if removal.kind == cleanup.CACHE:
            return self._prune_build_cache(settings)
        if removal.kind == cleanup.LOGS:
            return _vacuum(settings.journal_mb)
        if removal.kind == cleanup.PACKAGES:
            return _empty_package_cache()
        if removal.kind == cleanup.RELEASE:
            return _remove_release(removal, self.state)
        return _remove_tree(removal.names[0]) if removal.kind == cleanup.KEPT_LOG else _unlink(removal.names[0])

    def _prune_build_cache(self, settings: Settings) -> str:
        keep = str(int(settings.build_cache_gb * 1e9))
        # The same limit under its names before and since Docker 28.
        query = {"all": "true", "keep-storage": keep, "reserved-space": keep, "max-used-space": keep}
        self.docker.expect("POST", "/build/prune", query, REMOVE_SECONDS)
        return ""

    def _delete(self, paths: Iterable[str]) -> str:
        for path in paths:
            status, data = self.docker.call("DELETE", path, None, REMOVE_SECONDS)
            if status == 409:
                # Somebody has begun to use it since it was inspected, so it has to stay.
                return str(data.get("message", "in use") if isinstance(data, dict) else data)
            if status >= 400 and status != 404:
                message = data.get("message", "") if isinstance(data, dict) else str(data)
                raise OperationError(f"Docker refused DELETE {path}", "docker", f"{status} {message}".strip())
        return ""


def used(path: str) -> int:
    """Bytes on disk of a file, or of everything below a directory on the same file system."""
    total = 0
    with contextlib.suppress(OSError):
        device = os.lstat(path).st_dev
        todo = [path]
        while todo:
            here = todo.pop()
            with contextlib.suppress(OSError):
                found = os.lstat(here)
                if found.st_dev != device:
                    continue
                total += found.st_blocks * 512
                if os.path.isdir(here) and not os.path.islink(here):
                    todo += [entry.path for entry in os.scandir(here)]
    return total


def _unlink(path: str) -> str:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
    return ""


def _remove_tree(path: str) -> str:
    shutil.rmtree(path, ignore_errors=True)
    return "" if not os.path.exists(path) else "some of its files could not be removed"


def _remove_release(removal: Removal, state: str) -> str:
    stack, _separator, release = removal.names[0].partition("/")
    home = os.path.join(releases_of(stack, state), release)
    # Remove this file first: without it the rest is no release, wherever the removal is interrupted.
    _unlink(os.path.join(home, "release.json"))
    shutil.rmtree(home, ignore_errors=True)
    return "" if not os.path.exists(home) else "some of its files could not be removed"


def _vacuum(megabytes: int) -> str:
    command = ["journalctl", "--quiet", f"--vacuum-size={megabytes}M"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


def package_files(home: str = APT_CACHE) -> list[str]:
    """What apt downloaded or computed and can download or compute again."""
    found = [os.path.join(home, name) for name in ("pkgcache.bin", "srcpkgcache.bin")]
    for folder in (os.path.join(home, "archives"), os.path.join(home, "archives", "partial")):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        found += [os.path.join(folder, name) for name in names if name.endswith(".deb")]
    return [path for path in found if os.path.exists(path)]


def _empty_package_cache(home: str = APT_CACHE) -> str:
    """Removes what `apt-get clean` does, without writing its lock file; apt's own lock is respected."""
    archives = os.path.join(home, "archives")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(os.path.join(archives, "lock"), os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, lock)
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return "apt is running"
        for path in package_files(home):
            _unlink(path)
    return ""


def _mark(image: ImageUsage, stacks: set[str]) -> str:
    return "" if image.labels.get(f"{LABEL}.stack") in stacks else " (not ours)"
