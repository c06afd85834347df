# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a gigabyte takes: a backup, a drill, a rehearsal and a restore; and what production's visitors notice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from support import bench as support
from support.beside import Beside
from support.lab import ROOT, Lab, until
from support.load import Load, Target, Window

pytestmark = pytest.mark.bench

SOURCE = Path(__file__).parents[1] / "files" / "chapters"
HOST = "bulk.example"
#: One of them is 15 MB.
SCALE = 68
RATE = 50.0
#: Drill and rehearsal are done so often, each after as long a time of nothing: windows of seconds differ.
ROUNDS = 5
QUIET_SECONDS = 12.0
#: Reads and writes a row, as a visitor does.
ASKS = """SELECT abalance FROM pgbench_accounts WHERE aid = (SELECT 1 + (random() * 99999)::int);
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = (SELECT 1 + (random() * 99999)::int);
"""
#: Its answers say which release they are of, as the generator wants them.
APP = (
    ("import http.server", "import http.server\nimport json"),
    ("text.encode()", 'json.dumps({"text": text, "release": os.environ["RELEASE_ID"]}).encode()'),
    ("self.end_headers()", 'self.send_header("X-Release", os.environ["RELEASE_ID"])\n        self.end_headers()'),
)
PAGE = """# A gigabyte

{size} made by pgbench, on a lab with two cores and one disk, with {rate:.0f} requests a second to production, each of
which reads a row and writes one. A drill restores the newest backup with its log, and reads every page; a rehearsal
migrates a copy and starts the old release on it; a restore is all of it, until the site is open again. Drill and
rehearsal were done {rounds} times, each after {quiet:.0f} s of nothing; figures are medians.

| what | seconds | of at most | p99 meanwhile | times that of nothing | failed |
| --- | --- | --- | --- | --- | --- |
{table}

Written by `make bench`.
"""


def stacks(_lab: Lab) -> dict[str, Any]:
    return {
        "bulk": {
            "directory": "/home/ubuntu/bulk",
            "source": "/srv/git/bulk.git",
            "watch_seconds": 0,
            "disk_floor_gb": 1,
            "environments": {
                "staging": {"ports": [4400], "hosts": [f"staging.{HOST}"]},
                "production": {"ports": [80], "hosts": [HOST]},
            },
            "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
            "env_matrix": {"GREETING": {"default": "hello"}},
            "databases": {
                "main": {"memory": "400m", "connections": 50, "backup": {"dump": "never"}, "drill": {"monthly": 0}}
            },
            "apps": {
                "bulk": {
                    "context": ".",
                    "port": 8000,
                    "loopback_port": 21790,
                    "health": "/",
                    "health_seconds": 30,
                    "routes": [{"path": "/"}],
                    "database": "main",
                    "migrate": {
                        "command": ["python3", "tool.py", "migrate"],
                        "revision": ["python3", "tool.py", "revision"],
                        "target": ["python3", "tool.py", "target"],
                    },
                },
            },
        }
    }


@dataclass
class Bulk:
    """The stack on its lab."""

    beside: Beside
    port: int = 0

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def stage(self, asks: str, **versions: str) -> None:
        files = {str(path.relative_to(SOURCE)): path.read_text() for path in SOURCE.rglob("*") if path.is_file()}
        files |= {f"versions/{name}.sql": text for name, text in versions.items()}
        for old, new in APP:
            assert old in files["app.py"]
            files["app.py"] = files["app.py"].replace(old, new)
        self.lab.push_commit({**files, "asks.sql": asks, "note.txt": str(time.time())}, repository="bulk")
        self.beside.playbook("deploy_staging", stack="bulk").ok()

    def psql(self, text: str) -> str:
        return self.lab.ssh(f'sudo -u postgres psql -X -q -p {self.port} -d main -At -c "{text}"').strip()

    def fill(self, port: int, scale: int) -> None:
        """As the owner of the database: the app reads and writes it."""
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'main'"
        name = self.lab.ssh(f'sudo -u postgres psql -X -p {port} -d main -At -c "{owner}"').strip()
        program = "$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)/pgbench"
        words = f"env PGOPTIONS='-c role={name}' {program} -i -q -s {scale} -p {port} main"
        self.lab.ssh(f"cd / && sudo -u postgres {words} 2>&1", seconds=600)

    def host(self, words: str) -> float:
        """How long a command takes on the host."""
        begun = time.monotonic()
        self.lab.ssh(f"sudo onehost {words} 2>&1", seconds=900)
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def bulk(beside: Beside) -> Iterator[Bulk]:
    with beside.until_stopped("bulk"):
        found = Bulk(beside)
        found.stage("SELECT 1")
        beside.playbook("promote", stack="bulk").ok()
        kept = json.loads(found.lab.ssh("sudo cat /var/lib/onehost/bulk/databases.json"))
        found.port = kept["production"]["main"]["port"]
        found.fill(found.port, SCALE)
        found.fill(kept["staging"]["main"]["port"], 1)
        found.stage(ASKS)
        beside.playbook("promote", stack="bulk").ok()
        yield found


