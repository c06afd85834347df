# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that nobody can mean: refused before anything changes on a host, and never a traceback."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from support.attacks import INVENTORY, STACK, Attacked

from release.errors import RefusedError
from release.stack.reader import read_stacks

HOST = yaml.safe_load(INVENTORY.read_text())["onehost_hosts"]["hosts"]["onehost-lab"]


def changed(**values: Any) -> dict[str, Any]:
    """The stack `shop` with other values; a name with two underscores is a path."""
    stack: dict[str, Any] = copy.deepcopy(HOST[f"onehost_stack_{STACK}"])
    for path, value in values.items():
        place = stack
        *above, last = path.split("__")
        for name in above:
            place = place[name.replace("-", "_") if name not in place else name]
        place[last] = value
    # What the inventory computes, and this test does not.
    return stack | {"source": stack["source"] if "source" in values else "/srv/git/shop.git"}


DEFINITIONS: dict[str, dict[str, Any]] = {
    **{
        f"directory {path}": {"directory": path}
        for path in ("/etc", "/root", "/usr", "/var/lib", "/home", "/proc/1", "/boot")
    },
    **{
        f"directory {path}": {"directory": path}
        for path in ("/home/ubuntu/../../etc/x", "//x", "/home//x", "/home/./x")
    },
    **{
        f"directory {path}": {"directory": path}
        for path in ("/etc/nginx", "/var/lib/onehost/shop", "/root/shop", "/usr/local/x")
    },
    **{f"owner {name}": {"owner": name} for name in ("root", "www-data", "nobody", "haproxy", "daemon")},
    "an edge port of SSH": {"environments": {"staging": {"ports": [22]}, "production": {"ports": [4500]}}},
    "an edge port of a loopback block": {
        "environments": {"staging": {"ports": [21000]}, "production": {"ports": [4500]}}
    },
    "a port in odd digits": {"environments": {"staging": {"ports": ["²"]}, "production": {"ports": [4500]}}},
    "a port in Arabic digits": {"environments": {"staging": {"ports": ["٤٤٠٠"]}, "production": {"ports": [4500]}}},
    "pids in odd digits": {"apps": {"a": {"context": ".", "kind": "worker", "pids": "²"}}},
    "memory in odd digits": {"apps": {"a": {"context": ".", "kind": "worker", "memory": "\uff11\uff12m"}}},
    **{f"a stack called {name}": {"name": name} for name in ("switch", "runs", "notifications")},
}


@pytest.mark.attack("17", "{what}", "refused with its place")
@pytest.mark.parametrize("what", DEFINITIONS)
def test_a_definition_that_nobody_can_mean_is_refused(what: str) -> None:
    data = changed(**DEFINITIONS[what])
    with pytest.raises(RefusedError) as refused:
        read_stacks({data.get("name", STACK): data})
    assert refused.value.problems and all(problem.what and problem.where for problem in refused.value.problems)


@pytest.mark.attack(
    "17", "provisioning a stack whose directory is /etc and whose owner is root", "refused; /etc stays as it is"
)
def test_provisioning_refuses_it(shop: Attacked, tmp_path: Any) -> None:
    inventory = copy.deepcopy(yaml.safe_load(INVENTORY.read_text()))
    stack = inventory["onehost_hosts"]["hosts"]["onehost-lab"][f"onehost_stack_{STACK}"]
    stack |= {"directory": "/etc", "owner": "root"}
    path = tmp_path / "hostile.yml"
    path.write_text(yaml.safe_dump(inventory))
    look = "stat --format '%U %G %a' /etc; ls -A /etc"
    before = shop.root(look)
    result = shop.lab.playbook("provision", inventories=[path], options="--tags stack --check")
    assert result.rc != 0 and "directory" in result.stdout and "Traceback" not in result.stdout
    assert shop.root(look) == before
