# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at the disk and removing one thing from it, against a socket that answers as Docker 26 does."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.servers import Daemon, docker_at
from fakes.stacks import shop_definition

from release.adapters import disk
from release.adapters.disk import BALLAST, Disk, package_files, used
from release.adapters.docker import Docker
from release.errors import OperationError
from release.planning import cleanup
from release.planning.cleanup import ContainerUsage, DiskItem, HostUsage, ImageUsage, Removal, Settings, StackUsage
from release.releases.compose import LABEL
from release.stack.model import Stack
from release.stack.reader import read_stack

OURS = {f"{LABEL}.stack": "shop", f"{LABEL}.app": "api"}


def at(directory: Path) -> Stack:
    """The stack of the fakes, in a directory of the test's own."""
    return dataclasses.replace(read_stack("shop", shop_definition()), directory=str(directory))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        server.answers["GET /info"] = 200, {"DockerRootDir": str(tmp_path)}
        yield server


@pytest.fixture
def seen_by(tmp_path: Path, daemon: Daemon) -> Disk:
    return Disk(Docker(str(tmp_path / "docker.sock")), state=str(tmp_path))


def usage(**parts: Any) -> Any:
    """An answer to /system/df, which is asked for one kind at a time."""
    names = {"volume": "Volumes", "build-cache": "BuildCache"}
    return lambda query: (200, {names[query["type"]]: parts.get(query["type"].replace("-", "_"), [])})


def test_images_by_their_own_size(seen_by: Disk, daemon: Daemon) -> None:
    daemon.answers["GET /images/json"] = (
        200,
        [
            {"Id": "a", "RepoTags": ["api:1"], "Labels": OURS, "Size": 900, "SharedSize": 200, "Created": 5},
            {"Id": "b", "RepoTags": ["<none>:<none>"], "RepoDigests": ["api@sha256:1"], "Size": 7, "Created": 6},
            {"Id": "c", "RepoTags": None, "RepoDigests": ["<none>@<none>"], "Size": 3, "SharedSize": -1, "Created": 7},
        ],
    )
    assert seen_by.images() == [
        ImageUsage("a", ("api:1",), OURS, 700, 5.0),
        ImageUsage("b", ("api@sha256:1",), {}, 7, 6.0),
        ImageUsage("c", (), {}, 3, 7.0),
    ]
    assert daemon.calls == ["GET /images/json?shared-size=true"]


def test_containers_with_what_they_wrote(seen_by: Disk, daemon: Daemon) -> None:
    listed = [
        {"Id": "1", "Names": ["/api"], "ImageID": "a", "Labels": OURS, "State": "running", "SizeRw": 12},
        {"Id": "2", "Names": [], "ImageID": "b", "Labels": None, "State": "exited", "SizeRw": None},
        {
            "Id": "3",
            "Names": ["/x"],
            "ImageID": "b",
            "State": "paused",
            "NetworkSettings": {"Networks": {"shop": {}}},
        },
    ]
    daemon.answers["GET /containers/json"] = 200, listed
    assert seen_by.all_containers() == [
        ContainerUsage("1", "api", "a", OURS, True, 12),
        ContainerUsage("2", "2", "b", {}, False, 0),
        ContainerUsage("3", "x", "b", {}, True, 0, frozenset({"shop"})),
    ]


def test_only_volumes_that_are_declared_disposable(seen_by: Disk, daemon: Daemon) -> None:
    def volumes(query: dict[str, str]) -> tuple[int, Any]:
        asked = json.loads(query["filters"])
        assert asked == {"dangling": ["true"], "label": [f"{LABEL}.stack", f"{LABEL}.disposable=true"]}
        return 200, {"Volumes": [{"Name": "cache"}, {"Name": "unknown"}]}

    daemon.answers["GET /volumes"] = volumes
    sized = [{"Name": "cache", "UsageData": {"Size": 44}}, {"Name": "data", "UsageData": {"Size": 99}}, {"Name": "new"}]
    daemon.answers["GET /system/df"] = usage(volume=sized)
    assert seen_by.disposable_volumes() == [DiskItem("cache", 44), DiskItem("unknown", 0)]
    daemon.answers["GET /volumes"] = 200, {"Volumes": None}
    assert seen_by.disposable_volumes() == []


def test_build_cache_of_old_and_new_docker(seen_by: Disk, daemon: Daemon) -> None:
    daemon.answers["GET /system/df"] = usage(build_cache=[{"Size": 5}, {"Size": 6, "Shared": True}, {"Size": 7}])
    assert seen_by.build_cache() == 12
    daemon.answers["GET /system/df"] = 200, {"BuildCacheUsage": {"TotalSize": 30}, "BuildCache": [{"Size": 5}]}
    assert seen_by.build_cache() == 30


