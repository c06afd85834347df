# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host is gone. An empty one, the inventory and the backups of the other: production answers with all that it had.

The backups are on a disk that is still there; in the long form they are in a bucket alone.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.beside import Beside
from support.bucket import Bucket
from support.faults import LONG
from support.lab import Lab, Result, started, until

FILES = Path(__file__).parents[1] / "files"
HOST = "ark.example"
CLUSTER = "ark_production_main"
BACKUPS = "/var/lib/onehost-backups"
CONTAINER = (
    "$(sudo docker ps --quiet --filter label=release.onehost.stack=ark "
    "--filter label=release.onehost.environment=production)"
)
#: A file, and a database of SQLite.
FILL = """import sqlite3
open("/data/upload.txt", "w").write("two of every kind")
connection = sqlite3.connect("/data/lite.db")
connection.execute("CREATE TABLE IF NOT EXISTS t (said)")
connection.execute("INSERT INTO t VALUES ('and a dove')")
connection.commit()
"""
READ = """import sqlite3
print(open("/data/upload.txt").read(), *sqlite3.connect("/data/lite.db").execute("SELECT said FROM t").fetchone())
open("/data/upload.txt", "a").close()
"""
#: Ends whoever lays out the cluster of production, while pgBackRest is at it.
KILLER = f"""
until pid=$(pgrep --oldest --full "pgbackrest --config=.*{CLUSTER}.conf .* restore$"); do sleep 0.02; done
while [ "$pid" -gt 1 ]; do
    name=$(ps -o comm= -p "$pid")
    next=$(ps -o ppid= -p "$pid" | tr -d " ")
    case $name in python3*) kill -9 "$pid" && touch /run/killed; exit 0 ;; esac
    pid=$next
done
"""


def bucket_of(lab: Lab) -> Bucket:
    return Bucket(lab, "ark", 9445)


def stacks(_lab: Lab, repository: str = "path") -> dict[str, Any]:
    backup = {"dump": "never", "repository": [repository]}
    return {
        "ark": {
            "directory": "/home/ubuntu/ark",
            "source": "/srv/git/ark.git",
            "watch_seconds": 1,
            "disk_floor_gb": 1,
            "soak_minutes": 0,
            "environments": {
                "staging": {"ports": [4400], "hosts": [f"staging.{HOST}"]},
                "production": {"ports": [80], "hosts": [HOST]},
            },
            "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
            "env_matrix": {"GREETING": {"default": "hello"}},
            "keys": {"mount": "/keys", "user": 10001},
            "volumes": {"uploads": {"user": 10001, "backup": True}},
            "databases": {
                "main": {"memory": "160m", "connections": 10, "backup": backup},
                "lite": {"engine": "sqlite", "volume": "uploads", "backup": True},
            },
            "apps": {
                "ark": {
                    "context": ".",
                    "port": 8000,
                    "loopback_port": 21740,
                    "health": "/",
                    "routes": [{"path": "/"}],
                    "database": "main",
                    "keys": "private",
                    "volumes": {"uploads": "/data"},
                    "migrate": {
                        "command": ["python3", "migrate.py", "up"],
                        "revision": ["python3", "migrate.py", "revision"],
                        "target": ["python3", "migrate.py", "target"],
                    },
                },
            },
        }
    }


@dataclass
class Ark:
    """The stack on one of the two hosts."""

    lab: Lab
    inventory: Path
    #: More words of every command line.
    options: str = ""

    def playbook(self, name: str, options: str = "", **variables: Any) -> Result:
        options = f"{options} {self.options}".strip()
        return self.lab.playbook(name, inventories=[self.inventory], options=options, **variables)

    def push(self, version: int) -> str:
        files = {path.name: path.read_text() for path in (FILES / "ledger").iterdir() if path.is_file()}
        files["Dockerfile"] = files["Dockerfile"].replace("app.py ./", "app.py migrate.py VERSION ./")
        migrate = (FILES / "vault" / "migrate.py").read_text()
        files |= {"migrate.py": migrate, "VERSION": str(version), "note.txt": str(time.time())}
        return self.lab.push_commit(files, repository="ark")

    def sql(self, text: str) -> str:
        words = urllib.parse.urlencode({"text": text})
        answer = self.lab.get("http", f"/sql?{words}", {"Host": HOST})
        return f"{answer.status} {answer.body}"

    def files(self) -> str:
        return self.lab.ssh(f"sudo docker exec -i {CONTAINER} python3 - <<'END'\n{READ}END").strip()

    def key(self) -> str:
        return self.lab.ssh("sudo cat /var/lib/onehost/ark/keys/jwt_private.pem | sha256sum").strip()

    def history(self) -> set[str]:
        return set(self.lab.ssh("sudo ls /var/lib/onehost/ark/releases").split())

    def databases(self) -> Any:
        return json.loads(self.lab.ssh("sudo cat /var/lib/onehost/ark/databases.json"))


