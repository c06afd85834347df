"""Alumni as its users see it, and what `make demo STACK=alumni` shows of it.

`Alumni` is used by the tests too.
"""

from __future__ import annotations

import http.client
import json
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo import Demo

STACK = "alumni"
PICTURE = "not much of a picture"


@dataclass(frozen=True)
class Answer:
    status: int
    release: str
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Alumni:
    """One environment, through the edge."""

    port: int

    def ask(self, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """GET a path, or POST a body to it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers.get("X-Release", ""), answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/healthz").json()
        return found

    def post(self, **said: str) -> Answer:
        return self.ask("/api/posts", json.dumps(said))

    def newest(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("/api/posts").json()["posts"][0]
        return found

    def count(self) -> int:
        return int(self.ask("/api/posts").json()["count"])

    def me(self) -> str:
        token = self.ask("/api/login?name=kim", "").json()["token"]
        return str(self.ask("/api/me", headers={"Authorization": f"Bearer {token}"}).json()["name"])


def of(demo: Demo, environment: str) -> Alumni:
    return Alumni(demo.port(environment))


#: What commit 2 has done. Alembic takes no database that is ahead of its image.
BACK = """do $$ begin if to_regclass('alembic_version') is not null then
  alter table posts drop column if exists mood;
  update alembic_version set version_num = '0002' where version_num = '0003';
end if; end $$"""


#: Prints the version and name of an environment's cluster, as PostgreSQL's own commands want it.
CLUSTER = """pg_lsclusters --no-header 2>/dev/null | awk '$2 == "alumni_{}_main" {{print $1 "/" $2}}'"""


def psql(environment: str, words: str, database: str = "main") -> str:
    """A command for the host: psql as the superuser."""
    return f'sudo -u postgres psql --cluster "$({CLUSTER.format(environment)})" {words} {database}'


def prepare(demo: Demo) -> None:
    """Where commit 2 has been before, take back what it did to the databases."""
    for environment in ("staging", "production"):
        there = CLUSTER.format(environment)
        words = f'test -z "$({there})" || {psql(environment, f"--quiet -c {shlex.quote(BACK)}")}'
        subprocess.run([*demo.ssh, words], stdin=subprocess.DEVNULL, check=True, timeout=60)


def version(demo: Demo, environment: str) -> tuple[str, str]:
    """The release that answers, and what it says it is."""
    answer = of(demo, environment).ask("/healthz")
    return answer.release, f"version {answer.json()['version']}, schema {answer.json()['schema']}"


def show(demo: Demo, moment: str) -> list[str]:
    """Lines to show at a moment of the demo."""
    production = of(demo, "production")
    if moment == "first":
        return [*board(production), *limited(of(demo, "staging"))]
    if moment.startswith("before"):
        return []
    return schema(production, moment)


def board(production: Alumni) -> list[str]:
    """Posts, uploads and who somebody is."""
    assert production.post(body="hello", nick="kim").status == 200
    newest = production.newest()
    assert (newest["body"], newest["nick"]) == ("hello", "kim"), newest
    url = production.ask("/api/uploads", PICTURE).json()["url"]
    assert production.ask(url).text == PICTURE and production.me() == "kim"
    assert production.ask("/api/push", '{"endpoint": "https://push.example"}').status == 200
    return [f"a post, an upload ({url[:24]}…) and a login work; a subscription is kept encrypted"]


def limited(staging: Alumni) -> list[str]:
    statuses = [staging.post(body="again").status for _ in range(8)]
    assert 429 in statuses, statuses
    return [f"of 8 posts at once staging refuses {statuses.count(429)} with 429"]


def schema(production: Alumni, moment: str) -> list[str]:
    """What became of the database, and of what was in it."""
    health = production.health()
    assert health["schema"] == "0003", health
    if moment == "second":
        assert production.post(body="well", mood="happy").status == 200 and production.newest()["mood"] == "happy"
        return [f"the release migrated the database to {health['schema']}, and posts have a mood"]
    assert health["version"] == 1 and "mood" not in production.newest()
    return [f"version 1 answers again, on schema {health['schema']}: a rollback never migrates"]


def closing(demo: Demo) -> list[str]:
    """Lines for the end: what else is there, and how to use it."""
    address = f"http://127.0.0.1:{demo.port('production')}"
    return [
        "   Each has a PostgreSQL and uploads of its own",
        "",
        "Say something",
        f'   curl -s {address}/api/posts --data \'{{"body": "hello", "nick": "you"}}\'',
        f"   curl -s {address}/healthz",
    ]
