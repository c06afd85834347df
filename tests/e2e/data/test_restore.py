# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database goes back to a moment, to the row, and whoever is killed on the way leaves no half."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.faults import Faults, give_source
from support.lab import Lab, until

SOURCE = Path(__file__).parents[1] / "files" / "ledger"
CLUSTER = "tally_production_main"
CONTAINER = (
    "$(sudo docker ps --quiet --filter label=release.onehost.stack=tally "
    "--filter label=release.onehost.environment=production)"
)
NOW = "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def stacks(_lab: Lab) -> dict[str, Any]:
    checks = [
        {"name": "numbers", "sql": "SELECT count(*) FROM numbers", "at_least": 1},
        {"name": "uploads", "volume": "uploads", "sample": 5},
        {"name": "files", "volume": "uploads", "sql": "SELECT path, sha256 FROM files"},
    ]
    return {
        "tally": {
            "directory": "/home/ubuntu/tally",
            "source": "/srv/git/tally.git",
            "watch_seconds": 1,
            "disk_floor_gb": 1,
            "environments": {
                "staging": {"ports": [4400], "hosts": ["staging.tally.example"]},
                "production": {"ports": [80], "hosts": ["tally.example"]},
            },
            "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
            "env_matrix": {"GREETING": {"default": "hello"}},
            "databases": {
                "main": {
                    "memory": "160m",
                    "connections": 10,
                    "backup": {"dump": "never"},
                    "drill": {"checks": checks},
                }
            },
            "volumes": {"uploads": {"user": 10001, "backup": True}},
            "apps": {
                "tally": {
                    "context": ".",
                    "port": 8000,
                    "loopback_port": 21710,
                    "health": "/",
                    "routes": [{"path": "/"}],
                    "database": "main",
                    "volumes": {"uploads": "/data"},
                },
            },
        }
    }


@dataclass
class Tally:
    """The stack on its lab, with a table of numbered rows."""

    beside: Beside
    port: int = 0

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def stage(self) -> None:
        """A new commit, in staging."""
        files = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        self.lab.push_commit({**files, "note.txt": str(time.time())}, repository="tally")
        self.beside.operate("deploy_staging", stack="tally").ok()

    def sql(self, text: str) -> str:
        words = f"sudo -u postgres psql -X -q -p {self.port} -d main -At -c {shlex.quote(text)}"
        return self.lab.ssh(words).strip()

    def restore(self, words: str, *, fails: bool = False) -> str:
        command = f"sudo onehost restore --stack tally --environment production {words} 2>&1"
        return self.lab.ssh(command, seconds=120, check=not fails)

    def answers(self) -> int:
        return self.lab.get("http", "/", {"Host": "tally.example"}).status

    def folders(self) -> list[str]:
        return self.lab.ssh("sudo ls /var/lib/postgresql/17 | grep tally_production").split()


@pytest.fixture(scope="module")
def tally(beside: Beside) -> Iterator[Tally]:
    with beside.until_stopped("tally"):
        found = Tally(beside)
        found.stage()
        beside.operate("promote", stack="tally").ok()
        kept = json.loads(found.lab.ssh("sudo cat /var/lib/onehost/tally/databases.json"))
        found.port = kept["production"]["main"]["port"]
        # A lab that is kept has been here before.
        found.sql("DROP TABLE IF EXISTS numbers, files")
        found.sql("CREATE TABLE numbers (n int PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())")
        beside.playbook("backup", stack="tally", where="production").ok()
        yield found


