# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split from provisioned."""

from __future__ import annotations

import time

from ..adapters.availability import Witness
from ..adapters.docker import Docker
from ..adapters.git import Git
from ..adapters.gitleaks import Gitleaks
from ..adapters.haproxy import Switch
from ..adapters.http_probe import Probe
from ..adapters.nginx import Edge
from ..adapters.stack_files import all_stacks
from ..adapters.store import Store
from ..adapters.systemd_page import PageUnit
from ..adapters.systemd_timers import Timer
from ..adapters.webhooks import Webhooks
from ..operations.cleanup import Room
from ..ports import Host


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
        Webhooks(),
        PageUnit(),
    )
