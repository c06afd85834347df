# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delivery to a server that answers as Slack, Discord and proxies do."""

from __future__ import annotations

import email.utils
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from release.adapters import webhooks
from release.adapters.webhooks import GaveUpError, Webhooks, deliver, retry_after
from release.releases.events import Event
from release.rendering.notifications import Target

SECRET = "T0K3N-of-the-channel"


def target(kind: str = "webhook", url: str = "https://hooks.example/", **more: Any) -> Target:
    return Target("ops", kind, url, **more)


EVENT = Event("failure", "deploy failed", "shop", "staging", "deploy", "vm", "ann", at=5.0)


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
    notifier.notify(EVENT, wait=True)
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
        Webhooks(str(settings), str(tmp_path / "state"), deadline_seconds=1).notify(EVENT)
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
    assert said == ["ops (webhook) could not be notified of failure: HTTP 410"]
    (trouble,) = notifier.troubles()
    assert trouble.startswith("ops: failure of ") and trouble.endswith(" not delivered: HTTP 410")
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "state").iterdir())
    assert list(notifier.test(EVENT)) == [("ops", "")] and notifier.troubles() == []


def test_settings_that_nobody_can_read_harm_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(webhooks, "_log", said.append)
    Webhooks(str(tmp_path / "none"), str(tmp_path)).notify(EVENT)
    assert said == []
    for content in ("{", '[{"type": "slack"}]'):
        (tmp_path / "settings").write_text(content)
        Webhooks(str(tmp_path / "settings"), str(tmp_path)).notify(EVENT)
    assert len(said) == 2 and "must be a list" in said[0] and "url: is missing" in said[1]
