# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: root's, and what it says of source and secrets cannot be forged or guessed."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from support.attacks import STACK, Attacked

WHOLE = re.compile(r"[0-9a-f]{64}")


@pytest.mark.attack("18", "two source trees with one label", "the label is a whole SHA-256")
def test_what_an_image_was_built_from_is_a_whole_checksum(shop: Attacked) -> None:
    label = '{{ index .Config.Labels "release.onehost.source" }}'
    told = shop.root(f"docker inspect --format '{label}' {shop.container()}").strip()
    assert WHOLE.fullmatch(told), told
    release = json.loads(shop.read(f"{shop.kept('releases')}/{shop.live('production')}/release.json"))
    assert all(WHOLE.fullmatch(value) for value in release["sources"].values()), release["sources"]


@pytest.mark.attack("18", "guessing a secret from the fingerprint that everybody may read", "it is salted")
def test_fingerprints_of_values_are_salted(shop: Attacked) -> None:
    home = f"{shop.kept('releases')}/{shop.live('production')}"
    release = json.loads(shop.read(f"{home}/release.json"))
    told = [value for value in release["env"].values() if value]
    assert told
    for layer in shop.root(f"ls {home}/env").split():
        plain = hashlib.sha256(shop.run(["cat", f"{home}/env/{layer}"]).out.encode()).hexdigest()
        assert not any(plain.startswith(value[:16]) for value in told), layer
    salts = shop.root(
        f"find /var/lib/onehost/{STACK} -name '*salt*' -o -path '/var/lib/onehost/{STACK}/secrets.json' | head"
    ).split()
    assert salts
    assert all(shop.alice(f"cat {path}").code != 0 for path in salts)


@pytest.mark.attack("held", "others read a release's values", "only root reads them")
def test_the_values_of_a_release_are_root_s(shop: Attacked) -> None:
    home = f"{shop.kept('releases')}/{shop.live('production')}"
    for read in (shop.alice, shop.nobody):
        assert read(f"cat {home}/env/*").code != 0
        assert read(f"echo x >{home}/release.json").code != 0
        assert read(f"mv {home} {home}.away").code != 0
