# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that installs the engine: what it leaves in its directory, whatever it finds there."""

from __future__ import annotations

import importlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from release import hints

SOURCE = Path(hints.__file__).parent
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(collection: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module on a directory of the test's own, with the arguments that Ansible would give it."""
    engine = importlib.import_module("ansible_collections.onehost.release.plugins.modules.engine")

    def run(state: str = "present", *, check: bool = False) -> dict[str, Any]:
        arguments = {"path": str(tmp_path / "onehost"), "command": str(tmp_path / "command"), "state": state}
        with patch_module_args(arguments | {"_ansible_check_mode": check}), pytest.raises(SystemExit) as ended:
            engine.main()
        printed = capsys.readouterr().out
        assert ended.value.code == 0, printed
        result: dict[str, Any] = json.loads(printed)
        return result

    return run


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def wanted() -> set[str]:
    return {f"release/{path.relative_to(SOURCE)}" for path in SOURCE.rglob("*.py")} | {"exchange"}


def test_whatever_was_there_only_this_engine_is_left(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "onehost"
    # Of an engine whose modules lay side by side, compiled ones too, and of a replacement that was cut off.
    for name in (
        "release/__init__.py",
        "release/operation.py",
        "release/stack.py",
        "release/__pycache__/operation.cpython-313.pyc",
        "release/errors.py.partial",
        "release.new/operations/__init__.py",
        "release.old/command.py",
        "cron-cleanup",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("raise SystemExit('of before')\n")
    before = files(home)
    assert run(check=True)["changed"]
    assert files(home) == before
    assert run()["changed"]
    assert files(home) == wanted() | {"cron-cleanup"}, "the last is another role's"
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["release"]
    answer = subprocess.run([tmp_path / "command", "--help"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0 and "promote" in answer.stdout


def test_a_second_run_leaves_what_python_compiled(run: Run, tmp_path: Path) -> None:
    run()
    subprocess.run([tmp_path / "command", "--help"], capture_output=True, check=True)
    compiled = files(tmp_path / "onehost") - wanted()
    assert compiled
    assert not run()["changed"]
    assert files(tmp_path / "onehost") == wanted() | compiled


def test_a_file_that_was_touched_is_put_right(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "onehost" / "release" / "errors.py").write_text("")
    result = run()
    assert result["files"] == [str(tmp_path / "onehost" / "release" / "errors.py")]
    assert (tmp_path / "onehost" / "release" / "errors.py").read_bytes() == (SOURCE / "errors.py").read_bytes()


def test_absent(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "onehost" / "cron-cleanup").write_text("")
    assert run("absent")["changed"]
    assert files(tmp_path) == {"onehost/cron-cleanup"}
    assert not (tmp_path / "onehost" / "release").exists()
    assert not run("absent")["changed"]
