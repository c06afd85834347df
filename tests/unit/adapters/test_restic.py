# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restic, pg_dump and SQLite are told, by scripts in their place that answer as restic 0.18 does."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from release.adapters import restic
from release.adapters.restic import Restic
from release.errors import OperationError
from release.releases.backups import Bucket, Places, Stanza

STANZA = Stanza("shop_production_main", "17", 5434, "main")
PLACES = Places(
    "/nowhere", "pass", Bucket("s3.test:8443", "shop", "id", "sesame", prefix="vm1", by_path=True, ca_file="/ca")
)
SUMMARY = json.dumps({"message_type": "summary", "snapshot_id": "5a5a", "data_added": 900, "data_added_packed": 500})


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of what was told, with the environment of restic and what it was given."""
    folder, log = tmp_path / "bin", tmp_path / "told"
    folder.mkdir()
    programs = {
        "nice": 'shift 5; exec "$@"',
        "restic": f"""shift
echo "restic $*" >>{log}
env | grep -E 'RESTIC|AWS' | sort >{tmp_path}/environment
case "$*" in
*--stdin*) cat >{tmp_path}/given ;;
esac
case "$*" in
*"cat config"*) test -e {tmp_path}/made || {{ echo "Fatal: unable to open config file" >&2; exit 1; }} ;;
*init*) touch {tmp_path}/made ;;
*snapshots*) echo '[{{"id": "old1"}}]' ;;
*backup*) echo '{SUMMARY}'; test ! -e {tmp_path}/unread || exit 3 ;;
esac""",
        "runuser": f"""echo "$PGAPPNAME: $*" >>{log}
echo a dump
cat {tmp_path}/why >&2 2>/dev/null
test ! -e {tmp_path}/why""",
        "docker": """case "$*" in
*ls*gone*) ;;
*ls*) echo there ;;
*) echo /volumes/there ;;
esac""",
        "unshare": f"""echo "unshare $*" >>{log}.apart
while test "$1" != -c; do shift; done
while test "$1" != --; do shift; done
shift; exec "$@\"""",
    }
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(restic, "PATH", f"{folder}:/usr/bin:/bin")
    return log


def lines(told: Path) -> list[str]:
    return told.read_text().splitlines()


def places(tmp_path: Path) -> Places:
    return Places(str(tmp_path / "backups"), "pass")


def test_its_repository_is_made_once_and_locks_of_the_dead_are_ended(tmp_path: Path, told: Path) -> None:
    mine = Restic(str(tmp_path / "key"))
    assert mine.files(places(tmp_path), "path", "shop", "production volume up", ["/volumes/up"], 14) == 500
    assert (tmp_path / "backups" / "restic").stat().st_mode & 0o777 == 0o700
    first = " / ".join(lines(told))
    assert first.index("cat config") < first.index("init") < first.index("unlock") < first.index("backup --json")
    assert "--tag=production/volume/up,whole" in first and first.count("--no-cache") == len(lines(told))
    assert "forget --tag=production/volume/up,whole --group-by=host --keep-last=1 --keep-within=14d" in first
    assert "forget old1" in first, "what a killed dump has left"
    environment = (tmp_path / "environment").read_text()
    assert f"RESTIC_REPOSITORY={tmp_path}/backups/restic/shop\n" in environment
    assert f"RESTIC_PASSWORD_FILE={tmp_path}/key" in environment and "pass" not in first
    mine.files(places(tmp_path), "path", "shop", "state shop", ["/a"], 14)
    assert sum("unlock" in line for line in lines(told)) == 1


def test_a_bucket_and_its_keys_which_nobody_sees_in_a_list_of_processes(tmp_path: Path, told: Path) -> None:
    Restic().files(PLACES, "s3", "shop", "state shop", ["/a"], 14)
    environment = (tmp_path / "environment").read_text()
    assert "RESTIC_REPOSITORY=s3:https://s3.test:8443/shop/vm1/restic/shop\n" in environment
    assert "AWS_SECRET_ACCESS_KEY=sesame" in environment and "sesame" not in told.read_text()
    assert "--option=s3.bucket-lookup=path --cacert=/ca" in told.read_text()


def test_a_repository_that_cannot_be_read_is_not_made_anew(tmp_path: Path, told: Path) -> None:
    (tmp_path / "bin" / "restic").write_text("#!/bin/sh\necho 'Fatal: wrong password or no key found' >&2\nexit 12\n")
    with pytest.raises(OperationError, match="wrong password"):
        Restic().files(places(tmp_path), "path", "shop", "state shop", ["/a"], 14)


