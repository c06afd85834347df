# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance: begun, changed, ended, over, interrupted, and told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.faults import counted_journal
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import OperationError, RefusedError
from release.operations import maintenance, maintenance_state, recover
from release.operations.status import status
from release.planning.maintenance import Wish
from release.process import journal
from release.releases.events import Event
from release.releases.lock_holder import LockHolder
from release.rendering.status import status_lines

WHO = LockHolder.from_json({"person": "ann", "host": "desk", "reason": "it moves"})


class Told:
    """Who is notified, and whether the page is renewed."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event, wait: bool = False) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return []

    def test(self, event: Event) -> list[tuple[str, str]]:
        return []


def on(world: World, **wish: Any) -> maintenance.MaintenanceReport:
    report = world.maintain("on", **wish)
    assert isinstance(report, maintenance.MaintenanceReport), report
    return report


def off(world: World, **wish: Any) -> maintenance.MaintenanceReport:
    report = world.maintain("off", **wish)
    assert isinstance(report, maintenance.MaintenanceReport), report
    return report


def refused(world: World, wish: Wish) -> str:
    with pytest.raises(RefusedError) as error:
        maintenance.request(world.host, world.stack, wish, WHO)
    return str(error.value)


def settle(world: World) -> list[str]:
    return maintenance.settle(world.host, world.stack, "production", WHO)


def is_closed(world: World, app: str = "api", path: str = "/") -> bool:
    return world.maintenance.is_closed("production", app, path)


def test_it_begins_and_is_recorded(world: World) -> None:
    report = on(world, until="30m")
    assert report.changed
    assert report.lines == [
        "production is in maintenance until 2027-01-15 08:30:00 UTC (everything), by ann: it moves",
    ]
    assert is_closed(world) and not world.maintenance.is_closed("staging", "api", "/")
    assert world.maintenance.records["production"][0].person == "ann"
    assert world.maintenance.armed["production"] == world.clock.time + 1800
    header, end = journal.glances("shop", "production", world.paths.state)[0]
    assert (header["operation"], header["person"], header["reason"]) == ("maintenance", "ann", "it moves")
    assert end["outcome"] == "succeeded"


def test_the_same_again_changes_nothing(world: World) -> None:
    on(world, until="2027-01-15T09:00Z")
    report = on(world, until="2027-01-15T09:00Z")
    assert not report.changed
    assert len(journal.names("shop", world.paths.state)) == 1


def test_another_end_replaces_the_first(world: World) -> None:
    on(world, until="30m")
    assert on(world, until="2h").changed
    assert [one.until for one in world.maintenance.records["production"]] == [world.clock.time + 7200]


def test_only_an_app_or_a_path(world: World) -> None:
    on(world, app="front", route="/front/shop/")
    assert is_closed(world, "front", "/front/shop/cart")
    assert not is_closed(world, "front", "/") and not is_closed(world, "api", "/front/shop")
    on(world, app="api")
    assert is_closed(world, "api") and is_closed(world, "front", "/front/shop")
    ended, *left = off(world, app="front", route="/front/shop").lines
    assert ended == "production: the maintenance of front below /front/shop ends"
    assert left == ["production is in maintenance until 2027-01-15 09:00:00 UTC (api), by ann: it moves"]
    assert is_closed(world, "api") and not is_closed(world, "front", "/front/shop")


def test_off_opens_everything(world: World) -> None:
    on(world, app="front", route="/front/shop")
    on(world)
    assert off(world).changed
    assert not is_closed(world) and world.maintenance.files["production"] == ({}, {})
    assert "production" not in world.maintenance.armed
    assert not off(world).changed


def test_who_is_let_through_is_what_the_stack_and_the_command_say(world: World) -> None:
    world.stack = dataclasses.replace(world.stack, maintenance_allow=("10.0.0.0/8",))
    on(world, allow=("192.0.2.7", "10.0.0.0/8"))
    assert world.maintenance.memory["production"][1] == {"10.0.0.0/8": "1", "192.0.2.7/32": "1"}


def test_it_is_over_by_the_clock_alone(world: World) -> None:
    on(world, until="30m")
    world.clock.time += 1800
    assert not is_closed(world)
    assert maintenance_state.lines(world.host, world.stack, "production") == []


def test_what_is_over_is_forgotten_and_told(world: World) -> None:
    told = Told()
    host = dataclasses.replace(world.host, notifier=told)
    on(world, until="30m", app="front")
    on(world, until="2h", app="api")
    assert maintenance.settle(host, world.stack, "production", WHO) == []
    world.clock.time += 1800
    assert maintenance.settle(host, world.stack, "production", WHO) == ["production: the maintenance of front is over"]
    assert [event.event for event in told.events] == ["success"]
    assert [one.app for one in world.maintenance.records["production"]] == ["api"]
    assert world.maintenance.armed["production"] == world.clock.time + 5400


def test_a_reboot_keeps_it_and_sets_its_timer_again(world: World) -> None:
    on(world, until="30m")
    world.reboot()
    assert is_closed(world) and not world.maintenance.armed
    assert settle(world) == []
    assert world.maintenance.armed["production"] == world.clock.time + 1800


def test_one_that_passed_while_the_host_was_off(world: World) -> None:
    on(world, until="30m")
    world.clock.time += 3600
    world.reboot()
    assert not is_closed(world)
    assert settle(world) == ["production: the maintenance of everything is over"]


def test_without_any_nothing_is_asked_and_written(world: World) -> None:
    before = list(world.faults.calls)
    assert settle(world) == []
    assert world.faults.calls == before


@pytest.mark.parametrize("state", ["on", "off"])
def test_killed_anywhere_it_is_as_recorded(world: World, tmp_path: Path, state: str) -> None:
    changes = 1
    while True:
        fresh = World(str(tmp_path / f"{state}{changes}"))
        if state == "off":
            on(fresh)
        with counted_journal(fresh):
            fresh.faults.kill_at(changes)
            killed = fresh.maintain(state) is None
        fresh.revive()
        fresh.recover()
        recorded = bool(fresh.maintenance.records.get("production"))
        assert fresh.maintenance.is_closed("production", "api", "/") is recorded
        assert fresh.maintenance.files == fresh.maintenance.memory
        assert not fresh.unfinished("production")
        if not killed:
            assert recorded is (state == "on") and changes > 3
            return
        changes += 1


def test_a_promote_goes_on_and_tells(world: World) -> None:
    world.ship()
    on(world)
    world.commit({"api": "healthy"})
    world.good("deploy")
    world.clock.time += 2
    report = world.good("promote")
    assert any("production is in maintenance until" in note for note in report.notes)


def test_status_tells(world: World) -> None:
    on(world)
    lines = status_lines(status(world.host, world.stack))
    assert any(line.startswith("production is in maintenance until") for line in lines)


def test_status_tells_when_the_router_does_not_have_it(world: World) -> None:
    on(world)
    world.maintenance.files["production"] = ({}, {})
    (line,) = maintenance_state.lines(world.host, world.stack, "production")
    assert "the router (HAProxy) does not have it. Fix: ansible-playbook onehost.release.recover" in line


def test_a_map_that_is_missing_is_made_from_the_record(world: World) -> None:
    on(world)
    del world.maintenance.files["production"]
    assert maintenance_state.provide_maps(world.host, "shop", world.stack, write=False) == ["production: maintenance"]
    assert "production" not in world.maintenance.files
    maintenance_state.provide_maps(world.host, "shop", world.stack)
    assert "/" in world.maintenance.files["production"][0]


def test_check_mode_changes_nothing(world: World) -> None:
    report = maintenance.request(world.host, world.stack, Wish("on", "production", "30m"), WHO, check=True)
    assert report.changed and report.lines[0].startswith("would be: production is in maintenance until")
    assert not world.maintenance.records and not journal.names("shop", world.paths.state)


def test_with_the_router_down_it_is_recorded_and_told(world: World) -> None:
    world.router.down = True
    assert isinstance(world.maintain("on"), OperationError)
    assert world.unfinished("production"), "recovery takes over"
    assert world.maintenance.records["production"] and "/" in world.maintenance.files["production"][0]


def test_an_end_that_the_router_refused_is_tried_again(world: World) -> None:
    on(world)
    world.faults.fail_at(3)
    assert isinstance(world.maintain("off"), OperationError)
    world.revive()
    assert is_closed(world)
    assert not off(world).changed and not is_closed(world)


def test_a_full_disk_is_told(world: World) -> None:
    world.faults.fail_at(1, disk=True)
    failed = world.maintain("on")
    assert isinstance(failed, OperationError) and "No space left" in failed.cause


def test_a_router_from_before_is_told_of(world: World) -> None:
    world.maintenance.is_old = True
    assert "was set up before" in refused(world, Wish("on", "production", "30m"))


def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    text = refused(world, Wish("maybe", "", "yesterday", "shop", "shop", ("everybody", "0.0.0.0/0")))
    for part in (
        "where: is not given",
        "state: 'maybe'",
        "until: 'yesterday'",
        "app: 'shop'",
        "'everybody'",
        "0.0.0.0",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("on", "qa", "1h"), "'qa' is not an environment"),
        (Wish("", "production", "1h"), "state: is not given"),
        (Wish("on", "production"), "until: is not given"),
        (Wish("off", "production", "1h"), "until: has no effect on an end"),
        (Wish("off", "production", allow=("10.0.0.0/8",)), "allow: has no effect on an end"),
        (Wish("off", "production", app="api"), "api is not in maintenance by itself"),
        (Wish("on", "production", "1h", "mail"), "'mail' is no web app"),
        (Wish("on", "production", "1h", route="/../shop"), "is no path"),
        (Wish("on", "production", "1h", route="//shop"), "is no path"),
        (Wish("on", "production", "1h", app="front", route="/nowhere"), "no app has '/nowhere'"),
    ],
)
def test_refused(world: World, wish: Wish, said: str) -> None:
    assert said in refused(world, wish)
    assert not world.maintenance.records


def test_not_more_than_the_router_can_count(world: World) -> None:
    said = [close(world, f"/p{number}") for number in range(41)]
    assert not said[0] and "no more are possible" in said[40]


def close(world: World, route: str) -> str:
    """What is said against it."""
    try:
        on(world, route=route)
    except RefusedError as error:
        return str(error)
    return ""


def test_recovery_waits_for_one_that_runs_and_leaves_its_end(world: World) -> None:
    on(world)
    name = journal.names("shop", world.paths.state)[0]
    record = journal.read(f"{journal.directory('shop', world.paths.state)}/{name}")
    assert record.is_finished
    assert "has ended meanwhile" in recover.recover(world.host, world.stack, record)


def test_what_is_over_does_not_begin_again_when_the_clock_is_set_back(world: World) -> None:
    world.ship()
    world.maintain("on", app="front", until="3h")
    world.clock.set_by = 5 * 3600.0
    world.maintain("off")
    world.clock.set_by = 0
    assert world.maintenance.records["production"] == []
    check_settled(world)
