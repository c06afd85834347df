# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What befalls data: full disks, a bucket that is away, a file of the log that is gone, kills. No row that was answered
as written is lost, and whoever looks is told what is wrong."""

from __future__ import annotations

import json
import shlex
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.bucket import Bucket
from support.faults import Faults, give_source
from support.lab import Lab, Result, until

FILES = Path(__file__).parents[1] / "files"
HOST = "granary.example"
CLUSTER = "granary_production_main"
UNIT = f"postgresql@17-{CLUSTER}"
DATA = f"/var/lib/postgresql/17/{CLUSTER}"
REPOSITORY = "/var/lib/onehost-backups"
ARCHIVE = f"{REPOSITORY}/postgresql/archive/{CLUSTER}"
PLACES = (ARCHIVE, f"{REPOSITORY}/postgresql/backup/{CLUSTER}")
#: A disk in memory, as the disk of the machine that tests run on must not be filled.
DISK = "/small-granary"
FILLER = f"{DISK}/filler"
#: Three hundred kilobytes that do not compress.
BULK = "INSERT INTO step1 (said) SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 10000)"
SWITCH = "SELECT pg_create_restore_point('granary'), pg_switch_wal()"
ROWS = "SELECT count(*) FROM step1"
#: When something last arrived in the archive, and when something last did not; seconds since 1970.
ARCHIVED = """SELECT coalesce(extract(epoch FROM last_archived_time), 0),
  coalesce(extract(epoch FROM last_failed_time), 0) FROM pg_stat_archiver"""


def definition(**backup: Any) -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/granary",
        "source": "/srv/git/granary.git",
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [f"staging.{HOST}"]},
            "production": {"ports": [80], "hosts": [HOST]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        # What it writes to a disk in memory counts as its memory.
        "databases": {"main": {"memory": "256m", "connections": 5, "backup": {"dump": "never", **backup}}},
        "apps": {
            "granary": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21810,
                "health": "/",
                "routes": [{"path": "/"}],
                "database": "main",
                "migrate": {
                    "command": ["python3", "migrate.py", "up"],
                    "revision": ["python3", "migrate.py", "revision"],
                    "target": ["python3", "migrate.py", "target"],
                },
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"granary": definition()}


@dataclass
class Granary:
    """The stack on its lab; its database is at version `version`."""

    beside: Beside
    host: Faults
    port: int = 0
    version: int = 0

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def provision(self, options: str = "", **backup: Any) -> Result:
        return self.beside.provisioned(f"--tags stack,postgresql {options}", granary=definition(**backup))

    def staged(self, *, migrates: bool = False) -> None:
        """Another commit in staging."""
        self.version += int(migrates)
        files = {path.name: path.read_text() for path in (FILES / "ledger").iterdir() if path.is_file()}
        files["Dockerfile"] = files["Dockerfile"].replace("app.py ./", "app.py migrate.py VERSION ./")
        files |= {"migrate.py": (FILES / "vault" / "migrate.py").read_text(), "VERSION": str(self.version)}
        # Images differ by what is copied into them.
        files["app.py"] += f"\n# {time.time()}\n"
        self.lab.push_commit(files, repository="granary")
        self.onehost("deploy --stack granary")

    def onehost(self, text: str, *, check: bool = True) -> tuple[int, str]:
        """What a command says and how it ends, as a person types it on the host."""
        said = self.host.shell(f"onehost {text} 2>&1; echo $?", seconds=400)
        told, _, code = said.rstrip().rpartition("\n")
        assert not check or code == "0", said
        return int(code), told

    def promoted(self) -> float:
        """Something new goes to production. Returns how long the promote took."""
        self.staged()
        begun = time.monotonic()
        self.host.onehost("promote")
        return time.monotonic() - begun

    def ask(self, text: str) -> str:
        """As the app: its status, and what its database has answered."""
        answer = self.lab.get("http", f"/sql?{urllib.parse.urlencode({'text': text})}", {"Host": HOST})
        return f"{answer.status} {answer.body}"

    def as_superuser(self, text: str) -> str:
        words = f"sudo -u postgres psql -X -p {self.port} -d main -At -c {shlex.quote(text)}"
        return self.lab.ssh(words).strip()

    def rows(self) -> int:
        return int(self.as_superuser(ROWS))

    def archived(self) -> tuple[float, float]:
        last, failed = self.as_superuser(ARCHIVED).split("|")
        return float(last), float(failed)

    def switched(self) -> None:
        """Something is written, and the file of the log that it is in is handed on."""
        assert self.ask("INSERT INTO step1 (said) VALUES ('one more')") == "200 done"
        self.as_superuser("SELECT pg_switch_wal()")

    def live(self) -> str:
        return self.host.live()

    def status(self, of: str) -> list[str]:
        """The lines about production that have these words."""
        lines = self.onehost("status --stack granary")[1].splitlines()
        return [line for line in lines if "production" in line and of in line]

    def backup(self, kind: str, *, check: bool = True) -> tuple[int, str]:
        """As a person does on the host; the timer's own may be at it, which is waited for."""
        words = f"backup --stack granary --environment production --kind {kind} --lock-wait 120"
        return self.onehost(words, check=check)

    def left(self) -> str:
        """All that a restore or a rehearsal makes and takes away."""
        looks = (
            f"ls -d {DATA}.*",
            f"ls /etc/postgresql/17/{CLUSTER}/conf.d | grep restore",
            "ls /var/lib/postgresql/onehost-scratch | grep granary",
            "docker network ls --format '{{.Name}}' | grep granary.*rehearsal",
            "docker ps --all --format '{{.Names}}' | grep granary.*rehearsal",
            "nft list tables | grep scratch",
            "ls /var/lib/onehost/granary/runs | grep rehearsal | grep --invert-match json",
            "systemctl list-units --plain --no-legend 'onehost-scratch-*granary*'",
        )
        return "".join(self.host.shell(f"{look} 2>/dev/null", check=False) for look in looks).strip()


