# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pgBackRest and psql are told, by scripts in their place that answer as version 2.55.1 and PostgreSQL 17 do."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from release.adapters.backup_places import BackupPlaces
from release.adapters.pgbackrest import PgBackRest
from release.errors import OperationError
from release.releases.backups import Bucket, Places, Stanza, Target

STANZA = Stanza("shop_staging_main", "17", 5433, "main")
ARCHIVE = {"is_on": True, "last": "000000010000000000000005", "last_at": 50.5, "failed_at": 60.0, "failures": 2}
POINT = {"lsn": "0/5021248", "file": "000000010000000000000005", "at": 49.5}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of what runuser was told. What it answers is in the file `answer` beside it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    log = tmp_path / "told"
    script = f"""#!/bin/sh
echo "$@" >>{log}
asked=$(cat)
case "$* $asked" in
*pg_create_restore_point*) echo '{json.dumps(POINT)}' ;;
*pg_stat_archiver*) cat {tmp_path}/archive ;;
*) cat {tmp_path}/answer; test ! -e {tmp_path}/fails ;;
esac
"""
    version = f"#!/bin/sh\ntest ! -e {tmp_path}/old || exec echo pgBackRest 2.37\necho pgBackRest 2.55.1\n"
    for name, text in (
        ("runuser", script),
        ("pgbackrest", version),
        ("nice", f'#!/bin/sh\necho "nice $1 $2" >>{log}\nshift 5\nexec "$@"\n'),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (tmp_path / "answer").write_text("")
    (tmp_path / "archive").write_text(json.dumps(ARCHIVE))
    return log


def adapter(tmp_path: Path) -> PgBackRest:
    return PgBackRest(str(tmp_path / "settings"), getpass.getuser(), os.getuid())


def test_settings_are_for_postgres_and_nobody_else(tmp_path: Path) -> None:
    mine, path = adapter(tmp_path), tmp_path / "settings" / "shop_staging_main.conf"
    assert mine.configure(STANZA, "a", write=False) and not path.exists()
    assert mine.configure(STANZA, "a", write=True) and path.read_text() == "a"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert not mine.configure(STANZA, "a", write=True)
    path.chmod(0o644)
    assert mine.configure(STANZA, "a", write=False), "others could read the keys"
    assert mine.configure(STANZA, "a", write=True) and stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_directory_is_postgres_own(tmp_path: Path) -> None:
    mine, path = adapter(tmp_path), tmp_path / "mnt" / "postgresql"
    assert mine.provide_directory(str(path), write=False) and not path.exists()
    assert mine.provide_directory(str(path), write=True) and stat.S_IMODE(path.stat().st_mode) == 0o750
    assert not mine.provide_directory(str(path), write=True)


def test_check_mode_on_a_host_without_postgresql(tmp_path: Path) -> None:
    mine = PgBackRest(str(tmp_path), "nobody-of-that-name")
    assert mine.configure(STANZA, "a", write=False) and mine.provide_directory(str(tmp_path), write=False)
    with pytest.raises(OperationError, match="no such user"):
        mine.configure(STANZA, "a", write=True)


def test_it_runs_as_postgres_with_the_settings_of_one_cluster(tmp_path: Path, told: Path) -> None:
    adapter(tmp_path).take(STANZA, "incremental", 2)
    low, asked = told.read_text().splitlines()
    assert low == "nice -n 10", "what serves people goes first"
    assert asked.startswith("-u postgres -- pgbackrest --config=/etc/onehost/pgbackrest/")
    assert asked.endswith("--stanza=shop_staging_main --type=incr --repo=2 backup")


def test_a_failure_says_why(tmp_path: Path, told: Path) -> None:
    (tmp_path / "answer").write_text("ERROR: [056]: unable to find primary cluster - cannot proceed\n")
    (tmp_path / "fails").write_text("")
    with pytest.raises(OperationError, match="unable to find primary cluster"):
        adapter(tmp_path).create_stanza(STANZA)


def test_a_full_disk_of_its_own_repository_is_why(tmp_path: Path, told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = adapter(tmp_path)
    mine.configure(STANZA, f"repo1-type=s3\nrepo1-path=/x\nrepo2-path={tmp_path}/repository\n", write=True)
    (tmp_path / "answer").write_text("ERROR: [082]: was not archived before the 60000ms timeout\n")
    (tmp_path / "fails").write_text("")
    place = tmp_path / "repository" / "backup" / STANZA.name
    place.mkdir(parents=True)
    free = {str(place): 9_000_000}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[os.fspath(path)]))
    free[f"{tmp_path}/repository/archive/{STANZA.name}"] = 10**9
    with pytest.raises(OperationError, match=r"its disk is full, 9 MB are free in .*/backup/.*lower `keep_days` .*082"):
        mine.take(STANZA, "full", 2)
    free[str(place)] = 10**9
    with pytest.raises(OperationError, match=r"^(?!.*is full).*082"):
        mine.take(STANZA, "full", 2)


