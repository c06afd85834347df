# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New connections to apps' ports: refused for a while by the kernel, which forgets that by itself.

A table of its own for each environment, so that operations of different ones cannot meet in it.
"""

from __future__ import annotations

import math
import subprocess
from collections.abc import Collection

from ..stack.model import EnvironmentName

SECONDS = 10
ESTABLISHED, LISTEN = "01", "0A"
#: Before Docker's port forwarding (-100), as the host's own processes ask for the port. A reset, so that the router
#: tries again at once; a packet that is dropped would cost it its whole time for connecting.
TABLE = """\
table inet {name} {{
    set ports {{ type inet_service; flags timeout; elements = {{ {elements} }}; }}
    chain refuse {{
        type filter hook output priority -160; policy accept;
        ip daddr 127.0.0.0/8 tcp dport @ports tcp flags & (syn | ack) == syn reject with tcp reset
    }}
}}
"""
#: Works whether there is such a table or not.
WITHOUT = "table inet {name}\ndelete table inet {name}\n"


class Intake:
    """The kernel's packet filter on this host."""

    def __init__(self, proc: str = "/proc") -> None:
        self.proc = proc

    def hold(self, stack: str, environment: EnvironmentName, ports: Collection[int], seconds: float) -> str:
        """Refuse new connections to these ports, at most this long. Returns why that is not possible, or nothing."""
        elements = ", ".join(f"{port} timeout {math.ceil(seconds)}s" for port in sorted(ports))
        name = _table(stack, environment)
        return _nft(WITHOUT.format(name=name) + TABLE.format(name=name, elements=elements))

    def admit(self, stack: str, environment: EnvironmentName) -> None:
        """Accept new connections again. Safe to repeat; if it does not work, the kernel does it when the time is up."""
        _nft(WITHOUT.format(name=_table(stack, environment)))

    def connections(self, ports: Collection[int]) -> int:
        """How many connections to these ports of this host's loopback are open, accepted by the app or not yet."""
        with open(f"{self.proc}/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file.readlines()[1:]]
        # The remote address, of the end that has connected, and the state.
        return sum(line[3] == ESTABLISHED and int(line[2].partition(":")[2], 16) in ports for line in lines)

    def waiting(self, pids: Collection[int]) -> int:
        """How many connections wait to be accepted by what listens in the network of one of these processes."""
        return sum(_backlog(f"{self.proc}/{pid}/net/{name}") for pid in pids if pid for name in ("tcp", "tcp6"))


def _backlog(path: str) -> int:
    """For sockets that listen the kernel has the length of their queue where others have what was received."""
    try:
        with open(path, encoding="ascii") as file:
            lines = [line.split() for line in file.readlines()[1:]]
    except OSError:
        return 0  # it has ended, or has no such addresses
    return sum(int(line[4].partition(":")[2], 16) for line in lines if line[3] == LISTEN)


def _table(stack: str, environment: EnvironmentName) -> str:
    return f"onehost-hold-{stack}-{environment}"


def _nft(script: str) -> str:
    try:
        done = subprocess.run(
            ["nft", "--file", "-"], input=script, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip().partition("\n")[0] if done.returncode else ""
