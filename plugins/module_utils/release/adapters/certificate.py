# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examining a certificate and its key before the edge gets them: by a TLS handshake, in memory, for each host name.

This finds what a browser would find, with one exception: the certificate itself counts as trusted, because the
authority that signed it may be the company's own.
"""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Iterable

from ..errors import Problem, RefusedError
from ..stack.tls import CertificatePair
from ..util.files import read_with_mode

END = b"-----END CERTIFICATE-----"
# OpenSSL's numbers for verification errors (X509_V_ERR_*).
NOT_YET_VALID, EXPIRED, OTHER_NAME = 9, 10, 62


def read_pair(certificate: str, key: str) -> CertificatePair:
    """Read both from files. Raises RefusedError with every problem of the files."""
    problems: list[Problem] = []
    pair = CertificatePair(_read(certificate, "certificate", problems), _read(key, "key", problems), certificate, key)
    if problems:
        raise RefusedError(problems)
    return pair


def _read(path: str, what: str, problems: list[Problem]) -> bytes:
    try:
        # Programs that renew certificates keep links to the newest.
        data, mode = read_with_mode(path, follow=True)
        if what == "key" and mode & 0o007:
            problems.append(Problem("the key can be read by every user of the host", path, f"chmod 600 {path}"))
        return data
    except OSError as error:
        fix = "put it there, or correct the path in `tls`"
        problems.append(Problem(f"the {what} cannot be read: {error.strerror}", path, fix))
        return b""


def examine(pair: CertificatePair, hosts: Iterable[str]) -> datetime.datetime:
    """Returns until when the certificate is valid. Raises RefusedError: unreadable, expired, for another key, …"""
    server = _server(pair)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=(pair.certificate.partition(END)[0] + END).decode() + "\n")
    problems: list[Problem] = []
    until = None
    # nginx's wildcards match any number of labels, a certificate's only one.
    for host in [None, *sorted({host.replace("*", "any") for host in hosts})]:
        client.check_hostname = host is not None
        try:
            until = _shake_hands(client, server, host)
        except ssl.SSLCertVerificationError as error:
            problems.append(_problem(error, pair, host))
            if error.verify_code != OTHER_NAME:
                break
    if problems or until is None:
        raise RefusedError(problems)
    return until


def _server(pair: CertificatePair) -> ssl.SSLContext:
    """A TLS server context with the pair. The files are in memory only: Python loads a key from nothing but a file."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if END not in pair.certificate:
        raise RefusedError([Problem("holds no certificate", pair.certificate_place, "it must be in PEM format")])
    if b"PRIVATE KEY-----" not in pair.key:
        raise RefusedError([Problem("holds no private key", pair.key_place, "it must be in PEM format")])
    handle = os.memfd_create("certificate")
    try:
        os.write(handle, pair.pem)
        server.load_cert_chain(f"/proc/self/fd/{handle}", password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = f"is not the key of the certificate in {pair.certificate_place}"
            raise RefusedError([Problem(what, pair.key_place, "both must come from the same renewal")]) from None
        what = f"certificate and key cannot be used: {error.reason or 'not readable, or the key has a password'}"
        fix = f"openssl x509 -noout -in {pair.certificate_place}; openssl pkey -noout -in {pair.key_place}"
        raise RefusedError([Problem(what, pair.certificate_place, fix)]) from None
    finally:
        os.close(handle)
    return server


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str | None) -> datetime.datetime:
    """Run both sides of a handshake in turn. Returns until when the certificate is valid."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=host)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    while not all([_step(here), _step(there)]):
        continue
    told = here.getpeercert() or {}
    seconds = ssl.cert_time_to_seconds(str(told["notAfter"]))
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def _step(side: ssl.SSLObject) -> bool:
    """Continue a handshake. Returns False while it waits for the other side."""
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _problem(error: ssl.SSLCertVerificationError, pair: CertificatePair, host: str | None) -> Problem:
    place = pair.certificate_place
    if error.verify_code == OTHER_NAME:
        fix = "get a certificate for it, or remove the name from `hosts`"
        return Problem(f"does not cover the host name {host}", place, fix)
    what = {NOT_YET_VALID: "is not valid yet", EXPIRED: "has expired"}.get(error.verify_code, error.verify_message)
    return Problem(what, place, f"renew it; openssl x509 -noout -dates -in {place}")
