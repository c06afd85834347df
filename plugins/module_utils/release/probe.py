# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking apps whether they are ready, and the edge whether it answers with the right release. Loopback only."""

from __future__ import annotations

import http.client

from .seam import Answer

#: One probe never waits longer than this; readiness is a matter of many short questions.
PROBE_SECONDS = 5.0


class Probe:
    """HTTP over loopback."""

    def __init__(self, seconds: float = PROBE_SECONDS) -> None:
        self.seconds = seconds

    def health(self, port: int, path: str) -> Answer:
        """Ask an app in its slot directly."""
        return self._ask(port, "localhost", path)

    def edge(self, port: int, host: str, path: str) -> Answer:
        """Ask the edge as a visitor would, on the host's own address."""
        return self._ask(port, host, path)

    def _ask(self, port: int, host: str, path: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self.seconds)
        try:
            connection.request(
                "GET", path, headers={"Host": host, "User-Agent": "onehost-release", "Connection": "close"}
            )
            response = connection.getresponse()
            body = response.read(300).decode(errors="replace").strip()
            return Answer(response.status, response.headers.get("X-Release", ""), " ".join(body.split()))
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, error=f"no answer on port {port}: {str(error) or type(error).__name__}")
        finally:
            connection.close()
