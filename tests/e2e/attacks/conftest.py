"""The stacks that are attacked, what every attack leaves, and the table of them at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import attacks
from support.attacks import Attacked
from support.faults import LONG
from support.lab import ROOT, Lab

OUTPUT = ROOT / "tests" / "output" / "attacks.md"
PUBLISHED = ROOT / "docs" / "benchmarks" / "attacks.md"
#: Everything, as `make attack` does; otherwise what takes longer is left out.
ALL = LONG or bool(os.environ.get("ONEHOST_ATTACKS"))
collect_ignore = [] if ALL else ["test_races.py"]

ROWS: dict[str, tuple[str, str, str, str, float]] = {}


@pytest.fixture(scope="session")
def attacked(released_or_provisioned: Lab) -> Attacked:
    """Both stacks, released twice."""
    return attacks.prepare(released_or_provisioned)


@pytest.fixture(scope="session")
def released_or_provisioned(provisioned: Lab) -> Lab:
    return provisioned


@pytest.fixture
def shop(attacked: Attacked) -> Iterator[Attacked]:
    """The lab as every attack finds it, also after one that succeeded."""
    attacked.repair()
    yield attacked


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A line of the table for each attack that was tried."""
    outcome = yield
    report = outcome.get_result()
    mark = item.get_closest_marker("attack")
    if mark is None or (report.when != "call" and report.passed):
        return
    number, what, holds = mark.args
    case = getattr(item, "callspec", None)
    what = what.format(**case.params) if case else what
    ROWS[item.nodeid] = (number, what, holds, "held" if report.passed else "FAILED", call.duration)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not ROWS:
        return
    write(OUTPUT)
    if os.environ.get("ONEHOST_ATTACKS") and not session.config.option.keyword:
        write(PUBLISHED)


def write(path: Path) -> None:
    """The table of all attacks, as Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = sorted(ROWS.values(), key=lambda row: (int("".join(filter(str.isdigit, row[0])) or 99), row[0]))
    held = sum(row[3] == "held" for row in rows)
    lines = [
        "# Attacks",
        "",
        f"Written by `make attack` on {time.strftime('%Y-%m-%d', time.gmtime())}.",
        "",
        "Each is tried on a lab with two stacks. `alice` owns one of them and has no sudo but the collection's rule;",
        "`oscar` is in the operators' group; visitors have nothing. The tests are in `tests/e2e/attacks/`.",
        "",
        f"{len(rows)} attacks, {held} held.",
        "",
        "| no. | attack | what must hold | result | seconds |",
        "| --- | --- | --- | --- | ---: |",
        *(f"| {number} | {what} | {holds} | {result} | {spent:.1f} |" for number, what, holds, result, spent in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
