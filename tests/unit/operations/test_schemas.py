# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback knows the schema: what goes, what is refused with which ways on, and a database that goes back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.faults import counted_journal
from fakes.stacks import changed_stack, host_with_clusters, shop_with_schema
from fakes.world import World
from invariants.invariants import check_settled
from support.profiles import STRIDE

from release.operations import status
from release.planning.declarations import FILE
from release.releases.report import OperationReport
from release.releases.schema import SchemaStep
from release.rendering.status import status_lines

pytestmark = pytest.mark.usefixtures("one_by_one")


def made(tmp_path: Path, **changes: Any) -> World:
    found = World(str(tmp_path), shop_with_schema(**changes))
    host_with_clusters(found)
    return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return made(tmp_path)


def ship(world: World, revision: str, behaviour: str = HEALTHY, *, contract: bool = False) -> str:
    """The next schema, brought to production by the release whose id is returned."""
    world.databases.newest = revision
    world.databases.contracts |= {revision} if contract else set()
    world.commit({"api": behaviour})
    world.good("deploy")
    world.clock.time += 2
    # It is about what was promoted all the same: see test_rehearsal.
    report = world.run("promote", skip_gates=("migration_safe",))
    assert report is not None
    world.clock.time += 2
    return report.release


def shipped(world: World, *, contract: bool = True) -> tuple[str, str]:
    first = ship(world, "0001")
    return first, ship(world, "0002", contract=contract)


def refused(report: OperationReport | None) -> str:
    assert report is not None and report.failed, report
    assert report.message == "refused, nothing was changed", report
    return " ".join(f"{it['where']} {it['what']} {it['fix']}" for it in report.problems)


def live(world: World) -> str:
    return world.router.files["production"].partition("/")[2]


def applied(world: World) -> str:
    return world.databases.applied["production"]


def test_each_migration_is_written_down_with_its_verdict(world: World) -> None:
    first = ship(world, "0001")
    second = ship(world, "0002")
    third = ship(world, "0003", contract=True)
    steps = world.store.known_schemas["production"]["api"].steps
    assert [dataclasses.replace(step, at="") for step in steps] == [
        SchemaStep("api", "", "0001", "expand", release=first),
        SchemaStep("api", "0001", "0002", "expand", release=second),
        SchemaStep("api", "0002", "0003", "contract", ("column public.posts.c0001 is gone",), release=third),
    ]
    assert all(step.at for step in steps)


def test_one_that_fails_half_way_is_written_down_if_it_took_something(world: World) -> None:
    first, _ = shipped(world, contract=False)
    world.databases.newest = "0003"
    world.databases.contracts = {"0003"}
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.clock.time += 2
    # Its tool says that nothing was done, and the table says otherwise.
    world.databases.fails = {"0003": ("0003", ["ERROR: no"])}
    report = world.run("promote", skip_gates=("migration_safe",))
    assert report is not None and report.failed
    assert "column public.posts.c0001 is gone" in refused(world.run("rollback")) and live(world) != first


def test_after_steps_that_only_add_a_rollback_goes_and_says_so(world: World) -> None:
    first, _ = shipped(world, contract=False)
    ship(world, "0003")
    for check in (True, False):
        report = world.run("rollback", check=check, release=first)
        assert report is not None and not report.failed
        [gate] = report.gates
        assert (gate["gate"], gate["result"]) == ("schema", "go")
        assert gate["evidence"] == (
            f"api: 0003 is applied, and {first} went live with 0001; newer by steps that only add "
            "(0001 to 0002 to 0003)"
        )
    assert live(world) == first and applied(world) == "0003"
    check_settled(world)


@pytest.mark.parametrize("check", [True, False])
def test_past_a_contract_step_it_is_refused_with_the_ways_on(world: World, check: bool) -> None:
    first, second = shipped(world)
    third = ship(world, "0003")
    report = world.run("rollback", check=check, release=first)
    text = refused(report)
    assert report is not None and report.gates[0]["result"] == "NO-GO"
    assert f"Between them a contract step: 0001 to 0002 by {second} (column public.posts.c0001 is gone)" in text
    forward, down = text.index("onehost.release.deploy_staging"), text.index("database=downgrade")
    assert forward < down < text.index("database=keep")
    assert text.count(f"-e release={first}") == 3 and text.count("-e confirm=production") == 3
    assert "has no `migrate.down`" not in text
    assert live(world) == third
    # To the one between nothing stands in the way.
    assert world.good("rollback").release == second
    check_settled(world)


