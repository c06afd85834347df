# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations as a step of a release: once, before its apps start, told as what it is, and never by a recovery."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import BREAKING, HEALTHY, SICK
from fakes.faults import counted_journal
from fakes.stacks import (
    MIGRATE,
    changed_stack,
    host_with_addresses,
    shop_definition,
    shop_with_databases,
    shop_with_endpoints,
    shop_with_migrations,
)
from fakes.world import World
from invariants.invariants import check_settled

from release.operations import status
from release.operations.databases import Asked, provide
from release.releases.lock_holder import LockHolder
from release.releases.report import OperationReport
from release.rendering.status import status_lines

pytestmark = pytest.mark.usefixtures("one_by_one")


def made(tmp_path: Path, **changes: Any) -> World:
    found = World(str(tmp_path), shop_with_migrations(**changes))
    host_with_addresses(found)
    return found


@pytest.fixture
def world(tmp_path: Path) -> World:
    return made(tmp_path)


def failed(report: OperationReport | None) -> OperationReport:
    assert report is not None and report.failed, report
    return report


def said(report: OperationReport | None) -> str:
    assert report is not None
    return " ".join(
        [report.message, *(f"{it['what']} {it['fix']}" for it in report.problems), *report.notes, *report.log]
    )


def next_schema(world: World, revision: str) -> None:
    world.databases.newest = revision
    world.commit({"api": HEALTHY})


def test_each_environment_is_migrated_by_its_own_operation_before_its_apps_start(world: World) -> None:
    first = world.good("deploy")
    assert world.databases.applied == {"staging": "0001"}
    assert "api: migrated from nothing to 0001 in 3." in " ".join(first.notes)
    order = list(first.steps)
    assert order.index("record") < order.index("migrate") < order.index("start")
    assert "old_release" not in order  # there was none
    world.clock.time += 2
    world.good("promote")
    assert world.databases.applied == {"staging": "0001", "production": "0001"}
    assert world.databases.done == [("staging", "0001"), ("production", "0001")]
    check_settled(world)


def test_it_runs_in_the_new_image_with_the_values_of_its_app_and_its_limits(tmp_path: Path) -> None:
    world = made(tmp_path, lock_seconds=0.5, statement_seconds=20)
    world.ship()
    seen: list[Any] = []
    files: list[Any] = []
    world.faults.on("docker start run of api", lambda: seen.extend(world.one_off.boxes))
    world.faults.on("docker start run of api", lambda: files.append(dict(world.runs.files)))
    next_schema(world, "0002")
    report = world.good("deploy")
    migrate = next(box for box in seen if box.item["command"] == ["migrate"])
    assert migrate.release == report.release and migrate.image == world.entry(report.release).release.images["api"]
    assert migrate.item["environment"]["PGOPTIONS"] == "-c lock_timeout=500 -c statement_timeout=20000"
    assert migrate.item["restart"] == "no" and "ports" not in migrate.item
    # Each has files of its own: those of the slot are still what its kept containers were created from.
    assert all(path.startswith("/state/runs/") for path in migrate.item["env_file"])
    assert set(migrate.item["env_file"]) <= {path for one in files for path in one}
    assert not world.runs.files, "values are left where nobody needs them"


def test_what_the_app_tells_the_server_already_stays(tmp_path: Path) -> None:
    definition = shop_with_migrations()
    definition["apps"]["api"]["environment"] = {"PGOPTIONS": "-c search_path=a$b"}
    world = World(str(tmp_path), definition)
    host_with_addresses(world)
    world.good("deploy")
    assert set(world.databases.options) == {"-c search_path=a$$b -c lock_timeout=3000 -c statement_timeout=60000"}


def test_it_connects_as_who_may_change_the_schema(tmp_path: Path) -> None:
    definition = shop_with_databases()
    definition["apps"]["api"]["migrate"] = dict(MIGRATE)
    world = World(str(tmp_path), definition)
    host_with_addresses(world)
    provide(dataclasses.replace(world.host, memory_bytes=4 * 2**30), Asked([world.stack]), LockHolder.from_json({}))
    texts: list[str] = []
    world.faults.on(
        "docker start run of api",
        lambda: texts.extend(file[""] for path, file in world.runs.files.items() if path.endswith("/env.app-api")),
    )
    world.good("deploy")
    assert len(texts) >= 4 and all("://owner:" in text for text in texts), "each question, and the migration"
    apps = [files["app-api"].decode() for files in world.store.slot_env.values()]
    assert apps and not any("owner" in text for text in apps)


def test_with_nothing_to_migrate_nothing_is_begun(world: World) -> None:
    world.ship()
    began, runs = len(world.databases.begun), len(world.one_off.started)
    world.commit({"api": HEALTHY})
    report = world.good("deploy")
    assert len(world.databases.begun) == began and "old_release" not in report.steps
    assert len(world.one_off.started) == runs + 2, "two questions"
    assert world.entry(report.release).schema == {"api": "0001"}


