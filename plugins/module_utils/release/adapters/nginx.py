# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's part of a stack: which routes nginx has now, and which the inventory wants.

provision.yml writes the wanted routes to `nginx/<environment>.conf` of the stack; nginx reads
`nginx/live/<environment>.conf`.
Routes belong to a release, so a promote brings new ones and a rollback restores the old ones. If they have not
changed, as is usual, nginx is left alone.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Iterable

from ..errors import OperationError
from ..hints import host_command
from ..paths import EDGE_CERTIFICATES, STATE, routes_of
from ..stack.model import EnvironmentName, Stack
from ..stack.tls import CertificatePair
from ..util.files import read, write_atomically
from . import certificate

FIX = host_command("nginx -t; systemctl status nginx")


class Nginx:
    """nginx on this host."""

    def __init__(self, certificates: str = EDGE_CERTIFICATES, state: str = STATE) -> None:
        self.certificates = certificates
        self.state = state

    def _path(self, stack: Stack, environment: EnvironmentName, *, live: bool) -> str:
        return os.path.join(routes_of(stack.name, self.state), *(["live"] if live else []), f"{environment}.conf")

    def wanted(self, stack: Stack, environment: EnvironmentName) -> bytes | None:
        """The routes as provisioned; None if provision.yml never ran."""
        return read(self._path(stack, environment, live=False))

    def live(self, stack: Stack, environment: EnvironmentName) -> bytes | None:
        """The routes that nginx uses now."""
        return read(self._path(stack, environment, live=True))

    def set_live(self, stack: Stack, environment: EnvironmentName, routes: bytes) -> None:
        """Give nginx these routes if it has others. A configuration that nginx rejects is reverted at once."""
        self._replace(self._path(stack, environment, live=True), routes, 0o644, "the routes of the release")

    def _certificate(self, name: str) -> str:
        return os.path.join(self.certificates, f"{name}.pem")

    def certificate(self, name: str) -> CertificatePair | None:
        """The certificate with its key that nginx uses for an environment, `<stack>-<environment>`."""
        path = self._certificate(name)
        data = read(path)
        return None if data is None else CertificatePair(data, data, path, path)

    def set_certificate(self, name: str, pair: CertificatePair) -> bool:
        """Give nginx this certificate of an environment if it has another. Returns whether it had."""
        return self._replace(self._certificate(name), pair.pem, 0o600, f"the certificate of {name}")

    def place_certificate(self, name: str, pair: CertificatePair, *, write: bool = True) -> bool:
        """Write this certificate of an environment to where nginx, which may not run yet, will read it. Returns whether
        that is a change."""
        path = self._certificate(name)
        changed = read(path) != pair.pem or os.stat(path).st_mode & 0o777 != 0o600
        if changed and write:
            write_atomically(path, pair.pem, 0o600)
        return changed

    def read_certificate(self, certificate_path: str, key_path: str) -> CertificatePair:
        """A certificate and its key from where people keep them. Raises RefusedError with every problem."""
        return certificate.read_pair(certificate_path, key_path)

    def examine(self, pair: CertificatePair, hosts: Iterable[str]) -> datetime.datetime:
        """Returns until when the certificate is valid. Raises RefusedError if a browser would reject it."""
        return certificate.examine(pair, hosts)

    def _replace(self, path: str, data: bytes, mode: int, what: str) -> bool:
        before = read(path)
        # Survives a kill between writing the file and the reload, so that the reload is done later.
        pending = f"{path}.pending"
        if before == data and not os.path.exists(pending):
            return False
        write_atomically(pending, b"", 0o644)
        write_atomically(path, data, mode)
        try:
            self._nginx("-t", "-q", what=what)
        except OperationError:
            if before is not None:
                write_atomically(path, before, mode)
            os.remove(pending)
            raise
        self._nginx("-s", "reload", what=what)
        os.remove(pending)
        return True

    @staticmethod
    def _nginx(*arguments: str, what: str) -> None:
        done = subprocess.run(
            ["nginx", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise OperationError(f"nginx refused {what}", "edge", lines[-1] if lines else "", FIX, log=lines)