@dataclass
class Row:
    """What was measured of one thing: each time that it was done, and what visitors noticed meanwhile."""

    what: str
    most: str = ""
    seconds: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    sent: int = 0
    failed: int = 0

    def add(self, seconds: float, window: Window) -> None:
        self.seconds.append(seconds)
        self.p99.append(window.p99)
        self.sent, self.failed = self.sent + window.sent, self.failed + window.failed

    def line(self, quiet: float) -> str:
        """`quiet` is the p99 beside nothing, in seconds."""
        if not self.p99:
            return f"| {self.what} | {median(self.seconds):.1f} | {self.most} | closed | | |"
        slow = median(self.p99)
        figures = f"{slow * 1000:.0f} ms | {slow / quiet:.1f} | {self.failed} of {self.sent}"
        return f"| {self.what} | {median(self.seconds):.1f} | {self.most} | {figures} |"


def test_a_gigabyte(bulk: Bulk) -> None:
    size = bulk.psql("SELECT pg_size_pretty(sum(pg_database_size(oid))) FROM pg_database")
    bulk.stage(ASKS, zz="ALTER TABLE pgbench_accounts ADD COLUMN since timestamptz")
    quiet, drill, rehearsal = Row("nothing"), Row("drill", "180"), Row("rehearsal", "180")
    backup, restore = Row("full backup"), Row("restore", "300")
    target = Target("page", bulk.lab.ports["http"], "/", host=HOST)
    with Load([target], RATE) as load:

        def measure(row: Row, words: str) -> None:
            load.take()
            if not words:
                # This is how long it is measured: there is no condition to wait for.
                time.sleep(QUIET_SECONDS)
            seconds = bulk.host(words) if words else QUIET_SECONDS
            row.add(seconds, window := load.take())
            print(f"{row.what}: {seconds:.1f} s, {window.line()}", flush=True)

        measure(backup, "backup --stack bulk --environment production --kind full")
        for _ in range(ROUNDS):
            measure(quiet, "")
            measure(drill, "drill --stack bulk")
            measure(quiet, "")
            measure(rehearsal, "rehearse --stack bulk --again")
    before = bulk.psql("SELECT count(*) FROM pgbench_accounts")
    bulk.lab.ssh(f'sudo -u postgres psql -X -q -p {bulk.port} -d main -c "SELECT pg_switch_wal()"')
    check = "sudo onehost restore --stack bulk --environment production --at latest --check 2>&1"
    until(lambda: bulk.lab.ssh(check, check=False).count("\n") > 3, 120, "it is archived")
    words = "restore --stack bulk --environment production --at latest --confirm production"
    restore.seconds.append(bulk.host(words))
    assert bulk.psql("SELECT count(*) FROM pgbench_accounts") == before
    bulk.host("restore --stack bulk --environment production --drop all")
    rows = [quiet, backup, drill, rehearsal, restore]
    table = "\n".join(row.line(median(quiet.p99)) for row in rows)
    print(f"\n{table}")
    if support.planned() == support.FULL:
        page = ROOT / "docs" / "benchmarks" / "recovery.md"
        page.write_text(
            PAGE.format(size=size, rate=RATE, rounds=ROUNDS, quiet=QUIET_SECONDS, table=table), encoding="utf-8"
        )
    assert sum(row.failed for row in rows) == 0, table
