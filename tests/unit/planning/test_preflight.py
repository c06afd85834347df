# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing before an operation, and which apps it is about."""

from __future__ import annotations

import dataclasses

from fakes.world import World

from release.errors import Problem
from release.operations.observe import observe
from release.planning.preflight import PROVISION, check_apps, check_config, selected


def test_every_app_that_is_not_one_is_named(world: World) -> None:
    request = dataclasses.replace(world.request("deploy"), apps=("api", "nobody", "no-one"))
    assert check_apps(world.stack, request) == [
        Problem(f"'{name}' is not an app of stack shop", "apps", "choose from api, front, mail")
        for name in ("nobody", "no-one")
    ]
    assert check_apps(world.stack, world.request("deploy")) == []


def test_every_file_that_is_missing_is_named(world: World) -> None:
    seen = observe(world.host, world.stack)
    assert check_config(world.stack, seen, "production") == []
    missing = dataclasses.replace(
        seen,
        env={"staging": {"common": b"", "staging": None}, "production": {"common": None, "production": b""}},
        keys={"jwt_private.pem": None, "jwt_public.pem": "known"},
    )
    place = "/var/lib/onehost/shop"
    assert check_config(world.stack, missing, "production") == [
        Problem("env file is missing", f"{place}/env/common", PROVISION),
        Problem("key file is missing", f"{place}/keys/jwt_private.pem", PROVISION),
    ]
    assert [problem.where for problem in check_config(world.stack, missing, "staging")] == [
        f"{place}/env/staging",
        f"{place}/keys/jwt_private.pem",
    ]


def test_an_operation_is_about_all_apps_or_those_asked_for(world: World) -> None:
    request = world.request("deploy")
    assert selected(world.stack, request) == ("api", "front", "mail")
    assert selected(world.stack, dataclasses.replace(request, apps=("mail",))) == ("mail",)
