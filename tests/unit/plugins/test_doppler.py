# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doppler as it is on bad days: slow, down, rate-limited, unauthorised, odd. Never a silent fall back."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

TOKEN = "dp.st.prd.kanarienvogel-token"
VALUE = "kanarienvogel-value"
PATH = "/v3/configs/config/secrets/download"
GOOD = {"API_TOKEN": VALUE, "ODD": "a'b$c\n#d ", "DOPPLER_CONFIG": "prd", "DOPPLER_PROJECT": "shop"}
VALUES = {"API_TOKEN": VALUE, "ODD": "a'b$c\n#d "}


def load() -> ModuleType:
    """The module as a file: it imports nothing of Ansible or of the collection."""
    path = Path(__file__).parents[3] / "plugins" / "plugin_utils" / "doppler.py"
    spec = importlib.util.spec_from_file_location("onehost_doppler", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


doppler = load()
Source = Callable[..., Any]


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def source(httpserver: HTTPServer, tmp_path: Path, pauses: list[float]) -> Source:
    def make(**changes: Any) -> Any:
        settings: dict[str, Any] = {
            "token": TOKEN,
            "name": "production",
            "cache": str(tmp_path / "cache"),
            "base_url": httpserver.url_for("/"),
            "wait": pauses.append,
            "deadline_seconds": 5.0,
            "attempt_seconds": 4.0,
        }
        return doppler.Doppler(**{**settings, **changes})

    return make


def answers(httpserver: HTTPServer, *responses: Response | dict[str, Any]) -> list[Request]:
    """Doppler gives these answers one after the other, the last one for ever. Returns what it was asked."""
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        response = responses[min(len(asked), len(responses) - 1)]
        asked.append(request)
        return Response(json.dumps(response), 200, {"ETag": '"1"'}) if isinstance(response, dict) else response

    httpserver.expect_request(PATH).respond_with_handler(answer)
    return asked


def trouble(source: Any) -> str:
    with pytest.raises(doppler.DopplerError) as error:
        source.fetch()
    text = f"{error.value} {error.value!r}"
    assert TOKEN not in text and VALUE not in text
    assert error.value.__cause__ is None, "the cause would be shown with what it holds"
    return str(error.value)


def test_values_without_what_doppler_adds(httpserver: HTTPServer, source: Source) -> None:
    asked = answers(httpserver, GOOD)
    assert source().fetch().values == VALUES
    assert asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in asked[0].url
    assert asked[0].args["include_dynamic_secrets"] == "false"


def test_an_unchanged_config_is_not_sent_again(httpserver: HTTPServer, source: Source) -> None:
    asked = answers(httpserver, GOOD, Response(status=304))
    assert source().fetch().values == source().fetch().values == VALUES
    assert [request.headers.get("If-None-Match") for request in asked] == [None, '"1"']


def test_a_new_value_replaces_the_copy(httpserver: HTTPServer, source: Source) -> None:
    answers(httpserver, GOOD, {"API_TOKEN": "new"})
    source().fetch()
    source().fetch()
    assert source().last_good().values == {"API_TOKEN": "new"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 408])
def test_trouble_that_passes_is_waited_for(
    httpserver: HTTPServer, source: Source, pauses: list[float], status: int
) -> None:
    answers(httpserver, Response(VALUE, status), Response(VALUE, status), GOOD)
    assert source().fetch().values == VALUES
    assert len(pauses) == 2 and pauses[1] > pauses[0]


def test_as_long_as_it_asks_for(httpserver: HTTPServer, source: Source, pauses: list[float]) -> None:
    answers(httpserver, Response(status=429, headers={"Retry-After": "3"}), GOOD)
    source().fetch()
    assert pauses == [3.0]


def test_longer_than_the_deadline_is_not_waited_for(
    httpserver: HTTPServer, source: Source, pauses: list[float]
) -> None:
    answers(httpserver, Response(status=429, headers={"Retry-After": "3600"}))
    assert "HTTP 429" in trouble(source())
    assert pauses == []


def test_a_deadline_ends_the_retries(httpserver: HTTPServer, source: Source) -> None:
    asked = answers(httpserver, Response(VALUE, 503))
    begun = time.monotonic()
    assert "-e offline=true" in trouble(source(wait=time.sleep, deadline_seconds=1.2))
    assert time.monotonic() - begun < 2 and len(asked) >= 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_not_tried_again(
    httpserver: HTTPServer, source: Source, pauses: list[float], status: int
) -> None:
    asked = answers(httpserver, Response(json.dumps({"messages": [VALUE], "success": False}), status))
    assert "refuses the token" in trouble(source())
    assert len(asked) == 1 and pauses == []