def test_to_the_last_row_before_a_moment_and_back(tally: Tally) -> None:
    tally.sql("INSERT INTO numbers (n) SELECT generate_series(1, 100)")
    moment = tally.sql(NOW)
    tally.sql("INSERT INTO numbers (n) SELECT generate_series(101, 150)")
    # A moment is reached only by a commit after it that is archived; rows are committed above.
    until(lambda: moment < tally.sql(NOW), 10, "the moment lies behind")
    refused = tally.restore(f"--at {moment}", fails=True)
    assert "is not confirmed" in refused and tally.sql("SELECT count(*) FROM numbers") == "150"
    tally.beside.playbook("restore", stack="tally", where="production", at=moment, confirm="production").ok()
    assert tally.sql("SELECT count(*), max(n) FROM numbers") == "100|100"
    assert tally.answers() == 200
    point = next(name for name in tally.folders() if ".before-" in name).partition(".")[2]
    tally.restore(f"--point {point} --confirm production")
    assert tally.sql("SELECT count(*) FROM numbers") == "150", "its own restore point, on the timeline of before"
    tally.restore("--drop all")
    assert tally.folders() == [CLUSTER]


@pytest.mark.parametrize("moment", ["copy:half", "aside:done", "replay:half"])
def test_killed_on_its_way(tally: Tally, moment: str) -> None:
    before = tally.sql("SELECT count(*) FROM numbers")
    give_source(tally.lab)
    where = ("--environment", "production", "--at", "latest", "--confirm", "production")
    Faults(tally.lab, "tally").kill_at(moment, "restore", *where)
    told = tally.lab.ssh("sudo onehost recover --stack tally 2>&1", seconds=120)
    assert f"was interrupted at {moment.partition(':')[0]}" in told and "it was undone" in told, told
    assert tally.sql("SELECT count(*) FROM numbers") == before
    assert tally.answers() == 200 and tally.folders() == [CLUSTER]


def test_a_cluster_that_is_gone_comes_back(tally: Tally) -> None:
    until(lambda: tally.restore("--at latest --check").count("\n") > 3, 90, "it is archived")
    tally.lab.ssh(f"sudo systemctl stop postgresql@17-{CLUSTER}; sudo rm -rf /var/lib/postgresql/17/{CLUSTER}")
    assert "does not answer" in tally.restore("--at latest --check")
    tally.restore("--at latest --confirm production")
    assert tally.sql("SELECT count(*) FROM numbers") == "150" and tally.answers() == 200
    tally.restore("--drop all")


#: Changes directories of a volume into links to the host's own and back, as fast as it can.
SWAPS = """import ctypes, os
os.chdir("/data")
swap = ctypes.CDLL(None).renameat2
for n in range(300):
    os.mkdir(f"d{n}")
    open(f"d{n}/shadow", "w").write("mine")
    os.symlink("/etc", f"l{n}")
open("begun", "w")
while os.path.exists("begun"):
    for n in range(300):
        swap(-100, b"d%d" % n, -100, b"l%d" % n, 2)
"""


def test_no_container_has_files_of_the_host_copied(tally: Tally) -> None:
    """What is copied by root is the volume's, whatever is put in the place of its directories meanwhile."""
    place = "/var/lib/onehost-backups/restic/tally"
    restic = f"sudo restic --quiet --no-lock -r {place} --password-file /etc/onehost/backups.key"
    volume = "/var/lib/docker/volumes/tally_production_uploads/_data"
    tally.lab.ssh(f"sudo docker exec --detach {CONTAINER} python3 -c {shlex.quote(SWAPS)}")
    until(lambda: "begun" in tally.lab.ssh(f"sudo ls {volume}"), 30, "directories are swapped")
    stolen, mine = [], 0
    for _attempt in range(4):
        # It may fail, as files come and go; what it has copied counts.
        tally.lab.ssh("sudo onehost backup --stack tally --environment production --kind copy", check=False)
        listed = tally.lab.ssh(f"{restic} ls --json latest --tag production/volume/uploads").splitlines()
        nodes = [json.loads(line) for line in listed]
        files = [node for node in nodes if node.get("type") == "file" and node["path"].endswith("/shadow")]
        stolen += [node["path"] for node in files if node["uid"] != 10001]
        mine += len(files) - len(stolen)
    tally.lab.ssh(f"sudo rm {volume}/begun")
    tally.lab.ssh(f"sudo docker exec {CONTAINER} sh -c 'rm -rf /data/d* /data/l*'")
    assert mine and not stolen, stolen


