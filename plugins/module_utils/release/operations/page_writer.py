# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the status pages where the edge serves them: each minute by a timer, and when an operation begins or ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence

from ..errors import ReleaseError
from ..planning import disk_usage
from ..planning.disk_usage import Sample
from ..ports import Host
from ..rendering.page.data import PageData
from ..rendering.page.document import page, trouble
from ..stack.model import Stack
from ..util.printable import cleaned
from . import redaction
from .page_data import look


def write_all(host: Host, stacks: Sequence[Stack]) -> list[str]:
    """Write the page of every stack that has one. Returns the problems, which the pages then show too."""
    wanted = [stack for stack in stacks if host.page.is_wanted(stack.name)]
    if not wanted:
        return []
    try:
        total, free = host.disk.space(stacks)
    except (ReleaseError, OSError) as error:
        return [problem for stack in wanted for problem in (str(error), *_write_trouble(host, stack, str(error)))]
    samples, lost = _sample(host, Sample(int(host.clock.now()), total, free))
    looked = {stack.name: _look(host, stack, (total, free), samples) for stack in wanted}
    found = {name: data for name, data in looked.items() if isinstance(data, PageData)}
    return lost + [problem for stack in wanted for problem in _write(host, stack, looked[stack.name], found)]


def _look(host: Host, stack: Stack, space: tuple[int, int], samples: list[Sample]) -> PageData | Exception:
    """What the page of a stack shows, or why that cannot be said."""
    try:
        return look(host, stack, socket.gethostname(), space, samples)
    except (ReleaseError, OSError, ValueError) as error:
        return error


def _sample(host: Host, sample: Sample) -> tuple[list[Sample], list[str]]:
    """Disk use over time. A full disk takes no new sample, but its page is still written."""
    try:
        return host.store.add_disk_sample(sample), []
    except OSError as error:
        return disk_usage.thin([*host.store.disk_samples(), sample], sample.at), [f"disk samples: {error}"]


def _write(host: Host, stack: Stack, data: PageData | Exception, found: Mapping[str, PageData]) -> list[str]:
    if isinstance(data, Exception):
        return _write_cause(host, stack, data)
    others = [other for name, other in found.items() if name != stack.name]
    try:
        told = json.dumps(cleaned(data.to_json()))
        host.page.write(stack.name, "index.html", page(data, others).encode())
        # Last: whoever waits for something in it, and then opens the page, finds it there too.
        host.page.write(stack.name, "status.json", told.encode())
    except (ReleaseError, OSError, ValueError) as error:
        return _write_cause(host, stack, error)
    return []


def _write_cause(host: Host, stack: Stack, error: Exception) -> list[str]:
    cause = redaction.redactor(host, stack)(error)
    return [f"{stack.name}: {cause}", *_write_trouble(host, stack, cause)]


def _write_trouble(host: Host, stack: Stack, cause: str) -> list[str]:
    text = trouble(stack.name, socket.gethostname(), host.clock.now(), cause)
    try:
        host.page.write(stack.name, "index.html", text.encode())
    except OSError as error:
        return [f"{stack.name}: {error}"]  # the edge reports that the page is out of date
    return []