ODD = {
    "a list": Response(json.dumps([VALUE])),
    "text": Response(json.dumps(VALUE)),
    "a number as value": Response(json.dumps({"A": 5, "B": VALUE})),
    "nothing as value": Response(json.dumps({"A": None})),
    "a nested value": Response(json.dumps({"A": {"raw": VALUE}})),
    "an error with 200": Response(json.dumps({"messages": [VALUE], "success": False})),
    "no value": Response(json.dumps({"DOPPLER_CONFIG": "prd"})),
    "no name": Response(json.dumps({"A B": VALUE})),
    "not found": Response(VALUE, 404),
    "a redirect": Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "an unexpected 304": Response(status=304),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_answers_are_errors(httpserver: HTTPServer, source: Source, pauses: list[float], name: str) -> None:
    asked = answers(httpserver, ODD[name])
    trouble(source())
    assert len(asked) == 1 and pauses == []


@pytest.mark.parametrize("body", ["", "{", '{"API_TOKEN": "kanar', "<html>login</html>", "\xff\xfe"])
def test_what_is_no_json_may_be_whole_the_next_time(httpserver: HTTPServer, source: Source, body: str) -> None:
    answers(httpserver, Response(body.encode("latin-1")), GOOD)
    assert source().fetch().values == VALUES


def test_after_all_it_stays_an_error(httpserver: HTTPServer, source: Source) -> None:
    answers(httpserver, GOOD, Response('{"API_TOKEN": "kanarienvogel-v'))
    source().fetch()
    assert "not JSON" in trouble(source(wait=lambda _: time.sleep(0.2), deadline_seconds=0.5))


def raw_server(answer: bytes, pause: float = 0.0) -> tuple[str, socket.socket]:
    """A server that says exactly this, byte by byte if it is to be slow, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    for i in range(len(answer)) if pause else (0,):
                        connection.sendall(answer[i : i + 1] if pause else answer)
                        time.sleep(pause)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", listener


HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"API_TOKEN": "x"}'
SLOW = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"API_TOKEN": "x"}'


@pytest.mark.parametrize(
    ("answer", "pause", "cause"),
    [(HALF, 0.0, "was cut off"), (SLOW, 0.4, ""), (b"", 0.0, ""), (b"nonsense\r\n\r\n", 0.0, "was cut off")],
    ids=["half an answer", "a trickle", "no answer", "no HTTP"],
)
def test_broken_connections(source: Source, answer: bytes, pause: float, cause: str) -> None:
    url, listener = raw_server(answer, pause)
    begun = time.monotonic()
    text = trouble(source(base_url=url, wait=time.sleep, deadline_seconds=1.5, attempt_seconds=0.5))
    listener.close()
    assert cause in text and time.monotonic() - begun < 12


def test_a_trickle_of_headers(source: Source) -> None:
    """Each byte begins a socket's own limit anew."""
    url, listener = raw_server(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 90, 0.1)
    begun = time.monotonic()
    text = trouble(source(base_url=url, wait=time.sleep, deadline_seconds=1.0, attempt_seconds=0.5))
    listener.close()
    assert "no answer in time" in text and time.monotonic() - begun < 10


def test_nobody_there(source: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "cannot be reached" in trouble(
        source(base_url=f"http://127.0.0.1:{port}", wait=lambda _: time.sleep(0.2), deadline_seconds=0.5)
    )


def test_no_fall_back_to_the_copy(httpserver: HTTPServer, source: Source) -> None:
    answers(httpserver, GOOD, Response(VALUE, 503))
    source().fetch()
    trouble(source(wait=lambda _: time.sleep(0.2), deadline_seconds=0.5))


def test_offline_says_how_old(httpserver: HTTPServer, source: Source) -> None:
    answers(httpserver, GOOD)
    fetched = source().fetch()
    httpserver.stop()  # type: ignore[no-untyped-call]
    answer = source().last_good()
    assert answer.values == VALUES and answer.offline
    assert answer.age(fetched.moment + 30) == "less than a minute old"
    assert answer.age(fetched.moment + 3 * 3600 + 5) == "3 hours old"
    assert answer.age(fetched.moment + 86400) == "1 day old"
    httpserver.start()  # type: ignore[no-untyped-call]


def test_offline_without_a_copy(source: Source) -> None:
    with pytest.raises(doppler.DopplerError, match="no copy"):
        source().last_good()


@pytest.mark.parametrize("other", [{"token": "dp.st.other"}, {"project": "blog"}, {"base_url": "http://localhost:1"}])
def test_a_copy_belongs_to_its_token_and_place(httpserver: HTTPServer, source: Source, other: dict[str, str]) -> None:
    answers(httpserver, GOOD)
    source().fetch()
    with pytest.raises(doppler.DopplerError, match="no copy"):
        source(**other).last_good()


def test_the_copy_is_for_its_owner_alone(httpserver: HTTPServer, source: Source, tmp_path: Path) -> None:
    answers(httpserver, GOOD)
    source().fetch()
    files = list((tmp_path / "cache").iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600]
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    assert TOKEN not in files[0].read_text() and TOKEN not in files[0].name


def test_a_broken_copy_is_none(httpserver: HTTPServer, source: Source, tmp_path: Path) -> None:
    asked = answers(httpserver, GOOD)
    source().fetch()
    next((tmp_path / "cache").iterdir()).write_text("half a co")
    assert source().fetch().values == VALUES
    assert "If-None-Match" not in asked[1].headers


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak"])
def test_no_request_without_a_proper_token(httpserver: HTTPServer, source: Source, token: str) -> None:
    asked = answers(httpserver, GOOD)
    assert "the token" in trouble(source(token=token))
    assert asked == []


def test_no_token_in_the_clear(source: Source) -> None:
    assert "not an https address" in trouble(source(base_url="http://doppler.example"))


def test_nothing_secret_when_shown(source: Source) -> None:
    assert TOKEN not in repr(source())
    assert VALUE not in repr(doppler.Answer({"A": VALUE}, 0.0))
