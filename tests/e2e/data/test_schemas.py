"""A rollback that knows the schema: goes after what adds, is refused past what took away, and takes it back."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support import random_migrations
from support.beside import Beside
from support.faults import LONG, Faults, give_source
from support.lab import Lab, Result, until

SOURCE = Path(__file__).parents[1] / "files" / "almanac"
VERSIONS: list[dict[str, Any]] = [
    {
        "name": "0001",
        "up": ["CREATE TABLE notes (said text)", "INSERT INTO notes (said) VALUES ('first')"],
        "down": ["DROP TABLE notes"],
    },
    {
        "name": "0002",
        "up": ["ALTER TABLE notes ADD told text", "UPDATE notes SET told = said"],
        "down": ["ALTER TABLE notes DROP told"],
    },
    {
        "name": "0003",
        "up": ["ALTER TABLE notes DROP said"],
        "down": ["ALTER TABLE notes ADD said text", "UPDATE notes SET said = told"],
    },
]

#: On the host: the installed engine's own judgement of each migration, on a database that no app has.
JUDGE = """
import dataclasses, json, sys
from release.adapters.catalogs import Catalogs
from release.adapters.postgresql import sql
from release.planning import catalogs
port, found = int(sys.argv[1]), []
for setup, migration in json.load(sys.stdin):
    sql(port, "postgres", "DROP DATABASE IF EXISTS judged;\\nCREATE DATABASE judged;")
    sql(port, "judged", setup)
    before = Catalogs().read(port, "judged")
    sql(port, "judged", migration)
    found.append(dataclasses.asdict(catalogs.compare(before, Catalogs().read(port, "judged"))))
sql(port, "postgres", "DROP DATABASE judged;")
print(json.dumps(found))
"""


def definition(port: int, name: str, database: dict[str, Any], **more: Any) -> dict[str, Any]:
    hosts = {"staging": f"staging.{name}.example", "production": f"{name}.example"}
    ports = {"staging": 4400, "production": 80}
    tool = ["python3", "tool.py"]
    app = {
        "context": ".",
        "port": 8000,
        "loopback_port": port,
        "health": "/",
        "health_seconds": 12,
        "routes": [{"path": "/"}],
        "database": "main",
        "migrate": {
            "command": [*tool, "up"],
            "revision": [*tool, "revision"],
            "target": [*tool, "target"],
            "down": [*tool, "down", "{revision}"],
        },
    }
    return {
        "directory": f"/home/ubuntu/{name}",
        "source": "/srv/git/almanac.git",
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "environments": {it: {"ports": [ports[it]], "hosts": [hosts[it]]} for it in hosts},
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"GREETING": {"default": "hello"}},
        "databases": {"main": database},
        "apps": {name: app},
        **more,
    }


def stacks(_lab: Lab) -> dict[str, Any]:
    database = {"memory": "128m", "connections": 5, "backup": {"dump": "never"}, "drill": False}
    return {"almanac": definition(21730, "almanac", database)}


@dataclass
class Almanac:
    """The stack on its lab. `releases` are production's, as they came."""

    beside: Beside
    releases: list[str] = field(default_factory=list)

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="almanac", **options)

    def push(self, schemas: int, reads: str, **more: str) -> None:
        """Commit code that reads this column and brings so many of the schemas."""
        files = {path.name: path.read_text() for path in SOURCE.iterdir()}
        files |= {"versions.json": json.dumps(VERSIONS[:schemas]), "code.json": json.dumps({"reads": reads, **more})}
        self.lab.push_commit({**files, "note.txt": str(time.time())}, repository="almanac")

    def ship(self, schemas: int, reads: str, **more: str) -> Result:
        self.push(schemas, reads, **more)
        self.operate("deploy_staging").ok()
        # It is about what was promoted all the same: see test_rehearsal.
        result = self.operate("promote", skip_gates="migration_safe").ok()
        self.releases.append(result.report["release"])
        return result

    def answers(self) -> tuple[int, str]:
        answer = self.lab.get("http", "/", {"Host": "almanac.example"})
        return answer.status, answer.body

    def live(self) -> str:
        return self.lab.ssh("cat /var/lib/onehost/switch/almanac-production.map").split()[1].partition("/")[2]

    def applied(self) -> str:
        return self.sql("SELECT max(name) FROM versions")

    def port(self) -> int:
        kept = json.loads(self.lab.ssh("sudo cat /var/lib/onehost/almanac/databases.json"))
        return int(kept["production"]["main"]["port"])

    def sql(self, text: str, database: str = "main") -> str:
        words = f"psql -X -p {self.port()} -d {database} -At -c {shlex.quote(text)}"
        return self.lab.ssh(f"sudo -u postgres {words}").strip()


