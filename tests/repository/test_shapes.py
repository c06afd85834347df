# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of shapes, the rules about them and their table, without a lab."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from support.shapes.catalogue import GROUPS, QUICK
from support.shapes.compare import differences
from support.shapes.rules import RULES, judge
from support.shapes.shape import Shape, answer, chunked, request
from support.shapes.table import page
from support.shapes.wire import Seen, take_message

ROOT = Path(__file__).resolve().parents[2]
EVERY = [shape for shapes in GROUPS.values() for shape in shapes]
PLAIN = Shape("plain", (request(),))


def seen(*requests: bytes, got: bytes = answer(), seconds: float = 0.0) -> Seen:
    return Seen(requests, got, seconds)


def test_there_are_many_each_with_a_name_of_its_own() -> None:
    assert len(EVERY) >= 100 and len(QUICK) >= 30
    assert [name for name, count in Counter(shape.name for shape in EVERY).items() if count > 1] == []


def test_rules_and_shapes_know_each_other() -> None:
    named = {name for shape in EVERY for name in shape.rules}
    assert named == {name for name, rule in RULES.items() if not rule.general}
    assert all(rule.why and rule.what for rule in RULES.values())


def test_what_differs_is_found() -> None:
    direct = seen(request("/x", "A: 1", "B: 2"))
    assert differences(PLAIN, direct, direct) == []
    found = differences(PLAIN, direct, seen(request("/y", "b: 2", "A: 3", "C: 4"), got=answer(body=b"other")))
    assert found == [
        "app: first line: GET /x HTTP/1.1 -> GET /y HTTP/1.1",
        "app: ~a: 1 -> 3",
        "app: +c: 4",
        "app: case of names",
        "app: order of headers",
        "client: ~content-length: 3 -> 5",
        r"client: body: ok\n -> other",
    ]
    assert differences(PLAIN, direct, seen(got=answer(status="400 Bad Request"))) == [
        "app: never GET /x HTTP/1.1",
        "client: first line: HTTP/1.1 200 OK -> HTTP/1.1 400 Bad Request",
    ]
    assert differences(PLAIN, direct, seen(*direct.requests, seconds=1)) == ["client: late"]
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert differences(PLAIN, seen(got=early + answer()), seen()) == [
        "client: interim: HTTP/1.1 103 Early Hints -> none"
    ]


def test_bodies_are_compared_as_they_are_meant() -> None:
    in_chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    one, other = in_chunks + chunked(b"abc", b"def"), in_chunks + chunked(b"abcdef")
    assert differences(PLAIN, seen(got=one), seen(got=other)) == []
    cut = take_message(one[:-9], ended=True)
    assert cut and (cut[0].framing, cut[0].body) == ("cut", b"abcd")
    assert take_message(one[:-9]) is None


def test_a_difference_without_a_rule_is_a_fault() -> None:
    judged = judge(PLAIN, ["app: +x-real-ip: 192.0.2.1", "app: -cookie: a=1"])
    assert judged.explained == {"forwarded": ["app: +x-real-ip: 192.0.2.1"]}
    assert not judged.fine and str(judged) == "plain: app: -cookie: a=1"
    gone = judge(Shape("a rule that says nothing", (request(),), rules=("gzip",)), [])
    assert not gone.fine and gone.idle == ["gzip"]


def test_the_table_shows_it() -> None:
    fine = judge(PLAIN, ["client: +server: nginx"])
    bad = judge(Shape("a|b", (request(),)), ["app: -x: 1"])
    refused = judge(
        Shape("TRACE", (request(),), rules=("method",)), ["client: first line: HTTP/1.1 200 OK -> HTTP/1.1 405 No"]
    )
    text = page({"Some": [fine, bad, refused]}, ["nginx 1", "HAProxy 2"])
    assert "3 shapes, 1 with a difference that no rule explains." in text
    assert "| plain | same |  |" in text and "| a\\|b | **differs** | `app: -x: 1` |" in text
    assert "| TRACE | refused | method |" in text


def test_the_published_table_is_whole() -> None:
    text = (ROOT / "docs" / "benchmarks" / "shapes.md").read_text()
    assert f"{len(EVERY)} shapes, 0 with a difference that no rule explains." in text
    assert all(f"| `{rule}` |" in text or f"| {rule} |" in text for rule in RULES)
