"""What is live answers as its release says, while the inventory makes something else of it; and the way back works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab import ROOT, Lab
from support.load import Load, Target

#: Apps of each kind of change, and one that stays.
PATHS = ("/", "/saleshub/", "/finhub/", "/hwtest/")

#: What is provisioned of the changes below.
CHANGED_PARTS = "stack,router,edge,status_page,firewall"

#: A rollback before, of this test or another, says nothing against these images.
AGAIN = {"skip_gates": "not_rolled_back", "reason": "it was a test"}


def inventory_of(directory: Path, definition: dict[str, Any]) -> Path:
    """An inventory that says of the stack workhub what `group_vars` would say after an edit."""
    path = directory / "changed.yml"
    hosts = {"onehost-lab": {"onehost_stack_workhub": definition}}
    path.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": hosts}}))
    return path


def changed() -> dict[str, Any]:
    """An app is renamed, one moves to other ports, one must no longer run twice, and port 80 is given up."""
    variables = yaml.safe_load((ROOT / "group_vars" / "workhub.yml").read_text())
    definition: dict[str, Any] = variables["onehost_stack_workhub"]
    apps = definition["apps"]
    apps["fin"] = apps.pop("wbfinhub")
    apps["wbsaleshub"]["loopback_port"] = 22010
    apps["hwtestagent"]["replace"] = "stop_first"
    definition["environments"]["production"]["ports"] = [4500]
    return definition


@pytest.fixture
def elsewhere(released: Lab, tmp_path: Path) -> Iterator[list[Path]]:
    """The changed inventory. In the end the host is as it was."""
    yield [inventory_of(tmp_path, changed())]
    released.playbook("provision", options=f"--tags {CHANGED_PARTS}").ok()
    released.operate("deploy_staging").ok()
    released.operate("promote", **AGAIN).ok()


@contextmanager
def no_request_fails(lab: Lab, *ports: str) -> Iterator[None]:
    targets = [Target(f"{port}{path}", lab.ports[port], path) for port in ports for path in PATHS]
    with Load(targets, rate=40, fresh=1) as load:
        yield
        window = load.take()
    assert window.sent > 100 and (window.failed, window.causes) == (0, {}), window.failures


def said_of(stdout: str) -> set[str]:
    return {line.strip(" -'\",") for line in stdout.splitlines() if "workhub production: " in line}


WANTED = {
    "workhub production: ports 4500, 80 -> 4500",
    "workhub production: app wbfinhub is taken out",
    "workhub production: app fin is added",
    "workhub production: app wbsaleshub: loopback_port 20010 -> 22010",
    "workhub production: app hwtestagent: replace start_first -> stop_first",
}


def test_whatever_the_inventory_says_what_is_live_answers(released: Lab, elsewhere: list[Path]) -> None:
    first = released.get("production").release
    checked = released.playbook("provision", options="--check --tags router", inventories=elsewhere).ok()
    assert said_of(checked.stdout) == WANTED
    with no_request_fails(released, "production", "http"):
        provisioned = released.playbook("provision", inventories=elsewhere).ok()
        released.ssh("sudo systemctl reload haproxy nginx")
        assert released.playbook("provision", inventories=elsewhere).ok().changes == 0
    assert said_of(provisioned.stdout) == WANTED

    with no_request_fails(released, "production"):
        released.operate("deploy_staging").ok()
        second = released.operate("promote", **AGAIN).ok().report["release"]
    checked = released.playbook("provision", options="--check --tags router", inventories=elsewhere).ok()
    assert not said_of(checked.stdout)
    assert released.get("production", "/finhub/").release == second
    assert released.ssh("ss -Hltn sport = :80").strip() == "", "nothing listens there any more"

    with no_request_fails(released, "production"):
        back = released.operate("rollback").ok().report
    assert back["release"] == first and back["probes"]["failed"] == 0
    assert {released.get("http", path).release for path in PATHS} == {first}
    released.ssh("sudo systemctl restart haproxy")
    assert {released.get("production", path).release for path in PATHS} == {first}
    again = released.operate("rollback", release=second).ok().report
    assert again["release"] == second and released.get("production", "/finhub/").release == second
