# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that cannot be meant are refused, with the place and without what is secret."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import shop_definition

from release import paths
from release.errors import RefusedError
from release.stack.reader import read_stack, read_stacks
from release.stack.reserved import user_problem

ROOT = Path(__file__).resolve().parents[3]
SECRET = "ghp_Zm9vYmFy0123456789"


def told(name: str = "shop", **changes: Any) -> list[str]:
    try:
        read_stack(name, shop_definition() | changes)
    except RefusedError as refused:
        return [str(problem) for problem in refused.problems]
    return []


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/etc", "/etc/onehost", "/usr", "/usr/local/shop", "/var", "/var/lib", "/var/lib/onehost/shop", "/root"),
        *("/root/shop", "/home", "/opt", "/srv", "/proc/1", "/sys", "/dev/shm", "/run/shop", "/boot", "/bin", "/tmp"),
        *(
            "/home/ubuntu/../../etc/x",
            "/home/ubuntu/./shop",
            "//x",
            "/home//shop",
            "/home/ubuntu/shop/",
            "/home/ubuntu",
        ),
        *("/srv/..", "/..", "shop", "~/shop", "/srv/sh op", "/srv/shop\n", "/var/log/shop", "/var/lib/docker/x"),
    ],
)
def test_no_directory_of_a_stack(path: str) -> None:
    assert any("directory: " in text for text in told(directory=path)), path


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/srv/shop",
            "/home/ubuntu/shop",
            "/home/shop",
            "/opt/shop",
            "/var/www/shop",
            "/var/lib/shop",
            "/mnt/disk/shop",
        ),
        *("/s", "/srv/..shop", "/srv/.shop", "/srv/shop.v2", "/etcetera/shop", "/data"),
    ],
)
def test_a_directory_of_a_stack(path: str) -> None:
    assert told(directory=path) == []


@pytest.mark.parametrize("owner", ["root", "www-data", "nobody", "systemd-network", "haproxy", "_apt", "sshd"])
def test_no_owner(owner: str) -> None:
    assert any(text.startswith(f"stack shop.owner: {owner!r} is ") for text in told(owner=owner))


def test_no_owner_on_this_host() -> None:
    """Programs bring users that no list knows; they have the numbers of the system."""
    assert user_problem("ann", 1000) == user_problem("ann", 70000) == ""
    assert user_problem("git-daemon", 997) == "is a user of the system (number 997)"
    assert user_problem("toor", 0) and user_problem("nogroup", 65534) and user_problem("haproxy", 1000)


@pytest.mark.parametrize("name", ["switch", "runs", "notifications", "searches"])
def test_no_name(name: str) -> None:
    assert told(name) == [f"stack {name}.name: {name!r} is a name that the platform uses itself. Fix: choose another"]


def test_every_name_beside_the_stacks_is_reserved() -> None:
    """A stack has a directory of its name where the engine and the roles keep files of theirs."""
    texts = [path.read_text() for part in ("plugins", "roles") for path in (ROOT / part).rglob("*.*") if is_text(path)]
    found = {name for text in texts for name in re.findall(r"(?:/var/lib/onehost|\{STATE\})/([a-z][a-z0-9-]*)", text)}
    assert {"switch", "runs", "notifications"} <= found
    assert found <= paths.STATE_NAMES, "add it to STATE_NAMES"


def is_text(path: Path) -> bool:
    return path.is_file() and path.suffix in (".py", ".yml", ".j2")


@pytest.mark.parametrize(
    "source",
    [
        f"https://bot:{SECRET}@git.example.com/shop.git",
        f"https://{SECRET}@git.example.com/shop.git",
        f"https://git.example.com/shop.git?private_token={SECRET}",
        f"ssh://git:{SECRET}@git.example.com/shop.git",
        f"bot:{SECRET}@git.example.com/shop.git",
        f"https://bot:{SECRET} @git.example.com/shop.git",
        f" https://{SECRET}",
    ],
)
def test_a_token_in_the_source_is_refused_and_not_shown(source: str) -> None:
    (text,) = told(source=source)
    assert text.startswith("stack shop.source: ") and SECRET not in text


@pytest.mark.parametrize(
    "source", ["git@host:me/shop.git", "ssh://git@host:22/x", "https://host/x.git", "/srv/x", "~/x"]
)
def test_a_source(source: str) -> None:
    assert told(source=source) == []


@pytest.mark.parametrize("port", ["²", "٣", "\uff18\uff10", 0, 65536, -1, 80.5, True, "080", "8_0", "", None, [80]])
def test_no_port(port: Any) -> None:
    environments = {"staging": {"ports": [port]}, "production": {"ports": [80]}}
    texts = told(environments=environments)
    assert any("environments.staging.ports: " in text and "is not a port" in text for text in texts)


def with_ports(ports: list[int], production: int = 80) -> dict[str, Any]:
    return {"environments": {"staging": {"ports": ports}, "production": {"ports": [production]}}}


def test_ports_with_another_use() -> None:
    assert told(**with_ports([22])) == [
        "stack shop.environments.staging: port 22 belongs to SSH. Fix: visitors need a port of the edge's own"
    ]
    (text,) = told(**with_ports([21003]))
    assert "port 21003 belongs to the loopback block of stack shop.apps.api" in text
    tls = {"certificate": "/a.pem", "key": "/a.pem", "port": 22}
    environments = {"staging": {"ports": [8100], "tls": tls}, "production": {"ports": [80]}}
    assert "port 22 belongs to SSH" in "".join(told(environments=environments))


def test_ports_that_the_inventory_gives_to_others() -> None:
    shop, blog = shop_definition(), copy.deepcopy(shop_definition())
    blog |= {"directory": "/srv/blog", **with_ports([21015], 8201)}
    blog["apps"] = {"blog-web": {**blog["apps"]["api"], "loopback_port": 2216, "keys": "none", "after": []}}
    with pytest.raises(RefusedError) as caught:
        read_stacks({"shop": shop | with_ports([8404]), "blog": blog}, {2222: "SSH", 8404: "HAProxy's metrics"})
    assert [str(problem).partition(". Fix")[0] for problem in caught.value.problems] == [
        "stack blog.apps.blog-web: loopback_port 2216: port 2222 of its block is SSH's",
        "stack blog.environments.staging: port 21015 belongs to the loopback block of stack shop.apps.front",
        "stack shop.environments.staging: port 8404 belongs to HAProxy's metrics",
    ]


@pytest.mark.parametrize("odd", ["٣", "1_0", "²"])
def test_digits_of_other_scripts_are_no_numbers(odd: str) -> None:
    assert any("disk_floor_gb" in text for text in told(disk_floor_gb=odd))
    assert any("watch_seconds" in text for text in told(watch_seconds=odd))
    assert any("promote_window" in text for text in told(promote_window=f"0{odd}:00-17:00"))
