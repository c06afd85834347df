# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters by Debian's programs, which here are scripts that answer as those of version 278 do."""

from __future__ import annotations

import dataclasses
import getpass
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from release.adapters.postgresql import Postgresql, psql
from release.errors import OperationError
from release.planning.databases.clusters import Cluster
from release.releases.databases import DatabaseStatus, FoundCluster, Kept, Login
from release.stack.databases import Database

CLUSTER = Cluster(
    "shop",
    "staging",
    Database("main", "postgresql", ("staging",), memory="256m", connections=30),
    Kept("17", 5433, 1, Login("owner-password", "00" * 16), Login("app-password", "00" * 16)),
    "172.16.224.0/26",
    "172.17.0.1",
)
LISTED = """16  main                5432 down   postgres /var/lib/postgresql/16/main /var/log/postgresql/a.log
17  shop_staging_main   5433 online postgres /var/lib/postgresql/17/shop_staging_main /var/log/postgresql/b.log
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a program in place that writes what it was told and given into a log, and then does as its script says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def put(name: str, script: str) -> Path:
        log = tmp_path / f"{name}.log"
        file = folder / name
        file.write_text(f'#!/bin/sh\necho "$@" >>{log}\n{script}\n')
        file.chmod(0o755)
        return log

    put("pg_lsclusters", f"cat <<'END'\n{LISTED}END")
    put("systemctl", "")
    put("runuser", "cat >/dev/null")
    return put


@pytest.fixture
def adapter(tmp_path: Path, program: Callable[[str, str], Path]) -> Postgresql:
    me = getpass.getuser()
    return Postgresql(str(tmp_path / "etc"), str(tmp_path / "units"), str(tmp_path / "guard.nft"), (me, me))


def test_the_clusters_of_a_host(adapter: Postgresql) -> None:
    assert adapter.clusters()["shop_staging_main"] == FoundCluster("17", "shop_staging_main", 5433, runs=True)
    assert not adapter.clusters()["main"].runs


def test_the_usual_version(adapter: Postgresql, program: Callable[[str, str], Path]) -> None:
    program("dpkg-query", "printf 'postgresql-17 (>= 17~)'")
    assert adapter.usual_version() == "17"
    program("dpkg-query", "exit 1")
    assert adapter.usual_version() == ""


def test_the_address_of_dockers_bridge(adapter: Postgresql, program: Callable[[str, str], Path]) -> None:
    program("docker", "echo 'fd00::1 172.18.0.1 '")
    assert adapter.gateway() == "172.18.0.1"
    program("docker", "echo")
    with pytest.raises(OperationError, match="has no address"):
        adapter.gateway()


def test_files_are_written_once(adapter: Postgresql, tmp_path: Path, program: Callable[[str, str], Path]) -> None:
    looked = adapter.configure(CLUSTER, write=False)
    assert len(looked) == 4 and not (tmp_path / "etc").exists()
    calls = program("systemctl", "")
    assert adapter.configure(CLUSTER, write=True) == looked
    assert calls.read_text() == "daemon-reload\n"
    # Until PostgreSQL has read them, there is something to do.
    [pending] = adapter.configure(CLUSTER, write=True)
    assert pending.endswith("onehost.pending") and calls.read_text() == "daemon-reload\n" * 2
    adapter.load(CLUSTER)
    assert adapter.configure(CLUSTER, write=True) == []
    access = tmp_path / "etc/17/shop_staging_main/pg_hba.conf"
    assert access.stat().st_mode & 0o777 == 0o640 and "172.16.224.0/26" in access.read_text()


def test_what_is_not_taken_is_put_back(
    adapter: Postgresql, tmp_path: Path, program: Callable[[str, str], Path]
) -> None:
    adapter.configure(CLUSTER, write=True)
    access = tmp_path / "etc/17/shop_staging_main/pg_hba.conf"
    access.write_text("# mine\n")
    settings = tmp_path / "etc/17/shop_staging_main/conf.d/onehost.conf"
    settings.unlink()
    program("runuser", "echo 'FATAL: no' >&2; exit 1")
    with pytest.raises(OperationError, match="FATAL: no"):
        adapter.configure(CLUSTER, write=True)
    assert access.read_text() == "# mine\n" and not settings.exists()


def test_no_password_is_among_words(adapter: Postgresql, program: Callable[[str, str], Path], tmp_path: Path) -> None:
    given = tmp_path / "given.sql"
    calls = program("runuser", f"cat >{given}; printf 'one\\ntwo\\n'")
    assert adapter.grant(CLUSTER, write=True)
    assert "SCRAM-SHA-256$4096:" in given.read_text()
    assert "SCRAM" not in calls.read_text() and "app-password" not in calls.read_text() + given.read_text()
    program("runuser", "printf 'one\\none\\n'")
    assert not adapter.grant(CLUSTER, write=False)


def test_the_newest_client_is_asked(programs_of_postgresql: Path) -> None:
    assert psql() == "psql", "the one in the path"
    for version in ("9", "17", "15"):
        file = programs_of_postgresql / version / "bin" / "psql"
        file.parent.mkdir(parents=True)
        file.touch()
    (programs_of_postgresql / "18" / "bin").mkdir(parents=True)
    assert psql() == str(programs_of_postgresql / "17" / "bin" / "psql")


def test_the_guard_is_loaded_where_it_is_not(adapter: Postgresql, program: Callable[[str, str], Path]) -> None:
    calls = program("nft", "")
    assert adapter.guard("rules\n", write=False) and adapter.guard("rules\n", write=True)
    assert not adapter.guard("rules\n", write=True)
    assert "--file -" in calls.read_text()
    program("nft", 'test "$1" != list')
    assert adapter.guard("rules\n", write=True), "somebody has flushed it"


def test_how_one_answers(adapter: Postgresql, program: Callable[[str, str], Path], tmp_path: Path) -> None:
    program("runuser", f"echo '17.12 (Debian 17.12-0+deb13u1)|8100000|3|30|{tmp_path}'")
    found = adapter.status(5433, "main")
    free, found = found.free_bytes, dataclasses.replace(found, free_bytes=None)
    assert found == DatabaseStatus("postgresql", True, "17.12", 8_100_000, 3, 30, place=str(tmp_path))
    assert free
    program("runuser", "echo 'psql: error: no such file' >&2; exit 2")
    silent = adapter.status(5433, "main")
    assert (silent.cause, silent.free_bytes) == ("psql: error: no such file", None)
    assert silent.place == "/var/lib/postgresql/17/shop_staging_main"
    program("pg_lsclusters", f"echo '17 shop_staging_main 5433 down postgres {tmp_path} /log'")
    assert adapter.status(5433, "main").free_bytes, "the disk of one that is down can be looked at too"
    program("pg_lsclusters", "exit 1")
    assert adapter.status(5433, "main").place == ""


def test_a_log_on_a_full_disk_of_its_own_counts(
    adapter: Postgresql, program: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = {str(tmp_path): 10**9, f"{tmp_path}/pg_wal": 10**6}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[path]))
    program("runuser", f"echo '17.12|8100000|3|30|{tmp_path}'")
    assert adapter.status(5433, "main").is_full
    free[f"{tmp_path}/pg_wal"] = 10**9
    assert not adapter.status(5433, "main").is_full


def test_one_that_does_not_start_is_told_of(adapter: Postgresql, program: Callable[[str, str], Path]) -> None:
    adapter.start(CLUSTER)
    program("pg_lsclusters", f"cat <<'END'\n{LISTED.replace('online', 'down  ')}END")
    with pytest.raises(OperationError, match="did not start"):
        adapter.start(CLUSTER)
