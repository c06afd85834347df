"""One lab for the whole run: starting it and making its first release takes longest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.lab import Lab, started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at a host as it comes goes first: there is no way back to that."""
    items.sort(key=lambda item: "provisioned" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab of this run's own; on it nothing was provisioned yet."""
    with started() as lab:
        yield lab


@pytest.fixture(scope="session")
def provisioned(lab: Lab) -> Lab:
    """The lab with the stack workhub set up; nothing is released by that."""
    lab.playbook("provision").ok()
    return lab


@pytest.fixture(scope="session")
def released(provisioned: Lab) -> Lab:
    """WorkHub's first commit runs in staging and in production, unless a release does already."""
    if not provisioned.get("production").release:
        provisioned.playbook("deploy_staging", version=provisioned.commit()).ok()
        provisioned.playbook("promote").ok()
    return provisioned
