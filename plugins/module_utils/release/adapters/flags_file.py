# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split from flags."""

from __future__ import annotations

import json
import os

from ..errors import Problem, RefusedError
from ..hints import host_command
from ..stack.flags import State
from ..stack.model import Stack

STATE = "/var/lib/onehost"


def _home(stack: Stack, environment: str, state: str) -> str:
    return os.path.join(state, stack.name, "flags", environment)


def turned(stack: Stack, environment: str, state: str = STATE) -> State:
    """What was turned in an environment, with who, why and when. Raises RefusedError when the record cannot be read."""
    path = os.path.join(_home(stack, environment, state), "turned.json")
    try:
        with open(path, encoding="utf-8") as file:
            data: State = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RefusedError(
            [Problem(f"cannot be read: {error}", path, f"{host_command(f'rm {path}')}, then set the flags again")]
        ) from None
    return data
