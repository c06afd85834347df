# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a promote brings to production's database is tried on a copy first, with the release before on the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.faults import counted_journal
from fakes.stacks import changed_stack, host_with_backups, shop_with_backups
from fakes.world import World, again, kept
from invariants.invariants import check_settled, left_of_runs
from support.profiles import STRIDE

from release.planning.declarations import FILE
from release.releases.report import OperationReport
from release.releases.scratch import LockSample, Rows

pytestmark = pytest.mark.usefixtures("one_by_one")


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_backups())
    host_with_backups(found)
    found.databases.contracts = {"0003"}
    found.ship()
    return found


def staged(world: World, revision: str = "0002") -> None:
    """The next release waits in staging."""
    world.databases.newest = revision
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.clock.time += 2


def gate(report: OperationReport | None) -> dict[str, Any]:
    assert report is not None
    return next((dict(it) for it in report.gates if it["gate"] == "migration_safe"), {})


def refused(world: World, **options: Any) -> str:
    """The evidence of a promote that this gate refuses."""
    live = dict(world.router.files)
    report = world.run("promote", **options)
    assert report is not None and report.failed and gate(report)["result"] == "NO-GO", report
    assert world.databases.applied["production"] == "0001" and world.router.files == live
    nothing_left(world)
    check_settled(world)
    return f"{gate(report)['evidence']} {report.problems[0]['fix']}"


def nothing_left(world: World) -> None:
    assert not world.scratch.there and not [name for name in world.docker.networks if name.endswith("-rehearsal")]
    assert not left_of_runs(world, "production")


def test_a_promote_that_migrates_tries_it_on_a_copy_first(world: World) -> None:
    staged(world)
    world.scratch.touched = {"public.posts": Rows(3, 2, 0)}
    world.scratch.locks = [LockSample(at, "1/2", "AccessExclusiveLock", "public.posts") for at in (1.0, 1.5)]
    report = world.good("promote")
    said = gate(report)["evidence"]
    old = world.entries("production")[-2].release.id
    assert gate(report)["result"] == "go" and "0001 to 0002 rehearsed in 3" in said
    assert "only adds, longest lock 0.5 s (AccessExclusiveLock on public.posts), 5 rows touched" in said
    assert f"{old} is well on it" in said
    assert world.databases.begun[-2:] == [("copy", "0002"), ("production", "0002")]
    order = list(report.steps)
    assert order.index("rehearse") < order.index("record")
    nothing_left(world)


def test_where_nothing_is_migrated_nothing_is_copied_or_asked(world: World) -> None:
    staged(world, "0001")
    world.scratch.asked = 0
    report = world.good("promote")
    assert not gate(report) and not world.scratch.made and not world.scratch.asked
    world.good("rollback")
    assert not world.scratch.asked


def test_the_first_release_of_production_hurts_nobody(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_backups())
    host_with_backups(world)
    world.ship()
    assert not world.scratch.made


def test_what_was_rehearsed_ahead_is_believed_for_a_day(world: World) -> None:
    staged(world)
    world.databases.breaking = {"0002"}
    assert "is not well on the migrated copy" in refused(world)
    assert len(world.scratch.made) == 1
    refused(world)
    assert len(world.scratch.made) == 1, "the same is not rehearsed again"
    world.clock.time += 86_401
    refused(world)
    assert len(world.scratch.made) == 2


def test_what_was_rehearsed_with_another_image_or_release_says_nothing(world: World) -> None:
    staged(world)
    world.databases.breaking = {"0002"}
    refused(world)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    refused(world)
    assert len(world.scratch.made) == 2


