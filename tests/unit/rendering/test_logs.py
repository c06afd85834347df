# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of apps for people and for programs."""

from __future__ import annotations

import json

from release.releases.logs import Line, Source
from release.rendering import logs

API = Source("c" * 64, "shop", "production", "app", "api", "20260101T000000Z-production-abcdef1", "blue", replica=2)
LINE = Line(1_500_000_000, "stderr", b'{"a":"\x1b]0;owned\x07\xc3\xa9"}')
HEAD = "1970-01-01T00:00:01.500Z production api.2 abcdef1 | "


def test_a_terminal_is_not_acted_upon() -> None:
    assert logs.text_of(LINE, API) == HEAD + '{"a":"é"}'
    assert logs.for_terminal(LINE, API) == f'{HEAD}{{"a":"é"}}'.encode()
    assert logs.raw_for_terminal(Line(0, "", b"\x1b[2Jx\xff"), API) == "x\ufffd".encode()


def test_a_file_gets_what_the_app_wrote() -> None:
    assert logs.as_bytes(LINE, API) == HEAD.encode() + LINE.text
    assert logs.raw(LINE, API) == LINE.text


def test_json() -> None:
    assert json.loads(logs.as_json(LINE, API)) == {
        "time": "1970-01-01T00:00:01.500000000Z",
        "stack": "shop",
        "environment": "production",
        "app": "api",
        "replica": 2,
        "release": API.release,
        "slot": "blue",
        "kind": "app",
        "container": "c" * 12,
        "stream": "stderr",
        "line": LINE.text.decode(),
    }
    found = json.loads(logs.as_json(Line(0, "stdout", b"\xff", whole=False), API))
    assert (found["base64"], found["partial"], "line" in found) == ("/w==", True, False)
    assert "\x1b" not in logs.as_json(LINE, API).decode()


def test_what_has_no_release() -> None:
    build = Source("b", "shop", "staging", "build", "api", "abcdef123456")
    assert logs.head(Line(0, "stdout", b""), build) == "1970-01-01T00:00:00.000Z staging build api abcdef1 | "
    redis = Source("b", "shop", "staging", "service", "redis")
    assert logs.head(Line(0, "stdout", b""), redis) == "1970-01-01T00:00:00.000Z staging service redis | "
