# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How apps are reached while one release replaces another."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.releases.reach import (
    BothSlots,
    Reach,
    Side,
    beside,
    going_back,
    going_forward,
    gone_back,
    map_entries,
    reach_of,
    replacement,
    usurped,
)
from release.stack.model import Slot
from release.stack.reader import read_stack


def side(slot: Slot, **apps: dict[str, Any] | None) -> Side:
    """A release of the shop with other settings for some apps; None takes one out."""
    definition = shop_definition()
    for name, settings in apps.items():
        if settings is None:
            del definition["apps"][name]
        else:
            definition["apps"][name] = {**definition["apps"].get(name, definition["apps"].get("front", {})), **settings}
    for app in definition["apps"].values():
        app["after"] = []
    stack = read_stack("shop", definition)
    return Side(stack, tuple(stack.apps), reach_of(stack, stack.apps, "production", slot))


def renamed(slot: Slot, **settings: Any) -> Side:
    front = shop_definition()["apps"]["front"]
    return side(slot, front=None, window={**front, **settings})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "21000",
        "21000/",
        "x/start_first",
        "1/never",
        "/stop_first",
        "-1/stop_first",
        "1/start_first/x",
        "1/start_first/2/3",
    ],
)
def test_what_is_no_entry(text: str) -> None:
    assert Reach.parse(text) is None


def test_entries_come_back_as_they_were_written() -> None:
    apps = {"api": Reach(21002), "front": Reach(21012, held=True)}
    assert map_entries({"blue": apps}) == {"api/blue": "21002/start_first", "front/blue": "21012/stop_first"}
    assert [Reach.parse(text) for text in map_entries({"blue": apps}).values()] == list(apps.values())
    assert Reach.parse(str(Reach(21002, replicas=3))) == Reach(21002, replicas=3)
    # While requests wait, they do so for the first one.
    assert str(Reach(21002, True, 3)) == "21002/stop_first"


def test_a_worker_is_not_reached() -> None:
    assert side("green").reach == {"api": Reach(21003), "front": Reach(21013)}


def test_apps_that_can_run_twice_are_replaced_side_by_side() -> None:
    new, old = side("green"), side("blue")
    how = replacement(new, old)
    assert not how.start_late and not how.stop_early
    assert going_forward(new, old, how) == beside(new, old) == BothSlots(dict(new.reach), dict(old.reach))


@pytest.mark.parametrize("new_says", [True, False])
def test_either_release_may_say_that_an_app_never_runs_twice(new_says: bool) -> None:
    once = {"front": {"replace": "stop_first"}, "mail": {"replace": "stop_first"}}
    new, old = side("green", **(once if new_says else {})), side("blue", **({} if new_says else once))
    how = replacement(new, old)
    assert how.start_late == how.stop_early == {"front", "mail"}
    both = going_forward(new, old, how)
    waiting = Reach(21012 if new_says else 21013, held=True)
    assert both.new["front"] == both.old["front"] == waiting, "its requests wait for what comes"
    assert both.old["api"] == Reach(21002) and both.new["api"] == Reach(21003)
    back = going_back(new, old, how)
    assert back.old == {**old.reach, "front": Reach(21012, held=True)}, "its requests wait until it runs again"
    assert back.new["front"] == waiting
    back = gone_back(new, old, how)
    assert back.old == old.reach and back.new["front"] == waiting


def test_the_first_release_replaces_nothing() -> None:
    how = replacement(side("blue", front={"replace": "stop_first"}), None)
    assert how.start_late == {"front"} and not how.stop_early


def test_a_renamed_app_answers_by_both_names_while_traffic_moves() -> None:
    """nginx asks by the new name before the switch, and its old processes by the old one after it."""
    new, old = renamed("green"), side("blue")
    both = beside(new, old)
    assert both.old == {"api": Reach(21002), "front": Reach(21012), "window": Reach(21012)}
    assert both.new == {"api": Reach(21003), "window": Reach(21013), "front": Reach(21013)}
    moved = beside(renamed("green", routes=[{"path": "/window"}]), old)
    assert "window" not in moved.old and "front" not in moved.new, "another route is another thing"


def test_an_app_waits_for_the_port_that_another_one_has() -> None:
    """Only one container can have a port: the renamed app starts when the old one has stopped."""
    new, old = renamed("green", replace="stop_first"), side("blue", front={"replace": "stop_first"})
    how = replacement(new, old)
    assert how.start_late == {"window"} and how.stop_early == {"front"}
    both = going_forward(new, old, how)
    assert both.old["front"] == both.old["window"] == both.new["front"] == Reach(21012, held=True)


def test_an_app_in_the_place_of_another_one() -> None:
    """Whoever waits on a port for one app must not be answered by another, so such a release is refused."""
    once = {"replace": "stop_first"}
    swapped = side("green", api={"loopback_port": 21010, **once}, front={"loopback_port": 21000, **once})
    assert usurped(swapped, side("blue")) == {"api": "front", "front": "api"}
    assert usurped(renamed("green", **once), side("blue")) == {}, "it takes the place of the same thing"
    assert usurped(renamed("green", routes=[{"path": "/other"}], **once), side("blue")) == {"window": "front"}
    assert usurped(side("green"), side("blue")) == {}