@pytest.fixture(scope="module")
def granary(beside: Beside) -> Iterator[Granary]:
    """The stack, promoted, with a backup."""
    with beside.until_stopped("granary"):
        found = Granary(beside, Faults(beside.lab, "granary"))
        give_source(beside.lab)
        # A lab that is kept has been here before.
        known = json.loads(found.host.shell("cat /var/lib/onehost/granary/schemas.json", check=False) or "{}")
        found.version = int(known.get("staging", {}).get("granary", {}).get("revision", 0))
        found.staged(migrates=True)
        found.host.onehost("promote")
        kept = json.loads(found.host.shell("cat /var/lib/onehost/granary/databases.json"))
        found.port = kept["production"]["main"]["port"]
        found.backup("full")
        yield found


@contextmanager
def on_a_small_disk(granary: Granary, size: str, *places: str) -> Iterator[None]:
    """These directories are on a disk of their own; the cluster, which writes to them, is stopped for the move."""
    there, back = (
        f"systemctl stop {UNIT}; mkdir -p {DISK}; mount -t tmpfs -o size={size},mode=0755 granary {DISK}\n",
        "",
    )
    for place in places:
        inside = f"{DISK}{place}"
        there += f"mkdir -p $(dirname {inside}); cp -a {place} $(dirname {inside}); mount --bind {inside} {place}\n"
        back += f"umount {place}; find {place} -mindepth 1 -delete; cp -a {inside}/. {place}\n"
    granary.host.shell(f"set -e\n{there}systemctl start {UNIT}")
    try:
        yield
    finally:
        granary.host.shell(
            f"set -e\nsystemctl stop {UNIT}\nrm -f {FILLER}*\n{back}umount {DISK}\nsystemctl start {UNIT}"
        )


def fill(granary: Granary) -> None:
    """Not a byte is left on the small disk."""
    written = f"dd if=/dev/zero of={FILLER} bs=1M 2>/dev/null; dd if=/dev/zero of={FILLER}.2 bs=4096 2>/dev/null"
    granary.host.shell(f"{written}; test $(df --output=avail {DISK} | tail -n 1) -eq 0")


