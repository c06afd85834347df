"""A new version of Docker's package comes in under running apps, as an upgrade does."""

from __future__ import annotations

import pytest
from support.faults import Faults

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("package", ["docker.io", "containerd"])
def test_package_under_running_apps(faults: Faults, package: str) -> None:
    """live-restore: the engine is another process afterwards, the containers are the same ones, and nobody noticed."""

    def containers() -> str:
        return faults.shell(
            "docker ps --no-trunc --format '{{.ID}}' | sort | xargs docker inspect --format '{{.State.Pid}}'"
        )

    def engine() -> str:
        return faults.shell(f"systemctl show --property=MainPID {package.removesuffix('.io')}")

    with faults.case("package installed anew", package) as case:
        before, process = containers(), engine()
        faults.lab.apt(f"apt-get update -qq && apt-get install --reinstall --yes -qq {package}")
        if engine() == process:
            # Debian's docker.io leaves it running as it is; Docker's own package does not.
            faults.shell(f"systemctl restart {package.removesuffix('.io')}")
        assert engine() != process
        assert containers() == before
        case.found = "the same containers"
    faults.promotable()
    with faults.case("package installed anew", f"{package}, then a promote") as case:
        faults.onehost("promote")
        case.found = "as ever"