def test_a_dump_counts_once_it_has_ended(tmp_path: Path, told: Path) -> None:
    assert Restic().dump(places(tmp_path), "path", "shop", "production database main", STANZA, 14) == 500
    assert (tmp_path / "given").read_text() == "a dump\n"
    said = told.read_text()
    assert "onehost-dump: -u postgres -- /usr/lib/postgresql/17/bin/pg_dump --port=5434 --username=reader" in said
    assert said.index("production/database/main,partial") < said.index("tag --remove=partial --add=whole 5a5a")


def test_a_dump_that_fails_in_the_middle_is_none(tmp_path: Path, told: Path) -> None:
    (tmp_path / "why").write_text("pg_dump: error: server closed the connection unexpectedly")
    with pytest.raises(OperationError, match="server closed"):
        Restic().dump(places(tmp_path), "path", "shop", "production database main", STANZA, 14)
    assert lines(told)[-1].endswith("forget 5a5a") and "--add=whole" not in told.read_text()


def test_a_sqlite_file_is_copied_as_one_moment(tmp_path: Path, told: Path) -> None:
    source = tmp_path / "lite.db"
    with sqlite3.connect(source) as writer:
        writer.execute("PRAGMA journal_mode=wal")
        writer.execute("CREATE TABLE t (n)")
        writer.execute("INSERT INTO t VALUES (7)")
        writer.commit()
        # Nothing of it is in the file itself yet.
        Restic().sqlite(places(tmp_path), "path", "shop", "production file lite", str(source), 14)
    with sqlite3.connect(tmp_path / "given") as copy:
        assert copy.execute("SELECT n FROM t").fetchall() == [(7,)]
    assert "--stdin-filename=lite.db" in told.read_text()
    assert not list(Path("/var/tmp").glob("onehost-sqlite-*"))


def test_a_link_in_the_place_of_a_sqlite_file_is_not_followed(tmp_path: Path, told: Path) -> None:
    """As root alone it could lead anywhere; the volume of another stack is as good as /etc."""
    volume, other = tmp_path / "volume", tmp_path / "other.db"
    volume.mkdir()
    with sqlite3.connect(other) as writer:
        writer.execute("CREATE TABLE t (secret)")
    (volume / "lite.db").symlink_to(other)
    if os.geteuid() == 0:
        with pytest.raises(OperationError, match="unable to open database file"):
            Restic().sqlite(places(tmp_path), "path", "shop", "production file lite", str(volume / "lite.db"), 14)
        assert not (tmp_path / "given").exists()
    assert not list(Path("/var/tmp").glob("onehost-sqlite-*"))


def test_files_are_walked_where_no_link_leads_out(tmp_path: Path, told: Path) -> None:
    Restic().files(places(tmp_path), "path", "shop", "state shop", ["/a", "/b"], 14)
    (apart,) = (tmp_path / "told.apart").read_text().split("unshare ")[1:]
    assert apart.startswith("--mount --propagation=private -- /usr/bin/python3 -IS -c ")
    assert " /a /b -- restic --quiet --no-cache backup --json" in apart


def test_files_that_could_not_all_be_read_are_no_copy(tmp_path: Path, told: Path) -> None:
    mine = Restic(str(tmp_path / "key"))
    (tmp_path / "unread").touch()
    with pytest.raises(OperationError):
        mine.files(places(tmp_path), "path", "shop", "production volume up", ["/volumes/up"], 14)
    assert "whole" not in told.read_text()
    (tmp_path / "unread").unlink()
    told.write_text("")
    mine.files(places(tmp_path), "path", "shop", "production volume up", ["/volumes/up"], 14)
    said = " / ".join(lines(told))
    assert said.index("forget old1") < said.index("backup --json") < said.index("--add=whole 5a5a")


def test_what_is_too_old_is_freed_and_the_rest_read(tmp_path: Path, told: Path) -> None:
    Restic().verify(places(tmp_path), "path", "shop")
    said = [line.split()[-2:] for line in lines(told)]
    assert said[-2][1] == "prune" and said[-1] == ["check", "--read-data"]


def test_where_a_volume_is(told: Path) -> None:
    assert Restic().volume("shop_production_up") == "/volumes/there"
    assert Restic().volume("gone") == ""