def test_a_cluster_whose_disk_is_full(granary: Granary) -> None:
    granary.staged(migrates=True)
    before, live = granary.rows(), granary.live()
    with on_a_small_disk(granary, "400m", DATA):
        until(lambda: granary.ask(BULK) == "200 done", 30, "it writes to the small disk")
        written = 1
        fill(granary)
        refused = ""
        deadline = time.monotonic() + 60
        while not refused and time.monotonic() < deadline:
            said = granary.ask(BULK)
            written, refused = (written + 1, "") if said == "200 done" else (written, said)
        assert refused.startswith("502"), "the app is told, and says so itself"
        assert any("disk is full" in line for line in granary.status("main")), granary.status("")
        told = granary.onehost("promote --stack granary", check=False)
        assert told[0] != 0 and "refused, nothing was changed" in told[1], told
        assert "disk is full" in told[1] and "df -h" in told[1], told
        # Its log wants a file that there is no room for: PostgreSQL stops.
        until(lambda: "Is the server running" in _switched_again(granary), 60, "the cluster goes down")
        assert any("disk is full" in line for line in granary.status("main")), granary.status("")
        told = granary.onehost("promote --stack granary", check=False)
        assert told[0] != 0 and "disk is full" in told[1] and UNIT in told[1], told
        assert granary.live() == live and granary.lab.get("http", "/", {"Host": HOST}).status == 200
        granary.host.shell(f"rm {FILLER}*; systemctl restart {UNIT}")
        until(lambda: granary.ask(ROWS) == f"200 [({before + written},)]", 30, "what was answered as written is there")
    until(lambda: granary.ask(ROWS) == f"200 [({before + written},)]", 30, "and on its own disk again")
    granary.host.onehost("promote")
    assert granary.live() != live and granary.ask(f"SELECT count(*) FROM step{granary.version}") == "200 [(0,)]"


def _switched_again(granary: Granary) -> str:
    """Each switch of the log wants a file more."""
    words = f"psql -X -p {granary.port} -d main -c {shlex.quote(SWITCH)} 2>&1"
    return granary.lab.ssh(f"sudo -u postgres {words}", check=False)


def test_a_repository_whose_disk_is_full(granary: Granary) -> None:
    with on_a_small_disk(granary, "200m", *PLACES):
        until(lambda: granary.ask(ROWS).startswith("200"), 30, "the app has its data again")
        before, written = granary.rows(), 3
        fill(granary)
        full_at = time.time()
        for _row in range(written):
            granary.switched()
        until(lambda: granary.archived()[1] > full_at, 60, "nothing fits into the archive")
        code, told = granary.backup("incremental", check=False)
        assert code != 0 and f"its disk is full, 0 MB are free in {ARCHIVE}: make room" in told, told
        assert any("failing since" in line for line in granary.status("BACKUP of")), granary.status("")
        assert granary.ask(BULK) == "200 done" and granary.rows() == before + written + 1
        granary.host.shell(f"rm {FILLER}*")
        freed_at = time.time()
        until(lambda: granary.archived()[0] > max(freed_at, granary.archived()[1]), 120, "the archive catches up")
        granary.backup("incremental")
        assert not granary.status("failing since")
        assert (
            "restore point"
            in granary.onehost("restore --stack granary --environment production --at latest --check")[1]
        )
        assert "verify: done" in granary.backup("verify")[1]
    until(lambda: granary.rows() == before + written + 1, 30, "and on its own disk again")


def test_a_file_of_the_log_that_somebody_removes(granary: Granary) -> None:
    granary.backup("full")
    # So that a drill knows how much would be lost.
    granary.host.shell("systemctl start onehost-heartbeat")
    files = f"find {ARCHIVE} -name '0000*-*' -type f | sort"
    there = len(granary.host.shell(files).split())
    for _file in range(3):
        granary.switched()
    until(lambda: len(granary.host.shell(files).split()) >= there + 3, 60, "they are archived")
    drilled = granary.onehost("drill --stack granary")[1]
    assert "holds  archive" in drilled, drilled
    # What comes after the gap is in the archive too: nobody has noticed.
    gone = granary.host.shell(files).split()[-2]
    name = gone.rpartition("/")[2][:24]
    granary.host.shell(f"mv {gone} /root/gone")
    code, told = granary.onehost("drill --stack granary", check=False)
    assert code != 0 and f"{name} is missing in the archive" in told, told
    code, told = granary.backup("verify", check=False)
    assert code != 0 and f"{name} is missing in the archive" in told, told
    assert any("DAMAGED" in line and name in line for line in granary.status("BACKUP of"))
    granary.staged()
    code, told = granary.onehost("promote --stack granary", check=False)
    assert code != 0 and "gate backups" in told and name in told, told
    granary.host.shell(f"mv /root/gone {gone}")
    assert "verify: done" in granary.backup("verify")[1]
    granary.onehost("drill --stack granary")
    granary.host.onehost("promote")


