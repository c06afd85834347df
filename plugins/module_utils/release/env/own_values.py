# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the matrix that each environment has of its own, and which of them can be searched for in images.

A build that reads such a value writes it into the image: staging's address would go live in production.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from .matrix import Key
from .matrix_check import effective

#: In bytes. Shorter values match by chance everywhere.
SHORTEST = 8
#: A value that is no address is searched for with at least so many digits and letters, like the number of a property:
#: words, versions and regions stand in every image.
LEAST_DIGITS, LEAST_LETTERS = 3, 2

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)?(?:[^\s/@]*@)?(?P<host>[A-Za-z0-9_.-]+)(?::\d+)?(?:[/?#]\S*)?")
#: The machine itself, and what containers and emulators call it: the same in each environment, and in every manual.
LOOPBACK = re.compile(r"(?:127\.\d+\.\d+\.\d+|0\.0\.0\.0|10\.0\.2\.2|(?:[\w-]+\.)*localhost)", re.IGNORECASE)
#: How names of files end, which are no hosts.
_FILES = re.compile(
    r"json|ya?ml|toml|txt|[cm]?js|tsx?|py|sh|env|conf|cfg|ini|xml|pem|key|crt|log|md|html?|css|sqlite|db|png|svg",
    re.IGNORECASE,
)
WORD = "is a word or a number that may stand anywhere"


class OwnValue(NamedTuple):
    """What one environment alone has for a key, as it is searched for."""

    key: str
    environment: str
    value: str

    @property
    def is_url(self) -> bool:
        return "://" in self.value


def own_values(
    matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]], environments: Collection[str]
) -> list[OwnValue]:
    """The values that are searched for."""
    return [own for own in _own(matrix, layers, environments) if not why_not(own.value)]


def unsearched(
    matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]], environments: Collection[str]
) -> list[str]:
    """For people: keys whose own values are not searched for, and why. Never a value."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for own in _own(matrix, layers, environments):
        if why := why_not(own.value):
            reasons.setdefault((own.key, why), []).append(own.environment)
    return [f"not searched for in images: {key} ({', '.join(of)}), which {why}" for (key, why), of in reasons.items()]


def why_not(value: str) -> str:
    """Why a value is not searched for; empty if it is. See docs/run-time-settings.md."""
    if len(value.encode()) < SHORTEST:
        return f"is shorter than {SHORTEST} bytes"
    # A list of addresses is searched for as a whole if any of them may be.
    reasons = [_no_address(part) for part in re.split(r"[\s,]+", value)]
    digits, letters = len(re.findall(r"[0-9]", value)), len(re.findall(r"[A-Za-z]", value))
    if "" in reasons or (reasons[0] == WORD and digits >= LEAST_DIGITS and letters >= LEAST_LETTERS):
        return ""
    return reasons[0]


def _no_address(value: str) -> str:
    address = _ADDRESS.fullmatch(value)
    if address is None:
        return WORD
    host, last = address["host"], address["host"].rpartition(".")[2]
    if LOOPBACK.fullmatch(host):
        return "names the machine itself"
    if not address["scheme"] and _FILES.fullmatch(last):
        return WORD
    if "." in host and (re.search(r"[A-Za-z]", last) or re.fullmatch(r"(\d{1,3}\.){3}\d{1,3}", host)):
        return ""
    return "is an address without a domain" if address["scheme"] else WORD


def _own(
    matrix: Mapping[str, Key], layers: Mapping[str, Mapping[str, str]], environments: Collection[str]
) -> Iterable[OwnValue]:
    keys = [key for key in matrix.values() if key.distinct != "none" and not key.is_secret]
    if not keys:
        return
    every = {name: effective(matrix, layers, name).all for name in environments}
    for environment, values in every.items():
        others = {_searched(value) for name, given in every.items() if name != environment for value in given.values()}
        for key in keys:
            value = _searched(values.get(key.name, ""))
            # What another environment has too, by whatever name, is no environment's own.
            if value and key.is_for(environment) and value not in others:
                yield OwnValue(key.name, environment, value)


def _searched(value: str) -> str:
    """Programs join addresses and paths, with one slash between them."""
    return value.rstrip("/") if "://" in value else value
