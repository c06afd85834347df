# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source names is compared with what the stack says of hosts and the matrix of variables."""

from __future__ import annotations

import time
from typing import Any

import pytest
from fakes.stacks import shop_definition
from hypothesis import given
from hypothesis import strategies as st

from release.planning.drift import search
from release.planning.drift.findings import CODES, Finding
from release.planning.drift.matrix import inventory_of
from release.planning.drift.search import Search
from release.stack.reader import read_stack

API = "https://api.shop.example/api/v1"
MATRIX: dict[str, Any] = {"API_URL": {"class": "public"}, "TOKEN": {"class": "secret"}, "WAY": {"values": ["a", "b"]}}


def look(files: dict[str, bytes], matrix: dict[str, Any] | None = None, **drift: Any) -> list[Finding]:
    definition = shop_definition()
    definition["secrets"] = []
    definition["environments"]["production"]["hosts"] = ["www.shop.example", "*.shops.example"]
    definition["environments"]["staging"]["hosts"] = ["staging.shop.example"]
    definition["source"] = "git@code.host.example:acme/shop.git"
    definition["env_matrix"] = matrix or {}
    definition["drift"] = {
        "canonical": [API, "wss://live.shop.example"],
        "dead": {"old.up.host.app": "404 since May"},
        "allowed": {"*.docs.example": "links", "maps.other.com": "maps"},
        **drift,
    }
    stack = read_stack("shop", definition)
    assert stack.drift and read_stack("shop", stack.to_mapping(with_env=True)) == stack
    values = {
        "staging": {"API_URL": "https://staging.shop.example/api/v1", "TOKEN": "t"},
        "production": {"API_URL": API},
    }
    one = Search(stack, stack.drift, inventory_of(stack, stack.drift, values))
    for path, data in files.items():
        one.look(path, data)
    return one.findings()


def codes(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.code, one.place, one.name) for one in found]


def test_hosts() -> None:
    found = look(
        {
            "a.md": b"https://www.shop.example https://a.shops.example https://staging.shop.example wss://live.shop.example",
            "b.md": b"https://x.docs.example https://maps.other.com https://code.host.example/acme http://localhost:3000",
            "c.ts": b"\nfetch('https://old.up.host.app/api/v1')\nconst a = 'https://api.shop.app/v1'\n",
            "d.ts": b"// https://api.shop.app\n// wss://api.shop.app\nhttps://docs.example",
        }
    )
    assert codes(found) == [
        ("dead host", "c.ts:2", "old.up.host.app"),
        ("unknown host", "c.ts:3", "api.shop.app"),
        ("unknown host", "d.ts:1", "api.shop.app"),
        ("unknown host", "d.ts:3", "docs.example"),
    ]
    assert found[0].is_error and found[0].what == "is dead: 404 since May" and f"use {API};" in found[0].fix
    assert found[2].lines == (1, 2) and found[2].count == 2 and not found[2].is_error


def test_what_belongs_there_is_of_the_same_protocol() -> None:
    (found,) = look({"a.ts": b"'wss://socket.other.app/x'"})
    assert found.fix.startswith("use wss://live.shop.example;")


def test_the_inventory_s_value_is_what_belongs_there() -> None:
    found = look({"eas.json": b'{"API_URL": "https://api.other.app"}'}, {"API_URL": {"class": "public"}})
    assert found[0].fix.startswith(f"use {API} or https://staging.shop.example/api/v1; ")


def test_a_canonical_host_with_another_path() -> None:
    """The incident: a guide without the path, while the code expects it."""
    files = {
        "a.md": b"API_URL=https://api.shop.example\nTOKEN=https://api.shop.example/x\nOTHER: https://api.shop.example/x\n"
    }
    found = look({**files, "b.ts": b"process.env.API_URL, process.env.TOKEN"}, {**MATRIX, "WAY": {"optional": True}})
    assert codes(found)[0] == ("other value", "a.md:1", "API_URL")
    assert look({"a.json": f'{{"API_URL": "{API}/"}}'.encode()}, {"API_URL": {"class": "public"}}) == []


def test_passwords_are_not_told() -> None:
    (found,) = look({"a.ts": b"'postgres://user:kanarienvogel@db.other.com/x?token=kanarienvogel'"})
    assert "kanarien" not in repr(found)


