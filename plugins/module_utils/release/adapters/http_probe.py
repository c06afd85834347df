# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing apps for readiness, and the edge for the right release. Loopback only."""

from __future__ import annotations

import http.client
import ssl

from ..releases.runtime import Answer

#: Timeout in seconds of one probe; waiting for readiness takes many short probes.
PROBE_SECONDS = 5.0


class _Encrypted(http.client.HTTPConnection):
    """TLS to this very host, for the requested host name. The peer is known here, and a certificate that expired last
    night must not block a rollback, so nothing is verified; provisioning checks certificates."""

    def __init__(self, address: str, port: int, *, timeout: float, name: str) -> None:
        super().__init__(address, port, timeout=timeout)
        self.name = name

    def connect(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super().connect()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.name)


class Probe:
    """HTTP over loopback."""

    def __init__(self, seconds: float = PROBE_SECONDS) -> None:
        self.seconds = seconds

    def health(self, port: int, path: str) -> Answer:
        """Probe an app in its slot directly."""
        return self._ask(port, "localhost", path)

    def edge(self, port: int, host: str, path: str, *, tls: bool = False) -> Answer:
        """Probe the edge as a visitor would, on the host's own address."""
        return self._ask(port, host, path, tls=tls)

    def _ask(self, port: int, host: str, path: str, *, tls: bool = False) -> Answer:
        connection = (
            _Encrypted("127.0.0.1", port, timeout=self.seconds, name=host)
            if tls
            else http.client.HTTPConnection("127.0.0.1", port, timeout=self.seconds)
        )
        try:
            connection.request(
                "GET", path, headers={"Host": host, "User-Agent": "onehost-release", "Connection": "close"}
            )
            response = connection.getresponse()
            body = response.read(300).decode(errors="replace").strip()
            release, flag = (response.headers.get(name, "") for name in ("X-Release", "X-Flag-Off"))
            return Answer(response.status, release, " ".join(body.split()), flag=flag)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, error=f"no answer on port {port}: {str(error) or type(error).__name__}")
        finally:
            connection.close()
