# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into JSON: `data.items[0].id`, `$` for all of it, `["odd.key"]` for a key with other characters."""

from __future__ import annotations

import json
import re
from typing import Any

_PART = re.compile(r'\.?([A-Za-z0-9_@:-]+)|\[(-?[0-9]{1,6})\]|\[("(?:[^"\\]|\\.)*")\]')


class AbsentError(LookupError):
    """There is nothing at the path. The text says how far it leads."""


def parts_of(path: str) -> list[str | int]:
    """The keys and indexes of a path. Raises ValueError if it is none."""
    rest = path.removeprefix("$")
    parts: list[str | int] = []
    while rest:
        found = _PART.match(rest)
        if found is None or (rest.startswith(".") and not parts and path == rest):
            raise ValueError(path)
        key, index, quoted = found.groups()
        parts.append(int(index) if index else key or str(json.loads(quoted)))
        rest = rest[found.end() :]
    if not path:
        raise ValueError(path)
    return parts


def value_at(data: Any, path: str) -> Any:
    """The value at a path. Raises AbsentError."""
    for part in parts_of(path):
        data = _part_of(data, part)
    return data


def _part_of(data: Any, part: str | int) -> Any:
    if isinstance(part, int):
        if not isinstance(data, list):
            raise AbsentError(f"no list to take [{part}] of")
        if not -len(data) <= part < len(data):
            raise AbsentError(f"a list of {len(data)}")
    elif not isinstance(data, dict):
        raise AbsentError(f"no object to take {part!r} of")
    elif part not in data:
        raise AbsentError("absent")
    return data[part]
