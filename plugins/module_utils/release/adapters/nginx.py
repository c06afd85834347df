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
from collections.abc import Iterable

from ..errors import OperationError
from ..paths import EDGE_CERTIFICATES, EDGE_PENDING, PAGES, STATE, releases_of, routes_of
from ..stack.model import EnvironmentName, Stack
from ..stack.tls import CertificatePair
from ..util.files import read, sync_directory, write_atomically
from . import certificate
from .nginx_process import NginxProcess, run


class Nginx:
    """nginx on this host."""

    def __init__(
        self,
        process: NginxProcess,
        certificates: str = EDGE_CERTIFICATES,
        state: str = STATE,
        pending: str = EDGE_PENDING,
    ) -> None:
        self.process = process
        self.pending = pending
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
        """Give nginx these routes if it has others. A configuration that it rejects, in its test or when it is to load
        it, is reverted at once."""
        self._replace(self._path(stack, environment, live=True), routes, 0o644, "the routes of the release")

    def set_pages(self, stack: Stack, environment: EnvironmentName, release: str) -> None:
        """Have nginx show the error pages of this release; without a name, those of none. It follows the link each
        time, so it is not reloaded."""
        home = os.path.join(routes_of(stack.name, self.state), PAGES)
        path, partial = os.path.join(home, environment), os.path.join(home, f".{environment}")
        wanted = os.path.join(releases_of(stack.name, self.state), release, PAGES)
        if release and os.path.islink(path) and os.readlink(path) == wanted:
            return
        os.makedirs(home, mode=0o755, exist_ok=True)
        for left in (partial, *([] if release else [path])):
            if os.path.lexists(left):
                os.remove(left)
        if release:
            os.symlink(wanted, partial)
            os.replace(partial, path)
        sync_directory(home)

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

    def reload(self) -> None:
        """Have nginx load what is written, or start. Raises OperationError if it goes on without it; the next
        provisioning then tries again, though it finds nothing to write."""
        write_atomically(self.pending, b"", 0o644)
        self.process.reload(["systemctl", "reload-or-restart", "nginx.service"], "its configuration")
        os.remove(self.pending)

    def _replace(self, path: str, data: bytes, mode: int, what: str) -> bool:
        before = read(path)
        # Survives a kill between writing the file and the reload, so that the reload is done later.
        pending = f"{path}.pending"
        if before == data and not os.path.exists(pending):
            return False
        write_atomically(pending, b"", 0o644)
        write_atomically(path, data, mode)
        try:
            run(["nginx", "-t", "-q"], what)
            self.process.reload(["nginx", "-s", "reload"], what)
        except OperationError:
            if before is not None:
                write_atomically(path, before, mode)
            os.remove(pending)
            raise
        os.remove(pending)
        return True