def test_a_stack_without_migrations_pays_nothing(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_definition())
    staging, production = world.ship()
    world.ship()
    report = world.good("rollback")
    assert not world.one_off.asked and not world.one_off.started and not world.store.known_schemas
    assert "migrate" not in report.steps and not report.gates
    assert not world.entry(staging).schema and not world.entry(production).schema


def test_an_image_may_say_only_whether_something_is_to_be_done(tmp_path: Path) -> None:
    world = made(tmp_path, target=None, check=["check"])
    world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    assert world.databases.done == [("staging", "0001"), ("production", "0001"), ("staging", "0002")]
    check_settled(world)


def test_the_live_release_is_asked_on_the_new_schema(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    report = world.good("deploy")
    order = list(report.steps)
    assert order.index("migrate") < order.index("old_release") < order.index("start")
    assert "not well" not in said(report)


def test_a_live_release_that_is_not_well_on_it_is_told_and_replaced(world: World) -> None:
    staging, _production = world.ship()
    world.databases.breaking = {"0002"}
    next_schema(world, "0002")
    report = world.good("deploy")
    assert f"{staging} is not well on the new schema: api: " in said(report)
    assert f"Do not roll back to {staging}" in said(report)


def test_what_it_promised_to_the_outside_is_asked_too(tmp_path: Path) -> None:
    definition = shop_with_endpoints()
    definition["apps"]["api"]["migrate"] = dict(MIGRATE)
    world = World(str(tmp_path), definition)
    host_with_addresses(world)
    staging, _production = world.ship()
    world.databases.breaking, world.databases.breaks_as = {"0002"}, BREAKING
    next_schema(world, "0002")
    text = said(world.good("deploy"))
    assert f"{staging} is not well on the new schema: api" in text and "/health" in text


FAILS = [
    "sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateColumn) column already exists at db://1",
    "DETAIL: Failing row contains (kim@alumni.example).",
    "[SQL: ALTER TABLE posts ADD COLUMN mood text]",
]


def test_one_that_fails_puts_the_release_back_and_says_which_and_where_it_stands(world: World) -> None:
    _staging, production = world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.databases.fails = {"0002": ("0001", FAILS)}
    world.clock.time += 2
    report = failed(world.run("promote"))
    assert "the migration of api failed; everything was undone" in report.message
    text = said(report)
    assert "migration 0002, statement ALTER TABLE posts ADD COLUMN mood text" in text
    assert "DuplicateColumn" in text and "applied now: 0001, as before" in text
    assert "db://1" not in text and "kim@" not in text, "a secret, or data, was shown"
    live = world.router.live("shop", "production")
    assert live is not None and live.release == production
    assert [entry.status for entry in world.entries("production")] == ["live", "failed"]
    check_settled(world)
    shown = " ".join(status_lines(status.status(world.host, world.stack)))
    assert "production api: 0001; the migration of" in shown and "failed" in shown


def test_what_it_leaves_applied_without_a_transaction_is_told_and_gone_on_from(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.databases.fails = {"0002": ("0001-half", FAILS)}
    report = failed(world.run("deploy"))
    assert "applied now: 0001-half; before: 0001" in said(report)
    world.databases.fails = {}
    report = world.good("deploy")
    assert "0001-half; the migration of" in said(report) and "goes on from there" in said(report)
    assert world.databases.applied["staging"] == "0002"
    assert not status.status(world.host, world.stack).environments["staging"].schema_troubles


def test_one_that_waits_for_a_lock_in_vain_is_begun_again_after_a_pause(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.databases.locked = 2
    begun = world.clock.time
    report = world.good("deploy")
    assert said(report).count("waited 3 s for a lock in vain") == 2 and world.clock.time - begun > 2 * 5
    assert world.databases.applied["staging"] == "0002"


def test_a_tool_that_notes_a_failure_is_told_before_it_begins_again(tmp_path: Path) -> None:
    """As Prisma does, also where it only waited for a lock."""
    world = made(tmp_path, before_retry=["again"])
    world.databases.notes_failures = True
    world.ship()
    assert world.databases.readied == 0
    next_schema(world, "0002")
    world.databases.locked = 2
    assert said(world.good("deploy")).count("waited 3 s for a lock in vain") == 2
    assert world.databases.readied == 2 and world.databases.applied["staging"] == "0002"


def test_what_an_earlier_release_saw_fail_is_taken_up_again_too(tmp_path: Path) -> None:
    world = made(tmp_path, before_retry=["again"])
    world.databases.notes_failures = True
    world.ship()
    next_schema(world, "0002")
    world.databases.fails["0002"] = ("0001", ["ERROR: division by zero"])
    failed(world.run("deploy"))
    assert world.databases.readied == 0, "nothing was begun again"
    world.databases.fails = {}
    world.good("deploy")
    assert world.databases.readied == 1 and world.databases.applied["staging"] == "0002"


def test_without_that_such_a_tool_begins_nothing_and_what_it_says_is_told(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.databases.notes_failures = True
    world.ship()
    next_schema(world, "0002")
    world.databases.locked = 1
    assert "P3009" in said(failed(world.run("deploy")))


def test_one_that_cannot_be_made_ready_is_not_begun(tmp_path: Path) -> None:
    world = made(tmp_path, before_retry=["again"])
    world.ship()
    next_schema(world, "0002")
    world.databases.locked, world.databases.stays_unready = 1, True
    begun = len(world.databases.begun)
    assert "was not begun again, since `again` did not succeed" in said(failed(world.run("deploy")))
    assert len(world.databases.begun) == begun + 1
    check_settled(world)


def test_it_does_not_wait_for_ever(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.databases.locked = 100
    report = failed(world.run("deploy"))
    assert "waited 3 times for a lock in vain" in said(report) and "pg_stat_activity" in said(report)
    assert world.databases.applied["staging"] == "0001"
    check_settled(world)


def test_all_attempts_together_have_one_deadline(tmp_path: Path) -> None:
    world = made(tmp_path, timeout_seconds=13, retries=50)
    world.ship()
    next_schema(world, "0002")
    world.databases.locked = 100
    begun = len(world.databases.begun)
    assert "waited 2 times for a lock in vain" in said(failed(world.run("deploy")))
    assert len(world.databases.begun) == begun + 2


def test_one_that_takes_too_long_is_stopped(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.databases.lasts = 1000.0
    report = failed(world.run("deploy"))
    assert "took too long" in said(report) and "had not ended after 60 s" in said(report)
    assert world.databases.applied["staging"] == "0001" and not world.one_off.boxes
    check_settled(world)


def test_a_database_that_does_not_answer_is_no_reason_to_begin(world: World) -> None:
    world.ship()
    began = len(world.databases.begun)
    next_schema(world, "0002")
    world.databases.is_down = True
    report = failed(world.run("deploy"))
    assert "what is applied cannot be asked" in said(report) and "Connection refused" in said(report)
    assert "db://1" not in said(report)
    assert len(world.databases.begun) == began
    check_settled(world)


def test_success_that_is_none_is_not_believed(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.clock.time += 2
    # By hand, or by a restored backup: ahead of what the image brings, and its command does nothing.
    world.databases.applied["production"] = "0009"
    world.databases.bears_newer = True
    report = failed(world.run("promote"))
    assert "not where it was to" in said(report) and "applied now: 0009; the image brings 0002" in said(report)


def test_a_database_ahead_of_its_image_is_no_reason_to_begin(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.clock.time += 2
    world.databases.applied["production"] = "0009"
    began = len(world.databases.begun)
    report = failed(world.run("promote"))
    assert "Can't locate revision identified by '0009'" in said(report) and "never migrates" in said(report)
    assert len(world.databases.begun) == began


def test_after_a_rollback_other_apps_are_released_without_asking_an_image_that_is_behind(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.clock.time += 2
    world.good("promote")
    world.good("rollback")
    world.commit({"front": HEALTHY})
    world.good("deploy")
    world.clock.time += 2
    runs = len(world.one_off.started)
    report = world.good("promote", apps=("front",))
    assert len(world.one_off.started) == runs
    assert world.entry(report.release).schema == {"api": "0002"}, "what it went live with"
    check_settled(world)


def test_other_values_may_be_another_database(world: World) -> None:
    world.ship()
    runs = len(world.one_off.started)
    world.rotate_secret()
    world.databases.applied.clear()
    world.good("deploy")
    assert len(world.one_off.started) > runs and world.databases.applied == {"staging": "0001"}


def test_a_rollback_of_some_apps_takes_over_what_is_applied(world: World) -> None:
    world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.clock.time += 2
    world.good("promote")
    runs = len(world.one_off.started)
    report = world.good("rollback", apps=("api",))
    assert len(world.one_off.started) == runs and world.entry(report.release).schema == {"api": "0002"}
    check_settled(world)


def test_a_release_that_fails_later_leaves_the_schema_and_says_so(world: World) -> None:
    world.ship()
    world.databases.newest = "0002"
    world.commit({"api": SICK})
    report = failed(world.run("deploy"))
    assert "api: its database keeps 0002" in said(report)
    assert world.databases.applied["staging"] == "0002"
    check_settled(world)


def test_two_apps_of_one_database_go_in_order_each_as_a_step_of_its_own(tmp_path: Path) -> None:
    definition = shop_with_migrations(after=["mail"])
    definition["apps"]["mail"]["migrate"] = dict(MIGRATE)
    world = World(str(tmp_path), definition)
    host_with_addresses(world)
    world.good("deploy")
    apps = [app for app, _environment, _release in world.one_off.started]
    assert apps == ["mail"] * 4 + ["api"] * 2, "the first migrated, the second found nothing to do"


def test_a_rollback_never_migrates_and_says_what_is_applied(world: World) -> None:
    _, first = world.ship()
    next_schema(world, "0002")
    world.good("deploy")
    world.clock.time += 2
    world.good("promote")
    runs = len(world.one_off.started)
    for check in (True, False):
        report = world.run("rollback", check=check)
        assert report is not None and not report.failed
        [gate] = report.gates
        assert (gate["gate"], gate["result"]) == ("schema", "warning")
        assert gate["evidence"].startswith(f"api: 0002 is applied, and {first} went live with 0001")
    assert len(world.one_off.started) == runs
    # And back again: that release went live with what is applied.
    report = world.good("rollback", release=world.entries("production")[-1].release.id)
    assert report.gates == [{"gate": "schema", "result": "go", "evidence": "api: same schema, 0002"}]
    assert world.databases.applied["production"] == "0002"
    check_settled(world)


def test_a_release_of_before_is_known_not_to_say(world: World) -> None:
    world.stack, wanted = changed_stack(world, api={"migrate": None}), world.stack
    world.ship()
    world.stack = wanted
    next_schema(world, "0001")
    world.good("deploy")
    world.clock.time += 2
    world.good("promote")
    report = world.good("rollback")
    assert "is not known" in report.gates[0]["evidence"] and report.gates[0]["result"] == "warning"


def test_without_addresses_it_says_what_to_do(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_migrations())
    report = failed(world.run("deploy"))
    assert "has no addresses" in said(report) and "provision" in said(report)


def test_check_mode_asks_nothing_and_says_what_it_would_do(world: World) -> None:
    world.ship()
    runs = len(world.one_off.started)
    next_schema(world, "0002")
    report = world.run("deploy", check=True)
    assert report is not None and len(world.one_off.started) == runs
    assert any("api: would ask its database" in line and line.endswith("0001") for line in report.preview)


def test_the_status_says_what_is_applied(world: World) -> None:
    world.ship()
    found = status.status(world.host, world.stack)
    assert found.environments["production"].schemas == {"api": "0001"}
    assert "schema of production: api 0001" in status_lines(found)


def killed_in_a_migration(world: World, moment: float = 1.0) -> None:
    """The engine is killed while the container goes."""
    world.ship()
    next_schema(world, "0002")

    def strike() -> None:
        if ("staging", "0002") in world.databases.begun and not world.faults.at:
            world.faults.kill_at(1)

    world.faults.on("clock wait", strike)
    world.faults.on("docker start run of api", lambda: world.faults.notice("clock wait"))
    assert world.run("deploy") is None
    world.clock.time += moment
    world.revive()


@pytest.mark.parametrize(("moment", "applied"), [(1.0, "0001"), (10.0, "0002")])
def test_killed_while_it_goes_it_is_stopped_and_asked_and_not_begun_again(
    world: World, moment: float, applied: str
) -> None:
    killed_in_a_migration(world, moment)
    begun = list(world.databases.begun)
    [told] = world.recover()
    assert world.databases.begun == begun, "a recovery has begun a migration"
    assert f"api: its migration was interrupted; applied is {applied}, it was 0001 before" in told
    assert world.databases.applied["staging"] == applied
    check_settled(world)
    report = world.good("deploy")
    assert f"was interrupted; the database says {applied} now, and goes on from there" in said(report)
    assert world.databases.applied["staging"] == "0002"
    check_settled(world)


def test_where_nobody_answers_after_a_kill_that_is_told_and_the_rest_put_back(world: World) -> None:
    killed_in_a_migration(world)
    world.databases.is_down = True
    [told] = world.recover()
    assert "applied is not known, it was 0001 before" in told
    check_settled(world)
    assert "staging api: not known; the migration of" in " ".join(status_lines(status.status(world.host, world.stack)))


def test_killed_at_any_change_no_recovery_begins_a_migration(world: World) -> None:
    world.ship()
    number = 1
    while True:
        number += 4
        next_schema(world, f"{number + 1:04}")
        world.faults.kill_at(number)
        with counted_journal(world):
            report = world.run("deploy")
        begun, calls = list(world.databases.begun), list(world.faults.calls)
        world.revive()
        world.recover()
        assert world.databases.begun == begun, f"at {calls[-1]} of {number}"
        kept = world.store.known_schemas["staging"]["api"]
        assert kept.state != "begun" and kept.revision == world.databases.applied["staging"], calls[-1]
        check_settled(world)
        world.clock.time += 5
        if report is not None:
            break
    assert number > 40
