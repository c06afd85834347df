# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens that somebody elsewhere may want to know of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..stack.model import EnvironmentName

EVENTS = START, SUCCESS, FAILURE, ROLLBACK, DISK = ("start", "success", "failure", "rollback", "disk")


@dataclass(frozen=True)
class Event:
    """Something to tell. Holds nothing that an app printed: that may be a secret, and this leaves the house."""

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
