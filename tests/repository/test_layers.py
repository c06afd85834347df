# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contracts of pyproject.toml: each one finds an import that breaks it. And what import-linter cannot see."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE = REPOSITORY / "plugins" / "module_utils" / "release"

#: A file, an import that it must not have, and the contract that says so.
WRONG = [
    ("releases/plan.py", "from ..planning import gates", "Each layer imports only layers below it"),
    ("adapters/git.py", "from ..operations import observe", "Each layer imports only layers below it"),
    ("stack/model.py", "import os", "The functional core touches no file, process, socket or clock"),
    ("planning/gates.py", "import time", "The functional core touches no file, process, socket or clock"),
    ("planning/deploy.py", "from ..util import files", "The functional core touches no file, process, socket or clock"),
    ("rendering/report.py", "import subprocess", "Rendering touches no file, process or socket; it formats times"),
    (
        "operations/health.py",
        "from ..adapters import docker",
        "Operations reach the host through ports, never through an adapter",
    ),
    ("operations/observe.py", "import time", "Operations reach the host through ports, never through an adapter"),
    ("entrypoints/access.py", "from ..adapters import store", "Only bootstrap knows the adapters"),
]


def lint_imports(folder: Path) -> tuple[int, str]:
    """The exit code and the report of import-linter on the engine in a folder."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ENGINE, tmp_path / "release", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_engine_keeps_its_contracts(copy: Path) -> None:
    code, report = lint_imports(copy)
    assert code == 0, report


def test_a_wrong_import_is_found(copy: Path) -> None:
    """All at once, because reading the engine takes most of the time."""
    for name, line, _contract in WRONG:
        with (copy / "release" / name).open("a") as file:
            file.write(f"\n{line}\n")
    code, report = lint_imports(copy)
    assert code == 1
    _, *parts = re.split(r"\n(\S.*)\n-{5,}\n", report.rpartition("Broken contracts")[2])
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    for name, _line, contract in WRONG:
        assert f"release.{name.removesuffix('.py').replace('/', '.')} -> " in found[contract], report


def test_a_package_without_a_layer_is_found(copy: Path) -> None:
    (copy / "release" / "misc.py").touch()
    code, report = lint_imports(copy)
    assert code == 1 and "misc" in report


def outside_the_engine() -> list[Path]:
    """The collection's Python files that use the engine."""
    found = [*(REPOSITORY / "plugins").rglob("*.py"), *(REPOSITORY / "roles").rglob("*.py")]
    return [path for path in found if ENGINE not in path.parents]


def test_modules_and_roles_go_through_bootstrap() -> None:
    files = outside_the_engine()
    assert len(files) > 20
    assert [path.name for path in files if re.search(r"\brelease\.adapters\b", path.read_text())] == []


def test_bootstrap_names_the_arguments_of_adapters() -> None:
    tree = ast.parse((ENGINE / "entrypoints" / "bootstrap.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("adapters.", "operations.", "ports"))
        for alias in node.names
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    constructed = {call.func.id: call for call in calls if isinstance(call.func, ast.Name) and call.func.id in imported}
    assert constructed.keys() == imported
    assert [name for name, call in constructed.items() if call.args] == []


def test_only_adapters_and_processes_ask_what_time_it_is() -> None:
    """Everybody else is given the clock, so that tests need not wait. A contract cannot tell datetime.now from the
    rest of datetime."""
    near_the_host = {"adapters", "process"}
    asked = [
        f"{path.relative_to(ENGINE)}:{node.lineno}"
        for path in ENGINE.rglob("*.py")
        if path.relative_to(ENGINE).parts[0] not in near_the_host
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in {"now", "utcnow", "today"}
        and ast.unparse(node.value).split(".")[-1] in {"datetime", "date"}
    ]
    assert asked == []
