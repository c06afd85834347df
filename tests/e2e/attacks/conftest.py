"""The stacks that are attacked, what every attack leaves, and the table of them at the end."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import attack_table, attacks
from support.attack_table import Row
from support.attacks import Attacked
from support.faults import LONG
from support.lab import ROOT, Lab

OUTPUT = ROOT / "tests" / "output" / "attacks.md"
PUBLISHED = ROOT / "docs" / "benchmarks" / "attacks.md"
#: Everything, as `make attack` does; otherwise what takes longer is left out.
ALL = LONG or bool(os.environ.get("ONEHOST_ATTACKS"))
collect_ignore = [] if ALL else ["test_provisioning.py", "test_races.py"]

ROWS: dict[str, Row] = {}
#: Tests that failed since the lab was last looked at, and modules that have begun.
DOUBTFUL: set[str] = set()
SEEN: set[object] = set()


@pytest.fixture(scope="session")
def attacked(provisioned: Lab) -> Attacked:
    """Both stacks, released twice."""
    return attacks.prepare(provisioned)


@pytest.fixture
def shop(attacked: Attacked, request: pytest.FixtureRequest) -> Iterator[Attacked]:
    """The lab as every attack finds it, also after one that succeeded."""
    if DOUBTFUL or request.module not in SEEN:
        attacked.repair()
    SEEN.add(request.module)
    DOUBTFUL.clear()
    yield attacked


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A line of the table for each attack that was tried."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        DOUBTFUL.add(item.nodeid)
    mark = item.get_closest_marker("attack")
    if mark is None or (report.when != "call" and report.passed):
        return
    number, what, holds = mark.args
    case = getattr(item, "callspec", None)
    what = what.format(**case.params) if case else what
    ROWS[item.nodeid] = Row(number, what, holds, report.passed, call.duration)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not ROWS:
        return
    attack_table.write(ROWS.values(), OUTPUT)
    every = len(list(Path(__file__).parent.glob("test_*.py")))
    if ALL and not session.config.option.keyword and len({name.partition("::")[0] for name in ROWS}) == every:
        attack_table.write(ROWS.values(), PUBLISHED)
