# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apps, builds and git print leaves the host without the values of known secrets, wherever it comes in."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import SICK, UNBUILDABLE
from fakes.world import World

from release.errors import OperationError
from release.operations import page_writer, redaction
from release.operations.page_data import look
from release.operations.status import status
from release.process import journal
from release.releases.events import Event
from release.releases.runtime import Answer, BuildResult, Container
from release.rendering.report import report_lines

SECRET = "s3cret-of-the-shop"
OLD = "an-earlier-s3cret"
EVIL = f"cannot connect: {SECRET} \x1b[31mALL GOOD\x1b[0m\r\nproblem: forged"


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event, wait: bool = False) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return []


@pytest.fixture
def talking(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A host whose apps and builds print their secret wherever they can."""
    world.store.env["common"] = f"DATABASE_URL='{SECRET}'\nCOLOUR='blue'\n".encode()
    health, build = world.probe.health, world.docker.build

    def answer(port: int, path: str, host: str, address: str) -> Answer:
        found = health(port, path, host, address)
        return found if 0 < found.status < 400 else dataclasses.replace(found, body=EVIL, error=found.error and EVIL)

    def logs(container: Container, lines: int) -> list[str]:
        return [EVIL, f"and before that {OLD}"]

    def built(compose_file: str, apps: Any, fresh: bool, log: Any) -> list[BuildResult]:
        log(f"api: {EVIL}")
        return [dataclasses.replace(r, log=(EVIL,), step=EVIL) for r in build(compose_file, apps, fresh, log)]

    monkeypatch.setattr(world.probe, "health", answer)
    monkeypatch.setattr(world.docker, "logs", logs)
    monkeypatch.setattr(world.docker, "build", built)
    world.host = dataclasses.replace(world.host, notifier=Listener())
    return world


PEM = "-----BEGIN PRIVATE KEY-----\n{}\n{}\nAQ==\n-----END PRIVATE KEY-----\n".format("Q9" * 32, "Zx" * 32)


@pytest.mark.parametrize(
    "printed", [PEM, json.dumps({"key": PEM}), PEM.replace("\n", "")], ids=["as it is", "JSON", "one line"]
)
def test_a_private_key_that_an_app_prints(world: World, printed: str) -> None:
    world.store.keys["jwt_private.pem"] = PEM.encode()
    redact = redaction.redactor(world.host, world.stack)
    said = " ".join(redact(line) for line in printed.splitlines())
    assert "***jwt_private.pem***" in said and "Q9Q9" not in said and "ZxZx" not in said


def journals(world: World) -> str:
    folder = Path(journal.directory("shop", world.paths.state))
    return "".join(json.dumps(json.loads(line)) for path in folder.iterdir() for line in path.open())


def everything(world: World, report: Any) -> str:
    """All that leaves an operation, as it is stored or sent."""
    events = json.dumps([dataclasses.asdict(event) for event in world.host.notifier.events])
    found = status(world.host, world.stack)
    page = look(world.host, world.stack, "host", (1, 1), [])
    told = [journals(world), events, json.dumps(found.to_json()), json.dumps(page.to_json())]
    return "\n".join([*told, json.dumps(report.to_json()), *report_lines(report.to_json())])


@pytest.mark.parametrize("behaviour", [SICK, UNBUILDABLE])
def test_a_failed_deploy(talking: World, behaviour: str) -> None:
    talking.commit({"api": behaviour})
    report = talking.run("deploy", reason=f"because of {SECRET}")
    assert report and report.failed
    told = everything(talking, report)
    assert "***DATABASE_URL***" in told and SECRET not in told
    assert "\\u001b" not in told and "\\r" not in told
    assert "***DATABASE_URL*** ALL GOOD" in "\n".join(report.log)
    assert "problem: forged" in report.log, "a log keeps its lines"


def test_an_app_that_turns_sick(talking: World) -> None:
    talking.ship()
    talking.docker.boxes[0].up = False
    for app in status(talking.host, talking.stack).environments["staging"].apps.values():
        assert SECRET not in app.cause and app.cause.isprintable()


def test_values_of_the_live_release_are_known_too(world: World, request: pytest.FixtureRequest) -> None:
    """Its containers still have them when they were changed since."""
    world.store.env["common"] = f"DATABASE_URL='{OLD}'\n".encode()
    world.ship()
    talking: World = request.getfixturevalue("talking")
    talking.commit({"api": SICK})
    report = talking.run("deploy")
    assert report and report.failed
    told = everything(talking, report)
    assert OLD not in told and SECRET not in told


def test_recovery(talking: World, monkeypatch: pytest.MonkeyPatch) -> None:
    talking.ship()
    talking.commit({"api": "healthy"})
    talking.faults.kill_at(8)
    assert talking.run("deploy") is None
    talking.revive()
    monkeypatch.setattr(talking.edge, "set_live", lambda *given: (_ for _ in ()).throw(failure()))
    monkeypatch.setattr(talking.router, "set_live", lambda *given: (_ for _ in ()).throw(failure()))
    with pytest.raises(OperationError) as caught:
        talking.recover()
    assert SECRET not in str(caught.value) and str(caught.value).isprintable()
    assert SECRET not in "".join(caught.value.log) and SECRET not in journals(talking)


def failure() -> OperationError:
    return OperationError("refused", "somewhere", EVIL, EVIL, log=[EVIL])


def test_the_page_of_a_host_that_cannot_be_inspected(talking: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, bytes] = {}

    class Page:
        def is_wanted(self, stack: str) -> bool:
            return True

        def write(self, stack: str, name: str, data: bytes) -> None:
            written[name] = data

        def renew(self, stack: str) -> None:
            return None

    talking.host = dataclasses.replace(talking.host, page=Page())
    monkeypatch.setattr(talking.docker, "image", lambda reference: (_ for _ in ()).throw(failure()))
    page_writer.write_all(talking.host, [talking.stack])
    assert b"\x1b" not in written["index.html"] and SECRET.encode() not in written["index.html"]


@pytest.mark.parametrize("error", [OSError("gone"), OperationError("is a link", "config", "x"), ValueError("odd")])
def test_what_cannot_be_read_hides_no_other_secret(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whoever needs it says what is wrong; that must be told, and may hold other values."""
    world.store.env["common"] = f"DATABASE_URL='{SECRET}'\n".encode()
    world.ship()
    monkeypatch.setattr(world.store, "config_env", lambda *given: (_ for _ in ()).throw(error))
    assert redaction.redactor(world.host, world.stack)(f"x {SECRET}") == "x ***DATABASE_URL***"


@pytest.mark.parametrize("option", ["reason", "version", "release"])
def test_what_cannot_be_printed_is_refused(world: World, option: str) -> None:
    report = world.run("rollback", **{option: "x\nproblem: forged\x1b[31m"})
    assert report and report.failed and report.message == "refused, nothing was changed"
    assert [problem["where"] for problem in report.problems] == [option]
    assert "forged" not in json.dumps(report.to_json())
