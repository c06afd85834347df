# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stacks a host has, and where."""

from __future__ import annotations

from pathlib import Path

from release.adapters.stack_files import StackFiles
from release.adapters.stack_home import StackHome
from release.paths import releases_of
from release.util import stack_places


def test_a_host_without_stacks(tmp_path: Path) -> None:
    assert stack_places.names(str(tmp_path / "never")) == stack_places.names(str(tmp_path)) == []


def test_stacks_have_a_definition_and_those_of_this_version_a_history(tmp_path: Path) -> None:
    for name in ("wiki.json", "shop.json", "shop.json.partial"):
        (tmp_path / name).write_text("{}")
    Path(releases_of("shop", str(tmp_path))).mkdir(parents=True)
    assert stack_places.names(str(tmp_path)) == StackFiles(str(tmp_path)).names() == ["shop", "wiki"]
    for name, there in (("shop", True), ("wiki", False)):
        assert stack_places.is_there(name, str(tmp_path)) is StackHome(str(tmp_path)).is_there(name) is there
