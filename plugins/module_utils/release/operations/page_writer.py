# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting the status pages where the edge finds them: each minute by a timer, and when an operation begins and ends.

The role `status_page` makes a stack's directory, which the edge's group may read; files in it get that group. Where
there is no such directory, no page is wanted.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence

from ..adapters import disk_samples
from ..adapters.disk import Disk
from ..adapters.systemd_page import directory
from ..errors import ReleaseError
from ..paths import Paths
from ..planning import disk_usage
from ..planning.disk_usage import Sample
from ..ports import Host
from ..rendering.page.document import page, trouble
from ..stack.model import Stack
from ..util.files import write_atomically
from .page_data import look

#: Read by the edge's group alone.
MODE = 0o640


def write_all(host: Host, stacks: Sequence[Stack], disk: Disk, places: Paths | None = None) -> list[str]:
    """Write the page of every stack that wants one. Returns what was in the way; the pages then say so too."""
    places = places or Paths()
    wanted = [stack for stack in stacks if os.path.isdir(directory(stack.name, places.state))]
    if not wanted:
        return []
    try:
        total, free = disk.space(stacks)
    except (ReleaseError, OSError) as error:
        return [
            problem for stack in wanted for problem in (str(error), *_write_trouble(stack, str(error), places.state))
        ]
    samples, lost = _sample(Sample(int(time.time()), total, free), places.state)
    return lost + [problem for stack in wanted for problem in _write(host, stack, (total, free), samples, places)]


def _sample(sample: Sample, state: str) -> tuple[list[Sample], list[str]]:
    """What the disk held over time; a full one takes no new sample, but its page is written all the same."""
    path = os.path.join(state, os.path.basename(disk_samples.PATH))
    try:
        return disk_samples.add(sample, path), []
    except OSError as error:
        return disk_usage.thin([*disk_samples.load(path), sample], sample.at), [f"{path}: {error}"]


def _write(host: Host, stack: Stack, space: tuple[int, int], samples: list[Sample], places: Paths) -> list[str]:
    home = directory(stack.name, places.state)
    try:
        data = look(host, stack, socket.gethostname(), space, samples, places)
        write_atomically(os.path.join(home, "status.json"), json.dumps(data.to_json()).encode(), MODE)
        write_atomically(os.path.join(home, "index.html"), page(data).encode(), MODE)
    except (ReleaseError, OSError, ValueError) as error:
        return [f"{stack.name}: {error}", *_write_trouble(stack, str(error), places.state)]
    return []


def _write_trouble(stack: Stack, cause: str, state: str) -> list[str]:
    text = trouble(stack.name, socket.gethostname(), time.time(), cause)
    try:
        write_atomically(os.path.join(directory(stack.name, state), "index.html"), text.encode(), MODE)
    except OSError as error:
        return [f"{stack.name}: {error}"]  # the edge says that the page is old
    return []
