# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` says of its parts, with a `make` that only pretends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = """\
#!/bin/sh
case $1 in
  e2e)
    echo '..F'
    echo '12.50s setup    tests/e2e/test_x.py::test_y'
    echo 'FAILED tests/e2e/test_x.py::test_y - assert 1 == 2'
    exit 2 ;;
  lint) echo 'plugins/x.py:1: too long'; exit 2 ;;
  molecule)
    echo 'INFO     default ➜ converge: Executing'
    echo 'INFO     default ➜ converge: Executed: Successful'
    echo 'molecule is fine' ;;
  unit) echo 'took 7.25 s: mypy'; echo 'unit is fine' ;;
  *) echo "$1 is fine" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("tools", "bin"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "tools" / "parts.py", tmp_path / "tools")
    (tmp_path / "bin" / "make").write_text(MAKE)
    (tmp_path / "bin" / "make").chmod(0o755)
    return tmp_path


def run(clone: Path, *parts: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{clone}/bin:{os.environ['PATH']}"}
    return subprocess.run(
        [sys.executable, str(clone / "tools" / "parts.py"), *parts],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_all_passed(clone: Path) -> None:
    done = run(clone, "unit", "molecule")
    assert done.returncode == 0
    assert "everything passed (unit molecule)" in done.stdout


def test_a_table_says_where_the_time_went(clone: Path) -> None:
    lines = [line.strip() for line in run(clone, "unit", "browser", "e2e", "molecule").stdout.splitlines()]
    begin = lines.index("seconds  part")
    parts, longest = lines[begin:], lines[lines.index("seconds  what took longest") + 1 :]
    assert {"0  unit", "0  browser", "0  e2e (failed)", "0  molecule"} <= set(parts)
    assert longest[:2] == ["12.5  e2e: setup of tests/e2e/test_x.py::test_y", "7.2  unit: mypy"]
    assert longest[2] == "0.0  molecule: default, converge"


def test_what_failed_is_said_last_and_the_others_run(clone: Path) -> None:
    done = run(clone, "unit", "e2e", "molecule", "faults")
    assert done.returncode == 1
    for line in ("e2e | ..F", "molecule | molecule is fine", "faults | faults is fine", "unit is fine"):
        assert line in done.stdout.splitlines()
    assert "e2e failed" in done.stderr
    assert "  FAILED tests/e2e/test_x.py::test_y - assert 1 == 2" in done.stderr.splitlines()
    assert done.stderr.strip().endswith('make test ONLY="e2e"')


def test_what_is_no_test_is_shown_by_its_last_lines_and_nothing_follows(clone: Path) -> None:
    done = run(clone, "lint", "unit", "e2e", "molecule")
    assert done.returncode == 1
    assert "  plugins/x.py:1: too long" in done.stderr.splitlines()
    assert "unit is fine" not in done.stdout and "e2e" not in done.stdout


def test_an_earlier_failure_is_forgotten(clone: Path) -> None:
    assert run(clone, "lint").returncode == 1
    done = run(clone, "unit")
    assert done.returncode == 0 and "lint" not in done.stdout + done.stderr