def test_damage_is_read_from_the_text_though_it_succeeds(tmp_path: Path, told: Path) -> None:
    (tmp_path / "answer").write_text("[]")
    assert adapter(tmp_path).verify(STANZA, 1), "no word of success"
    assert "--output=text --verbose --repo=1 verify" in told.read_text()


def test_what_an_old_one_cannot_read_again_is_counted(tmp_path: Path, told: Path) -> None:
    (tmp_path / "old").write_text("")
    (tmp_path / "answer").write_text("[]")
    assert adapter(tmp_path).verify(STANZA, 1) == []
    assert "verify" not in told.read_text() and "repo-ls" in told.read_text()


def test_a_file_of_the_log_that_is_missing_is_named(tmp_path: Path, told: Path) -> None:
    names = [f"17-1/0000000100000000/00000001000000000000000{n}-{'ab' * 20}.zst" for n in (3, 5, 6)]
    (tmp_path / "answer").write_text("\n".join(names))
    assert adapter(tmp_path).gaps(STANZA, 2, "000000010000000000000003") == [
        "000000010000000000000004 is missing in the archive"
    ]
    assert "--repo=2 --recurse repo-ls archive/shop_staging_main" in told.read_text()
    assert not adapter(tmp_path).gaps(STANZA, 2, "000000010000000000000005")


def test_how_the_log_is_archived(tmp_path: Path, told: Path) -> None:
    found = adapter(tmp_path).archive(STANZA)
    assert (found.is_on, found.last, found.last_at, found.failures) == (True, "000000010000000000000005", 50.5, 2)
    assert found.fails


def test_a_restore_point_counts_once_it_is_archived(tmp_path: Path, told: Path) -> None:
    found = adapter(tmp_path).restore_point(STANZA, "before-0005")
    assert (found.name, found.lsn, found.at) == ("before-0005", "0/5021248", 49.5)


@pytest.mark.parametrize("last", ["", "000000010000000000000004", "000000010000000000000004.00000028.backup"])
def test_a_restore_point_that_does_not_arrive_is_none(tmp_path: Path, told: Path, last: str) -> None:
    (tmp_path / "archive").write_text(json.dumps({**ARCHIVE, "last": last}))
    with pytest.raises(OperationError, match=r"000000010000000000000005 has not arrived") as failed:
        adapter(tmp_path).restore_point(STANZA, "before-0005", 0.01)
    assert "/var/log/postgresql/" in failed.value.fix


def test_a_backup_s_own_file_is_of_the_log_too(tmp_path: Path, told: Path) -> None:
    """What was archived last may be a label of a backup, which is written after the files before it."""
    (tmp_path / "archive").write_text(json.dumps({**ARCHIVE, "last": "000000010000000000000005.00000028.backup"}))
    assert adapter(tmp_path).restore_point(STANZA, "before-0005", 0.01)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(), "--type=default --archive-mode=off --recovery-option"),
        (Target("immediate"), "--type=immediate --archive-mode=off --target-action=promote --recovery-option"),
        (Target("name", "p", timeline="2"), "--type=name --archive-mode=off --target=p --target-action=promote"),
        (Target("time", "2026-11-26 09:55:00+09", 2, "20261126F"), "--repo=2 --set=20261126F --recovery-option"),
    ],
)
def test_a_copy_is_laid_out(tmp_path: Path, told: Path, target: Target, words: str) -> None:
    place = tmp_path / "scratch"
    mine = adapter(tmp_path)
    mine.restore_into(STANZA, str(place), target)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    preload = "env LD_PRELOAD=libeatmydata.so pgbackrest "
    assert told.read_text().count(preload) == 2, "it is thrown away: neither data nor log need be synced"
    assert words in told.read_text() and f"--pg1-path={place}" in told.read_text()
    assert ("--target-timeline=2" in told.read_text()) == (target.timeline == "2")
    mine.restore_into(STANZA, str(place), target, archive=True, delta=True)
    assert "--archive-mode=preserve" in told.read_text() and "--delta" in told.read_text()
    assert told.read_text().count(preload) == 2, "what is to be the cluster lasts"


def test_where_backups_go_is_root_s_secret(tmp_path: Path) -> None:
    mine = BackupPlaces(str(tmp_path / "backups.json"), str(tmp_path / "backups.key"))
    assert mine.read() is None and mine.known_passphrase() == ""
    places = Places("/mnt/backups", "pass phrase", Bucket("s3.test", "shop", "id", "sesame"))
    mine.write(places)
    assert mine.read() == places
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert "pass phrase" not in (tmp_path / "backups.json").read_text()
    (tmp_path / "backups.json").write_text("{}")
    assert mine.read() is None and mine.known_passphrase() == "pass phrase"
