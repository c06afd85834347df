"""A stack whose database, files and state are backed up: what is there can be read again, what is wrong is told."""

from __future__ import annotations

import json
import shlex
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.bucket import Bucket
from support.faults import Faults, give_source
from support.lab import Lab, Result, until

FILES = Path(__file__).parents[1] / "files"
HOSTS = {"staging": "staging.vault.example", "production": "vault.example"}
PORTS = {"staging": "staging", "production": "http"}
CLUSTER = "vault_production_main"
REPOSITORY = "/var/lib/onehost-backups"
RESTIC = f"sudo restic --quiet -r {REPOSITORY}/restic/vault --password-file /etc/onehost/backups.key"
PGBACKREST = f"cd /; sudo -u postgres pgbackrest --config=/etc/onehost/pgbackrest/{CLUSTER}.conf --stanza={CLUSTER}"
#: A row that nobody may read in a repository.
ROW = "the-captain-keeps-it-below-the-third-stone"
CONTAINER = (
    "$(sudo docker ps --quiet --filter label=release.onehost.stack=vault "
    "--filter label=release.onehost.environment=production)"
)
#: A file, and a database of SQLite whose row is in its log alone.
FILL = f"""import os, sqlite3
open("/data/upload.txt", "w").write({ROW!r})
connection = sqlite3.connect("/data/lite.db")
connection.execute("PRAGMA journal_mode=wal")
connection.execute("CREATE TABLE IF NOT EXISTS t (said)")
connection.execute("INSERT INTO t VALUES (?)", ({ROW!r},))
connection.commit()
os._exit(0)
"""


def definition(**backup: Any) -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/vault",
        "source": "/srv/git/vault.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        "volumes": {"uploads": {"user": 10001, "backup": True}},
        "databases": {
            "main": {"memory": "160m", "connections": 10, "backup": backup},
            "lite": {"engine": "sqlite", "volume": "uploads", "backup": True},
        },
        "apps": {
            "vault": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21700,
                "health": "/",
                "routes": [{"path": "/"}],
                "database": "main",
                "volumes": {"uploads": "/data"},
                "migrate": {
                    "command": ["python3", "migrate.py", "up"],
                    "revision": ["python3", "migrate.py", "revision"],
                    "target": ["python3", "migrate.py", "target"],
                },
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"vault": definition()}


#: A migration that commits by itself, each table, and stops or takes its time where a row in production says so.
MAKES = """                cursor.execute(f"CREATE TABLE step{number} (id serial PRIMARY KEY, said text)")
"""
WAITS = """                cursor.execute("SELECT pg_sleep(4 * count(*)) FROM step1 WHERE said = 'slow'")
"""
LEAVES = """                connection.commit()
                cursor.execute("SELECT 1 / (1 - count(*)) FROM step1 WHERE said = 'poison'")
"""
#: PostgreSQL restarts as soon as that waits.
STRIKE = """until sudo -u postgres psql -X -p {port} -At -c "SELECT 1 FROM pg_stat_activity WHERE state = 'active'
  AND query LIKE 'SELECT pg_sleep%'" | grep -q 1; do sleep 0.2; done; systemctl restart postgresql@17-{cluster}"""


