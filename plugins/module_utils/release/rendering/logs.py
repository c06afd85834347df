# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of apps for people, and as JSON for programs."""

from __future__ import annotations

import base64
import json

from ..releases.log_formats import timestamp
from ..releases.logs import Line, Source
from ..util.printable import clean, shortened


def head(line: Line, source: Source) -> str:
    """What stands before a line: when, where, who, which release."""
    what = source.release.rpartition("-")[2][:7]
    kind = "" if source.kind == "app" else f" {source.kind}"
    return f"{timestamp(line.at, 3)} {source.environment}{kind} {source.name}{f' {what}' if what else ''} | "


def text_of(line: Line, source: Source) -> str:
    """A line that cannot act on a terminal."""
    return clean(head(line, source)) + _printable(line)


def for_terminal(line: Line, source: Source) -> bytes:
    """The same as bytes."""
    return text_of(line, source).encode()


def raw_for_terminal(line: Line, _source: Source) -> bytes:
    """Only what the app has written, so that it cannot act on a terminal."""
    return _printable(line).encode()


def raw(line: Line, _source: Source) -> bytes:
    """Only what the app has written, unchanged."""
    return line.text


def as_bytes(line: Line, source: Source) -> bytes:
    """A line for a file or a program: the app's own bytes, unchanged."""
    return clean(head(line, source)).encode() + line.text


def as_json(line: Line, source: Source) -> bytes:
    """One object on one line. What is not UTF-8 is in `base64` instead of `line`."""
    try:
        text = {"line": line.text.decode()}
    except UnicodeDecodeError:
        text = {"base64": base64.b64encode(line.text).decode()}
    data = {
        "time": timestamp(line.at, 9),
        "stack": source.stack,
        "environment": source.environment,
        "app": source.app,
        "replica": source.replica,
        "release": source.release,
        "slot": source.slot,
        "kind": source.kind,
        "container": source.id[:12],
        "stream": line.stream,
        **text,
        **({} if line.whole else {"partial": True}),
    }
    return json.dumps(data).encode()


def _printable(line: Line) -> str:
    return clean(shortened(line.text.decode(errors="replace")))
