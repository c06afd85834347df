# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what provision.yml wrote on the host, and the host's real adapters."""

from __future__ import annotations

import json
import os
import time

from .docker import Docker
from .edge import Edge
from .errors import Problem, Refused
from .git import Git
from .notify import Notifier
from .page_unit import PageUnit
from .preflight import PROVISION
from .probe import Probe
from .room import Room
from .scanner import Gitleaks
from .seam import Host
from .stack import Stack
from .stack_reader import read_stack
from .store import Store
from .switch import Switch
from .timer import Timer
from .witness import Witness

STACKS = "/etc/onehost/stacks"


class Clock:
    """The host's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)


def this_host() -> Host:
    probe = Probe()
    return Host(
        Docker(),
        Switch(),
        Git(),
        probe,
        Store(),
        Clock(),
        Timer(),
        Edge(),
        Room(all_stacks),
        Gitleaks(),
        Witness(probe),
        Notifier(),
        PageUnit(),
    )


def all_stacks(folder: str = STACKS) -> list[Stack]:
    return [load_stack(name, folder) for name in known_stacks(folder)]


def known_stacks(folder: str = STACKS) -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def choose_stack(name: str, folder: str = STACKS) -> str:
    """The stack that is meant: the one named, or the only one there is. Raises Refused."""
    names = known_stacks(folder)
    if not names:
        raise Refused([Problem("no stack was provisioned on this host", folder, PROVISION)])
    if name and name not in names:
        raise Refused(
            [Problem(f"stack {name!r} was not provisioned on this host", folder, "choose from " + ", ".join(names))]
        )
    if not name and len(names) > 1:
        raise Refused(
            [Problem("there are several stacks on this host", folder, "add -e stack=<name>: " + ", ".join(names))]
        )
    return name or names[0]


def load_stack(name: str, folder: str = STACKS) -> Stack:
    with open(os.path.join(folder, f"{name}.json"), encoding="utf-8") as file:
        return read_stack(name, json.load(file))