def test_a_host_is_looked_at_as_a_whole(seen_by: Disk, daemon: Daemon, tmp_path: Path) -> None:
    daemon.answers |= {
        "GET /images/json": (200, []),
        "GET /containers/json": (200, []),
        "GET /volumes": (200, {"Volumes": []}),
        "GET /networks": (200, [{"Name": "shop-staging-blue_default", "Labels": {"a": "b"}}, {"Name": "host"}]),
        "GET /system/df": usage(build_cache=[{"Size": 8}]),
    }
    seen = seen_by.observe([at(tmp_path)])
    assert seen.build_cache == 8 and 0 < seen.free < seen.total
    assert seen.networks == {"shop-staging-blue_default": {"a": "b"}, "host": {}}


def test_what_takes_most_room_comes_first(seen_by: Disk, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "USUAL_PLACES", ("/proc/self/no-such-place",))
    daemon.answers["GET /system/df"] = usage(volume=[{"Name": "db", "UsageData": {"Size": 50}}, {"Name": "x"}])
    seen = HostUsage(
        1000,
        1,
        [ImageUsage("sha256:" + "1" * 64, (), {}, 70), ImageUsage("b", ("api:1", "api:2"), OURS, 60)],
        [ContainerUsage("1", "api", "b", OURS, True, 40)],
        [StackUsage("shop", (), {})],
        build_cache=55,
    )
    assert seen_by.consumers(seen, 4) == [
        DiskItem("image 111111111111 (not ours)", 70),
        DiskItem("image api:1, api:2", 60),
        DiskItem("build cache", 55),
        DiskItem("volume db", 50),
    ]
    assert seen_by.consumers(seen)[-1] == DiskItem("container api (its writable layer)", 40)


@pytest.mark.parametrize(
    ("kind", "name", "call"),
    [
        (cleanup.IMAGE, "git.example.com/api:1 2", "DELETE /images/git.example.com/api:1%202"),
        (cleanup.CONTAINER, "c1", "DELETE /containers/c1"),
        (cleanup.VOLUME, "v1", "DELETE /volumes/v1"),
    ],
)
def test_things_of_docker_go_by_name_and_never_by_force(
    seen_by: Disk, daemon: Daemon, kind: str, name: str, call: str
) -> None:
    removal = Removal(kind, (name, "other"), 1, "nothing needs it")
    daemon.answers[call] = 409, {"message": "it is being used"}
    assert seen_by.remove(removal, Settings(), []) == "it is being used"
    assert daemon.calls == [call], "the rest stays too"
    daemon.answers[call] = 409, b"in use, says a proxy"
    assert "in use, says a proxy" in seen_by.remove(removal, Settings(), [])
    # Gone already is as good as removed, and nothing is forced.
    daemon.answers[call] = 200, []
    assert seen_by.remove(removal, Settings(), []) == ""
    assert "force" not in "".join(daemon.calls)
    daemon.answers[call] = 500, {"message": "no space left on device"}
    with pytest.raises(OperationError, match=r"Docker refused DELETE .*500 no space left on device"):
        seen_by.remove(removal, Settings(), [])


def test_the_build_cache_keeps_its_budget(seen_by: Disk, daemon: Daemon) -> None:
    asked: list[dict[str, str]] = []

    def prune(query: dict[str, str]) -> tuple[int, Any]:
        asked.append(query)
        return 200, {}

    daemon.answers["POST /build/prune"] = prune
    assert seen_by.remove(Removal(cleanup.CACHE, ("build cache",), 1, ""), Settings(build_cache_gb=1.5), []) == ""
    keep = "1500000000"
    assert asked == [{"all": "true", "keep-storage": keep, "reserved-space": keep, "max-used-space": keep}]


