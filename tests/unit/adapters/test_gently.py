# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What copies data runs behind what serves people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.waiting import until

from release.adapters.gently import SLICE, gently
from release.planning.databases import scratch_files

ROOT = Path(__file__).parents[3]


def runs(pid: int, name: str) -> bool:
    try:
        found, state = Path(f"/proc/{pid}/stat").read_text().split("(")[1].split(") ")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return found == name and state[0] != "Z"


def test_in_the_slice_of_copies_where_systemd_runs_the_host(not_booted: Path) -> None:
    low = gently(["restic", "backup"])
    assert low == ["setpriv", "--pdeathsig", "TERM", "nice", "-n", "10", "ionice", "-c", "3", "restic", "backup"]
    not_booted.mkdir()
    apart = gently(["restic", "backup"])
    assert apart == ["systemd-run", "--scope", "--quiet", "--collect", f"--slice={SLICE}", "--", *low]


def test_it_ends_with_the_engine() -> None:
    """Also where a scope is left over when its service is stopped."""
    words = json.dumps(gently(["sleep", "300"]))
    engine = f"import subprocess; one = subprocess.Popen({words}); print(one.pid, flush=True); one.wait()"
    with subprocess.Popen([sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        until(lambda: runs(pid, "sleep"))
        running.kill()
    until(lambda: not runs(pid, "sleep"))


def test_scratch_clusters_are_in_it_too_and_it_has_a_unit() -> None:
    assert scratch_files.SLICE == SLICE
    assert (ROOT / "roles" / "release_engine" / "templates" / f"{SLICE}.j2").is_file()
