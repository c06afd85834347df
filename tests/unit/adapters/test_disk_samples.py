# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk use over time: the file of samples."""

from __future__ import annotations

import stat
from pathlib import Path

from release.adapters import disk_samples
from release.adapters.disk_samples import MOST_LINES
from release.planning import disk_usage
from release.planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS, Sample


def test_samples_are_thinned_and_forgotten(tmp_path: Path) -> None:
    path = str(tmp_path / "disk.jsonl")
    begin = 1_800_000_000 // BUCKET_SECONDS * BUCKET_SECONDS
    for minute in range(25):
        kept = disk_samples.add(Sample(begin + 60 * minute, 100, 50 - minute % 10), path)
    assert [(sample.at - begin, sample.free) for sample in kept] == [(540, 41), (1140, 41), (1440, 46)], "the fullest"
    later = begin + KEPT_SECONDS + 1200
    assert [s.at for s in disk_samples.add(Sample(later, 100, 9), path)] == [begin + 1440, later]
    assert [s.at for s in disk_usage.thin([Sample(later + 1, 100, 9)], later)] == [], "the clock was set back"
    assert disk_usage.lowest(kept) == Sample(begin + 540, 100, 41) and disk_usage.lowest([]) is None


def test_the_file_never_grows(tmp_path: Path) -> None:
    path = tmp_path / "disk.jsonl"
    now = 1_800_000_000
    line = "[%d, 100, 50]\n"
    path.write_text("".join(line % (now - 60 * minute) for minute in reversed(range(1, MOST_LINES))))
    disk_samples.add(Sample(now, 100, 50), str(path))
    assert len(path.read_text().splitlines()) < MOST_LINES / 5
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert MOST_LINES * len(line % now) < 60_000


def test_what_is_no_sample_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "disk.jsonl"
    path.write_text('[1, 100, 50]\n[2, 100\nnull\n[3, 100, 101]\n{"a": 1}\n[4, 0, 0]\n["5", 100, 1]\n\n[6, 100')
    assert disk_samples.load(str(path)) == [Sample(1, 100, 50), Sample(5, 100, 1)]
    assert disk_samples.load(str(tmp_path / "none")) == []
    assert Sample(1, 100, 30).used == 70
