# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks of tests that share one lab with WorkHub: each test module has its own, and touches no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from .lab import Lab, Result


class Beside:
    """A released lab, and the stacks beside WorkHub, which one run of provisioning sets up together."""

    def __init__(self, lab: Lab, inventory: Path, stacks: Mapping[str, Any]) -> None:
        self.lab = lab
        self.inventory = inventory
        self.stacks: dict[str, Any] = {}
        for name in stacks:
            place = f"/srv/git/{name}.git"
            lab.ssh(f"test -d {place} || git init --quiet --bare --initial-branch=main {place}")
            lab.repositories[name] = lab.repositories["workhub"].replace("workhub.git", f"{name}.git")
        self.provision(**stacks)

    def provision(self, options: str = "", /, **stacks: Any) -> None:
        """Set up the host with these definitions. A single one that is not the first is set up alone. The others are as
        they were: a host has the stacks of its inventory, so all of them are in it each time. `options` are more words
        of the command line."""
        self.provisioned(options, **stacks).ok()

    def provisioned(self, options: str = "", /, **stacks: Any) -> Result:
        """The same, where it may fail: then the definitions are those of before again."""
        before = dict(self.stacks)
        self._define({**before, **stacks})
        alone: dict[str, Any] = {"stack": next(iter(stacks))} if before and len(stacks) == 1 else {}
        result = self.lab.playbook("provision", inventories=[self.inventory], options=options, **alone)
        if result.rc != 0:
            self._define(before)
        return result

    def _define(self, stacks: dict[str, Any]) -> None:
        self.stacks = stacks
        variables = {f"onehost_stack_{name}": definition for name, definition in stacks.items()}
        self.inventory.write_text(yaml.safe_dump({"onehost_hosts": {"hosts": {"onehost-lab": variables}}}))

    def playbook(self, name: str, *, stack: str, **options: Any) -> Result:
        return self.lab.playbook(name, inventories=[self.inventory], stack=stack, **options)

    def operate(self, name: str, *, stack: str, **options: Any) -> Result:
        """The same for deploy_staging, promote and rollback without Ansible: see Lab.operate."""
        return self.lab.operate(name, stack=stack, **options)

    @contextmanager
    def until_stopped(self, stack: str) -> Iterator[None]:
        """What a stack runs is stopped at the end, so that it takes nothing of the next test's time."""
        try:
            yield
        finally:
            found = f"sudo docker ps --quiet --filter label=release.onehost.stack={stack}"
            self.lab.ssh(f"{found} | xargs --no-run-if-empty sudo docker stop --time 1", seconds=120)
