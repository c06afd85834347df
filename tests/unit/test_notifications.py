# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications: who is told what, and delivery to a server that answers as Slack, Discord and proxies do."""

from __future__ import annotations

import email.utils
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from support.fakes import SICK, UNBUILDABLE, World
from werkzeug import Request, Response

from release.adapters import webhooks
from release.adapters.webhooks import GaveUpError, Webhooks, deliver, retry_after
from release.errors import RefusedError
from release.releases.events import EVENTS, Event
from release.rendering.notifications import Target, body, read_targets

SECRET = "T0K3N-of-the-channel"


def problems_of(data: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        read_targets(data)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_targets_are_read() -> None:
    slack, loop = read_targets(
        [
            {"type": "slack", "url": f"https://hooks.example/{SECRET}", "events": ["failure"], "stacks": ["shop"]},
            {"type": "webhook", "url": "http://127.0.0.1:9/x", "name": "mine", "environments": ["production"]},
        ]
    )
    assert (slack.name, slack.events, slack.environments) == ("slack-1", ("failure",), ("staging", "production"))
    assert loop.name == "mine" and loop.events == EVENTS
    assert SECRET not in repr(slack)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"type": "irc"}, "engine_notifications[0].type: 'irc' is not known"),
        ({"url": None}, "engine_notifications[0].url: is missing"),
        ({"url": f"http://hooks.example/{SECRET}"}, "engine_notifications[0].url: is not encrypted"),
        ({"url": f"hooks.example/{SECRET}"}, "url: is not an address of the web"),
        ({"url": f"https://user:{SECRET}@hooks.example/"}, "url: is not an address of the web"),
        ({"url": f"https://hooks.example/{SECRET} and more"}, "url: is not an address of the web"),
        ({"url": f"https://hooks.example:{SECRET}/"}, "url: is not an address of the web"),
        ({"events": ["end"]}, "events: 'end' is not known"),
        ({"environments": ["test"]}, "environments: 'test' is not known"),
        ({"name": "../x"}, "name: '../x' is not valid"),
        ({"channel": "#ops"}, "channel: is not a known option"),
    ],
)
def test_every_mistake_is_named_and_no_address(item: dict[str, Any], problem: str) -> None:
    text = problems_of([{"type": "slack", "url": f"https://hooks.example/{SECRET}", **item}])
    assert problem in text and SECRET not in text


def test_mistakes_of_the_list() -> None:
    one = {"type": "slack", "url": "https://hooks.example/", "name": "a"}
    assert "name: 'a' is there twice" in problems_of([one, one])
    assert "must be a list" in problems_of({"type": "slack"})
    assert "engine_notifications[0]: must be a mapping" in problems_of(["slack"])


def target(kind: str = "webhook", url: str = "https://hooks.example/", **more: Any) -> Target:
    return Target("ops", kind, url, **more)


EVENT = Event("failure", "deploy failed", "shop", "staging", "deploy", "vm", "ann", at=5.0)


def test_who_wants_what() -> None:
    assert target().wants(EVENT)
    assert not target(events=("success",)).wants(EVENT)
    assert not target(environments=("production",)).wants(EVENT)
    assert target(stacks=("shop",)).wants(EVENT) and not target(stacks=("blog",)).wants(EVENT)
    assert target(stacks=("blog",), environments=("production",)).wants(Event("disk", "full"))


def test_what_each_service_is_sent() -> None:
    event = replace(EVENT, text="because <!channel> @everyone & co")
    assert json.loads(body(target("slack"), event)) == {
        "text": "\u2718 [vm] because &lt;!channel&gt; @everyone &amp; co"
    }
    assert json.loads(body(target("discord"), event)) == {
        "content": "\u2718 [vm] because <!channel> @everyone & co",
        "allowed_mentions": {"parse": []},
    }
    told = json.loads(body(target(), event))
    assert told["event"] == "failure" and told["text"] == event.text and told["at"] == 5.0 and told["host"] == "vm"


@pytest.mark.parametrize("text", ["x" * 5000, "\U0001f600" * 1500, "한" * 2500])
def test_discord_takes_two_thousand_characters(text: str) -> None:
    content = json.loads(body(target("discord"), replace(EVENT, text=text)))["content"]
    assert 1900 < len(content.encode("utf-16-le")) // 2 <= 2000 and content.endswith("\u2026")