def test_what_breaks_older_code_is_declared_beside_it(world: World) -> None:
    staged(world, "0003")
    live = world.entries("production")[-1].release.id
    said = refused(world)
    assert "0001 to 0003 breaks older code: column public.posts.c0001 is gone" in said
    assert f"`contract: 0003, <reason>, <release that stopped using it>` to {FILE}" in said
    world.git.others = {f"api/migrations/{FILE}": f"contract: 0003, a is of no use, {live}\n"}
    report = world.good("promote")
    assert gate(report)["result"] == "go" and "breaks older code" in gate(report)["evidence"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("contract: 0002, no reason", "does not say all three"),
        ("contract: 0003, gone, 20260101T000000Z-production-abcdef0", "is not in the history"),
        ("contract: 0003, gone, yesterday", "is no release"),
        ("contracts: 0003, gone, x", "is no declaration"),
        ("contract: 0002, another one, {live}", "breaks older code: column public.posts.c0001 is gone"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(world: World, line: str, said: str) -> None:
    staged(world, "0003")
    live = world.entries("production")[-1].release.id
    world.git.others = {f"api/{FILE}": f"# known\n\n{line.format(live=live)}\n"}
    report = world.run("promote")
    assert report is not None and report.failed
    assert said in " ".join(it["what"] for it in report.problems) and world.databases.applied["production"] == "0001"
    nothing_left(world)


def test_a_declaration_that_names_a_release_of_staging_or_a_later_one_is_refused(world: World) -> None:
    staged(world, "0003")
    staging = world.entries("staging")[-1].release.id
    world.git.others = {f"api/{FILE}": f"contract: 0003, gone, {staging}"}
    assert "is not in the history" in refused(world)


def test_after_a_rollback_the_release_that_still_uses_it_is_live(world: World) -> None:
    staged(world, "0001")
    world.good("promote")
    newer = world.entries("production")[-1].release.id
    world.good("rollback")
    staged(world, "0003")
    world.git.others = {f"api/{FILE}": f"contract: 0003, gone, {newer}"}
    assert f"which is older than {newer}: it still uses what goes" in refused(world)


def test_a_lock_that_visitors_would_wait_for_is_a_no_go(world: World) -> None:
    staged(world)
    world.scratch.locks = [
        *(LockSample(1.0 + n / 10, "1/2", "AccessExclusiveLock", "public.posts") for n in range(40)),
        # Of a table that is new nobody waits.
        *(LockSample(1.0 + n / 10, "1/2", "AccessExclusiveLock", "public.new") for n in range(90)),
    ]
    assert "AccessExclusiveLock on public.posts was held for 3.9 s, 3 s are the most" in refused(world)


def test_a_finding_is_allowed_by_rule_and_revision_with_a_reason(world: World) -> None:
    staged(world)
    world.scratch.statements = ["TRUNCATE cache"]
    assert "truncate: removes all rows of cache" in refused(world)
    world.git.others = {f"api/{FILE}": "allow: 0001, truncate, it is a cache, of course"}
    assert "removes all rows of cache" in refused(world)
    world.git.others = {f"api/{FILE}": "allow: 0002, truncate, it is a cache, of course"}
    world.good("promote")


def test_a_rehearsal_that_fails_says_why_and_is_tried_again(world: World) -> None:
    staged(world)
    world.databases.fails = {"0002": ("0001", ["ERROR: division by zero"])}
    assert "the rehearsal failed: the migration of api failed" in refused(world)
    assert "division by zero" in refused(world)
    assert len(world.scratch.made) == 2
    world.databases.fails = {}
    world.good("promote")


def test_where_the_disk_has_no_room_for_a_copy_it_is_a_no_go_that_says_so(world: World) -> None:
    staged(world)
    world.scratch.free = 10
    assert "there is no room for a copy" in refused(world)


def test_whoever_skips_the_gate_skips_the_copy(world: World) -> None:
    staged(world)
    report = world.good("promote", skip_gates=("migration_safe",))
    assert gate(report)["result"] == "skipped" and "were not rehearsed" in gate(report)["evidence"]
    assert not world.scratch.made


def test_check_mode_copies_nothing(world: World) -> None:
    staged(world)
    report = world.run("promote", check=True)
    assert gate(report)["result"] == "go" and "the promote would do so" in gate(report)["evidence"]
    assert not world.scratch.made


def test_other_gates_come_first(world: World) -> None:
    staged(world)
    world.store.free = 1
    report = world.run("promote")
    assert report is not None and report.failed and not gate(report) and not world.scratch.made


def test_a_stack_may_say_why_it_is_not_rehearsed(world: World) -> None:
    migrate = world.stack.to_mapping(with_env=False)["apps"]["api"]["migrate"]
    world.stack = changed_stack(world, api={"migrate": {**migrate, "no_rehearsal": "a copy takes an hour"}})
    staged(world)
    report = world.good("promote")
    assert gate(report)["evidence"] == "api: is not rehearsed: a copy takes an hour" and not world.scratch.made


def test_nothing_in_the_rehearsal_reaches_data_of_production(world: World) -> None:
    """Its containers are in the network of the copy, know the copy's address, and have no volume and no port."""
    staged(world)
    seen: list[dict[str, Any]] = []
    world.faults.on("docker start run of api", lambda: seen.append(dict(world.one_off.boxes[-1].item)))
    networks: list[str] = []
    world.faults.on("docker start run of api", lambda: networks.append(world.one_off.boxes[-1].network))
    world.good("promote")
    mine = [item for item, network in zip(seen, networks, strict=True) if network == "shop-production-rehearsal"]
    assert len(mine) == 5  # two questions, the migration, what is applied then, the release before
    for item in mine:
        assert "ports" not in item and item["cpu_shares"] == 64
        assert [line for line in item["extra_hosts"] if line.startswith("host.docker.internal:172.16.")]
        assert not [it for it in item["volumes"] if isinstance(it, dict) and it["type"] == "volume"]


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_moment_nothing_of_it_is_left(tmp_path: Path, after: bool) -> None:
    world = World(str(tmp_path / "before"), shop_with_backups())
    host_with_backups(world)
    world.ship()
    staged(world)
    before = kept(world)
    number = 1 - STRIDE
    while True:
        number += STRIDE
        world = again(before, str(tmp_path / f"{number}"))
        with counted_journal(world):
            world.faults.kill_at(number, after)
            report = world.run("promote")
            done = report is not None
            world.faults.revive()
            world.recover()
            nothing_left(world)
            check_settled(world)
        if done:
            break
        world.run("promote")
        assert world.databases.applied["production"] == "0002"
        nothing_left(world)
        check_settled(world)
    assert number > 30
