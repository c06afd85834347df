# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status page is drawn from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from fakes.docker import CRASHING
from fakes.stacks import shop_with_backups
from fakes.world import World
from support.page_reader import Reader

from release.operations.page_data import look
from release.planning.disk_usage import Sample
from release.process import journal, lock
from release.releases.drills import Drill
from release.releases.lock_holder import LockHolder
from release.rendering.page.data import DrillPoint, PageData
from release.rendering.page.document import page

GB = 1_000_000_000
SPACE = (50 * GB, 30 * GB)


def seen(world: World, samples: list[Sample] | None = None) -> PageData:
    return look(world.host, world.stack, "vm-1", SPACE, samples or [])


def test_the_file_beside_the_page_says_the_same(world: World) -> None:
    world.ship()
    data = seen(world, [Sample(1, 2, 1)]).to_json()
    assert data["stack"] == "shop" and data["disk"]["samples"] == [[1, 2, 1]]
    assert json.loads(json.dumps(data))["environments"]["production"]["apps"]["api"]["healthy"] is True
    assert {"host", "at", "releases", "operations", "notes", "rollback", "history", "free_gb"} <= data.keys()


def test_the_past_with_durations(world: World) -> None:
    world.ship()
    world.commit({"api": CRASHING})
    failed = world.run("deploy", reason="try this")
    assert failed and failed.failed
    for _slip in range(3):
        assert (refused := world.run("rollback")) and refused.failed
    data = seen(world)
    done = [(item.operation, item.outcome) for item in data.operations]
    assert sorted(done) == [
        ("deploy", "failed"),
        ("deploy", "succeeded"),
        ("promote", "succeeded"),
        ("rollback", "refused"),
    ]
    assert all(item.seconds is not None and item.person == "ann" for item in data.operations)
    assert [item.status for item in data.releases] == ["failed", "live", "live"]
    assert data.releases[0].reason == "try this" and 0 <= world.clock.time - (data.releases[0].created_at or 0) < 3
    text = Reader(page(data)).text
    assert "try this" in text and "Rollback production refused" in text
    assert data.status.rollback.possible is False and "not possible" in text


def test_what_drills_have_measured(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_backups())
    assert seen(world).drills == {}
    good = Drill("production", "main", 5.0, lost_seconds=30.0, recovery_seconds=40.0, rpo_seconds=900, rto_seconds=3600)
    bad = replace(good, at=6.0, lost_seconds=None, recovery_seconds=0.0, cause="the disk is full")
    for one in (good, bad, replace(good, database="gone")):
        world.store.add_drill("shop", one)
    data = seen(world)
    assert data.drills == {
        "production main": (
            DrillPoint(5.0, 40.0, 30.0, 3600, 900, failed=False),
            DrillPoint(6.0, None, None, 3600, 900, failed=True),
        )
    }
    assert data.to_json()["drills"]["production main"][0]["recovery_seconds"] == 40.0
    text = Reader(page(data)).text
    assert "Drills" in text and "not to be relied on" in text and "disk is full" not in text


def test_before_the_first_release(world: World) -> None:
    assert "Nothing has been released yet" in Reader(page(seen(world))).text


def write_journal(world: World, name: str, *lines: str) -> None:
    folder = Path(journal.directory("shop", world.paths.state))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(lines))


def test_an_operation_runs_or_was_interrupted(world: World) -> None:
    begin = json.dumps({"event": "begin", "at": 5, "operation": "deploy", "person": "ann", "pid": 1}) + "\n"
    write_journal(world, "1Z-staging-deploy-1.jsonl", begin, '{"event": "no')
    assert [item.outcome for item in seen(world).operations] == ["interrupted"]
    with lock.hold(
        lock.lock_path("shop", "staging", world.paths.locks),
        LockHolder.from_json({"pid": 1, "operation": "deploy"}),
        0,
    ):
        data = seen(world)
        assert [(item.outcome, item.seconds) for item in data.operations] == [("running", None)]
        assert "Deploy by an unknown user on an unknown host runs for" in Reader(page(data)).text
    with lock.hold(lock.lock_path("shop", "staging", world.paths.locks), LockHolder.from_json({"pid": 2}), 0):
        assert [item.outcome for item in seen(world).operations] == ["interrupted"], "another one runs"