def test_what_a_service_asks_to_wait() -> None:
    assert retry_after("2", 0) == 2.0 and retry_after("0.75", 0) == 0.75 and retry_after("-1", 0) == 0.0
    assert retry_after(email.utils.formatdate(1000.0, usegmt=True), 990.0) == 10.0
    assert retry_after("", 0) == 0.0 and retry_after("soon", 0) == 0.0


def answers(httpserver: HTTPServer, *responses: Response) -> list[Request]:
    """One after the other, the last one for ever. Returns the requests as they come."""
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return responses[min(len(seen), len(responses)) - 1]

    httpserver.expect_request(f"/{SECRET}", method="POST").respond_with_handler(answer)
    return seen


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def send(httpserver: HTTPServer, pauses: list[float]) -> Callable[..., int]:
    def go(seconds: float = 60.0) -> int:
        return deliver(
            target(url=httpserver.url_for(f"/{SECRET}")), EVENT, deadline_seconds=seconds, wait=pauses.append
        )

    return go


def test_delivered(httpserver: HTTPServer, send: Callable[..., int], pauses: list[float]) -> None:
    seen = answers(httpserver, Response("ok"))
    assert send() == 1 and pauses == []
    assert seen[0].content_type == "application/json" and seen[0].get_json()["stack"] == "shop"


def test_again_after_a_while(httpserver: HTTPServer, send: Callable[..., int], pauses: list[float]) -> None:
    late = Response("slow down", 429, {"Retry-After": "7"})
    answers(httpserver, Response("", 503), late, Response("", 500), Response("ok"))
    assert send() == 4
    assert 0.8 <= pauses[0] <= 1.2 and pauses[1] == 7.0 and 3.2 <= pauses[2] <= 4.8


def test_not_again_after_a_refusal(httpserver: HTTPServer, send: Callable[..., int], pauses: list[float]) -> None:
    seen = answers(httpserver, Response("no_service", 404))
    with pytest.raises(GaveUpError, match=r"^HTTP 404$"):
        send()
    assert len(seen) == 1 and pauses == []


def test_a_redirection_is_not_followed(httpserver: HTTPServer, send: Callable[..., int]) -> None:
    httpserver.expect_request("/elsewhere").respond_with_handler(lambda request: pytest.fail("followed"))
    answers(httpserver, Response("", 307, {"Location": httpserver.url_for("/elsewhere")}))
    with pytest.raises(GaveUpError, match=r"^HTTP 307$"):
        send()


def test_a_wait_beyond_the_deadline_is_not_begun(
    httpserver: HTTPServer, send: Callable[..., int], pauses: list[float]
) -> None:
    answers(httpserver, Response("", 429, {"Retry-After": "3600"}))
    with pytest.raises(GaveUpError, match=r"^HTTP 429, after 1 attempt$"):
        send()
    assert pauses == []


