# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: which services run, and who listens where, as the kernel says."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from ..errors import OperationError
from ..planning.networks import Route
from .docker import Docker

LISTEN = "0A"
SECONDS = 10
#: Docker's own name server in each container.
DOCKER_DNS = "127.0.0.11"
#: They hold the ports that containers publish.
_OF_DOCKER = ("dockerd", "docker-proxy", "rootlesskit")


class _Listener(NamedTuple):
    address: str
    port: int
    inode: str


class Machine:
    """This host."""

    def __init__(self, docker: Docker, proc: str = "/proc", run: str = "/run") -> None:
        self.docker = docker
        self.proc = proc
        self.run = run

    def stopped(self, services: Sequence[str]) -> list[str]:
        """Those of these services that do not run."""
        doubtful = [service for service in services if not self._runs(service)]
        return self._stopped(doubtful) if doubtful else []

    def _runs(self, service: str) -> bool:
        """Whether the process of its PID file lives. systemd knows better, and takes fifty times as long to say it."""
        try:
            with open(f"{self.run}/{service}.pid", encoding="ascii") as file:
                pid = int(file.readline())
            with open(f"{self.proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                return file.read().strip() == service
        except (OSError, ValueError):
            return False

    def _stopped(self, services: Sequence[str]) -> list[str]:
        try:
            done = subprocess.run(
                ["systemctl", "is-active", *services],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return []  # nothing is known, and no operation must fail because of that
        states = done.stdout.split()
        if len(states) != len(services):
            return []
        # "activating" and "reloading" are on their way; only these two answer nobody.
        return [service for service, state in zip(services, states, strict=True) if state in ("inactive", "failed")]

    def holders(self, ports: Collection[int]) -> dict[int, str]:
        """Who listens on these ports of the host, by port; those that nobody has are left out."""
        found = {at.port: at.inode for at in self._listeners("self") if at.port in ports}
        return {port: self._name(port, inode) for port, inode in sorted(found.items())}

    def listeners(self, pid: int) -> list[str]:
        """Where the processes of a container listen."""
        heard = list(self._listeners(str(pid))) if pid else []
        places = {(at.address, at.port) for at in heard if at.address != DOCKER_DNS}
        return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address, port in sorted(places)]

    def missing(self, paths: Collection[str]) -> list[str]:
        """Those of these paths that do not exist."""
        return sorted(path for path in set(paths) if not os.path.exists(path))

    def routes(self) -> list[Route]:
        """All routes of IPv4 but the default ones, of every table: a VPN may have one of its own."""
        command = ["ip", "-json", "-4", "route", "show", "table", "all"]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            listed = json.loads(done.stdout or "[]")
        except (OSError, subprocess.TimeoutExpired, ValueError):
            return []  # a host that cannot tell is provisioned all the same
        return [Route(at, str(item.get("dev", ""))) for item in listed if (at := _network(item))]

    def _listeners(self, process: str) -> Iterator[_Listener]:
        for table in ("tcp", "tcp6"):
            with contextlib.suppress(OSError), open(f"{self.proc}/{process}/net/{table}", encoding="ascii") as file:
                for line in file.readlines()[1:]:
                    words = line.split()
                    if len(words) > 9 and words[3] == LISTEN:
                        address, _colon, port = words[1].partition(":")
                        yield _Listener(_address(address), int(port, 16), words[9])

    def _name(self, port: int, inode: str) -> str:
        pid = self._process(inode)
        try:
            with open(f"{self.proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            return "a process that cannot be seen"
        if name in _OF_DOCKER and (container := self._container(port)):
            return f"the container {container}"
        return f"{name} (process {pid})"

    def _process(self, inode: str) -> str:
        wanted = f"socket:[{inode}]"
        for pid in os.listdir(self.proc):
            if not pid.isdigit():
                continue
            with contextlib.suppress(OSError):
                for handle in os.listdir(f"{self.proc}/{pid}/fd"):
                    with contextlib.suppress(OSError):
                        if os.readlink(f"{self.proc}/{pid}/fd/{handle}") == wanted:
                            return pid
        return ""

    def _container(self, port: int) -> str:
        filters = json.dumps({"publish": [f"{port}/tcp"]})
        try:
            found = self.docker.expect("GET", "/containers/json", {"filters": filters})
        except OperationError:
            return ""
        return str(found[0]["Names"][0]).lstrip("/") if found else ""


def _network(route: dict[str, Any]) -> str:
    """The destination of a route; empty for a default one, of which VPNs make two halves."""
    try:
        network = ipaddress.IPv4Network(str(route.get("dst", "")), strict=False)
    except ValueError:
        return ""
    usual = network.prefixlen > 1 and not (network.is_loopback or network.is_multicast)
    return str(network) if usual else ""


def _address(text: str) -> str:
    """An address as /proc has it: words of four bytes, each in the order of the processor."""
    words = bytes.fromhex(text)
    data = b"".join(words[place : place + 4][::-1] for place in range(0, len(words), 4))
    address = ipaddress.ip_address(data)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
