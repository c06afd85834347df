# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what provision.yml wrote on the host, and the host's real adapters."""

from __future__ import annotations

import json
import os

from ..errors import Problem, RefusedError
from ..hints import option
from ..planning.preflight import PROVISION
from ..stack.model import Stack
from ..stack.reader import read_stack

STACKS = "/etc/onehost/stacks"


def all_stacks(folder: str = STACKS) -> list[Stack]:
    return [load_stack(name, folder) for name in known_stacks(folder)]


def known_stacks(folder: str = STACKS) -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def choose_stack(name: str, folder: str = STACKS) -> str:
    """The stack that is meant: the one named, or the only one there is. Raises RefusedError."""
    names = known_stacks(folder)
    if not names:
        raise RefusedError([Problem("no stack was provisioned on this host", folder, PROVISION)])
    if name and name not in names:
        raise RefusedError(
            [Problem(f"stack {name!r} was not provisioned on this host", folder, "choose from " + ", ".join(names))]
        )
    if not name and len(names) > 1:
        raise RefusedError(
            [
                Problem(
                    "there are several stacks on this host",
                    folder,
                    f"add {option('stack', '<name>')}, one of: " + ", ".join(names),
                )
            ]
        )
    return name or names[0]


def load_stack(name: str, folder: str = STACKS) -> Stack:
    with open(os.path.join(folder, f"{name}.json"), encoding="utf-8") as file:
        return read_stack(name, json.load(file))
