# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of values in the env matrix. No message repeats a value, because messages are logged."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse

TYPES = ("text", "url", "port", "integer", "boolean", "base64", "enum")

#: Names for the local machine. In a container that is the container itself.
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "ip6-localhost")
#: Names by which a container can reach the host.
HOST_NAMES = (*LOCAL_HOSTS, "host.docker.internal")

DATABASE_SCHEMES = (
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mongodb",
    "mssql",
    "sqlserver",
    "oracle",
    "cockroach",
)

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s]+")


def wrong(kind: str, value: str, size: int = 0, choices: tuple[str, ...] = (), pattern: str = "") -> str:
    """Why a value does not match its type, without repeating it; empty if it does."""
    text = ""
    if kind == "url" and not is_url(value):
        text = "is not a URL (scheme://host…)"
    elif kind == "port" and not (re.fullmatch(r"[1-9][0-9]{0,4}", value) and int(value) <= 65535):
        text = "is not a port (1 to 65535)"
    elif kind == "integer" and not re.fullmatch(r"-?(0|[1-9][0-9]*)", value):
        text = "is not a whole number"
    elif kind == "boolean" and value not in ("true", "false"):
        text = "is not a boolean (true or false)"
    elif kind == "base64":
        text = _base64(value, size)
    elif kind == "enum" and value not in choices:
        text = "is not one of " + ", ".join(choices)
    if not text and pattern and not re.fullmatch(pattern, value):
        text = f"does not match {pattern}"
    return text


def _base64(value: str, size: int) -> str:
    try:
        found = len(base64.b64decode(value.encode("ascii"), validate=True))
    except (binascii.Error, ValueError):
        return "is not base64"
    return f"is base64 of {found} bytes, not {size}" if size and found != size else ""


def parsed(value: str) -> urllib.parse.SplitResult | None:
    """A URL's parts; None if it is not one, also for a broken port or bracket."""
    if not _URL.fullmatch(value):
        return None
    try:
        parts = urllib.parse.urlsplit(value)
        _port = parts.port
    except ValueError:
        return None
    return parts


def is_url(value: str) -> bool:
    parts = parsed(value)
    return parts is not None and (bool(parts.hostname) or parts.scheme in ("file", "sqlite"))


def hosts(value: str) -> list[str]:
    """Every host that a URL names; some databases take several, separated by commas."""
    parts = parsed(value) if "," not in value else None
    if parts is not None:
        return [parts.hostname] if parts.hostname else []
    found = re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?([^/?#@]+)(?:[/?#].*)?", value, re.DOTALL)
    return [_host(part) for part in found.group(1).split(",")] if found else []


def _host(text: str) -> str:
    text = text.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def names_itself(key: str, value: str) -> bool:
    """True if a container that uses this value would look for the service within itself."""
    found = hosts(value)
    if not found and re.search(r"(_HOST|_HOSTS|_HOSTNAME|_SERVER|_SERVERS|_BROKERS|^PGHOST)$", key):
        found = [_host(part) for part in value.split(",")]
    return any(host in LOCAL_HOSTS or host.startswith("127.") for host in found)


def database(key: str, value: str) -> tuple[set[str], set[str]]:
    """Hosts and names of the databases that a value points to. The machine's own names do not count as hosts: on one VM
    staging and production may well share the server, but never a database."""
    scheme = value.partition("://")[0].lower().partition("+")[0] if "://" in value else ""
    if scheme in DATABASE_SCHEMES:
        found = {host for host in hosts(value) if host not in HOST_NAMES and not host.startswith("127.")}
        rest = value.partition("://")[2].partition("/")[2]
        name = urllib.parse.unquote(re.split(r"[?#]", rest)[0].strip("/"))
        return found, {name} if name else set()
    if re.search(r"(^|_)(PGHOST|(DB|DATABASE|POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO)_?HOST)$", key):
        host = _host(value)
        return ({host} if host and host not in HOST_NAMES and not host.startswith("127.") else set()), set()
    if re.search(
        r"(^|_)(PGDATABASE|(DB|DATABASE)_NAME|(POSTGRES|POSTGRESQL|PG|MYSQL|MARIADB|MONGO)_(DB|DATABASE))$", key
    ):
        return set(), {value} if value else set()
    return set(), set()