def test_variables() -> None:
    files = {
        "api/a.ts": b"process.env.API_URL + process.env.LOST + process.env.NODE_ENV + process.env.RELEASE_ID",
        "api/b.py": b"os.environ['TOKEN'], os.environ['ASIDE']",
        "docs/a.md": b"NEXT_PUBLIC_OLD=1\nMAKEFLAGS=-j\nWAY is documented",
        "web/.env.example": b"API_URL=\nGONE=1\n",
    }
    assert codes(look(files, MATRIX, variables={"ASIDE": "only tests"})) == [
        ("unknown variable", "api/a.ts:1", "LOST"),
        ("unknown variable", "docs/a.md:1", "NEXT_PUBLIC_OLD"),
        ("unknown variable", "web/.env.example:2", "GONE"),
        ("unread variable", "the matrix", "WAY"),
        ("not in examples", "the matrix", "TOKEN"),
    ]
    assert look(files) == [], "without a matrix nothing is known of any variable"


@pytest.mark.parametrize(
    ("key", "app"),
    [
        ({}, {"environment": {"LOST": "1"}}),
        ({}, {"build_arguments": {"LOST": "1"}}),
        ({}, {"compose": {"environment": {"LOST": "1"}}}),
    ],
)
def test_what_the_stack_sets_otherwise_is_known(key: dict[str, Any], app: dict[str, Any]) -> None:
    definition = shop_definition()
    definition["apps"]["api"].update(app)
    definition.update(secrets=[], env_matrix={"A": key}, drift={})
    stack = read_stack("shop", definition)
    assert stack.drift and not inventory_of(stack, stack.drift, {}).is_unknown("LOST")
    assert inventory_of(stack, stack.drift, {}).is_unknown("LOST_TOO")


@pytest.mark.parametrize("text", [b"config.get('WAY')", b"way: str = 'a'", b'"WAY"', b"ARG WAY"])
def test_whoever_names_a_key_may_read_it(text: bytes) -> None:
    assert look({"a.py": text}, {"WAY": {"values": ["a"]}}) == []


@pytest.mark.parametrize("text", [b"WAYS MY_WAY way2 WAY_", b""])
def test_a_part_of_a_word_is_no_name(text: bytes) -> None:
    assert codes(look({"a.py": text}, {"WAY": {"values": ["a"]}})) == [("unread variable", "the matrix", "WAY")]


def test_a_file_with_very_much_is_told_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 10)
    found = look({"a.ts": b" ".join(b"https://h%d.other.com" % number for number in range(30))})
    assert [one.code for one in found] == ["not searched", *["unknown host"] * 10]
    (found_again,) = look({"a.ts": b"https://h.other.com\n" * 30})
    assert found_again.count == 30 and len(found_again.lines) == search.LISTED


HOSTILE = {
    "a run": b"a",
    "dots": b".",
    "labels": b"a.",
    "ends": b".com",
    "words that end so": b".com ",
    "signs": b"://",
    "one label": b"http://a ",
    "addresses": b"http://a.b ",
    "users": b"http://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@",
    "namespaces": b'xmlns="http://a.b.com" ',
    "reads": b"process.env",
    "taken apart": b"} = process.env",
    "braces": b"{}} = process.env{",
    "python": b'os.environ["A"] ',
    "values": b"A=b c\n",
    "quotes": b"\"'",
    "no text": bytes(range(128, 256)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_makes_it_slow(name: str) -> None:
    """A megabyte on one line, of what regular expressions like least. In the process's own time: machines are busy."""
    data = (HOSTILE[name] * 1_000_000)[:1_000_000]
    begun = time.process_time()
    look({"a.ts": data, "a.py": data, ".env.example": data}, MATRIX)
    assert time.process_time() - begun < 2


def test_ten_thousand_files() -> None:
    line = b"  const value = await this.props.user.response.filter(async (item) => item.name !== undefined);\n"
    text = line * 50 + b"fetch('https://www.shop.example/x'); process.env.API_URL; // https://x.docs.example\n"
    begun = time.process_time()
    assert look({f"src/{number}.ts": text for number in range(10_000)}, {"API_URL": {}}) == []
    assert time.process_time() - begun < 4


@given(st.binary(max_size=200), st.sampled_from(["a.ts", "a.py", "a.md", ".env.example", "x"]))
def test_any_file_gets_an_answer(data: bytes, path: str) -> None:
    for finding in look({path: data}, MATRIX):
        assert finding.code in CODES and finding.place
