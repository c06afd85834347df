# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three real hosts: provisioned side by side, released to one after the other, stopped at the first that fails.

Part of the long form: three labs at once take a few minutes, and test_many_hosts_simulated has the order with one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import faults as support
from support.lab import Answer, Lab, started

NAMES = ("onehost-lab", "second", "third")


@dataclass
class Three:
    """The labs in the order of their inventory, and that inventory."""

    labs: list[Lab]
    inventory: Path

    def play(self, name: str, *words: str) -> Any:
        return self.labs[0].ansible(f"playbooks/{name}.yml", "-i", str(self.inventory), "-e", "stack=faults", *words)

    def answers(self) -> list[Answer]:
        return [lab.get("production", "/health", {"Host": "faults.example"}) for lab in self.labs]

    def live(self) -> list[str]:
        """The release that each answers with."""
        return [answer.release for answer in self.answers()]

    def versions(self) -> list[str]:
        """The version of the source, as the app itself says it."""
        return [answer.json()["version"] for answer in self.answers()]


def variables(lab: Lab) -> dict[str, Any]:
    """How another inventory's host reaches a lab."""
    return {"ansible_host": "127.0.0.1", "ansible_port": lab.ports["ssh"], "lab_directory": str(lab.directory)}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    stack = yaml.safe_load(support.INVENTORY.read_text())["all"]["children"]["onehost_hosts"]["hosts"]["onehost-lab"]
    mine = {"onehost_stack_faults": stack["onehost_stack_faults"], "faults_setting": "first"}
    with contextlib.ExitStack() as stack_of_labs:
        labs = [stack_of_labs.enter_context(started(f"three-{name}")) for name in NAMES]
        usual = yaml.safe_load((support.ROOT / "inventories/lab/hosts.yml").read_text())
        usual = usual["all"]["children"]["onehost_hosts"]["hosts"]["onehost-lab"]
        hosts = {name: usual | variables(lab) | mine for name, lab in zip(NAMES, labs, strict=True)}
        inventory = tmp_path_factory.mktemp("three") / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"children": {"onehost_hosts": {"hosts": hosts}}}}))
        for lab in labs:
            support.give_source(lab)
            support.push(lab, "first")
        yield Three(labs, inventory)


@pytest.mark.timeout(1200)
def test_from_three_bare_hosts_to_a_release_on_each(three: Three) -> None:
    three.play("provision", "--forks", "3").ok()
    three.play("deploy_staging", "-e", "version=first").ok()
    three.play("promote", "-e", "release_watch_seconds=0").ok()
    live = three.live()
    assert three.versions() == ["first"] * 3
    moments = [release.partition("-")[0] for release in live]
    assert moments == sorted(moments) and len(set(moments)) == 3, "one after the other"


@pytest.mark.timeout(600)
def test_the_third_is_left_alone_when_the_second_fails(three: Three) -> None:
    for lab in three.labs:
        support.push(lab, "second")
    three.play("deploy_staging", "-e", "version=second").ok()
    before = three.live()
    support.Faults(three.labs[1], "faults").shell("systemctl stop docker.socket docker.service")
    failed = three.play("promote", "-e", "release_watch_seconds=0")
    assert failed.rc != 0
    after = three.live()
    assert after[0] != before[0], "the first had its turn"
    assert after[1:] == before[1:], "the second answers as before, the third was not touched"
    support.Faults(three.labs[1], "faults").shell("systemctl start docker.socket docker.service")
    # The same command again: what is done is left, the rest follows.
    three.play("promote", "-e", "release_watch_seconds=0").ok()
    final = three.live()
    assert final[0] == after[0]
    assert three.versions() == ["second"] * 3
