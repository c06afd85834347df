# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses are found wherever people write them, names of other things are not, and no text makes it slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.planning.drift import addresses
from release.planning.drift.addresses import Finder

KNOWN = ("www.shop.example", "old.host.app")


def hosts(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    found, whole = Finder(KNOWN).find(data, data.lower())
    assert whole and [one.place for one in found] == sorted(one.place for one in found)
    return [one.host for one in found]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("fetch('https://api.glimpse.app/v1')", "api.glimpse.app"),
        ("[guide](http://api.glimpse.app:8080/x).", "api.glimpse.app"),
        ("see https://api.glimpse.app.", "api.glimpse.app"),
        ("HTTPS://API.Glimpse.App", "api.glimpse.app"),
        ("wss://live.glimpse.app?x=1", "live.glimpse.app"),
        ("postgresql+psycopg://user:pass@db.glimpse.app/x", "db.glimpse.app"),
        ("jdbc:postgresql://db.glimpse.app/x", "db.glimpse.app"),
        ("http://192.168.0.12:3000", "192.168.0.12"),
        ("https://glimpse.kr", "glimpse.kr"),
        ("https://\u00fc.glimpse.kr", "\u00fc.glimpse.kr"),
        ('"api.glimpse.app"', "api.glimpse.app"),
        ("'api.glimpse.app:8080'", "api.glimpse.app"),
        ("`api.glimpse.app/v1`", "api.glimpse.app"),
        ("API_HOST=api.glimpse.app\n", "api.glimpse.app"),
        ("host: api.glimpse.app", "api.glimpse.app"),
        ("<script src=//cdn.glimpse.app/x.js>", "cdn.glimpse.app"),
        # What is near to a known host counts wherever it stands.
        ("ask www.shop.example for it", "www.shop.example"),
        ("domain .shop.example;", "shop.example"),
        ("beta.shop.example is older", "beta.shop.example"),
        ("curl old.host.app", "old.host.app"),
    ],
)
def test_addresses(text: str, host: str) -> None:
    assert hosts(text) == [host]


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:3000 http://api:3000 redis://redis:6379",
        "https://${HOST}/x https://{{ host }}/x https://<host>/x https://%s/x https://api.${domain}/x",
        "`https://${name}.glimpse.app`",
        'import io from "socket.io"; import x from "@app/y.dev"',
        '"com.glimpse.app" "io.glimpse.app"',
        "this.settings.app = props.page.live; package.json index.d.ts",
        "mail@glimpse.app 'mail@api.glimpse.app'",
        "<svg xmlns=\"http://ns.glimpse.app/x\" xmlns:x='http://ns.glimpse.app/x'>",
        '"$schema": "https://schemas.glimpse.app/x.json"',
        '<!DOCTYPE plist PUBLIC "-//X//DTD" "http://dtd.glimpse.app/x.dtd">',
        "glimpse://open.page.app file://a.b.com/x urn:a.b.com",
        "x.company example.community",
    ],
)
def test_other_things(text: str) -> None:
    assert hosts(text) == []


def test_an_address_with_a_user_is_found_once() -> None:
    assert hosts("https://api.glimpse.app@www.shop.example/x") == ["www.shop.example"]
    # A password that looks like a known host.
    assert hosts("https://user:www.shop.example@api.glimpse.app/x") == ["api.glimpse.app"]


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    for text in (data, b"https://" + data, b"'" + data + b".com'", b"http://a.b.com" + data):
        hosts(text)


def test_very_many_are_not_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST_PLACES", 10)
    for text in (b"http://a.b.com ", b"'a.b.com' "):
        found, whole = Finder(KNOWN).find(text * 20, text * 20)
        assert 0 < len(found) <= 20 and not whole
