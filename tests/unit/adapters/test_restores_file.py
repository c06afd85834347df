# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores and drills on disk: several may write at once, and what cannot be read is left out."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

from release.adapters import restores_file
from release.releases.drills import KEPT, Drill, Finding
from release.releases.restores import Restored

RESTORED = Restored(100.0, 90.0, "1", "2", point="before-20261126T014210Z", person="ann", reason="a bad import")
DRILL = Drill("production", "main", 10.0, lost_seconds=30.0, recovery_seconds=40.0, checks=(Finding("posts", "12"),))


def test_restores_are_kept_by_environment_and_database(tmp_path: Path) -> None:
    path = str(tmp_path / restores_file.RESTORED)
    assert restores_file.load_restored(path) == {"staging": {}, "production": {}}
    restores_file.add_restored(path, "production", "main", RESTORED)
    later = replace(RESTORED, at=200.0, timeline="3")
    restores_file.add_restored(path, "production", "main", later)
    restores_file.add_restored(path, "staging", "main", RESTORED)
    assert restores_file.load_restored(path) == {
        "production": {"main": [RESTORED, later]},
        "staging": {"main": [RESTORED]},
    }
    assert (tmp_path / restores_file.RESTORED).stat().st_mode & 0o777 == 0o600


def test_the_recovery_of_who_was_killed_writes_no_second_one(tmp_path: Path) -> None:
    path = str(tmp_path / restores_file.RESTORED)
    for person in ("ann", "boot"):
        restores_file.add_restored(path, "production", "main", replace(RESTORED, person=person))
    assert [one.person for one in restores_file.load_restored(path)["production"]["main"]] == ["boot"]


def test_of_drills_the_newest_are_kept(tmp_path: Path) -> None:
    path = str(tmp_path / restores_file.DRILLS)
    for number in range(KEPT + 5):
        restores_file.add_drill(path, replace(DRILL, at=float(number)))
    restores_file.add_drill(path, replace(DRILL, database="search"))
    found = restores_file.load_drills(path)["production"]
    assert [one.at for one in found["main"]] == [float(number) for number in range(5, KEPT + 5)]
    assert found["search"] == [replace(DRILL, database="search")], "whole, with what was checked"
    assert (tmp_path / restores_file.DRILLS).stat().st_mode & 0o777 == 0o600


def test_several_write_at_once(tmp_path: Path) -> None:
    path = str(tmp_path / restores_file.DRILLS)

    def write(number: int) -> None:
        for step in range(5):
            restores_file.add_drill(path, replace(DRILL, at=float(number * 10 + step)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.at for one in restores_file.load_drills(path)["production"]["main"]}) == 25


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / restores_file.DRILLS
    mine = {"main": [DRILL.to_json(), {"at": "x"}, 3], "odd": "text"}
    path.write_text(json.dumps({"production": mine, "staging": [], "moon": {"main": [DRILL.to_json()]}}))
    assert restores_file.load_drills(str(path)) == {"production": {"main": [DRILL]}, "staging": {}}
    path.write_text("{")
    assert restores_file.load_drills(str(path)) == {"production": {}, "staging": {}}
    restores_file.add_drill(str(path), DRILL)
    assert restores_file.load_drills(str(path))["production"] == {"main": [DRILL]}, "and the next one is written"
    (tmp_path / restores_file.RESTORED).write_text(json.dumps({"production": {"main": [{"at": 3}]}}))
    assert restores_file.load_restored(str(tmp_path / restores_file.RESTORED))["production"] == {"main": []}
