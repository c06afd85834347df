# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack may say of TLS."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition, with_tls

from release.errors import RefusedError
from release.stack.reader import read_stack, read_stacks

FILES = {"certificate": "/etc/ssl/shop.pem", "key": "/etc/ssl/shop.key"}


def refused(data: dict[str, Any]) -> str:
    with pytest.raises(RefusedError) as caught:
        read_stack("shop", data)
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_defaults_and_that_it_can_be_read_again() -> None:
    stack = read_stack("shop", with_tls(FILES))
    tls = stack.environments["production"].tls
    assert tls and (tls.port, tls.location, tls.plain_ports, tls.hsts_seconds) == (443, "host", (), 0)
    assert stack.environments["staging"].tls is None
    assert stack.environments["production"].listeners == ((8200, False), (80, False), (443, True))
    assert read_stack("shop", stack.to_mapping(with_env=False)) == read_stack("shop", with_tls(FILES) | {"env": {}})


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ({"certificate": "/a"}, "environments.production.tls.key: is missing"),
        (FILES | {"certificate": "relative.pem"}, "'relative.pem' is not valid"),
        (FILES | {"certificate": "/a\nssl off;/b"}, "is not valid"),
        (FILES | {"location": "moon"}, "choose one of host, control"),
        (FILES | {"port": 8200}, "8200 is one of the environment's `ports`"),
        (FILES | {"plain_ports": [81]}, "81 is not one of the environment's `ports`"),
        (FILES | {"hsts": 1}, "tls.hsts: is not a known option"),
        (True, "must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(tls: Any, words: str) -> None:
    assert words in refused(with_tls(tls))


def test_control_takes_any_path() -> None:
    tls = {"certificate": "files/shop.pem", "key": "files/shop.key", "location": "control"}
    assert read_stack("shop", with_tls(tls)).environments["production"].tls


def test_stacks_share_a_port_of_tls_by_host_name_only() -> None:
    second = shop_definition()
    second["directory"] = "/srv/second"
    second["apps"] = {f"{name}-2": app for name, app in second["apps"].items()}
    for number, app in enumerate(second["apps"].values()):
        app["after"] = []
        if "loopback_port" in app:
            app["loopback_port"] = 30000 + 10 * number
    second["environments"] = {
        "staging": {"ports": [9100]},
        "production": {"ports": [9200], "tls": FILES, "hosts": ["second.example"]},
    }
    first = with_tls(FILES, hosts=["shop.example"])
    assert len(read_stacks({"shop": first, "second": second})) == 2
    second["environments"]["production"]["hosts"] = ["shop.example"]
    with pytest.raises(RefusedError, match=r"public address shop\.example:443 is already used"):
        read_stacks({"shop": first, "second": second})
    second["environments"]["production"] = {"ports": [443], "hosts": ["second.example"]}
    with pytest.raises(RefusedError, match="port 443 cannot serve both http and https"):
        read_stacks({"shop": first, "second": second})
