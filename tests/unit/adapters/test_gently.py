# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What copies data runs behind what serves people."""

from __future__ import annotations

from pathlib import Path

from release.adapters.gently import SLICE, gently
from release.planning.databases import scratch_files

ROOT = Path(__file__).parents[3]


def test_in_the_slice_of_copies_where_systemd_runs_the_host(not_booted: Path) -> None:
    low = gently(["restic", "backup"])
    assert low == ["nice", "-n", "10", "ionice", "-c", "3", "restic", "backup"]
    not_booted.mkdir()
    apart = gently(["restic", "backup"])
    assert apart == ["systemd-run", "--scope", "--quiet", "--collect", f"--slice={SLICE}", "--", *low]


def test_scratch_clusters_are_in_it_too_and_it_has_a_unit() -> None:
    assert scratch_files.SLICE == SLICE
    assert (ROOT / "roles" / "release_engine" / "templates" / f"{SLICE}.j2").is_file()