def _upload(tally: Tally) -> None:
    """Twelve files that the database knows, in a copy; then one more."""
    tally.sql("CREATE TABLE files (path text PRIMARY KEY, sha256 text)")
    known = "n || '.txt', encode(sha256(('file ' || n)::bytea), 'hex')"
    tally.sql(f"INSERT INTO files SELECT {known} FROM generate_series(1, 13) n")
    write = "sudo docker exec {} sh -c 'for n in $(seq {}); do printf \"file $n\" >/data/$n.txt; done'"
    tally.lab.ssh(f"sudo docker exec {CONTAINER} rm -f /data/13.txt; {write.format(CONTAINER, '1 12')}")
    tally.lab.ssh("sudo onehost backup --stack tally --environment production --kind copy", seconds=120)
    # Nothing says when the clock of files is past CLOCK_SECONDS (1.0), by which a file counts as newer than its copy.
    time.sleep(1.5)
    tally.lab.ssh(write.format(CONTAINER, "13 13"))
    # What the archive has not got yet no drill knows.
    tally.sql("SELECT pg_switch_wal()")


def _spoil_uploads(tally: Tally) -> None:
    """Damage in what restic has of files, and a row whose file nobody has."""
    place = "/var/lib/onehost-backups/restic/tally"
    restic = f"sudo restic --quiet --no-lock -r {place} --password-file /etc/onehost/backups.key"
    indexes = tally.lab.ssh(f"for one in $({restic} list index); do {restic} cat index $one; echo ,; done")
    packs = [pack for index in json.loads(f"[{indexes} {{}}]") for pack in index.get("packs", ())]
    for name in {pack["id"] for pack in packs if pack["blobs"][0]["type"] == "data"}:
        path = f"{place}/data/{name[:2]}/{name}"
        tally.lab.ssh(f"sudo dd if=/dev/urandom of={path} bs=400 count=1 conv=notrunc status=none")
    tally.sql("DELETE FROM files WHERE path != '13.txt'")
    tally.sql("INSERT INTO files VALUES ('stray', repeat('ab', 32))")
    tally.sql("SELECT pg_switch_wal()")


def test_a_drill_measures_and_finds_what_is_damaged(tally: Tally) -> None:
    _upload(tally)
    done = tally.lab.ssh("sudo onehost drill --stack tally", seconds=120)
    assert "holds  pg_amcheck: whole" in done and "holds  numbers: 150" in done and "would be lost" in done
    assert "holds  uploads: 5 of 12 files: 5 as in the volume" in done, done
    assert "holds  files: 13 files: 12 as the database says, 1 newer than the copy" in done, done
    _spoil_uploads(tally)
    wrong = tally.lab.ssh("sudo onehost drill --stack tally 2>&1", seconds=120, check=False)
    assert "FAILS  uploads: " in wrong and ".txt: " in wrong, wrong
    assert "FAILS  files: stray: the database knows it, and it is not in the copy; it is nowhere else" in wrong, wrong
    home = f"/var/lib/onehost-backups/postgresql/backup/{CLUSTER}"
    tally.lab.ssh(
        f"sudo sh -c 'for one in $(find {home} -type f -size +50k | head -20); do "
        "dd if=/dev/urandom of=$one bs=64 seek=100 count=4 conv=notrunc status=none; done'"
    )
    broken = tally.lab.ssh("sudo onehost drill --stack tally 2>&1", seconds=120, check=False)
    assert "could not be restored: pgbackrest failed: " in broken and "unable to load backup manifest" in broken, broken
    tally.stage()
    refused = tally.beside.operate("promote", stack="tally")
    assert refused.rc != 0 and "gate backups" in refused.problems, refused.stdout
