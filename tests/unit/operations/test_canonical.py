# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that are there for a while, on a faked host: told before their end, and no-go after it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_definition
from fakes.world import World

from release.operations import status, verify
from release.operations.observe import observe
from release.planning import canonical
from release.rendering.status import status_lines
from release.stack.reader import read_stack

OLD = "old.shop.example"


def until(world: World, seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(world.clock.now() + seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%MZ")


def declare(world: World, seconds: float, **environment: Any) -> None:
    """The shop has an earlier name, and an earlier path, for so long."""
    data, end = shop_definition(), until(world, seconds)
    data["environments"]["production"] |= {
        "hosts": ["shop.example"],
        "canonical": {"web": "http://shop.example"},
        "redirects": {OLD: {"to": "web", "until": end}},
        **environment,
    }
    data["apps"]["front"]["routes"].append({"path": "/old", "until": end})
    world.stack = read_stack("shop", data)


def gate_of(report: Any) -> dict[str, str]:
    return {gate["gate"]: gate["result"] for gate in report.gates}


def test_a_stack_without_ends_has_no_such_gate(world: World) -> None:
    world.ship()
    report = world.run("promote")
    assert report and canonical.GATE not in gate_of(report) and not status.status(world.host, world.stack).addresses


def test_what_ends_soon_is_told_and_stops_nothing(world: World) -> None:
    declare(world, 40 * 86400)
    assert not world.good("deploy").notes
    declare(world, 3 * 86400)
    world.commit({"api": HEALTHY})
    notes = world.good("deploy").notes
    assert [note.partition(" (")[0] for note in notes] == [
        "staging: any host name/old ends in 3 days",
        "production: shop.example/old ends in 3 days",
        f"production: {OLD} ends in 3 days",
    ]
    report = world.good("promote")
    assert gate_of(report)[canonical.GATE] == "go"
    assert any(f"{OLD} ends in 3 days" in note for note in report.notes)
    found = status.status(world.host, world.stack)
    assert f"address of production: {OLD} ends in 3 days" in "\n".join(status_lines(found))
    (production,) = verify.verify(world.host, world.stack, "production")
    assert any(f"{OLD} ends in 3 days" in note for note in production.notes)


def test_a_day_that_passes_is_a_warning_and_then_a_no_go(world: World) -> None:
    declare(world, 3600)
    world.ship()
    world.clock.wait(7200)
    found = status.status(world.host, world.stack)
    assert any(f"{OLD} has ended" in text and "remove it from environments" in text for text in found.addresses)
    world.commit({"api": HEALTHY})
    report = world.good("deploy")
    assert any("apps.front.routes[1]" in note and "has ended" in note for note in report.notes)
    report = world.run("promote")
    assert report and report.failed and gate_of(report)[canonical.GATE] == "NO-GO"
    (problem,) = report.problems
    assert problem["where"] == f"gate {canonical.GATE}" and "shop.example/old has ended" in problem["what"]
    assert f"environments.production.redirects.{OLD}" in problem["fix"]
    assert world.good("promote", skip_gates=(canonical.GATE,)).changed
    world.good("rollback")


def test_what_has_ended_is_not_confirmed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge answers 410 there, and that is no fault of the release."""
    declare(world, 7200)
    asked: list[str] = []
    edge = world.probe.edge
    monkeypatch.setattr(world.probe, "edge", lambda target: (asked.append(target.path), edge(target))[1])
    world.good("deploy")
    assert "/old" in asked
    world.clock.wait(7200)
    asked.clear()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert "/old" not in asked and "/front/ready" in asked


def test_every_end_is_known_by_its_address(world: World) -> None:
    declare(world, 3600)
    found = list(canonical.endings(world.stack, world.stack.environments["production"]))
    assert [(one.address, one.where) for one in found] == [
        ("shop.example/old", "apps.front.routes[1]"),
        (OLD, f"environments.production.redirects.{OLD}"),
    ]
    assert observe(world.host, world.stack).now == world.clock.now()
