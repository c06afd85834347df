# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No password and no token of an address is accepted or shown."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.util.addresses import has_credentials, without_credentials

SECRET = "ghp_Zm9vYmFy0123456789"

WITH = (
    f"https://bot:{SECRET}@git.example.com/shop.git",
    f"https://{SECRET}@git.example.com/shop.git",
    f"HTTPS://bot:{SECRET}@git.example.com/shop.git",
    f"https://bot:{SECRET}@git.example.com:8443/shop.git",
    f"https://bot:a@b{SECRET}@git.example.com/shop.git",
    f"https://bot:a/b{SECRET}@git.example.com/shop.git",
    f"https://:{SECRET}@git.example.com/shop.git",
    f"https://bot:1{SECRET}@[2001:db8::1]/shop.git",
    f"git+https://{SECRET}@git.example.com/shop.git",
    f"ssh://git:{SECRET}@git.example.com/shop.git",
    f"https://git.example.com/shop.git?private_token={SECRET}",
    f"https://git.example.com/shop.git?ref=x&access_token={SECRET}",
)
WITHOUT = (
    "https://git.example.com/shop.git",
    "https://git.example.com:8443/shop.git",
    "https://git.example.com/@scope/shop.git",
    "http://[::1]:8080/shop@v1.git",
    "git@git.example.com:me/shop.git",
    "ssh://git@git.example.com:2222/me/shop.git",
    "ssh://git.example.com/me/shop.git",
    "/srv/git/shop.git",
    "~/shop.git",
)


@pytest.mark.parametrize("address", WITH)
def test_credentials_are_found_and_taken_out(address: str) -> None:
    assert has_credentials(address)
    shown = without_credentials(f"fatal: unable to access '{address}/': 403, see {address}")
    assert SECRET not in shown
    assert "shop.git" in shown and "fatal: unable to access '" in shown


@pytest.mark.parametrize("address", WITHOUT)
def test_an_address_without_credentials_stays_as_it_is(address: str) -> None:
    assert not has_credentials(address)
    assert without_credentials(f"error: {address} is gone") == f"error: {address} is gone"


def test_credentials_that_no_scheme_precedes() -> None:
    assert has_credentials(f"bot:{SECRET}@git.example.com/shop.git")


def test_nothing_that_git_serves_has_a_query() -> None:
    assert has_credentials("https://git.example.com/shop.git?x=1") and has_credentials("https://git.example.com/a#b")


def test_the_user_of_ssh_stays() -> None:
    assert without_credentials("ssh://git:pw@host/x") == "ssh://git@host/x"
    assert without_credentials("https://me@host/x") == "https://host/x"


@given(st.text(alphabet="abc.-/ ", max_size=12), st.text(alphabet="abc./?&= ", max_size=12))
def test_wherever_it_stands(before: str, after: str) -> None:
    assert SECRET not in without_credentials(f"{before}https://bot:{SECRET}@host{after}")


def test_a_long_line_takes_no_time() -> None:
    begun = time.process_time()
    without_credentials("https://" + "a:" * 50_000 + "\n" + "://" * 5_000 + "@" * 5_000)
    assert time.process_time() - begun < 2
