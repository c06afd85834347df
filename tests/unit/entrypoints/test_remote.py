# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as it is installed on a host: its two programs, and what they answer."""

from __future__ import annotations

import importlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release.entrypoints import remote
from release.entrypoints.remote_client import VERSION_MISMATCH, engine_fingerprint

pytestmark = pytest.mark.programs

#: Found by Ansible's loader only, which the fixture `collection` sets up.
ENGINE_PARTS = "ansible_collections.onehost.release.plugins.module_utils.engine_parts"
SOURCE = Path(remote.__file__).parents[1]
ARGUMENTS: dict[str, Any] = {
    "stack": "",
    "apps": [],
    "reason": "",
    "person": "somebody",
    "origin": "laptop",
    "lock_wait": 0,
    "watch_seconds": None,
    "warm_seconds": None,
    "wait_seconds": 5,
    "definition": None,
}


@pytest.fixture
def installed(collection: None, tmp_path: Path) -> Path:
    """The files that the module `engine` would write, written."""
    engine_parts = importlib.import_module(ENGINE_PARTS)
    home = tmp_path / "onehost"
    for path, (data, mode) in engine_parts.wanted_files(str(home), str(tmp_path / "bin" / "onehost")).items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(data)
        Path(path).chmod(mode)
    return home


def run(*words: object, text: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], input=text, capture_output=True, text=True, timeout=60, check=False, **options
    )


def ask(home: Path, **changes: Any) -> dict[str, Any]:
    question = {"engine": engine_fingerprint(), "operation": "promote", "check": True, "arguments": ARGUMENTS}
    done = run(home / "exchange", text=json.dumps({**question, **changes}))
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_is_installed_is_this_engine_whole(installed: Path) -> None:
    assert {str(path.relative_to(installed / "release")) for path in (installed / "release").rglob("*.py")} == {
        str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")
    }
    assert engine_fingerprint(str(installed / "release")) == engine_fingerprint()


def test_the_whole_engine_travels_with_its_module(collection: None) -> None:
    """Ansible sends what is imported and nothing else; a file left behind would make it another engine."""
    engine_parts = importlib.import_module(ENGINE_PARTS)
    names = [part.__name__.partition(".module_utils.release.")[2] for part in engine_parts.PARTS]
    text = f"import sys, {', '.join(f'release.{name}' for name in names)}; print(*sys.modules)"
    loaded = run(sys.executable, "-c", text, cwd=SOURCE.parent).stdout.split()
    assert {name for name in loaded if name.startswith("release.")} == {
        f"release.{path.relative_to(SOURCE).with_suffix('')}".replace("/", ".").removesuffix(".__init__")
        for path in SOURCE.rglob("*.py")
        if path != SOURCE / "__init__.py"
    }


def test_an_answer_is_what_the_module_would_return(installed: Path) -> None:
    """There is no stack on this machine: refused, in the words of the module."""
    answer = ask(installed)
    assert answer["would_refuse"] and answer["report"]["problems"][0]["what"] == "no stack was provisioned on this host"
    answer = ask(installed, check=False)
    assert answer["failed"] and "ansible-playbook onehost.release.provision" in answer["msg"]


def test_another_engine_is_told_and_does_nothing(installed: Path) -> None:
    assert ask(installed, engine="0" * 64, check=False) == {VERSION_MISMATCH: True}
    with (installed / "release" / "process" / "lock.py").open("a") as file:
        file.write("# Touched.\n")
    assert ask(installed, check=False) == {VERSION_MISMATCH: True}


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        (True, {"report": {"journal": "a.jsonl"}}, {"journal_text": '{"event": "step"}\n'}),
        (False, {"report": {"journal": "a.jsonl"}}, {}),
        (True, {"running": True, "journal": "a.jsonl"}, {"journal_text": ""}),
        (True, {"report": {"journal": ""}, "failed": True}, {"journal_text": ""}),
    ],
)
def test_the_steps_of_what_is_over_come_with_the_answer(
    asked: bool,
    found: dict[str, Any],
    expected: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.jsonl").write_text('{"event": "step"}\n')
    question = {"engine": engine_fingerprint(), "operation": "rollback", "check": False, "arguments": {}}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(remote, "answer", lambda *_: dict(found))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({**question, "journal": asked})))
    assert remote.main() == 0
    assert json.loads(capsys.readouterr().out) == {**found, **expected}


@pytest.mark.parametrize("program", ["exchange", "../bin/onehost"])
def test_nothing_that_lies_about_is_imported(installed: Path, program: str, tmp_path: Path) -> None:
    """Both run as root, and whoever may call them chooses the directory and, without sudo, the environment."""
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("release", "json", "argparse", "sitecustomize"):
        (trap / f"{name}.py").write_text("raise SystemExit('trapped')\n")
    shutil.copytree(SOURCE, trap / "other" / "release")
    done = run(installed / program, "--help", text="{}", cwd=trap, env={"PYTHONPATH": str(trap)})
    assert "trapped" not in done.stdout + done.stderr
    assert ("Deploy, promote and roll back" in done.stdout) == program.endswith("onehost")
