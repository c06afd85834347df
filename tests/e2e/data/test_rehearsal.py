"""Migrations tried on a copy of production: what only adds goes; what breaks older code or holds a lock does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab, Result, until

SOURCE = Path(__file__).parents[1] / "files" / "chapters"
HOSTS = {"staging": "staging.chapters.example", "production": "chapters.example"}


def definition() -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/chapters",
        "source": "/srv/git/chapters.git",
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        "databases": {"main": {"memory": "128m", "connections": 5}},
        "apps": {
            "chapters": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21720,
                "health": "/",
                "health_seconds": 10,
                "routes": [{"path": "/"}],
                "database": "main",
                "migrate": {
                    "command": ["python3", "tool.py", "migrate"],
                    "revision": ["python3", "tool.py", "revision"],
                    "target": ["python3", "tool.py", "target"],
                    "lock_seconds": 1,
                },
            },
        },
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"chapters": definition()}


@dataclass
class Chapters:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="chapters", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="chapters", **options)

    def staged(self, **files: str | None) -> None:
        """Another commit in staging; names have a dot for `__` and a slash for `___`."""
        named = {name.replace("___", "/").replace("__", "."): text for name, text in files.items()}
        self.lab.push_commit(named, repository="chapters")
        self.operate("deploy_staging").ok()

    def as_superuser(self, text: str) -> str:
        kept = json.loads(self.lab.ssh("sudo cat /var/lib/onehost/chapters/databases.json"))["production"]["main"]
        return self.lab.ssh(f'sudo -u postgres psql -X -p {kept["port"]} -d main -At -c "{text}" 2>&1').strip()

    def live(self) -> str:
        words = "sudo cat /var/lib/onehost/switch/chapters-production.map"
        return self.lab.ssh(words).split("live", 1)[1].strip().partition("/")[2]

    def left(self) -> str:
        """All that a rehearsal makes and takes away."""
        looks = (
            "sudo ls /var/lib/postgresql/onehost-scratch",
            "sudo docker network ls --format '{{.Name}}' | grep rehearsal",
            "sudo docker ps --all --format '{{.Names}}' | grep rehearsal",
            "sudo nft list tables | grep scratch",
            "sudo ls /var/lib/onehost/chapters/runs | grep rehearsal | grep --invert-match json",
            "systemctl list-units --plain --no-legend 'onehost-scratch-*'",
        )
        return "".join(self.lab.ssh(look, check=False) for look in looks).strip()


@pytest.fixture(scope="module")
def chapters(beside: Beside) -> Iterator[Chapters]:
    """The stack, promoted for the first time."""
    with beside.until_stopped("chapters"):
        found = Chapters(beside)
        files = {str(path.relative_to(SOURCE)): path.read_text() for path in SOURCE.rglob("*") if path.is_file()}
        beside.lab.push_commit(files, repository="chapters")
        found.operate("deploy_staging").ok()
        found.operate("promote").ok()
        yield found


def test_what_only_adds_goes_and_says_what_was_seen(chapters: Chapters) -> None:
    chapters.staged(versions___0002__sql="ALTER TABLE people ADD mail text; UPDATE people SET mail = name;\n")
    before = chapters.live()
    told = chapters.operate("promote").ok().stdout
    assert "migration_safe" in told and "0001 to 0002 rehearsed in" in told and "only adds" in told, told
    assert f"{before} is well on it" in told and "1001 rows touched" in told
    assert chapters.as_superuser("SELECT count(mail) FROM people") == "1000"
    assert not chapters.left()
    [record] = json.loads(chapters.lab.ssh("sudo cat /var/lib/onehost/chapters/rehearsals.json"))["rehearsals"]
    assert any("ADD mail text" in text for text in record["apps"][0]["statements"])
    assert chapters.lab.ssh("sudo stat -c %a /var/lib/onehost/chapters/rehearsals.json").strip() == "600"


def test_what_breaks_the_release_before_is_refused_and_what_is_declared_goes(chapters: Chapters) -> None:
    slow = "ALTER TABLE people RENAME name TO title; SELECT pg_sleep(2);\n"
    chapters.staged(versions___0003__sql=slow, asks__sql="SELECT title FROM people\n")
    before = chapters.live()
    ahead = chapters.playbook("rehearse")
    assert ahead.rc != 0 and "breaks older code: column public.people.name is gone" in ahead.stdout, ahead.stdout
    refused = chapters.operate("promote")
    assert refused.rc != 0 and "refused, nothing was changed" in refused.stdout
    flat = " ".join(refused.stdout.replace("│", " ").split())
    assert f"{before} is not well on the migrated copy: chapters: HTTP 503" in flat, flat
    assert "AccessExclusiveLock on public.people was held for" in flat and "1 s are the most" in flat
    assert "migrations rehearsed" not in flat, "what was rehearsed ahead is believed"
    assert chapters.live() == before and chapters.as_superuser("SELECT max(version) FROM versions") == "0002"
    # Mended forward, as staging has it by now; one column goes for good.
    chapters.staged(
        versions___0003__sql="ALTER TABLE people RENAME name TO title;\n",
        versions___0004__sql="ALTER TABLE people RENAME title TO name; ALTER TABLE people DROP nick;\n",
        asks__sql="SELECT name FROM people\n",
    )
    assert "column public.people.nick is gone" in chapters.operate("promote").stdout
    declared = f"contract: 0004, nobody reads the nick any more, {before}\n"
    chapters.staged(**{"versions___onehost-migrations__txt": declared})
    told = chapters.operate("promote").ok().stdout
    assert "0002 to 0004" in told and "breaks older code" in told
    assert chapters.as_superuser("SELECT max(version) FROM versions") == "0004"
    assert not chapters.left()


def test_killed_in_the_middle_nothing_of_it_is_left(chapters: Chapters) -> None:
    chapters.staged(versions___0005__sql="ALTER TABLE people ADD age int; SELECT pg_sleep(0.5);\n")
    begin = "echo $$ >/tmp/rehearsing; exec onehost rehearse --stack chapters"
    chapters.lab.ssh(f"sudo sh -c '{begin}' >/tmp/rehearsing.log 2>&1 &")
    until(lambda: "rehearsal" in chapters.lab.ssh("sudo docker ps --format '{{.Names}}'"), 60, "it migrates the copy")
    chapters.lab.ssh("sudo kill -9 $(cat /tmp/rehearsing)")
    assert "onehost_scratch_5532" in chapters.left()
    chapters.lab.ssh("sudo onehost recover --stack chapters", seconds=60)
    assert not chapters.left()
    chapters.operate("promote").ok()
    assert not chapters.left() and chapters.as_superuser("SELECT max(version) FROM versions") == "0005"
