# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that are imported at their first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from release.util import lazy

SOURCE = Path(lazy.__file__).parents[2]

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from release.util.lazy import lazy_import
module = lazy_import("urllib.request")
for known in list(sys.modules.values()):
    hasattr(known, "anything")
assert "http.client" not in sys.modules, "executed too early"
assert module.OpenerDirector and "http.client" in sys.modules
import urllib.request
assert urllib.request.OpenerDirector is module.OpenerDirector and lazy_import("urllib.request") is urllib.request
"""


def test_a_module_is_executed_at_its_first_use_and_there_is_one_of_it() -> None:
    subprocess.run([sys.executable, "-IS", "-c", PROGRAM, str(SOURCE)], check=True)


def test_a_module_that_does_not_exist() -> None:
    module = lazy.lazy_import("nothing_such")
    with pytest.raises(ModuleNotFoundError, match="nothing_such"):
        _ = module.anything


def test_a_start_loads_no_module_that_few_runs_use() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import release.entrypoints.remote, release.entrypoints.cli;"
        "print(*sorted({'urllib.response', 'xml.sax.saxutils'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


PART = """
import sys
sys.path.insert(0, sys.argv[1])
from release.errors import OperationError
from release.util.lazy import lazy_part
early, late = (lazy_part(f"..stack.{name}", "release.operations") for name in ("schedule", "drift"))
assert "release.stack.schedule" not in sys.modules, "executed too early"
assert early.problem_with is sys.modules["release.stack.schedule"].problem_with
package = sys.argv[1] + "/release"
if len(sys.argv) > 2:
    import os
    if sys.argv[2] == "replaced":
        os.utime(package + "/__init__.py", (1, 1))
    else:
        os.rename(package, package + ".old")
    try:
        late.read_drift
    except OperationError as error:
        print(error)
    assert "release.stack.drift" not in sys.modules
    assert early.problem_with, "what is loaded stays"
else:
    assert late.read_drift
"""


@pytest.mark.parametrize("how", ["", "replaced", "removed"])
def test_a_part_of_an_engine_that_was_replaced_is_not_loaded(tmp_path: Path, how: str) -> None:
    shutil.copytree(SOURCE / "release", tmp_path / "release")
    words = [sys.executable, "-IS", "-c", PART, str(tmp_path), *([how] if how else [])]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert ("the installed engine is another one by now" in done.stdout) == bool(how)


SHIPPED = """
import sys
sys.path.insert(0, sys.argv[1])
from collection.release.util.lazy import lazy_part
part = lazy_part("..stack.drift", "collection.release.operations")
assert sys.modules["collection.release.stack.drift"] is part
"""
ARCHIVED = """
import sys
sys.path.insert(0, sys.argv[1] + "/engine.zip")
from release.util.lazy import lazy_part
part = lazy_part("..stack.drift", "release.operations")
assert sys.modules["release.stack.drift"] is part
"""


@pytest.mark.parametrize("program", [SHIPPED, ARCHIVED])
def test_where_the_engine_travels_with_a_module_nothing_is_imported_later(tmp_path: Path, program: str) -> None:
    """The archive is removed, and the connection is not served, while a forked process goes on."""
    shutil.copytree(SOURCE / "release", tmp_path / "collection" / "release")
    shutil.make_archive(str(tmp_path / "engine"), "zip", SOURCE, "release")
    subprocess.run([sys.executable, "-IS", "-c", program, str(tmp_path)], check=True)
