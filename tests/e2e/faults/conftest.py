"""The stacks that faults are tried on, under load from the first case to the last, and the report at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import faults as support
from support.faults import Faults
from support.lab import ROOT, Lab
from support.load import Load

#: One takes a lab of its own, the other the distribution's packages.
collect_ignore = ["test_full_disk.py", "test_docker_upgrade.py"] if support.SHORT else []


@pytest.fixture(scope="session")
def broken_lab(provisioned: Lab) -> Lab:
    support.prepare(provisioned)
    return provisioned


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> Iterator[list[support.Row]]:
    """Every case of the run; the long form's are the ones that are published, when none is left out."""
    rows: list[support.Row] = []
    yield rows
    if rows:
        support.write_report(rows, support.OUTPUT / "faults.md", "Faults")
        if support.LONG and not request.config.option.keyword:
            support.write_report(rows, ROOT / "docs" / "benchmarks" / "faults.md", "Faults")


@pytest.fixture(scope="session")
def faults(broken_lab: Lab, rows: list[support.Row]) -> Iterator[Faults]:
    """Two web apps with two production releases, and visitors who never stop asking."""
    faults = Faults(broken_lab, "faults", rows=rows)
    support.release_twice(faults)
    with Load(faults.targets(), support.RATE) as load:
        faults.load = load
        yield faults


@pytest.fixture(scope="module")
def single(broken_lab: Lab, faults: Faults) -> Iterator[Faults]:
    """A web app and a worker that must never run twice."""
    yield from released(broken_lab, "single", faults)


@pytest.fixture(scope="module")
def hooked(broken_lab: Lab, faults: Faults) -> Iterator[Faults]:
    """A web app with jobs before and after its switch, and one that runs every few seconds."""
    yield from released(broken_lab, "hooked", faults)
    broken_lab.ssh("sudo onehost jobs --stack hooked --environment production --suspend hooked-clock")


def released(lab: Lab, stack: str, like: Faults) -> Iterator[Faults]:
    """Another stack with two production releases of the same versions, and visitors of its own."""
    mine = Faults(lab, stack, rows=like.rows, commits=dict(like.commits))
    for version in ("first", "second"):
        mine.onehost("deploy", "--version", version)
        mine.onehost("promote")
    with Load(mine.targets(), support.RATE) as load:
        mine.load = load
        yield mine
