# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a release is named, and a configuration that nginx refuses is not taken as loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.lab import ROOT, Lab, until

CONFIGURATION = "/etc/nginx/nginx.conf"
RELOAD = "Reload the nginx service"


@contextmanager
def stopped(lab: Lab, service: str) -> Iterator[None]:
    lab.ssh(f"sudo systemctl stop {service}")
    try:
        yield
    finally:
        lab.ssh(f"sudo systemctl start {service}")
        until(lambda: lab.get("production").status == 200, 20, "production answers")


@contextmanager
def listening(lab: Lab, port: int, address: str = "127.0.0.1") -> Iterator[None]:
    """Somebody else's program on a port of the host."""
    program = f"python3 -m http.server --bind {address} {port}"
    lab.ssh(f"sudo systemd-run --quiet --unit=somebody-else {program}")
    try:
        until(lambda: f":{port} " in lab.ssh("ss -Hltn"), 20, "the program listens")
        yield
    finally:
        lab.ssh("sudo systemctl stop somebody-else")


@pytest.mark.parametrize(
    ("service", "told", "fix"),
    [
        ("nginx", "the edge (nginx) does not run, so no visitor would reach a release", "systemctl start nginx"),
        ("haproxy", "the router (HAProxy) does not answer: Connection refused", "sudo systemctl restart haproxy"),
    ],
)
def test_a_service_that_does_not_run(released: Lab, service: str, told: str, fix: str) -> None:
    with stopped(released, service):
        before = released.state()
        refused = released.operate("deploy_staging", rebuild=True)
        assert refused.rc != 0
        assert told in refused.problems and fix in refused.problems
        assert not released.changes(before), "nothing was built or started"


def test_somebody_else_on_a_port_of_the_idle_slot(released: Lab) -> None:
    live = released.ssh("cat /var/lib/onehost/switch/workhub-staging.map").split()[1].partition("/")[0]
    idle = {"blue": 1, "green": 0}[live]
    (first, *_) = re.findall(r"loopback_port: (\d+)", (ROOT / "group_vars" / "workhub.yml").read_text())
    port = int(first) + idle
    with listening(released, port):
        before = released.state()
        refused = released.operate("deploy_staging", rebuild=True)
        assert refused.rc != 0
        assert f"port {port} is taken by python3" in refused.problems, refused.problems
        assert f"ss -ltnp sport = :{port}" in refused.problems
        assert not released.changes(before)


def inventory_with_port(directory: Path, port: int) -> Path:
    variables = yaml.safe_load((ROOT / "group_vars" / "workhub.yml").read_text())
    definition: dict[str, Any] = variables["onehost_stack_workhub"]
    definition["environments"]["staging"]["ports"] = [4400, port]
    path = directory / "changed.yml"
    hosts = {"onehost-lab": {"onehost_stack_workhub": definition}}
    path.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": hosts}}))
    return path


def test_somebody_else_on_a_public_port_of_the_next_release(released: Lab, tmp_path: Path) -> None:
    """nginx's own test takes the configuration, and its reload reports success; it goes on without the new routes."""
    changed = [inventory_with_port(tmp_path, 4601)]
    parts = "--tags stack,router,edge"
    released.playbook("provision", options=parts, inventories=changed).ok()
    live = released.get("staging").release
    try:
        with listening(released, 4601, "0.0.0.0"):
            failed = released.operate("deploy_staging")
            assert failed.rc != 0
            assert "nginx refused the routes of the release" in failed.stdout
            assert "bind() to 0.0.0.0:4601 failed" in failed.stdout
            assert released.get("staging").release == live, "everything was undone"
        released.operate("deploy_staging").ok()
    finally:
        released.playbook("provision", options=parts).ok()
        released.operate("deploy_staging").ok()


def test_provisioning_says_that_nginx_goes_on_with_its_old_configuration(released: Lab) -> None:
    """A zone of shared memory has another key than in the nginx that runs, as after an upgrade: a restart helps."""
    other = "s/limit_conn_zone $onehost_upload_site /limit_conn_zone $onehost_upload_site$host/"
    released.ssh(f"sudo sed -i '{other}' {CONFIGURATION} && sudo systemctl restart nginx")
    for _again in range(2):
        failed = released.playbook("provision", options="--tags edge")
        assert failed.rc != 0, "also when there is nothing left to write"
        assert "nginx refused its configuration" in failed.stdout
        assert "while previously it used the" in failed.stdout
        assert "systemctl restart nginx" in failed.stdout
        assert released.get("production").status == 200
    released.ssh("sudo systemctl restart nginx")
    assert released.playbook("provision", options="--tags edge").ok().changed_tasks == ["Configure nginx", RELOAD]
