"""Four kinds of apps that the world is full of, by data alone: deployed, promoted, rolled back, as their users see it.

Django with Celery, Next.js with Socket.io, FastAPI with migrations at the start of a container, NestJS with a queue.
The frameworks are the real ones. The repositories have names that the platform has in a stack's directory too.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import aiohttp
from support.lab import Answer, Lab, until

#: Each stack, and where its repository says which version it is.
STACKS = {"board": "board/urls.py", "front": "config/site.json", "ledger": "main.py", "mill": "config/queue.json"}
PORTS = {"staging": "staging", "production": "http"}


def of(lab: Lab, stack: str, path: str = "/", place: str = "production", data: dict[str, str] | None = None) -> Answer:
    headers = {"Host": f"{'staging.' if place == 'staging' else ''}{stack}.example"}
    if data is None:
        return lab.get(PORTS[place], path, headers)
    kind = "application/json" if stack == "mill" else "application/x-www-form-urlencoded"
    body = json.dumps(data) if stack == "mill" else urlencode(data)
    return lab.get(PORTS[place], path, {**headers, "Content-Type": kind}, method="POST", body=body)


def version(lab: Lab, stack: str, place: str = "production") -> str:
    answer = of(lab, stack, place=place)
    assert answer.status == 200, answer
    found = re.search(r"board (\d)|version (\d)|\"version\":(\d)", answer.body)
    assert found, answer.body
    return next(filter(None, found.groups()))


def run(lab: Lab, stack: str, words: str) -> None:
    lab.ssh(f"sudo onehost {words} --stack {stack}", seconds=240)


def push_next(lab: Lab, stack: str) -> None:
    text = lab.read_source(STACKS[stack], repository=stack)
    changed = re.sub(r"(VERSION = |\"version\": )1", r"\g<1>2", text)
    assert changed != text
    lab.push_commit({STACKS[stack]: changed}, repository=stack)


def there_and_back(lab: Lab, stack: str, works: Callable[[Lab, str], None]) -> None:
    """Deploy, promote, both again with a change, and roll back."""
    run(lab, stack, "deploy")
    run(lab, stack, "promote")
    assert version(lab, stack) == version(lab, stack, "staging") == "1"
    works(lab, "staging")
    push_next(lab, stack)
    run(lab, stack, "deploy")
    assert (version(lab, stack, "staging"), version(lab, stack)) == ("2", "1")
    run(lab, stack, "promote")
    assert version(lab, stack) == "2"
    works(lab, "production")
    run(lab, stack, "rollback")
    assert version(lab, stack) == "1"
    works(lab, "production")
    if stack == "ledger":
        refuse_to_start_with_a_newer_database(lab)


def board_works(lab: Lab, place: str) -> None:
    """A task is done by the worker of the same environment, and the app knows its public name."""
    number = of(lab, "board", "/jobs/", place, {"text": "hello"}).json()["id"]
    until(lambda: of(lab, "board", f"/jobs/{number}/", place).json()["done"], 20, "the task is done")
    assert of(lab, "board", f"/jobs/{number}/", place).json()["answer"] == f"HELLO ({place})"
    assert "at http://" in of(lab, "board", place=place).body
    assert of(lab, "board", "/health", place).status == 301, "as Django does"


def front_works(lab: Lab, place: str) -> None:
    """The page is made for this environment, its scripts are there, and a WebSocket says which release it is at."""
    page = of(lab, "front", place=place)
    assert f"in {place}" in page.body
    script = re.search(r"/_next/static/[^\"]+\.js", page.body)
    assert script and of(lab, "front", script[0], place).status == 200

    async def hear() -> str:
        address = f"http://127.0.0.1:{lab.ports[PORTS[place]]}/socket.io/?EIO=4&transport=websocket"
        headers = {"Host": f"{'staging.' if place == 'staging' else ''}front.example"}
        async with aiohttp.ClientSession() as session, session.ws_connect(address, headers=headers) as socket:
            assert (await socket.receive_str(timeout=10)).startswith("0{")
            await socket.send_str("40")
            while not (said := await socket.receive_str(timeout=10)).startswith("42"):
                continue
            return said

    assert asyncio.run(hear()) == f'42["release","{page.release}"]'


def ledger_works(lab: Lab, place: str) -> None:
    before = of(lab, "ledger", "/health", place).json()["entries"]
    after = of(lab, "ledger", "/entries?text=one", place, {}).json()["entries"]
    assert after == before + 1, "migrated, and kept over releases"


def refuse_to_start_with_a_newer_database(lab: Lab) -> None:
    """After a release with a migration a rollback brings back an app that does not know it, and does not start: nothing
    changes for visitors, and what the app says is told."""
    lab.push_commit({"migrations/versions/0002_more.py": MORE}, repository="ledger")
    run(lab, "ledger", "deploy")
    run(lab, "ledger", "promote")
    live = of(lab, "ledger").release
    said = lab.ssh("sudo onehost rollback --stack ledger || echo failed", seconds=240)
    assert "Can't locate revision identified by '0002'" in said and said.endswith("failed\n")
    assert of(lab, "ledger").release == live
    ledger_works(lab, "production")


def mill_works(lab: Lab, place: str) -> None:
    number = of(lab, "mill", "/jobs", place, {"number": "12"}).json()["id"]
    until(lambda: of(lab, "mill", f"/jobs/{number}", place).json()["answer"] == 144, 20, "the job is done")


#: Of ledger: a further migration.
MORE = """import sqlalchemy
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("entries", sqlalchemy.Column("colour", sqlalchemy.String))
"""
WORKS = {"board": board_works, "front": front_works, "ledger": ledger_works, "mill": mill_works}


def test_each_kind_goes_live_and_back(public: Lab) -> None:
    # Two at a time, for the sake of whoever has two processors.
    with ThreadPoolExecutor(2) as pool:
        runs = {stack: pool.submit(there_and_back, public, stack, WORKS[stack]) for stack in STACKS}
    failed = {stack: error for stack, running in runs.items() if (error := running.exception())}
    assert not failed, failed


def test_what_the_repository_calls_like_the_platform_is_left_alone(public: Lab) -> None:
    """The image has the repository's own `config`; the directory for people has the platform's."""
    web = {"board": "board-web", "front": "front", "ledger": "ledger", "mill": "mill-web"}
    links = public.ssh(f"readlink /home/ubuntu/{{{','.join(STACKS)}}}/releases").split()
    assert links == [f"/var/lib/onehost/{stack}/releases" for stack in STACKS]
    script = "for i in {}; do sudo docker run --rm --network none --entrypoint ls $i:production . config scripts; done"
    listed = public.ssh(script.format(" ".join(web[stack] for stack in STACKS))).split()
    assert (listed.count("config:"), listed.count("scripts:")) == (4, 4)
    assert not {"nginx", "releases", "docker-compose.yml"} & set(listed), "its .dockerignore says so"
