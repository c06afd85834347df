# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack says of the addresses and variables that its source may name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import Problem
from ..util.fields import Fields, shown
from ..util.ignores import Ignores, PatternError

#: What stops a deploy: nothing, hosts that are known to be dead, or everything that is found.
STOPS = ("none", "errors", "all")
BASELINE = "drift-baseline.json"
#: A host name, or all below one.
HOST = r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
_CANONICAL = rf"([a-z][a-z0-9+.-]*://)?{HOST}(:[0-9]{{1,5}})?(/[^\s]*)?"
_PATH = r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]*"


@dataclasses.dataclass(frozen=True)
class Drift:
    """How the source is compared with what is true. Each exception has its reason."""

    #: Addresses that clients are to use, besides the host names of the environments.
    canonical: tuple[str, ...] = ()
    allowed: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Hosts that are gone, and what is known of it.
    dead: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Variables that code may read, or the matrix may have, without the other.
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Patterns of files that are not searched, as in `.dockerignore`.
    leave_out: tuple[str, ...] = ()
    #: The file in the source that holds known findings.
    baseline: str = BASELINE
    stops_deploy: str = "errors"


def read_drift(parent: Fields, problems: list[Problem]) -> Drift | None:
    """None where the stack says nothing of it: then nothing is searched."""
    data = parent.value("drift")
    if data is None:
        return None
    fields = Fields(data, f"{parent.where}.drift", problems)
    drift = Drift(
        canonical=_canonical(fields),
        allowed=_hosts(fields, "allowed", "why it may be named"),
        dead=_hosts(fields, "dead", "since when, and what to use"),
        variables=fields.reasons("variables", "who sets it, or who reads it"),
        leave_out=_patterns(fields),
        baseline=fields.text("baseline", BASELINE, pattern=_PATH, hint="a file in the repository"),
        stops_deploy=fields.choice("stops_deploy", "errors", STOPS),
    )
    fields.no_others()
    for host in sorted({host_of(address) for address in drift.canonical} & drift.dead.keys()):
        fields.note(f"dead.{host}", "is canonical too", "remove one of them")
    for name in drift.variables:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            fields.note(f"variables.{name}", "is not a name for an environment variable")
    return drift


def matching(host: str, names: Iterable[str]) -> str:
    """The one of these names that is this host, or that says `*.` of all below a domain."""
    known = names if isinstance(names, (set, frozenset, dict)) else set(names)
    if host in known:
        return host
    parts = host.split(".")
    above = (f"*.{'.'.join(parts[number:])}" for number in range(1, len(parts)))
    return next((name for name in above if name in known), "")


def host_of(address: str) -> str:
    """The host name of an address that was checked."""
    return re.split(r"[:/]", address.partition("://")[2] or address)[0].lower()


def _canonical(fields: Fields) -> tuple[str, ...]:
    found = fields.texts("canonical")
    for address in found:
        if not re.fullmatch(_CANONICAL, address):
            fix = "for example https://api.shop.example/api/v1, or a host name"
            fields.note("canonical", f"{shown(address)} is not an address", fix)
    return found


def _hosts(fields: Fields, key: str, why: str) -> dict[str, str]:
    found = fields.reasons(key, why)
    for host in found:
        if not re.fullmatch(HOST, host):
            fields.note(f"{key}.{host}", "is not a host name", "for example old.shop.example, or *.shop.example")
    return {host.lower(): reason for host, reason in found.items()}


def _patterns(fields: Fields) -> tuple[str, ...]:
    found: Sequence[str] = fields.texts("leave_out")
    for pattern in found:
        if why := _unreadable(pattern):
            fields.note("leave_out", f"{shown(pattern)} {why}", "write it as in .dockerignore")
    return tuple(found)


def _unreadable(pattern: str) -> str:
    try:
        Ignores([pattern])
    except PatternError as error:
        return str(error)
    return ""


def as_data(drift: Drift) -> dict[str, Any]:
    """Without what is not said."""
    return {key: value for key, value in vars(drift).items() if value}