@dataclass
class Lost:
    """What was known of the host that is gone."""

    ark: Ark
    commit: str
    key: str
    history: set[str]
    databases: Any
    passphrase: str


@pytest.fixture(scope="module")
def bucket(beside: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket | None]:
    """The only place of the backups, in the long form."""
    found = bucket_of(beside.lab) if LONG else None
    if found:
        found.install(tmp_path_factory.mktemp("bucket"))
        found.start()
        beside.provision(found.options, **stacks(beside.lab, "s3"))
    yield found
    if found:
        found.stop()


@pytest.fixture(scope="module")
def lost(beside: Beside, bucket: Bucket | None) -> Iterator[Lost]:
    """Production with rows before and after its backup, files, a key; staging is one commit further."""
    with beside.until_stopped("ark"):
        ark = Ark(beside.lab, beside.inventory)
        commit = ark.push(1)
        ark.lab.operate("deploy_staging", stack="ark").ok()
        ark.lab.operate("promote", stack="ark").ok()
        assert ark.sql("INSERT INTO step1 (said) SELECT 'before' FROM generate_series(1, 100)") == "200 done"
        ark.lab.ssh(f"sudo docker exec -i {CONTAINER} python3 - <<'END'\n{FILL}END")
        ark.push(2)
        ark.lab.operate("deploy_staging", stack="ark").ok()
        timer = "systemctl is-active onehost-backup-ark"
        until(lambda: ark.lab.ssh(timer, check=False).strip() == "inactive", 60, "its timer is done")
        assert "FAILED" not in ark.lab.ssh("sudo onehost backup --stack ark 2>&1", seconds=120)
        assert ark.sql("INSERT INTO step1 (said) SELECT 'after' FROM generate_series(1, 23)") == "200 done"
        found = Lost(
            *(ark, commit, ark.key(), ark.history(), ark.databases()),
            ark.lab.ssh("sudo cat /etc/onehost/backups.key").strip(),
        )
        port = found.databases["production"]["main"]["port"]
        # Beyond this row in the log: it is archived with what is before it.
        psql = f"sudo -u postgres psql -X -q -p {port} -d postgres -At -c"
        file = ark.lab.ssh(f'{psql} "SELECT pg_walfile_name(pg_current_wal_lsn())"').strip()
        ark.lab.ssh(f'{psql} "SELECT pg_switch_wal()"')
        last = f'{psql} "SELECT last_archived_wal FROM pg_stat_archiver"'
        until(lambda: ark.lab.ssh(last).strip() >= file, 60, "it is archived")
        yield found


def places(bucket: Bucket | None) -> str:
    """What is not lost, as words of tar: the repository of the source, and the backups."""
    if bucket:
        return f"srv/git/ark.git {bucket.data[1:]}"
    kinds = " ".join(f"{BACKUPS[1:]}/postgresql/{kind}/{CLUSTER}" for kind in ("archive", "backup"))
    return f"srv/git/ark.git {BACKUPS[1:]}/restic/ark {kinds} {kinds.replace('production', 'staging')}"


