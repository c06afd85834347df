# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk use over time: one short line for each sample, thinned so that the file stays small.

Losing a sample does no harm: nothing here is flushed, and a line that a full disk cut off is ignored.
"""

from __future__ import annotations

import json
import os

from ..planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS, Sample, thin
from ..util.files import write_atomically

#: There is one sample a minute. The file is thinned when it holds this many, about twice a day.
MOST_LINES = KEPT_SECONDS // BUCKET_SECONDS + 700


def add(sample: Sample, path: str) -> list[Sample]:
    """Add a sample. Returns those of the last week, one for every ten minutes, oldest first."""
    line = json.dumps([sample.at, sample.total, sample.free]) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
    found = load(path)
    kept = thin(found, sample.at)
    if len(found) >= MOST_LINES:
        data = "".join(json.dumps([item.at, item.total, item.free]) + "\n" for item in kept)
        write_atomically(path, data.encode(), 0o644)
    return kept


def load(path: str) -> list[Sample]:
    """All samples in the file's order; invalid lines are ignored."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [sample for line in file if (sample := _parse(line)) is not None]
    except FileNotFoundError:
        return []


def _parse(line: str) -> Sample | None:
    try:
        at, total, free = (int(item) for item in json.loads(line))
    except (ValueError, TypeError):
        return None
    return Sample(at, total, free) if 0 <= free <= total and total > 0 else None
