"""A stack with a database: its own apps alone reach it and cannot change its schema; passwords change without a gap."""

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
from support.isolation import scan
from support.lab import Lab, Result, until

SOURCE = Path(__file__).parents[1] / "files" / "ledger"
HOSTS = {"staging": "staging.ledger.example", "production": "ledger.example"}
PORTS = {"staging": "staging", "production": "http"}


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/ledger",
        "source": "/srv/git/ledger.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        "databases": {"main": {"memory": "160m", "connections": 10, **changes}},
        "apps": {
            "ledger": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21680,
                "health": "/",
                "routes": [{"path": "/"}],
                "database": "main",
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"ledger": definition()}


@dataclass
class Ledger:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def provision(self, options: str = "", **changes: Any) -> Result:
        """What has to do with databases. A stack with problems is refused, and then the run fails."""
        return self.beside.provisioned(f"--tags stack,postgresql {options}", ledger=definition(**changes))

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="ledger", **options)

    def release(self) -> None:
        self.operate("deploy_staging").ok()
        self.operate("promote").ok()

    def push(self) -> None:
        files = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        self.lab.push_commit({**files, "note.txt": str(time.time())}, repository="ledger")

    def ask(self, environment: str, path: str, **query: str) -> str:
        words = f"?{urllib.parse.urlencode(query)}" if query else ""
        answer = self.lab.get(PORTS[environment], path + words, {"Host": HOSTS[environment]})
        return f"{answer.status} {answer.body}"

    def sql(self, environment: str, text: str, address: str = "") -> str:
        """As an app of this environment, or from its container by another address."""
        return self.ask(environment, "/sql", text=text, **({"address": address} if address else {}))

    def kept(self, environment: str) -> dict[str, Any]:
        return dict(json.loads(self.lab.ssh("sudo cat /var/lib/onehost/ledger/databases.json"))[environment]["main"])

    def address(self, environment: str, user: str = "owner") -> str:
        kept = self.kept(environment)
        password = kept["owner" if user == "owner" else "app"]["password"]
        return f"postgresql://{user}:{password}@host.docker.internal:{kept['port']}/main"

    def as_reader(self, environment: str, text: str) -> str:
        port = self.kept(environment)["port"]
        words = f"sudo psql -X -p {port} -U reader -d main -At -c {shlex.quote(text)} 2>&1"
        return self.lab.ssh(words, check=False).strip()

    def as_superuser(self, environment: str, text: str) -> str:
        port = self.kept(environment)["port"]
        return self.lab.ssh(f"sudo -u postgres psql -X -p {port} -d main -At -c {shlex.quote(text)} 2>&1").strip()


@pytest.fixture(scope="module")
def ledger(beside: Beside) -> Iterator[Ledger]:
    """The stack, promoted."""
    with beside.until_stopped("ledger"):
        found = Ledger(beside)
        found.push()
        found.release()
        yield found


def test_nothing_to_do_the_second_time(ledger: Ledger) -> None:
    assert ledger.provision().ok().changes == 0


def test_an_app_keeps_data_and_cannot_change_the_schema(ledger: Ledger) -> None:
    owner = ledger.address("production")
    made = "CREATE TABLE entries (id serial PRIMARY KEY, said text)"
    assert "permission denied for schema public" in ledger.sql("production", made)
    assert ledger.sql("production", made, owner) == "200 done"
    assert ledger.sql("production", "INSERT INTO entries (said) VALUES ('one')") == "200 done"
    assert ledger.sql("production", "UPDATE entries SET said = 'two'") == "200 done"
    assert ledger.sql("production", "SELECT said FROM entries") == "200 [('two',)]"
    for text in ("ALTER TABLE entries ADD more text", "DROP TABLE entries", "TRUNCATE entries", "CREATE SCHEMA mine"):
        assert ledger.sql("production", text).startswith("502"), text
    # Also what the owner makes later, in a schema of its own.
    later = "CREATE SCHEMA later CREATE TABLE notes (id serial PRIMARY KEY, said text)"
    assert ledger.sql("production", later, owner) == "200 done"
    assert ledger.sql("production", "INSERT INTO later.notes (said) VALUES ('x')") == "200 done"
    assert ledger.as_reader("production", "SELECT count(*) FROM later.notes") == "1"
    assert ledger.as_reader("production", "SELECT said FROM entries") == "two"
    for text in ("DELETE FROM entries", "CREATE TABLE x ()"):
        assert "read-only transaction" in ledger.as_reader("production", text), text
        awake = f"BEGIN READ WRITE; {text}"
        assert "permission denied" in ledger.as_reader("production", awake), awake
    assert ledger.lab.ssh(f"sudo pg_dump -p {ledger.kept('production')['port']} -U reader main | grep -c later.notes")
    assert "does not exist" in ledger.sql("staging", "SELECT * FROM entries"), "staging has data of its own"


def test_what_is_seen_of_it(ledger: Ledger) -> None:
    shown = ledger.lab.ssh("sudo onehost status --stack ledger")
    assert "databases of production: main (PostgreSQL 17" in shown and " of 10 connections" in shown, shown
    assert ledger.kept("production")["app"]["password"] not in ledger.lab.ssh(
        "sudo onehost status --stack ledger --json"
    )


