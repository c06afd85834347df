"""One lab for the whole run: starting it and making its first release takes longest."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import strategy
from support.beside import Beside
from support.faults import LONG
from support.lab import Lab, started, until
from support.snapshot import available, reach

FILES = Path(__file__).parent / "files"
#: It takes three labs of its own.
collect_ignore = [] if LONG else ["test_many_hosts.py"]


#: The apps of the stack workhub.
ROUTES = ("/", "/saleshub/", "/finhub/", "/onboarding/", "/hwtest/")
# What the host has been through: there is no way back from one to the one before.
STAGES = ("provisioned", "released", "beside", "more_stacks", "attacked", "public")


def pytest_configure() -> None:
    """Ended by a time limit, a run takes its labs away too, as it does at Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", returncode=128 + signal.SIGTERM))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a host as it comes go first, then those of one that is provisioned, and so on."""

    def stage(item: pytest.Item) -> int:
        return max((STAGES.index(it) + 1 for it in getattr(item, "fixturenames", ()) if it in STAGES), default=0)

    items.sort(key=stage)


@pytest.fixture
def as_users_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible's own strategy for the playbooks of this test, not the quick one: see support/strategy.py."""
    monkeypatch.setenv(strategy.VARIABLE, strategy.PLAIN)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A lab of this run's own; on it nothing was provisioned yet."""
    with started() as lab:
        yield lab


@pytest.fixture(scope="session")
def provisioned(lab: Lab) -> Lab:
    """The lab with the stack workhub set up; nothing is released by that."""
    # On one that is further the tests of the stages before have been.
    if not lab.stage:
        reach(lab, "provisioned", lambda: lab.playbook("provision").ok())
    until(lambda: lab.get("production").status in (200, 503), 60, "the edge answers")
    return lab


@pytest.fixture(scope="session")
def released(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """WorkHub's first commit runs in staging and in production, unless a release does already."""

    def release() -> None:
        lab.operate("deploy_staging", version=lab.commit()).ok()
        lab.operate("promote").ok()

    def answers() -> bool:
        return all(lab.get(port, path).status < 500 for port in ("staging", "production") for path in ROUTES)

    if available(lab, "released") or request.getfixturevalue("provisioned").get("production").status == 503:
        reach(lab, "released", release)
    until(answers, 60, "every app answers")
    return lab


@pytest.fixture(scope="session")
def beside(released: Lab, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """The released lab with the stacks of all modules of this run that share it; each defines its own in `stacks`."""
    items = [item for item in request.session.items if "beside" in getattr(item, "fixturenames", ())]
    modules = {item.getparent(pytest.Module) for item in items}
    stacks: dict[str, Any] = {}
    for module in sorted((it.obj for it in modules if it), key=lambda it: str(it.__name__)):
        stacks |= module.stacks(released)
    return Beside(released, tmp_path_factory.mktemp("beside") / "stacks.yml", stacks)


@pytest.fixture(scope="session")
def more_stacks(released: Lab) -> Lab:
    """Beside WorkHub two more stacks on the same host, which took data alone: files/more_stacks.yml."""
    released.ssh("test -d /srv/git/parcel.git || git init --quiet --bare --initial-branch=main /srv/git/parcel.git")
    released.repositories["parcel"] = released.repositories["workhub"].replace("workhub.git", "parcel.git")
    source = FILES / "parcel"
    files = {str(path.relative_to(source)): path.read_text() for path in sorted(source.rglob("*")) if path.is_file()}
    released.push_commit(files, repository="parcel")
    released.playbook("provision", inventories=[FILES / "more_stacks.yml"]).ok()
    # The stack's owner, who fetches from it, is there since the line before; git trusts nobody else's repository.
    released.ssh("sudo chown -R parcel /srv/git/parcel.git")
    return released


#: On the host, where containers reach it, and nobody else does: as the variables of files/public.yml say.
REDIS = """
sudo redis-cli -p 6380 ping >/dev/null 2>&1 ||
    sudo systemd-run --quiet --unit=public-redis redis-server --port 6380 --protected-mode no \\
        --bind 127.0.0.1 $(ip -4 -o addr show docker0 | awk '{ sub(/\\/.*/, "", $4); print $4 }')
"""


@pytest.fixture(scope="session")
def public(more_stacks: Lab) -> Lab:
    """Beside those the stacks of files/public.yml, each with a repository of its own."""
    lab = more_stacks
    lab.apt("sudo -E apt-get install --quiet --yes --no-install-recommends redis-server")
    lab.ssh(f"sudo install -d -o 10008 /srv/ledger; {REDIS}")
    for stack in ("board", "front", "ledger", "mill", "cases"):
        lab.ssh(f"test -d /srv/git/{stack}.git || git init --quiet --bare --initial-branch=main /srv/git/{stack}.git")
        lab.repositories[stack] = lab.repositories["workhub"].replace("workhub.git", f"{stack}.git")
        source = FILES / "public" / stack
        if files := {str(path.relative_to(source)): path.read_text() for path in source.rglob("*") if path.is_file()}:
            lab.push_commit(files, repository=stack)
    lab.playbook("provision", inventories=[FILES / "more_stacks.yml", FILES / "public.yml"]).ok()
    return lab
