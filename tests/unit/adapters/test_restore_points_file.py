# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points on disk: what is too old goes, what cannot be read is left out."""

from __future__ import annotations

import json
from pathlib import Path

from release.adapters import restore_points_file
from release.releases.backups import RestorePoint


def test_they_are_kept_by_environment_and_database(tmp_path: Path) -> None:
    path = str(tmp_path / "restore_points.json")
    assert restore_points_file.load(path) == {}
    first, second = RestorePoint("a", "0/1", 10.0), RestorePoint("b", "0/2", 20.0)
    restore_points_file.add(path, "production", "main", first, 100)
    restore_points_file.add(path, "production", "main", second, 100)
    restore_points_file.add(path, "staging", "main", first, 100)
    assert restore_points_file.load(path) == {"production": {"main": (first, second)}, "staging": {"main": (first,)}}
    third = RestorePoint("c", "0/3", 115.0)
    restore_points_file.add(path, "production", "main", third, 100)
    assert restore_points_file.load(path)["production"]["main"] == (second, third)
    assert (tmp_path / "restore_points.json").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "restore_points.json"
    path.write_text(json.dumps({"production": {"main": [{"name": "a"}, 3], "x": 3}, "staging": []}))
    assert restore_points_file.load(str(path)) == {"production": {"main": (), "x": ()}}
    path.write_text("{")
    assert restore_points_file.load(str(path)) == {}