@dataclass
class Vault:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def provision(self, options: str = "", **backup: Any) -> Result:
        return self.beside.provisioned(f"--tags stack,postgresql {options}", vault=definition(**backup))

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="vault", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="vault", **options)

    def push(self, version: int, *, halves: bool = False) -> None:
        files = {path.name: path.read_text() for path in (FILES / "ledger").iterdir() if path.is_file()}
        files["Dockerfile"] = files["Dockerfile"].replace("app.py ./", "app.py migrate.py VERSION ./")
        migrate = (FILES / "vault" / "migrate.py").read_text()
        if halves:
            assert MAKES in migrate
            migrate = migrate.replace(MAKES, f"{WAITS}{MAKES}{LEAVES}")
        files |= {"migrate.py": migrate, "VERSION": str(version), "note.txt": str(time.time())}
        self.lab.push_commit(files, repository="vault")

    def sql(self, environment: str, text: str) -> str:
        words = urllib.parse.urlencode({"text": text})
        answer = self.lab.get(PORTS[environment], f"/sql?{words}", {"Host": HOSTS[environment]})
        return f"{answer.status} {answer.body}"

    def backup(self, *words: str, check: bool = True) -> str:
        """As a person does on the host; the timer's own may be at it."""
        command = f"sudo onehost backup --stack vault {' '.join(words)} 2>&1"
        timer = "systemctl is-active onehost-backup-vault"
        at_it = ("active", "activating")
        until(lambda: self.lab.ssh(timer, check=False).strip() not in at_it, 60, "its timer is done")
        return self.lab.ssh(command, check=check, seconds=400)

    def status(self) -> list[str]:
        lines = self.lab.ssh("sudo onehost status --stack vault").splitlines()
        return [line for line in lines if line.lower().startswith("backup of")]

    def records(self, change: str) -> None:
        """Change what is known of the backups, as a piece of Python on `data`."""
        path = "/var/lib/onehost/vault/backups.json"
        code = f"import json; p = {path!r}; data = json.load(open(p)); {change}; json.dump(data, open(p, 'w'))"
        self.lab.ssh(f"sudo python3 -c {shlex.quote(code)}")


@pytest.fixture(scope="module")
def vault(beside: Beside) -> Iterator[Vault]:
    """The stack, promoted; files in its volume."""
    with beside.until_stopped("vault"):
        found = Vault(beside)
        found.push(1)
        found.operate("deploy_staging").ok()
        found.operate("promote").ok()
        assert found.sql("production", f"INSERT INTO step1 (said) VALUES ('{ROW}')") == "200 done"
        found.lab.ssh(f"sudo docker exec -i {CONTAINER} python3 - <<'END'\n{FILL}END")
        yield found


def test_nothing_to_do_the_second_time(vault: Vault) -> None:
    assert vault.provision().ok().changes == 0


def test_a_migration_had_its_restore_point_in_the_archive(vault: Vault) -> None:
    points = json.loads(vault.lab.ssh("sudo cat /var/lib/onehost/vault/restore_points.json"))
    for environment in HOSTS:
        (point,) = points[environment]["main"]
        assert point["name"].endswith("-vault") and environment in point["name"]


def test_everything_is_there_and_can_be_read_again(vault: Vault) -> None:
    said = vault.backup()
    assert "FAILED" not in said and "production database main: incremental: done" in said, said
    ages = vault.status()
    for thing in ("database main: backup", "database main: dump", "file lite: copy", "volume uploads: copy"):
        assert any(line.startswith(f"backup of production {thing}") for line in ages), ages
    assert any(line.startswith("backup of state vault: copy") for line in ages), ages
    dump = f"{RESTIC} dump latest --tag production/database/main /pg_dump"
    assert ROW in vault.lab.ssh(f"{dump} | /usr/lib/postgresql/17/bin/pg_restore --file=- --data-only")
    lite = f"{RESTIC} dump latest --tag production/file/lite /lite.db >/tmp/lite.db"
    read = "import sqlite3; print(sqlite3.connect('/tmp/lite.db').execute('SELECT said FROM t').fetchall())"
    assert ROW in vault.lab.ssh(f'{lite} && python3 -c "{read}"')
    place = vault.lab.ssh("sudo docker volume inspect --format '{{.Mountpoint}}' vault_production_uploads").strip()
    assert ROW in vault.lab.ssh(f"{RESTIC} dump latest --tag production/volume/uploads {place}/upload.txt")
    state = vault.lab.ssh(f"{RESTIC} ls latest --tag state/vault")
    assert "/var/lib/onehost/vault/databases.json" in state and "/etc/onehost/stacks/vault.json" in state
    assert "/var/lib/onehost/vault/source" not in state
    owner = vault.lab.ssh(f"sudo stat -c '%U %a' {place}/lite.db-wal {place}/lite.db-shm", check=False)
    assert "root" not in owner, "the app could not write any more"


def test_nobody_reads_it_without_the_passphrase(vault: Vault) -> None:
    assert not vault.lab.ssh(f"sudo grep -rlaF {ROW} {REPOSITORY}", check=False)
    kept = f"sudo stat -c '%U %a' {REPOSITORY}/postgresql {REPOSITORY}/restic /etc/onehost/backups.key"
    assert vault.lab.ssh(kept).split() == ["postgres", "750", "root", "700", "root", "600"]
    vault.lab.ssh("sudo cp /etc/onehost/backups.key ~/key; sudo chown ubuntu ~/key")
    search = "sudo grep -rlFf ~/key /var/log /etc/onehost/stacks /var/lib/onehost; sudo journalctl | grep -Ff ~/key"
    assert not vault.lab.ssh(search, check=False, seconds=120)