def test_journald_is_asked_to_shrink(seen_by: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\necho "cannot: $JOB" >&2\nexit $JOB\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    removal = Removal(cleanup.LOGS, ("journald",), 1, "")
    monkeypatch.setenv("JOB", "0")
    assert seen_by.remove(removal, Settings(journal_mb=33), []) == ""
    assert (tmp_path / "called").read_text() == "--quiet --vacuum-size=33M\n"
    monkeypatch.setenv("JOB", "3")
    assert seen_by.remove(removal, Settings(), []) == "cannot: 3"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert "journalctl" in seen_by.remove(removal, Settings(), [])


def test_apts_cache_goes_unless_apt_is_at_work(seen_by: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archives = tmp_path / "apt" / "archives"
    (archives / "partial").mkdir(parents=True)
    for path in (
        archives / "a.deb",
        archives / "partial" / "b.deb",
        archives / "lock",
        archives.parent / "pkgcache.bin",
    ):
        path.write_bytes(b"x")
    monkeypatch.setattr(disk._empty_package_cache, "__defaults__", (str(archives.parent),))
    monkeypatch.setattr(package_files, "__defaults__", (str(archives.parent),))
    removal = Removal(cleanup.PACKAGES, ("apt",), 1, "")
    child, parent = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:  # apt, in a process of its own: a lock of our own would not be in our way
        with (archives / "lock").open("r+") as held:
            fcntl.lockf(held, fcntl.LOCK_EX)
            os.write(child[1], b".")
            os.read(parent[0], 1)
        os._exit(0)
    os.read(child[0], 1)
    try:
        assert seen_by.remove(removal, Settings(), []) == "apt is running"
        assert len(package_files()) == 3
    finally:
        os.write(parent[1], b".")
        os.waitpid(pid, 0)
    assert seen_by.remove(removal, Settings(), []) == ""
    assert package_files() == [] and (archives / "lock").exists()


def test_releases_and_journals_are_unlinked(seen_by: Disk, tmp_path: Path) -> None:
    home = tmp_path / "shop" / "releases" / "r1"
    (home / "env").mkdir(parents=True)
    (home / "release.json").write_text("{}")
    assert seen_by.remove(Removal(cleanup.RELEASE, ("shop/r1",), 1, ""), Settings(), [at(tmp_path)]) == ""
    assert not home.exists()
    journal = tmp_path / "old.jsonl"
    journal.write_text("{}")
    removal = Removal(cleanup.JOURNAL, (str(journal),), 1, "")
    assert seen_by.remove(removal, Settings(), []) == "" == seen_by.remove(removal, Settings(), [])
    assert not journal.exists()


def test_kept_logs_go_oldest_first(seen_by: Disk, tmp_path: Path) -> None:
    for number, name in enumerate(("newer", "older")):
        home = tmp_path / "shop" / "logs" / name
        home.mkdir(parents=True)
        (home / "container.log").write_bytes(b"x" * 9000)
        os.utime(home, (100 - number, 100 - number))
    found = seen_by.kept_logs(at(tmp_path))
    assert [Path(item.name).name for item in found] == ["older", "newer"] and found[0].bytes > 9000
    removal = Removal(cleanup.KEPT_LOG, (found[0].name,), 1, "")
    assert seen_by.remove(removal, Settings(), []) == "" == seen_by.remove(removal, Settings(), [])
    assert [Path(item.name).name for item in seen_by.kept_logs(at(tmp_path))] == ["newer"]


def test_ballast_is_set_aside_and_spent(seen_by: Disk, daemon: Daemon, tmp_path: Path) -> None:
    ballast = tmp_path / BALLAST
    seen_by.renew_ballast([])
    assert ballast.stat().st_size == cleanup.BALLAST_BYTES and ballast.stat().st_mode & 0o777 == 0o600
    made = ballast.stat().st_ino
    seen_by.renew_ballast([])
    assert ballast.stat().st_ino == made
    seen_by.spend_ballast()
    seen_by.spend_ballast()
    assert not ballast.exists()


def test_no_ballast_where_there_is_little_room(
    seen_by: Disk, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_by.space([])
    monkeypatch.setattr(Disk, "space", lambda self, stacks: (1000, 4 * cleanup.BALLAST_BYTES - 1))
    seen_by.renew_ballast([])
    assert not (tmp_path / BALLAST).exists()
    monkeypatch.setattr(Disk, "space", lambda self, stacks: (1000, 4 * cleanup.BALLAST_BYTES))

    def full(handle: int, begin: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    seen_by.renew_ballast([])
    assert not (tmp_path / BALLAST).exists(), "what could not be had whole is given back"


def test_half_written_releases_are_no_releases(tmp_path: Path) -> None:
    for name in (".half", "r2", "r1"):
        (tmp_path / "shop" / "releases" / name).mkdir(parents=True)
    assert [item.name for item in Disk(Docker(), state=str(tmp_path)).releases(at(tmp_path))] == ["r1", "r2"]


def test_bytes_are_counted_once_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "other").write_bytes(b"x" * 900_000)
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    assert 100_000 <= used(str(tmp_path / "in")) < 200_000
    assert used(str(tmp_path / "missing")) == 0
