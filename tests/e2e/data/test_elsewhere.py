# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack whose database lives elsewhere: its schema goes with its releases, and what cannot be had there is said."""

from __future__ import annotations

import shlex
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab, Result

FILES = Path(__file__).parents[1] / "files"
HOSTS = {"staging": "staging.annex.example", "production": "annex.example"}
PORTS = {"staging": "staging", "production": "http"}
#: The same host for both would be refused.
ADDRESSES = {"staging": "10.99.0.2", "production": "10.99.0.3"}
PORT = 5999
#: A machine of its own as far as the network goes: containers reach it as they reach any other.
FAR = f"""set -e
test ! -d /etc/postgresql/17/elsewhere || exit 0
ip netns add elsewhere
ip link add far0 type veth peer name far1 netns elsewhere
ip addr add 10.99.0.1/24 dev far0
ip link set far0 up
ip -n elsewhere addr add {ADDRESSES["staging"]}/24 dev far1
ip -n elsewhere addr add {ADDRESSES["production"]}/24 dev far1
ip -n elsewhere link set far1 up
ip -n elsewhere link set lo up
pg_createcluster --port {PORT} 17 elsewhere >/dev/null
echo "listen_addresses = '*'" >/etc/postgresql/17/elsewhere/conf.d/far.conf
echo "host all all 10.99.0.0/24 scram-sha-256" >>/etc/postgresql/17/elsewhere/pg_hba.conf
ip netns exec elsewhere pg_ctlcluster --skip-systemctl-redirect 17 elsewhere start
"""
#: As the provider of a managed database makes them: who migrates, and who may only read and write rows.
MADE = """CREATE ROLE far_owner LOGIN PASSWORD 'of-the-owner'; CREATE ROLE far_app LOGIN PASSWORD 'of-the-app';
{} ALTER DEFAULT PRIVILEGES FOR ROLE far_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO far_app;
ALTER DEFAULT PRIVILEGES FOR ROLE far_owner GRANT USAGE ON SEQUENCES TO far_app;
"""


def address(environment: str, user: str) -> str:
    return f"postgresql://far_{user}:of-the-{user}@{ADDRESSES[environment]}:{PORT}/{environment}"


def definition(**production: str) -> dict[str, Any]:
    values = {
        environment: {"FAR_URL": address(environment, "app"), "FAR_OWNER_URL": address(environment, "owner")}
        for environment in HOSTS
    }
    values["production"] |= production
    return {
        "directory": "/home/ubuntu/annex",
        "source": "/srv/git/annex.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env": values,
        "env_matrix": {
            "FAR_URL": {"class": "secret", "type": "url"},
            "FAR_OWNER_URL": {"class": "secret", "type": "url"},
        },
        "databases": {"far": {"engine": "external", "url": "FAR_URL", "owner_url": "FAR_OWNER_URL"}},
        "apps": {
            "annex": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21830,
                "health": "/",
                "routes": [{"path": "/"}],
                "database": "far",
                "migrate": {
                    "command": ["python3", "migrate.py", "up"],
                    "revision": ["python3", "migrate.py", "revision"],
                    "target": ["python3", "migrate.py", "target"],
                },
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"annex": definition()}


@dataclass
class Annex:
    """The stack on its lab, and the machine elsewhere."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="annex", **options)

    def push(self, version: int) -> None:
        files = {path.name: path.read_text() for path in (FILES / "ledger").iterdir() if path.is_file()}
        files["Dockerfile"] = files["Dockerfile"].replace("app.py ./", "app.py migrate.py VERSION ./")
        migrate = (FILES / "vault" / "migrate.py").read_text()
        files |= {"migrate.py": migrate, "VERSION": str(version), "note.txt": str(time.time())}
        self.lab.push_commit(files, repository="annex")

    def sql(self, environment: str, text: str) -> str:
        words = urllib.parse.urlencode({"text": text})
        answer = self.lab.get(PORTS[environment], f"/sql?{words}", {"Host": HOSTS[environment]})
        return f"{answer.status} {answer.body}"

    def far(self, text: str, database: str = "postgres") -> str:
        words = f"sudo -u postgres psql -X -p {PORT} -d {database} -v ON_ERROR_STOP=1 -At -c {shlex.quote(text)}"
        return self.lab.ssh(words).strip()


@pytest.fixture(scope="module")
def annex(beside: Beside) -> Iterator[Annex]:
    with beside.until_stopped("annex"):
        found = Annex(beside)
        beside.lab.ssh(f"sudo sh -c {shlex.quote(FAR)}")
        if not found.far("SELECT 1 FROM pg_roles WHERE rolname = 'far_owner'"):
            for number, environment in enumerate(HOSTS):
                found.far(f"CREATE DATABASE {environment}")
                text = MADE.format("") if not number else MADE.partition("\n")[2].format("")
                found.far(f"{text} GRANT ALL ON SCHEMA public TO far_owner", environment)
        yield found


def test_its_schema_goes_with_its_releases(annex: Annex) -> None:
    for version in (1, 2):
        annex.push(version)
        annex.operate("deploy_staging").ok()
        done = annex.operate("promote").ok()
        assert f"annex: migrated from {version - 1} to {version}" in done.stdout, done.stdout
        assert annex.far("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'step%'", "production") == str(version)
    assert "migration_safe     go      annex: cannot be rehearsed: its database is not on this host" in done.stdout
    assert annex.sql("production", "INSERT INTO step2 (said) VALUES ('kept')") == "200 done"
    assert annex.sql("production", "SELECT session_user") == "200 [('far_app',)]"
    assert "permission denied" in annex.sql("production", "CREATE TABLE mine (id int)")
    shown = annex.lab.ssh("sudo onehost status --stack annex")
    assert "databases of production: far (elsewhere, not asked)" in shown and "schema of production: annex 2" in shown


def test_its_rollback_says_what_is_not_known(annex: Annex) -> None:
    refused = annex.operate("rollback", database="restore")
    assert "its database is not on this host, which has no backup of it" in refused.stdout, refused.stdout
    done = annex.operate("rollback").ok()
    assert "what the steps between them took away is not known" in done.stdout, done.stdout
    assert annex.sql("production", "SELECT said FROM step2") == "200 [('kept',)]", "the schema stays"
    annex.operate("promote").ok()


def test_it_is_away(annex: Annex) -> None:
    annex.push(3)
    annex.operate("deploy_staging").ok()
    live = annex.lab.get("http", "/", {"Host": HOSTS["production"]}).release
    annex.lab.ssh("sudo pg_ctlcluster --skip-systemctl-redirect -m fast 17 elsewhere stop")
    try:
        failed = annex.operate("promote")
    finally:
        annex.lab.ssh("sudo ip netns exec elsewhere pg_ctlcluster --skip-systemctl-redirect 17 elsewhere start")
    assert failed.rc != 0 and "what is applied cannot be asked" in failed.stdout, failed.stdout
    assert "Connection refused" in failed.stdout and "of-the-" not in failed.stdout, failed.stdout
    assert annex.lab.get("http", "/", {"Host": HOSTS["production"]}).release == live
    done = annex.operate("promote").ok()
    assert "annex: migrated from 2 to 3" in done.stdout, done.stdout
    assert annex.sql("production", "SELECT said FROM step2") == "200 [('kept',)]"


def test_staging_never_has_the_database_of_production(annex: Annex) -> None:
    wrong = annex.beside.provisioned("--tags stack", annex=definition(FAR_URL=address("staging", "app")))
    told = "staging FAR_URL: has the database host and name of production"
    assert wrong.rc != 0 and told in wrong.stdout and "of-the-" not in wrong.stdout, wrong.stdout
