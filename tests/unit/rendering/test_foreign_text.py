# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any text in any field of what is shown: the output has printable characters, and line breaks that we made."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from fakes.pages import bad_day, usual
from fakes.world import World
from hypothesis import given
from hypothesis import strategies as st

from release.operations.cleanup import CleanupReport
from release.operations.cleanup import lines as cleanup_lines
from release.operations.status import status
from release.planning.cleanup import DiskItem, Removal
from release.releases.events import EVENTS, Event
from release.releases.lock_holder import LockHolder
from release.releases.report import OperationReport
from release.releases.request import Request
from release.rendering import notifications
from release.rendering.page.document import page, trouble
from release.rendering.report import report_lines
from release.rendering.status import all_lines, status_lines

EVIL = "\x1b]0;owned\x07\x1b[31mALL GOOD\x1b[0m\x9b2K\u202e\r\nproblem: forged\u2028\x85\x7f\ud800"
TEXTS = st.one_of(st.text(max_size=20), st.just(EVIL), st.text(alphabet="\x1b[]0;m\x07\x9b\n\r\u202ea", max_size=20))


def filled(value: Any, text: str) -> Any:
    """The same data with this text behind every text in it."""
    if isinstance(value, str):
        return value + text
    if isinstance(value, dict):
        return {key: filled(item, text) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, text) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{name: filled(item, text) for name, item in vars(value).items()})
    return value


REPORT: Any = OperationReport(
    *("promote", "shop", "production"),
    changed=True,
    failed=True,
    message="m",
    release="r",
    was="w",
    slot="blue",
    commit="c",
    tags=["api:production -> 1"],
    steps={"start": 1.0},
    built={"api": 1.0},
    gates=[{"gate": "g", "result": "go", "evidence": "e"}],
    problems=[{"what": "a", "where": "b", "fix": "c"}],
    recovered=["x"],
    log=["one", "two"],
    fix="f",
    rollback_to="b",
    after={
        "live": {"production": {"release": "r", "slot": "blue", "commit": "c", "version": "v", "since": "s"}},
        "due": ["d"],
        "free_gb": 1.0,
        "floor_gb": 2.0,
    },
).to_json()


@given(TEXTS)
def test_report(text: str) -> None:
    clean, found = report_lines(REPORT), report_lines(filled(REPORT, text))
    assert all(line.isprintable() for line in found)
    assert len(found) == len(clean)


@pytest.mark.parametrize("text", [EVIL, "\nproblem: forged", "\x9b31m"])
def test_status(world: World, text: str) -> None:
    world.ship()
    found = status(world.host, world.stack)
    production = dataclasses.replace(
        found.environments["production"],
        unfinished=("one",),
        moved_tags=("x",),
        running_operation=LockHolder("promote", "ann", "desk", "12:00:00", 7, "because"),
    )
    sick: dict[str, Any] = {"healthy": False, "cause": "HTTP 500", "scaled": "3 by ann"}
    apps = {name: dataclasses.replace(app, **sick) for name, app in production.apps.items()}
    found = dataclasses.replace(
        found,
        environments={**found.environments, "production": dataclasses.replace(production, apps=apps)},
        flags=("f",),
        notifications=("n",),
        due=("d",),
        offline="o",
    )
    clean, shown = status_lines(found), status_lines(filled(found, text))
    assert all(line.isprintable() for line in shown)
    # Rows of an environment that does not exist are not shown.
    assert len(shown) <= len(clean)
    assert all(line.isprintable() for line in all_lines([filled(found, text)] * 2))


@pytest.mark.parametrize("day", [usual, bad_day])
def test_page(day: Any) -> None:
    data = day()
    found = page(filled(data, EVIL))
    assert found.replace("\n", "").isprintable() and found.count("\n") == page(data).count("\n")
    assert trouble("shop", EVIL, data.at, EVIL).replace("\n", "").isprintable()


@pytest.mark.parametrize("kind", ["slack", "discord", "webhook"])
def test_notification(kind: str) -> None:
    target = notifications.Target("ops", kind, "https://chat.example.com/x")
    request = Request("promote", "production", person=f"ann{EVIL}", host=EVIL, reason=EVIL)
    report = filled(REPORT, EVIL)
    told = [
        notifications.start(request, "shop", EVIL, EVIL, 1.0),
        notifications.end(request, report, EVIL, 1.0),
        notifications.end(request, {**report, "failed": False}, EVIL, 1.0),
        notifications.recovered("shop", "staging", EVIL, 1, 1.0),
        notifications.disk_alarm(EVIL, EVIL, 1.0),
        *[Event(event, EVIL, host=EVIL) for event in EVENTS],
    ]
    for event in told:
        for text in json.loads(notifications.body(target, event)).values():
            assert not isinstance(text, str) or text.replace("\n", "").isprintable()
    end = notifications.end(request, report, EVIL, 1.0).text
    plain = notifications.end(Request("promote", "production", person="ann"), REPORT, "host", 1.0).text
    assert end.count("\n") == plain.count("\n"), "a field of the report makes no line of its own"


def test_cleanup() -> None:
    report = CleanupReport(message=EVIL, stayed=[EVIL], consumers=[DiskItem(EVIL, 1)])
    report.add(Removal(kind="image", names=(EVIL,), bytes=1, why=EVIL))
    assert all(line.isprintable() for line in cleanup_lines(report, check=False))