def test_what_a_release_had_stopped_using_is_no_obstacle_on_the_way_back_to_it(world: World) -> None:
    first = ship(world, "0001")
    second = ship(world, "0002")
    world.git.others = {f"api/{FILE}": f"contract: 0003, nobody reads c0001, {second}"}
    third = ship(world, "0003", contract=True)
    step = world.store.known_schemas["production"]["api"].steps[-1]
    assert (step.verdict, step.release, step.unused_since) == ("contract", third, second)
    assert f"0002 to 0003 by {third}" in refused(world.run("rollback", release=first))
    report = world.good("rollback")
    assert report.release == second and report.gates[0]["result"] == "go"
    assert f"took away what {second} had stopped using" in report.gates[0]["evidence"]
    check_settled(world)


@pytest.mark.parametrize("named", ["0", "20200101T000000Z-production-1234567"])
def test_a_declaration_of_a_release_that_was_never_live_does_not_count(world: World, named: str) -> None:
    ship(world, "0001")
    world.git.others = {f"api/{FILE}": f"contract: 0002, nobody reads it, {named}"}
    ship(world, "0002", contract=True)
    assert "column public.posts.c0001 is gone" in refused(world.run("rollback"))


def test_the_status_says_what_a_rollback_would_find(world: World) -> None:
    shipped(world)
    shown = " ".join(status_lines(status.status(world.host, world.stack)))
    assert "column public.posts.c0001 is gone" in shown and "rollback would be refused: to" in shown


def test_who_knows_better_says_so_and_names_the_environment(world: World) -> None:
    first, _ = shipped(world)
    text = refused(world.run("rollback", database="keep"))
    assert "confirm=production" in text and "keep" in text
    assert "confirm=production" in refused(world.run("rollback", database="keep", confirm="staging"))
    report = world.run("rollback", database="keep", check=True)
    assert report is not None and not report.failed
    assert world.good("rollback", database="keep", confirm="production").release == first
    assert applied(world) == "0002"
    check_settled(world)


def test_a_release_that_was_cleaned_up_has_not_taken_its_step_along(world: World) -> None:
    first, second = shipped(world)
    ship(world, "0003")
    world.store.written = {name: it for name, it in world.store.written.items() if name != second}
    assert f"by {second}" in refused(world.run("rollback", release=first))


def test_a_schema_that_somebody_else_changed_is_not_known(world: World) -> None:
    _, second = shipped(world, contract=False)
    world.databases.applied["production"] = "0001"
    ship(world, "0003")
    report = world.good("rollback", release=second)
    assert report.gates[0]["result"] == "warning" and "is not known" in report.gates[0]["evidence"]


def test_steps_lead_also_where_a_release_says_nothing(world: World) -> None:
    """One of before there were migrations: what came after it counts."""
    wanted, world.stack = world.stack, changed_stack(world, api={"migrate": None})
    first = ship(world, "0001")
    world.stack = wanted
    ship(world, "0001")
    ship(world, "0002", contract=True)
    assert "column public.posts.c0001 is gone" in refused(world.run("rollback", release=first))


# A release that fails after its migration


def failing(world: World) -> tuple[str, OperationReport]:
    """One that takes something away, and does not become healthy."""
    first = ship(world, "0001")
    world.databases.newest, world.databases.contracts = "0002", {"0002"}
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.clock.time += 2
    image = max(world.docker.images, key=lambda it: world.databases.brings.get(it, ""))
    world.docker.images[image] = (world.docker.images[image][0], SICK)
    report = world.run("promote", skip_gates=("staging_healthy", "migration_safe"))
    world.clock.time += 2
    assert report is not None and report.failed, report
    return first, report