def test_where_nothing_reaches_the_archive_nothing_is_migrated(vault: Vault) -> None:
    away = f"sudo mv {REPOSITORY}/postgresql {REPOSITORY}/away && sudo touch {REPOSITORY}/postgresql"
    vault.push(2)
    vault.lab.ssh(away)
    try:
        failed = vault.operate("deploy_staging")
    finally:
        vault.lab.ssh(f"sudo rm {REPOSITORY}/postgresql && sudo mv {REPOSITORY}/away {REPOSITORY}/postgresql")
    assert failed.rc != 0 and "no way back yet, so nothing was begun" in failed.problems, failed.stdout
    assert "does not exist" in vault.sql("staging", "SELECT * FROM step2")
    assert vault.sql("staging", "SELECT count(*) FROM step1") == "200 [(0,)]", "the old release goes on"
    vault.operate("deploy_staging").ok()
    assert vault.sql("staging", "SELECT count(*) FROM step2") == "200 [(0,)]"


def test_killed_before_in_and_after_its_restore_point_nothing_is_migrated(vault: Vault) -> None:
    give_source(vault.lab)
    host = Faults(vault.lab, "vault")
    vault.push(3)
    for moment in ("restore_point:begun", "restore_point:done"):
        host.kill_at(moment, "deploy")
        told = vault.lab.ssh("sudo onehost recover --stack vault")
        assert f"was interrupted at {moment.partition(':')[0]}" in told and "it was undone" in told, told
        assert "does not exist" in vault.sql("staging", "SELECT * FROM step3")
        assert vault.sql("staging", "SELECT count(*) FROM step2") == "200 [(0,)]"
    vault.operate("deploy_staging").ok()
    assert vault.sql("staging", "SELECT count(*) FROM step3") == "200 [(0,)]"


def test_what_is_too_old_keeps_a_promote_back(vault: Vault) -> None:
    vault.records("[it.update(at=it['at'] - 4 * 86400, since=0) for it in data.values() if it['at']]")
    refused = vault.operate("promote")
    assert refused.rc != 0 and "TOO OLD" in refused.problems and "gate backups" in refused.problems
    made = vault.playbook("backup", where="production").ok()
    assert "production database main: backup" in made.stdout
    vault.operate("promote").ok()
    assert vault.sql("production", "SELECT count(*) FROM step2") == "200 [(0,)]"


def test_damage_is_found_and_told_until_it_is_gone(vault: Vault) -> None:
    # A promote that has nothing to do has no gates.
    vault.push(4)
    vault.operate("deploy_staging").ok()
    vault.backup("--environment production --kind full")
    assert "verify: done" in vault.backup("--environment production --kind verify")
    folder = f"{REPOSITORY}/postgresql/archive/{CLUSTER}"
    # The newest of all: it is in nobody's way afterwards.
    file = vault.lab.ssh(f"sudo find {folder} -name '0000*-*' -type f | sort | tail -2 | head -1").strip()
    vault.lab.ssh(f"sudo mv {file} /root/gone")
    assert "is missing in the archive" in vault.backup("--environment production --kind verify", check=False)
    assert any("DAMAGED" in line for line in vault.status())
    vault.lab.ssh(f"sudo mv /root/gone {file}")
    bundles = f"sudo find {REPOSITORY}/postgresql/backup/{CLUSTER} -path '*F/bundle*' -size +50k | head -1"
    bundle = vault.lab.ssh(bundles).strip()
    broken = f"sudo dd if=/dev/urandom of={bundle} bs=1 seek=5000 count=64 conv=notrunc 2>/dev/null"
    vault.lab.ssh(broken)
    assert "verify FAILED: " in vault.backup("--environment production --kind verify", check=False)
    refused = vault.operate("promote")
    assert refused.rc != 0 and "DAMAGED" in refused.problems
    label = bundle.split(f"{CLUSTER}/")[1].split("/")[0]
    vault.backup("--environment production --kind full")
    vault.lab.ssh(f"{PGBACKREST} --set={label} expire")
    assert "verify: done" in vault.backup("--environment production --kind verify")


