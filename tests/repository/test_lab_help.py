# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`tools/lab --help` answers in a clone in which nothing was set up."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.package import ROOT


@pytest.mark.parametrize("words", [[], ["--help"], ["up", "--help"], ["push", "-h"]], ids=" ".join)
def test_help_needs_no_setup(tmp_path: Path, words: list[str]) -> None:
    """A copy without setup, engine and virtual environment: starting any of them would fail."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("lab", "lab_options.py"):
        shutil.copy(ROOT / "tools" / name, tools / name)

    answer = subprocess.run([tools / "lab", *words], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("usage: tools/lab")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["lab", "lab_options.py", "tools"]
