# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of known secrets are replaced in whatever form a program prints them."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.env.secret_forms import SHORTEST_REPLACED, Redactor

VALUE = 'kanarien vogel/+&ü"1'


@pytest.mark.parametrize(
    "text",
    [
        f"cannot connect with {VALUE}!",
        urllib.parse.quote(VALUE, safe=""),
        f"?key={urllib.parse.quote_plus(VALUE)}&a=b",
        json.dumps({"key": VALUE}),
        html.escape(f"<p>{VALUE}</p>"),
        f"Authorization: Basic {base64.b64encode(f'user:{VALUE}'.encode()).decode()}",
        f"\x1b[31m{VALUE[:5]}\x1b[0m{VALUE[5:]}",
    ],
)
def test_forms(text: str) -> None:
    found = Redactor({"API_KEY": [VALUE]})(text)
    assert "***API_KEY***" in found and "vogel" not in found


def test_several_values_the_longest_first() -> None:
    redact = Redactor({"SHORT": ["abcdef"], "LONG": ["abcdefghij"], "OLD": ["klmnop"]})
    redact.learn({"NEW": ["qrstuv"]})
    assert redact("abcdefghij abcdef klmnop qrstuv") == "***LONG*** ***SHORT*** ***OLD*** ***NEW***"


def test_the_password_of_an_address_is_replaced_alone_too() -> None:
    redact = Redactor({"DATABASE_URL": ["postgres://shop:s3cret%2Fpass@db:5432/shop"]})
    assert redact("password authentication failed: s3cret/pass") == "password authentication failed: ***DATABASE_URL***"
    assert redact("at postgres://shop:s3cret%2Fpass@db:5432/shop") == "at ***DATABASE_URL***"


def test_each_line_of_a_key() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n"
    redact = Redactor({"KEY": [key]})
    assert redact("hkiG9w0BAQEFAASC") == "***KEY***"
    assert redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_a_value_with_more_space_than_its_text() -> None:
    assert Redactor({"A": ["two  words\tand one"]})("it is two words and one") == "it is ***A***"


def test_short_values_stay() -> None:
    assert Redactor({"DEBUG": ["true"], "PORT": ["8080"], "EMPTY": [""]})("true at 8080") == "true at 8080"


def test_credentials_of_addresses_that_no_one_declared() -> None:
    assert Redactor()("fatal: unable to access 'https://bot:pw@host/x.git'") == (
        "fatal: unable to access 'https://host/x.git'"
    )


@given(st.text(min_size=SHORTEST_REPLACED), st.text(), st.text())
def test_whatever_the_value_and_wherever_it_stands(value: str, before: str, after: str) -> None:
    found = Redactor({"A": [value]})(before + value + after)
    assert found.isprintable()
    if len(value.strip()) >= SHORTEST_REPLACED and not set(value) & set("*A"):
        assert value.strip() not in found