def test_nobody_there(pauses: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/{SECRET}"
    # Pauses of 1, 2 and 4 s, each a fifth more or less: the third would end between 5.6 and 8.4 s.
    with pytest.raises(GaveUpError, match=r"^no answer \(ConnectionRefusedError\), after 3 attempts$") as caught:
        deliver(target(url=url), EVENT, deadline_seconds=5, wait=pauses.append, clock=lambda: sum(pauses))
    assert 0.8 <= pauses[0] <= 1.2 and 1.6 <= pauses[1] <= 2.4 and len(pauses) == 2
    assert SECRET not in str(caught.value)


def test_somebody_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "REQUEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/{SECRET}"
        begun = time.monotonic()
        with pytest.raises(GaveUpError, match=r"^no answer \(Time[oO]ut"):
            deliver(target(url=url), EVENT, deadline_seconds=1)
        assert time.monotonic() - begun < 5


@pytest.fixture
def notifier(httpserver: HTTPServer, tmp_path: Path) -> Webhooks:
    settings = tmp_path / "notifications.json"
    settings.write_text(json.dumps([{"type": "webhook", "name": "ops", "url": httpserver.url_for(f"/{SECRET}")}]))
    return Webhooks(str(settings), str(tmp_path / "state"), deadline_seconds=2)


def test_a_process_of_its_own_delivers(httpserver: HTTPServer, notifier: Webhooks) -> None:
    seen = answers(httpserver, Response("ok"))
    notifier.tell(EVENT, wait=True)
    assert seen[0].get_json()["text"] == "deploy failed"
    assert notifier.troubles() == []


def test_nobody_waits_and_the_lock_is_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        settings = tmp_path / "notifications.json"
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/{SECRET}"
        settings.write_text(json.dumps([{"type": "slack", "name": "ops", "url": url}]))
        reader, writer = os.pipe()
        held = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(held, fcntl.LOCK_EX)
        begun = time.monotonic()
        Webhooks(str(settings), str(tmp_path / "state"), deadline_seconds=1).tell(EVENT)
        assert time.monotonic() - begun < 0.5
        deaf.accept()[0].close()  # the child has begun, and it has nothing of ours
        os.close(held)
        os.close(writer)
        again = os.open(tmp_path / "lock", os.O_RDWR)
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert os.read(reader, 1) == b""
        os.close(again)
        os.close(reader)
        os.wait()


def test_what_was_not_delivered_is_noted_without_the_address(
    httpserver: HTTPServer, notifier: Webhooks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    monkeypatch.setattr(webhooks, "_log", said.append)
    answers(httpserver, Response("", 410), Response("ok"))
    assert notifier.deliver_and_note(target(url=httpserver.url_for(f"/{SECRET}")), EVENT) == "HTTP 410"
    assert said == ["ops (webhook) could not be told of failure: HTTP 410"]
    (trouble,) = notifier.troubles()
    assert trouble.startswith("ops: failure of ") and trouble.endswith(" not delivered: HTTP 410")
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "state").iterdir())
    assert list(notifier.test(EVENT)) == [("ops", "")] and notifier.troubles() == []


def test_settings_that_nobody_can_read_harm_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(webhooks, "_log", said.append)
    Webhooks(str(tmp_path / "none"), str(tmp_path)).tell(EVENT)
    assert said == []
    for content in ("{", '[{"type": "slack"}]'):
        (tmp_path / "settings").write_text(content)
        Webhooks(str(tmp_path / "settings"), str(tmp_path)).tell(EVENT)
    assert len(said) == 2 and "must be a list" in said[0] and "url: is missing" in said[1]


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def tell(self, event: Event, wait: bool = False) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return ["ops: failure of 2026-01-01 10:00 not delivered: HTTP 410"]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(event.event, event.environment) for event in self.events]


@pytest.fixture
def heard(world: World) -> Listener:
    listener = Listener()
    world.host = replace(world.host, notify=listener)
    return listener


def test_a_release_and_its_way_back(world: World, heard: Listener) -> None:
    world.ship()
    world.ship(api="healthy")
    world.good("rollback", reason="it smells")
    assert heard.kinds == [
        *[("start", "staging"), ("success", "staging"), ("start", "production"), ("success", "production")] * 2,
        ("start", "production"),
        ("rollback", "production"),
    ]
    start, end = heard.events[-2:]
    assert start.text == f"rollback of shop to production began: {end.commit} (by ann on desk: it smells)"
    assert end.text.startswith("rollback of shop to production: production runs ") and end.release and end.was
    assert "ansible-playbook playbooks/rollback.yml goes back to" in heard.events[7].text


def test_nothing_to_do_is_no_news(world: World, heard: Listener) -> None:
    world.ship()
    heard.events.clear()
    world.good("deploy")
    world.good("promote")
    world.run("deploy", check=True)
    assert heard.events == []


def test_a_failure_is_told_without_what_the_app_printed(world: World, heard: Listener) -> None:
    world.good("deploy")
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report and "no database" in str(report.problems)
    event = heard.events[-1]
    assert event.event == "failure" and "everything was put back, staging answers as before" in event.text
    assert "no database" not in event.text and "api says something" not in event.text
    world.commit({"api": UNBUILDABLE})
    world.run("deploy")
    assert heard.kinds[-2:] == [("start", "staging"), ("failure", "staging")]
    assert "api could not be built (by ann" in heard.events[-1].text and "RUN false" not in heard.events[-1].text


def test_a_refusal_is_told_with_its_causes(world: World, heard: Listener) -> None:
    world.run("promote")
    assert heard.kinds == [("failure", "production")]
    assert "refused, nothing was changed" in heard.events[0].text
    assert "\nnothing is live in staging\n" in heard.events[0].text