@pytest.fixture(scope="module")
def almanac(beside: Beside) -> Iterator[Almanac]:
    with beside.until_stopped("almanac"):
        found = Almanac(beside)
        found.ship(1, "said")
        found.ship(2, "said")
        yield found


def gate(result: Result) -> dict[str, str]:
    [row] = [row for row in result.report["gates"] if row["gate"] == "schema"]
    return dict(row)


def test_after_a_step_that_only_adds_a_rollback_goes(almanac: Almanac) -> None:
    first, second = almanac.releases
    result = almanac.operate("rollback").ok()
    assert gate(result)["result"] == "go" and "newer by steps that only add (0001 to 0002)" in gate(result)["evidence"]
    assert almanac.live() == first and almanac.answers() == (200, '["first"]') and almanac.applied() == "0002"
    again = almanac.operate("rollback", release=second).ok()
    assert "same schema, 0002" in gate(again)["evidence"] and almanac.live() == second


def test_past_a_step_that_took_something_away_it_is_refused_with_the_ways_on(almanac: Almanac) -> None:
    almanac.ship(3, "told")
    third = almanac.releases[-1]
    lost = f"0002 to 0003 by {third} (column public.notes.said is gone)"
    for options in ("", "--check"):
        result = almanac.operate("rollback", options=options)
        assert (result.rc == 0) == bool(options), result.stdout
        assert gate(result)["result"] == "NO-GO" and lost in gate(result)["evidence"]
        [problem] = result.report["problems"]
        for way in ("deploy_staging", "database=downgrade", "database=keep"):
            assert way in problem["fix"], problem
        assert "-e confirm=production" in problem["fix"]
    status = almanac.lab.ssh("sudo onehost status --stack almanac")
    assert "rollback would be refused: to" in status and lost in status
    assert "--database downgrade --confirm production" in status
    refused = almanac.operate("rollback", database="downgrade")
    assert refused.rc != 0 and "the environment must be named" in refused.problems
    assert almanac.live() == third and almanac.answers() == (200, '["first"]') and almanac.applied() == "0003"


def test_its_schema_is_taken_back_before_the_older_release_goes_live(almanac: Almanac) -> None:
    second, third = almanac.releases[-2:]
    tried = almanac.operate("rollback", database="downgrade", options="--check").ok()
    assert f"would take its database back to 0002, in the image of {third}" in " ".join(tried.report["preview"])
    result = almanac.operate("rollback", database="downgrade", confirm="production").ok()
    steps = list(result.report["steps"])
    assert steps.index("downgrade") < steps.index("start") < steps.index("switch")
    assert "almanac: taken back from 0003 to 0002" in " ".join(result.report["notes"])
    assert almanac.live() == second and almanac.applied() == "0002"
    assert almanac.answers() == (200, '["first"]'), "its column is there again, with what it held"
    # What the newer one reads is still there, as the catalogs say: nothing stands in the way to it.
    newer = almanac.operate("rollback", release=third, options="--check").ok()
    assert gate(newer)["result"] == "go" and "0003 to 0002" in gate(newer)["evidence"]


def test_killed_when_it_is_back_the_older_release_is_brought_live(almanac: Almanac) -> None:
    give_source(almanac.lab)
    host = Faults(almanac.lab, "almanac")
    words = ("rollback", "--database", "downgrade", "--confirm", "production")
    for moment in ("downgrade:begun", "downgrade:half", "downgrade:done", "start:done"):
        almanac.operate("promote", skip_gates="not_rolled_back,migration_safe", reason="once more").ok()
        live = almanac.live()
        assert almanac.applied() == "0003"
        host.kill_at(moment, *words)
        told = almanac.lab.ssh("sudo onehost recover --stack almanac 2>&1", seconds=120)
        assert f"was interrupted at {moment.partition(':')[0]}" in told, told
        assert not almanac.lab.ssh("sudo docker ps --all --quiet --filter label=release.onehost.run").strip()
        assert (almanac.applied() == "0003") == (almanac.live() == live), told
        assert almanac.answers()[0] == 200, told
        if moment in ("downgrade:done", "start:done"):
            assert almanac.applied() == "0002" and "it was finished" in told
        if almanac.live() == live:
            almanac.operate("rollback", database="downgrade", confirm="production").ok()


