# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a value is and where it leads, by its text alone."""

from __future__ import annotations

import pytest

from release.env.value_types import TYPES, database, hosts, names_itself, wrong


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("https://Shop.example:8443/x?y#z", ["shop.example"]),
        ("postgres://ann:pw@db.example:5432/shop", ["db.example"]),
        ("redis://[::1]:6379/0", ["::1"]),
        ("mongodb://a.example:1,B.example:2/shop?x=1", ["a.example", "b.example"]),
        ("mongodb://ann:p,w@[fe80::1]:1, c.example/shop", ["fe80::1", "c.example"]),
        ("https://shop.example/a,b", ["shop.example"]),
        ("sqlite:///var/lib/shop.db", []),
        ("file:///etc/passwd", []),
        ("just words", []),
        ("shop.example", []),
    ],
)
def test_hosts_of_a_url(value: str, found: list[str]) -> None:
    assert hosts(value) == found


@pytest.mark.parametrize(
    ("key", "value", "itself"),
    [
        ("API_URL", "http://localhost:3000", True),
        ("API_URL", "http://127.0.0.9/", True),
        ("API_URL", "http://[::1]/", True),
        ("API_URL", "http://api.example/localhost", False),
        ("REDIS_HOST", "localhost", True),
        ("PGHOST", "127.0.0.1", True),
        ("KAFKA_BROKERS", "a.example:1,localhost:2", True),
        ("KAFKA_BROKERS", "a.example:1,b.example:2", False),
        ("GREETING", "localhost", False),
        ("MY_PGHOST_NOTE", "localhost", False),
    ],
)
def test_values_that_lead_a_container_to_itself(key: str, value: str, itself: bool) -> None:
    assert names_itself(key, value) is itself


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("DATABASE_URL", "postgres://u:p@db.example/shop?sslmode=require", ({"db.example"}, {"shop"})),
        ("DATABASE_URL", "postgresql+asyncpg://u@host.docker.internal:5432/sh%6fp", (set(), {"shop"})),
        ("DATABASE_URL", "mysql://u@127.0.0.1/", (set(), set())),
        ("DATABASE_URL", "mongodb://a.example,b.example/shop#x", ({"a.example", "b.example"}, {"shop"})),
        ("ANY_KEY", "MySQL://db.example/shop", ({"db.example"}, {"shop"})),
        ("API_URL", "https://db.example/shop", (set(), set())),
        ("PGHOST", "db.example:5432", ({"db.example"}, set())),
        ("SHOP_DB_HOST", "db.example", ({"db.example"}, set())),
        ("SHOP_DB_HOST", "127.0.0.1", (set(), set())),
        ("SHOP_DB_HOST", "", (set(), set())),
        ("POSTGRES_DB", "shop", (set(), {"shop"})),
        ("DATABASE_NAME", "", (set(), set())),
        ("NAME", "shop", (set(), set())),
    ],
)
def test_databases(key: str, value: str, found: tuple[set[str], set[str]]) -> None:
    assert database(key, value) == found


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("port", "65535", ""),
        ("port", "65536", "is not a port (1 to 65535)"),
        ("port", "080", "is not a port (1 to 65535)"),
        ("integer", "-0", ""),
        ("integer", "01", "is not a whole number"),
        ("boolean", "True", "is not a boolean (true or false)"),
        ("enum", "c", "is not one of a, b"),
        ("enum", "a", ""),
        ("text", "abc", ""),
        ("text", "abd", "does not match ab[c]|a"),
    ],
)
def test_why_a_value_is_wrong(kind: str, value: str, text: str) -> None:
    pattern = "ab[c]|a" if kind in ("text", "enum") else ""
    choices = ("a", "b") if kind == "enum" else ()
    assert wrong(kind, value, choices=choices, pattern=pattern) == text


def test_bytes_of_base64() -> None:
    assert wrong("base64", "YWJj") == "" == wrong("base64", "YWJj", 3)
    assert wrong("base64", "YWJj", 4) == "is base64 of 3 bytes, not 4"
    assert wrong("base64", "YWJ") == "is not base64" == wrong("base64", "YWJjé")


TYPED = [
    ("url", ["https://a.example", "postgresql://u:p@h:5432/d", "http://[::1]:80/"], ["a.example", "http://", "x y"]),
    ("port", ["1", "65535"], ["0", "65536", "080", "80 ", "http"]),
    ("integer", ["0", "-5", "12"], ["", "1.5", "01", "1e3"]),
    ("boolean", ["true", "false"], ["True", "yes", "1"]),
    ("base64", ["aGVsbG8=", ""], ["a", "aGVsbG8", "****"]),
    ("enum", ["red", "blue"], ["green", ""]),
    ("text", ["", "anything"], []),
]


@pytest.mark.parametrize(("kind", "good", "bad"), TYPED, ids=[t[0] for t in TYPED])
def test_types(kind: str, good: list[str], bad: list[str]) -> None:
    choices = ("red", "blue")
    assert [value for value in good if wrong(kind, value, choices=choices)] == []
    assert [value for value in bad if not wrong(kind, value, choices=choices)] == []


def test_every_type_is_tested() -> None:
    assert {row[0] for row in TYPED} == set(TYPES)


def test_base64_of_n_bytes() -> None:
    assert wrong("base64", "aGVsbG8=", size=5) == ""
    assert wrong("base64", "aGVsbG8=", size=32) == "is base64 of 5 bytes, not 32"