def test_a_promote_that_goes_back_by_itself_says_on_what(world: World) -> None:
    first, report = failing(world)
    said = " ".join(report.notes)
    assert live(world) == first and applied(world) == "0002"
    assert "keeps 0002" in said and "by a contract step" in said and "column public.posts.c0001 is gone" in said
    assert f"-e release={first} -e database=downgrade -e confirm=production" in said
    assert "not well" not in said
    check_settled(world)


def test_and_whether_the_release_that_goes_on_is_well_on_it(world: World) -> None:
    world.databases.breaking = {"0002"}
    first, report = failing(world)
    said = " ".join(report.notes)
    assert f"{first} goes on and is not well on the schema that is applied: api: " in said


def test_its_schema_is_taken_back_under_the_release_that_is_live(world: World) -> None:
    world.databases.breaking = {"0002"}
    first, _ = failing(world)
    report = world.good("rollback", release=first, database="downgrade", confirm="production")
    assert applied(world) == "0001" and live(world) == first and report.changed
    assert list(report.steps) == ["downgrade", "old_release"] or "switch" not in report.steps
    assert "taken back from 0002 to 0001" in " ".join(report.notes) and "not well" not in " ".join(report.notes)
    check_settled(world)


# Down


def test_a_schema_is_taken_back_in_the_image_that_knows_how_and_then_the_release_goes_live(world: World) -> None:
    first, second = shipped(world)
    world.databases.breaking = {"0002"}
    images = {name: world.entry(name).release.images["api"] for name in (first, second)}
    seen: list[Any] = []
    world.faults.on("docker start run of api", lambda: seen.extend(world.one_off.boxes))
    report = world.good("rollback", database="downgrade", confirm="production")
    assert {box.image for box in seen} == {images[second]}
    assert [box.item["command"] for box in seen if box.item["command"][0] == "down"] == [["down", "0001"]]
    order = list(report.steps)
    assert order.index("downgrade") < order.index("start") < order.index("switch")
    assert live(world) == first and applied(world) == "0001"
    step = world.store.known_schemas["production"]["api"].steps[-1]
    assert (step.before, step.after, step.is_down, step.verdict) == ("0002", "0001", True, "contract")
    check_settled(world)
    # And forward again: there what is missing is told, or migrated.
    assert "column public.posts.c0002 is gone" in refused(world.run("rollback", release=second))
    world.clock.time += 2
    world.good("promote", skip_gates=("not_rolled_back", "migration_safe"), reason="it was something else")
    assert applied(world) == "0002"
    check_settled(world)


def test_one_at_a_time_until_it_is_there(tmp_path: Path) -> None:
    world = made(tmp_path, down=["undo"])
    first = ship(world, "0001")
    ship(world, "0002")
    ship(world, "0004", contract=True)
    world.good("rollback", release=first, database="downgrade", confirm="production")
    assert world.databases.downs == [("production", f"{number:04}") for number in (3, 2, 1)]
    assert live(world) == first
    check_settled(world)


def test_check_mode_says_what_would_go_back_and_asks_nothing(world: World) -> None:
    first, second = shipped(world)
    runs = len(world.one_off.started)
    report = world.run("rollback", database="downgrade", check=True)
    assert report is not None and not report.failed and len(world.one_off.started) == runs
    [line] = [line for line in report.preview if "take its database back" in line]
    assert "to 0001" in line and f"in the image of {second}" in line and first != second


def test_it_is_refused_where_it_cannot_be(tmp_path: Path) -> None:
    world = made(tmp_path, down=None)
    first, second = shipped(world)
    text = refused(world.run("rollback", database="downgrade"))
    assert "says nothing of how its schema goes back" in text and "confirm=production" in text
    assert "api has no `migrate.down` yet" in refused(world.run("rollback"))
    # Written down since, it counts.
    world.stack = changed_stack(
        world,
        api={
            "migrate": {
                **world.stack.to_mapping(with_env=False)["apps"]["api"]["migrate"],
                "down": ["down", "{revision}"],
            }
        },
    )
    assert "leave `apps` out" in refused(
        world.run("rollback", database="downgrade", confirm="production", apps=("api",))
    )
    world.docker.images.pop(world.entry(second).release.images["api"])
    text = refused(world.run("rollback", database="downgrade", confirm="production"))
    assert "no image that knows how 0002 goes back" in text
    assert live(world) == second and first != second