@pytest.fixture(scope="module")
def empty(lost: Lost, bucket: Bucket | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ark]:
    """Another host, with nothing but what is not lost."""
    with started("lost") as lab:
        pack = f"sudo tar -C / -cf - {places(bucket)}"
        unpack = "sudo tar -C / -xf - --numeric-owner && sudo chown -R ubuntu /srv/git/ark.git"
        with subprocess.Popen([*lost.ark.lab.ssh_words, "ubuntu@127.0.0.1", pack], stdout=subprocess.PIPE) as packed:
            subprocess.run([*lab.ssh_words, "ubuntu@127.0.0.1", unpack], stdin=packed.stdout, check=True, timeout=120)
        options = ""
        if bucket:
            there = bucket_of(lab)
            there.install(tmp_path_factory.mktemp("bucket"))
            there.start()
            options = there.options
        else:
            # Elsewhere the user of PostgreSQL had another number.
            lab.ssh(f"sudo chown -R 4242:4242 {BACKUPS}/postgresql")
        lab.repositories["ark"] = lab.repositories["workhub"].replace("workhub.git", "ark.git")
        # The other stacks of this lab have backups too, which are not here: with them it would be refused.
        inventory = tmp_path_factory.mktemp("lost") / "ark.yml"
        mine = {
            f"onehost_stack_{name}": definition for name, definition in stacks(lab, "s3" if bucket else "path").items()
        }
        inventory.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": {"onehost-lab": mine}}}))
        yield Ark(lab, inventory, options)


def test_what_cannot_come_back_is_refused_before_anything_changes(empty: Ark) -> None:
    refused = empty.playbook("recover_host", confirm="another")
    assert refused.rc != 0 and refused.changes == 0
    assert "is not confirmed" in refused.stdout and "postgresql_backup_passphrase" in refused.stdout
    looked = empty.playbook("recover_host", "--check", postgresql_backup_passphrase="a-passphrase-of-nobody").ok()
    assert "restic and pgbackrest are not installed yet" in looked.stdout


def test_killed_on_its_way_the_same_command_brings_everything_back(lost: Lost, empty: Ark) -> None:
    options = {"confirm": "onehost-lab", "postgresql_backup_passphrase": lost.passphrase}
    wrong = empty.playbook("recover_host", **{**options, "postgresql_backup_passphrase": "a-passphrase-of-nobody"})
    assert wrong.rc != 0 and "wrong password" in wrong.stdout, wrong.stdout
    assert not empty.lab.ssh("ls /var/lib/onehost/recovery 2>/dev/null", check=False)
    empty.lab.ssh(f"sudo tee /run/killer >/dev/null <<'END'\n{KILLER}END")
    empty.lab.ssh("sudo systemd-run --quiet --collect --unit=killer bash /run/killer")
    killed = empty.playbook("recover_host", **options)
    assert killed.rc != 0 and empty.lab.ssh("ls /run/killed"), killed.stdout
    looked = empty.playbook("recover_host", "--check", **options).ok()
    assert lost.commit[:7] in looked.stdout and "copy of " in looked.stdout, looked.stdout
    done = empty.playbook("recover_host", **options).ok()
    assert "it came back until" in done.stdout and "staging ran another commit" in done.stdout, done.stdout
    assert empty.sql("SELECT said, count(*) FROM step1 GROUP BY said ORDER BY said") == (
        "200 [('after', 23), ('before', 100)]"
    )
    assert empty.files() == "two of every kind and a dove"
    assert empty.key() == lost.key and empty.databases() == lost.databases
    assert empty.history() > lost.history


def test_it_goes_on_as_on_the_host_before(empty: Ark) -> None:
    said = empty.lab.ssh("sudo onehost status --stack ark")
    assert "rollback" in said.lower(), said
    timer = "systemctl is-active onehost-backup-ark"
    until(lambda: empty.lab.ssh(timer, check=False).strip() == "inactive", 120, "its timer is done")
    made = empty.lab.ssh("sudo onehost backup --stack ark --environment production 2>&1", seconds=120)
    assert "FAILED" not in made and "production database main: incremental: done" in made, made
    empty.lab.operate("deploy_staging", stack="ark").ok()
    empty.lab.operate("promote", stack="ark").ok()
    assert empty.sql("SELECT count(*) FROM step2") == "200 [(0,)]"
    again = empty.playbook("recover_host", confirm="onehost-lab", postgresql_backup_passphrase="a-passphrase-of-nobody")
    assert again.rc != 0 and "this host is not empty" in again.stdout
