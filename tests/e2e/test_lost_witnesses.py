# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of what tells what is live is lost or damaged, on a host with two releases: nobody believes the emptiest."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import pytest
from support.lab import Lab, until

SWITCH = "/var/lib/onehost/switch/workhub-production"
RELEASES = "/var/lib/onehost/workhub/releases"


@dataclass(frozen=True)
class Loss:
    """What is done to the host, and what `onehost status` must say of it then; empty if nothing is left."""

    name: str
    command: str
    said: str = ""


LOSSES = [
    Loss("the map is empty, and HAProxy starts anew", f"truncate -s 0 {SWITCH}.map; systemctl restart haproxy"),
    Loss("the map is gone, and HAProxy starts anew", f"rm {SWITCH}.map; systemctl restart haproxy"),
    Loss("the map is damaged, and HAProxy starts anew", f"echo 'li\\0' >{SWITCH}.map; systemctl restart haproxy"),
    Loss("the map of ports is empty, and HAProxy starts anew", f": >{SWITCH}-reach.map; systemctl restart haproxy"),
    Loss("the map is somebody else's", f"chown nobody {SWITCH}.map; chmod 666 {SWITCH}.map"),
    Loss("the live release cannot be read", f"truncate -s 0 {RELEASES}/{{live}}/release.json", "{live}"),
    Loss("the live release is gone", f"rm -r {RELEASES}/{{live}}"),
    Loss("a status cannot be read", f"echo '{{{{' >{RELEASES}/{{live}}/status.json", "{live}"),
]


@pytest.fixture(scope="module")
def staged(released: Lab) -> Lab:
    """A commit in staging that can be promoted again and again."""
    commit = released.push_commit({"WBFinHub/lost.txt": "again\n"}, branch="lost")
    released.ssh(f"sudo onehost deploy --version {commit} --watch-seconds 0", seconds=120)
    return released


@pytest.fixture
def twice(staged: Lab) -> Lab:
    """Two releases in production's history, the later one live."""
    again = "--skip-gates not_rolled_back --reason 'it was a test'"
    staged.ssh(f"sudo onehost recover; sudo onehost promote --watch-seconds 0 {again}")
    return staged


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_production_goes_on_and_the_way_back_works(twice: Lab, loss: Loss) -> None:
    live = twice.get("production").release
    command = loss.command.format(live=live)
    twice.ssh(f"sudo sh -c {shlex.quote(command)}")
    until(lambda: twice.get("production").release == live, 15, "production answers as before")
    said = twice.ssh("sudo onehost status", check=False)
    assert loss.said.format(live=live) in said and "nothing is live" not in said, said
    # The emergency command first of all, without any repair by hand.
    twice.ssh("sudo onehost rollback --watch-seconds 0")
    back = twice.get("production").release
    assert back and back != live
    assert "damaged" not in twice.ssh("sudo onehost recover && sudo onehost status")
    assert twice.get("production").release == back


def test_a_damaged_definition_stops_its_own_stack_alone(more_stacks: Lab) -> None:
    path = "/etc/onehost/stacks/parcel.json"
    more_stacks.ssh(f"sudo cp -a {path} {path}.kept; sudo truncate -s 0 {path}")
    try:
        said = more_stacks.ssh("sudo onehost status 2>&1", check=False)
        assert path in said and "provision" in said and "Traceback" not in said, said
        assert "workhub" in more_stacks.ssh("sudo onehost status --stack workhub")
        cleaned = more_stacks.ssh("sudo onehost cleanup 2>&1", check=False)
        assert path in cleaned and "Traceback" not in cleaned and "the floor is" in cleaned, cleaned
    finally:
        more_stacks.ssh(f"sudo mv {path}.kept {path}")