def test_with_the_same_schema_there_is_nothing_to_take_back(world: World) -> None:
    ship(world, "0001")
    ship(world, "0001")
    assert "has the schema of" in refused(world.run("rollback", database="downgrade", confirm="production"))
    assert not world.good("rollback", database="keep").failed


def test_one_that_fails_leaves_the_release_that_is_live(world: World) -> None:
    first, second = shipped(world)
    world.databases.stuck = {"0002"}
    report = world.run("rollback", database="downgrade", confirm="production")
    assert report is not None and report.failed
    assert "taking back the schema of api failed" in report.message and "cannot drop column" in str(report.problems)
    assert "applied now: 0002, wanted: 0001" in str(report.problems)
    assert live(world) == second and applied(world) == "0002" and first != second
    check_settled(world)


def test_where_the_older_release_fails_afterwards_that_is_told_and_a_promote_mends_it(world: World) -> None:
    first, second = shipped(world)
    image = world.entry(first).release.images["api"]
    world.docker.images[image] = (world.docker.images[image][0], SICK)
    world.docker.boxes = [box for box in world.docker.boxes if box.release != first]
    report = world.run("rollback", database="downgrade", confirm="production")
    assert report is not None and report.failed, report
    assert live(world) == second and applied(world) == "0001"
    said = " ".join(report.notes)
    assert f"api: its database stays at 0001, and {second}, which goes on, needs 0002" in said
    world.clock.time += 2
    again = world.good("promote", skip_gates=("migration_safe",))
    assert again.changed and applied(world) == "0002"
    check_settled(world)


def test_killed_at_any_change_release_and_schema_go_together(tmp_path: Path) -> None:
    """Before the schema has gone back all stays as it is, and after that the older release is brought live."""
    outcomes = set()
    for number in range(1, 200, max(3, STRIDE)):
        world = made(tmp_path / str(number))
        first, second = shipped(world)
        world.faults.kill_at(number)
        with counted_journal(world):
            report = world.run("rollback", database="downgrade", confirm="production")
        world.revive()
        begun = list(world.databases.begun)
        if number % 2:
            world.clock.time += 10
        world.recover()
        where = world.faults.calls[-1:]
        assert (live(world), applied(world)) in {(first, "0001"), (second, "0002")}, where
        assert world.databases.begun == begun, "a recovery has begun a migration"
        check_settled(world)
        outcomes.add(live(world) == first)
        if report is not None:
            break
    assert outcomes == {True, False} and number > 40


@pytest.mark.parametrize("is_down", [False, True], ids=["asked at once", "asked later"])
def test_killed_in_a_migration_its_verdict_is_known_all_the_same(world: World, is_down: bool) -> None:
    """The catalog of before outlives whoever has read it, until somebody can compare."""
    first, _ = shipped(world, contract=False)
    world.databases.newest, world.databases.contracts = "0003", {"0003"}
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.clock.time += 2

    def strike() -> None:
        if ("production", "0003") in world.databases.begun and not world.faults.at:
            world.faults.kill_at(1)

    world.faults.on("clock wait", strike)
    world.faults.on("docker start run of api", lambda: world.faults.notice("clock wait"))
    assert world.run("promote", skip_gates=("migration_safe",)) is None
    assert world.store.known_schemas["production"]["api"].shape is not None
    world.clock.time += 10
    world.revive()
    world.databases.is_down = is_down
    world.recover()
    assert applied(world) == "0003" and live(world) != first
    if is_down:
        world.databases.is_down = False
        world.clock.time += 2
        world.good("promote", skip_gates=("migration_safe",))
    known = world.store.known_schemas["production"]["api"]
    assert known.shape is None and [step.verdict for step in known.steps] == ["expand", "expand", "contract"]
    assert "column public.posts.c0001 is gone" in refused(world.run("rollback", release=first))
    check_settled(world)
