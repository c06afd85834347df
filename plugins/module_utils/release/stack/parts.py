# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apps and services have in common: limits, capabilities and mounted volumes, as people write them."""

from __future__ import annotations

import posixpath
import re
from typing import Literal, TypedDict

from ..util.fields import Fields
from .model import DROPPED_CAPABILITIES, UNLIMITED

PATH = r"/[A-Za-z0-9._~/-]*"
#: Of a folder or file in the repository.
SOURCE_PATH = r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]*"


class ReadLimits(TypedDict):
    """Limits of a container, as they are written."""

    memory: str
    cpus: str
    pids: int | Literal["unlimited"]


def read_limits(fields: Fields) -> ReadLimits:
    return ReadLimits(
        memory=fields.text(
            "memory", pattern=r"unlimited|[1-9][0-9]*[bkmg]?", hint="for example 512m, or unlimited", numbers=True
        ),
        cpus=fields.text("cpus", pattern=r"[0-9]+(\.[0-9]+)?", hint="for example 0.5", numbers=True),
        pids=UNLIMITED if fields.value("pids") == UNLIMITED else fields.integer("pids", 0, 0, 4194304),
    )


def read_capabilities(fields: Fields, others: str) -> tuple[str, ...]:
    """Capabilities to keep. `others` says what to do for any other."""
    named = fields.texts("capabilities")
    for name in named:
        if name not in DROPPED_CAPABILITIES:
            fix = f"choose from {', '.join(DROPPED_CAPABILITIES)}; {others}"
            fields.note("capabilities", f"{name!r} is not one that is taken away", fix)
    return tuple(sorted(set(named)))


def read_mounts(fields: Fields) -> dict[str, str]:
    """Volumes by name, each with its directory in the container."""
    found: dict[str, str] = {}
    for name, path in fields.mapping("volumes").items():
        where, example = f"volumes.{name}", f"for example `volumes: {{{name}: /data}}`"
        if not path:
            fields.note(where, "has no path, the directory in the container", example)
        elif not isinstance(path, str) or not re.fullmatch(PATH, path):
            fields.note(where, f"{path!r} is not an absolute path", example)
        elif path == "/" or posixpath.normpath(path) != path:
            fields.note(
                where, f"{path!r} is no directory of its own", f"without `.`, `..` and a slash at its end, {example}"
            )
        elif path in found.values():
            fields.note(where, f"{path} is the place of another volume", "give each volume a directory of its own")
        else:
            found[name] = path
    return found
