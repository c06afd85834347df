# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's certificate says, whoever has signed it."""

from __future__ import annotations

import ssl

from ...releases.endpoints import Certificate
from .wire import Place, connect, encrypted

# OpenSSL's numbers for verification errors (X509_V_ERR_*).
_TROUBLES = {9: "is not valid yet", 10: "has expired", 62: "is for other names"}


def examine(place: Place, host: str, wanted: str, deadline: float, *, must_be_trusted: bool) -> Certificate:
    """Until when the certificate of a server is valid, and for `wanted`. On this host the authority may be the
    company's own, so only a real address must show one that everybody trusts. Raises OSError or ValueError."""
    if must_be_trusted:
        context = ssl.create_default_context()
    else:
        with encrypted(connect(place, deadline), host, deadline) as seen:
            shown = seen.getpeercert(binary_form=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # It is its own authority then: what is left to be found wrong are its dates and names.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=shown or b"")
    context.check_hostname = False
    try:
        with encrypted(connect(place, deadline), host, deadline, context) as known:
            said = known.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Certificate(trouble=_TROUBLES.get(error.verify_code, error.verify_message))
    until = ssl.cert_time_to_seconds(str(said["notAfter"]))
    names = [str(name) for kind, name in _pairs(said.get("subjectAltName", ())) if kind == "DNS"]
    if any(covers(name, wanted) for name in names):
        return Certificate(until)
    return Certificate(until, f"is for other names: {', '.join(names[:10]) or 'none'}")


def _pairs(found: object) -> list[tuple[str, str]]:
    return [(str(pair[0]), str(pair[1])) for pair in found] if isinstance(found, tuple) else []


def covers(name: str, wanted: str) -> bool:
    """Whether a name of a certificate, which may begin with a wildcard for one label, is good for a host."""
    name, wanted = name.lower().rstrip("."), wanted.lower().rstrip(".")
    first, _dot, rest = wanted.partition(".")
    return name == wanted or (name.startswith("*.") and bool(first) and name[2:] == rest)