def test_a_promote_that_fails_after_it_says_on_what_schema_the_live_release_goes_on(almanac: Almanac) -> None:
    before = almanac.live()
    almanac.push(3, "told")
    almanac.operate("deploy_staging").ok()
    # Its code is well in staging, and not here.
    almanac.sql("ALTER TABLE notes RENAME told TO told_otherwise")
    result = almanac.operate("promote", skip_gates="not_rolled_back,migration_safe", reason="once more")
    almanac.sql("ALTER TABLE notes RENAME told_otherwise TO told")
    assert result.rc != 0
    said = " ".join(result.report["notes"])
    assert "almanac: its database keeps 0003" in said and "column public.notes.said is gone" in said, said
    assert f"{before} goes on and is not well on the schema that is applied: almanac: " in said
    assert f"-e release={before} -e database=downgrade -e confirm=production" in said
    assert almanac.live() == before and almanac.answers()[0] != 200
    mended = almanac.operate("rollback", release=before, database="downgrade", confirm="production").ok()
    assert "switch" not in mended.report["steps"] and almanac.live() == before
    until(lambda: almanac.answers() == (200, '["first"]'), 20, "it is well on its own schema again")


def test_with_the_data_of_before_it_goes_back_and_says_what_is_lost(almanac: Almanac) -> None:
    almanac.lab.ssh("sudo onehost backup --stack almanac --environment production", seconds=120)
    older = almanac.live()
    almanac.sql("INSERT INTO notes (said, told) VALUES ('second', 'second')")
    almanac.ship(3, "told")
    newer = almanac.live()
    almanac.sql("INSERT INTO notes (told) VALUES ('since')")
    tried = " ".join(almanac.operate("rollback", database="restore", options="--check").ok().report["notes"])
    assert f"main would go back to restore point {newer}-almanac" in tried, tried
    assert "lost: everything that was written since" in tried and "at most" in tried, tried
    for wrong in ("", "staging"):
        refused = almanac.operate("rollback", database="restore", **({"confirm": wrong} if wrong else {}))
        assert refused.rc != 0 and "is not confirmed" in refused.problems, refused.problems
    assert almanac.live() == newer and almanac.answers() == (200, '["first", "second", "since"]')
    done = almanac.operate("rollback", database="restore", confirm="production").ok()
    assert almanac.live() == older and almanac.applied() == "0002"
    assert almanac.answers() == (200, '["first", "second"]'), "open again, with all that was there just before"
    # It can be undone: what the newer one has written is kept.
    [undo] = [note for note in done.report["notes"] if "point=before-" in note]
    assert "confirm=production" in undo and ".before-" in almanac.lab.ssh("sudo ls /var/lib/postgresql/17")
    again = almanac.operate("promote", skip_gates="not_rolled_back,migration_safe", reason="once more").ok()
    assert "migrated from 0002 to 0003" in " ".join(again.report["notes"])
    assert almanac.answers() == (200, '["first", "second"]')
    almanac.lab.ssh("sudo onehost restore --stack almanac --environment production --drop all")


def test_random_migrations_are_judged_rightly(almanac: Almanac) -> None:
    cases = random_migrations.migrations(100 if LONG else 12, seed=int(time.time()) if LONG else 14)
    given = shlex.quote(json.dumps([(case.setup, case.sql) for case in cases]))
    program = f"sudo env PYTHONPATH=/usr/local/lib/onehost python3 -B -c {shlex.quote(JUDGE)} {almanac.port()}"
    said = json.loads(almanac.lab.ssh(f"printf %s {given} | {program}", seconds=300))
    wrong = [(case, it) for case, it in zip(cases, said, strict=True) if case.verdict != it["kind"]]
    assert not wrong, wrong
