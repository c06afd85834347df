# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Carries an operation's progress from the worker that follows it to the callback that shows it. Ansible has no such
# channel for action plugins: the callback opens a pipe before Ansible forks its workers; one JSON line per event.
import json
import os
from typing import Any

#: Pipe writes up to this size are atomic, so workers never mix their lines.
WHOLE = 4096
TEXT = 600


class _Channel:
    """The end to write to; -1 if no callback reads."""

    writer = -1


_channel = _Channel()


def open_channel() -> int:
    """For the callback, before any worker is forked. Returns the end to read from, which never blocks."""
    reader, _channel.writer = os.pipe()
    os.set_blocking(reader, False)
    return reader


def is_open() -> bool:
    """True if a callback of this collection shows what is sent."""
    return _channel.writer >= 0


def close_channel() -> None:
    if _channel.writer >= 0:
        os.close(_channel.writer)
        _channel.writer = -1


def send(host: str, item: dict[str, Any]) -> None:
    """For a worker: send one event of an operation's journal. It is no error if nobody reads any more."""
    told = {key: value[:TEXT] if isinstance(value, str) else value for key, value in item.items()}
    line = json.dumps({"host": host, **told}).encode() + b"\n"
    if len(line) > WHOLE:
        return
    try:
        os.write(_channel.writer, line)
    except OSError:
        close_channel()


class Reader:
    """The other end: events as they arrive."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._rest = b""

    def events(self) -> list[dict[str, Any]]:
        """Everything that was sent and not read yet."""
        data = self._rest
        while True:
            try:
                part = os.read(self.descriptor, 65536)
            except BlockingIOError:
                break
            if not part:
                break
            data += part
        whole, _newline, self._rest = data.rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()]
