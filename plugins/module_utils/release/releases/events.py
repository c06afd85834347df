# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that people or services elsewhere may want to be notified of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..stack.model import EnvironmentName

EVENTS = START, SUCCESS, FAILURE, ROLLBACK, DISK = ("start", "success", "failure", "rollback", "disk")


@dataclass(frozen=True)
class Event:
    """One event. Contains no output of apps: it may hold a secret, and events leave the host."""

    event: str
    text: str
    stack: str = ""
    environment: EnvironmentName | Literal[""] = ""
    operation: str = ""
    host: str = ""
    person: str = ""
    reason: str = ""
    release: str = ""
    was: str = ""
    commit: str = ""
    seconds: float = 0.0
    at: float = 0.0