def test_passwords_are_in_files_of_root_alone(ledger: Ledger) -> None:
    # Not among the words of a command, which sudo would log.
    words = "import json; a = json.load(open('/var/lib/onehost/ledger/databases.json')); "
    words += "print(*[b['main'][w]['password'] for b in a.values() for w in ('owner', 'app')], sep=chr(10))"
    ledger.lab.ssh(f"umask 077; sudo python3 -c {shlex.quote(words)} >~/passwords; test $(wc -l <~/passwords) = 4")
    search = "sudo grep -rlFf ~/passwords /var/log /etc /var/lib/postgresql; sudo journalctl | grep -Ff ~/passwords"
    assert not ledger.lab.ssh(search, check=False, seconds=120)
    assert ledger.lab.ssh("sudo stat -c '%a %U' /var/lib/onehost/ledger/databases.json").split() == ["600", "root"]


def test_every_container_reaches_the_database_of_its_environment_alone(ledger: Ledger) -> None:
    other = ledger.address("production", "app_1")
    seen = scan(ledger.lab)
    # WorkHub's are on the host too.
    assert {one.home for one in seen.values()} > {("ledger", environment) for environment in HOSTS}
    for name, one in seen.items():
        assert not one.foreign and not one.admitted_foreign, (name, one.foreign)
        assert one.admitted == (("database main",) if one.home[0] == "ledger" else ()), name
    assert "Connection refused" in ledger.sql("staging", "SELECT 1", other)
    # So the scan sees what is open. PostgreSQL itself refuses others where the guard is gone.
    ledger.lab.ssh("sudo nft delete table inet onehost_databases")
    open_port = scan(ledger.lab)
    assert all(one.foreign and not one.admitted_foreign for one in open_port.values()), open_port
    assert "no pg_hba.conf entry" in ledger.sql("staging", "SELECT 1", other)
    for environment in HOSTS:
        access = f"/etc/postgresql/17/ledger_{environment}_main/pg_hba.conf"
        ledger.lab.ssh(f"echo 'host all all all scram-sha-256' | sudo tee -a {access} >/dev/null")
        ledger.as_superuser(environment, "SELECT pg_reload_conf()")
    until(lambda: all(one.admitted_foreign for one in scan(ledger.lab).values()), 30, "the scan sees open doors")
    # What somebody granted by hand is taken back with it.
    power = "SELECT current_setting('is_superuser')"
    ledger.as_superuser("production", "GRANT ALL ON SCHEMA public TO PUBLIC; ALTER ROLE app_1 SUPERUSER")
    assert ledger.provision("--check").ok().changes == 1
    assert ledger.sql("production", power) == "200 [('on',)]", "check mode changes nothing"
    ledger.provision().ok()
    until(lambda: not any(one.foreign for one in scan(ledger.lab).values()), 30, "all doors are closed again")
    assert ledger.sql("production", power) == "200 [('off',)]"
    assert "permission denied" in ledger.sql("production", "CREATE TABLE mine (id int)")


def test_passwords_change_without_a_gap(ledger: Ledger) -> None:
    before = ledger.address("production", "app_1")
    assert ledger.sql("production", "SELECT session_user") == "200 [('app_1',)]"
    ledger.provision(password_generation=2).ok()
    assert ledger.sql("production", "SELECT session_user") == "200 [('app_1',)]", "what runs goes on"
    ledger.release()
    assert ledger.sql("production", "SELECT session_user") == "200 [('app_2',)]"
    assert ledger.sql("production", "SELECT said FROM entries") == "200 [('two',)]"
    ledger.operate("rollback").ok()
    assert ledger.sql("production", "SELECT session_user") == "200 [('app_2',)]", "a rollback keeps today's secrets"
    assert ledger.sql("production", "SELECT 1", before) == "200 [(1,)]", "the one before is valid until the next"
    told = ledger.provision(password_generation=3, connections=12).ok()
    assert "password authentication failed" in ledger.sql("production", "SELECT 1", before)
    assert ledger.sql("production", "SELECT session_user") == "200 [('app_2',)]"
    refused = ledger.provision(password_generation=2)
    assert refused.rc != 0 and "set it to 3 or more" in refused.stdout
    # More connections want a restart, which nobody asked for.
    assert "max_connections" in told.stdout and "postgresql_restart" in told.stdout
    assert ledger.as_superuser("staging", "SHOW max_connections") == "15"
    ledger.lab.ssh("sudo systemctl restart postgresql@17-ledger_production_main")
    until(lambda: ledger.sql("production", "SELECT 1") == "200 [(1,)]", 30, "the app finds it again")
    assert ledger.as_superuser("production", "SHOW max_connections") == "17"


def test_after_a_reboot_apps_have_their_databases(ledger: Ledger) -> None:
    ledger.lab.reboot()
    for environment in HOSTS:
        until(lambda name=environment: ledger.sql(name, "SELECT 1") == "200 [(1,)]", 90, f"{environment} has its data")
    started_at = "sudo systemctl show --value -p ExecMainStartTimestampMonotonic"
    clusters = [int(ledger.lab.ssh(f"{started_at} postgresql@17-ledger_{name}_main")) for name in HOSTS]
    assert max(clusters) < int(ledger.lab.ssh(f"{started_at} docker")), "clusters start before containers"
    assert not any(one.foreign for one in scan(ledger.lab).values()), "and with their guard"