def test_a_migration_that_stops_half_way_leaves_what_is_known_and_the_next_promote_works(vault: Vault) -> None:
    def known() -> tuple[str, str]:
        kept = json.loads(vault.lab.ssh("sudo cat /var/lib/onehost/vault/schemas.json"))["production"]["vault"]
        return kept["revision"], kept["state"]

    now, rows = int(known()[0]), "SELECT count(*) FROM step1"
    vault.push(now + 2, halves=True)
    vault.operate("deploy_staging").ok()
    vault.sql("production", "INSERT INTO step1 (said) VALUES ('poison')")
    counted = vault.sql("production", rows)
    stopped = vault.operate("promote", skip_gates="migration_safe,backups")
    assert stopped.rc != 0 and "division by zero" in stopped.stdout, stopped.stdout
    assert known() == (str(now + 1), "failed"), "there is no transaction to put it back"
    assert vault.sql("production", f"SELECT count(*) FROM step{now + 1}") == "200 [(0,)]"
    assert "does not exist" in vault.sql("production", f"SELECT count(*) FROM step{now + 2}")
    # The same where PostgreSQL itself goes away and comes back under it.
    vault.sql("production", "UPDATE step1 SET said = 'slow' WHERE said = 'poison'")
    kept = json.loads(vault.lab.ssh("sudo cat /var/lib/onehost/vault/databases.json"))["production"]["main"]
    strike = STRIKE.format(port=kept["port"], cluster=CLUSTER)
    vault.lab.ssh(f"sudo systemd-run --quiet --collect --unit=strike sh -c {shlex.quote(strike)}")
    struck = vault.operate("promote", skip_gates="migration_safe,backups")
    assert struck.rc != 0, struck.stdout
    until(lambda: vault.sql("production", rows) == counted, 30, "the old release has its data again")
    assert known()[0] in (str(now + 1), None) and known()[1] == "failed", known()
    assert "does not exist" in vault.sql("production", f"SELECT count(*) FROM step{now + 2}")
    vault.sql("production", "UPDATE step1 SET said = 'done' WHERE said = 'slow'")
    vault.operate("promote", skip_gates="migration_safe,backups").ok()
    assert known() == (str(now + 2), "applied") and vault.sql("production", rows) == counted
    assert vault.sql("production", f"SELECT count(*) FROM step{now + 2}") == "200 [(0,)]"


@pytest.fixture
def bucket(vault: Vault, tmp_path: Path) -> Iterator[Bucket]:
    found = Bucket(vault.lab, "vault", 9443)
    found.install(tmp_path)
    found.start()
    yield found
    found.stop()
    # Whoever provisions next knows of no bucket.
    vault.provision().ok()


def test_a_bucket_beside_the_directory(vault: Vault, bucket: Bucket) -> None:
    assert "postgresql_backup_bucket" in vault.provision(repository=["path", "s3"]).stdout, "nobody has named it"
    vault.provision(bucket.options, repository=["path", "s3"]).ok()
    said = vault.backup("--environment production")
    assert "FAILED" not in said, said
    listed = vault.lab.ssh(f"sudo find {bucket.data}/vault/vm1 -maxdepth 2 -mindepth 2").split()
    wanted = {"postgresql/archive", "postgresql/backup", "restic/vault"}
    assert {path.rpartition("vm1/")[2] for path in listed} >= wanted
    assert not vault.lab.ssh(f"sudo grep -rlaF {ROW} {bucket.data}", check=False)
    assert "verify: done" in vault.backup("--environment production --kind verify")
    searched = "/var/log /etc/onehost/stacks /var/lib/onehost"
    assert not vault.lab.ssh(f"sudo grep -rlFf {bucket.home}/secret {searched}", check=False, seconds=120)
    # Away, that is told; the cluster keeps its log for it.
    bucket.stop()
    vault.sql("production", f"INSERT INTO step1 (said) VALUES ('{ROW}')")
    assert "FAILED" in vault.backup("--environment production --kind incremental", check=False)
    assert any("failing since" in line for line in vault.status()), vault.status()
