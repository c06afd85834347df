"""Requests to the edge, made on the host itself."""

from __future__ import annotations

from typing import Any


def get(host: Any, url: str, *options: str) -> tuple[int, dict[str, str], str]:
    """Status, headers with names in lower case, and body."""
    answer = host.check_output("curl --silent --show-error --include --max-time 20 " + " ".join([*options, f"'{url}'"]))
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), headers, body


def inside(site: str, port: int) -> str:
    """The engine's own way into an environment whose visitors need a password or https."""
    return f"--unix-socket /run/onehost-edge/{site}-{port}.sock"


def name(host_name: str) -> str:
    return f"--header 'Host: {host_name}'"