RESTORE = ("restore", "--environment", "production", "--at", "latest", "--confirm", "production")


@pytest.mark.parametrize(
    ("moment", "found"), [("restore", "undone"), ("halt:done", "undone"), ("open:done", "finished")]
)
def test_a_restore_killed_before_in_and_after_its_steps(granary: Granary, moment: str, found: str) -> None:
    assert granary.ask(f"INSERT INTO step1 (said) VALUES ('before {moment}')") == "200 done"
    before = granary.rows()
    granary.host.kill_at(moment, *RESTORE)
    told = granary.onehost("recover --stack granary")[1]
    assert "was interrupted at" in told and f"it was {found}" in told, told
    assert granary.rows() == before and granary.ask(ROWS) == f"200 [({before},)]"
    if found == "finished":
        granary.onehost("restore --stack granary --environment production --drop all")
    assert not granary.left()
    granary.promoted()
    assert granary.ask("INSERT INTO step1 (said) VALUES ('after')") == "200 done"


@pytest.mark.parametrize("moment", ["rehearse:begun", "rehearse:half", "rehearse:done"])
def test_a_rehearsal_killed_before_in_and_after_its_steps(granary: Granary, moment: str) -> None:
    before, live = granary.rows(), granary.live()
    granary.staged(migrates=True)
    granary.host.kill_at(moment, "promote")
    assert bool(granary.left()) == (moment == "rehearse:half"), granary.left()
    told = granary.onehost("recover --stack granary")[1]
    assert "was interrupted at rehearse" in told and "nothing had been changed" in told, told
    assert not granary.left() and granary.live() == live and granary.rows() == before
    assert "does not exist" in granary.ask(f"SELECT * FROM step{granary.version}")
    granary.host.onehost("promote")
    assert not granary.left() and granary.live() != live and granary.rows() == before
    assert granary.ask(f"SELECT count(*) FROM step{granary.version}") == "200 [(0,)]"


@pytest.fixture
def bucket(granary: Granary, tmp_path: Path) -> Iterator[Bucket]:
    found = Bucket(granary.lab, "granary", 9444)
    found.install(tmp_path)
    found.start()
    yield found
    # Whoever provisions next knows of no bucket.
    granary.provision().ok()
    found.stop()


def test_a_bucket_that_is_away_and_comes_back(granary: Granary, bucket: Bucket) -> None:
    granary.provision(bucket.options, repository="s3").ok()
    granary.backup("full")
    usual = granary.promoted()
    bucket.stop()
    before, live, away_at = granary.rows(), granary.live(), time.time()
    granary.switched()
    # It tries for two minutes; what has no need of it goes on meanwhile.
    backup = "onehost backup --stack granary --environment production --kind incremental --lock-wait 120"
    granary.host.shell(f"systemd-run --quiet --collect --unit=granary-backup {backup}")
    took = granary.promoted()
    assert took < usual + 20 and granary.live() != live, f"{took:.1f} s, and {usual:.1f} s before"
    until(lambda: bool(granary.status("failing since")), 200, "the status says so")
    assert granary.archived()[0] < away_at and granary.ask(ROWS) == f"200 [({before + 1},)]"
    bucket.start()
    back_at = time.time()
    until(lambda: granary.archived()[0] > back_at, 120, "its log arrives")
    assert "verify: done" in granary.backup("verify")[1]
    granary.backup("incremental")
    assert not granary.status("failing since") and not granary.status("BACKUP of")
    granary.promoted()
    assert granary.rows() == before + 1
