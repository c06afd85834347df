# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key rotation, killed at any step, and feature switches."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import changed_stack, shop_definition, shop_with_flags, shop_with_matrix
from fakes.world import World

from release.releases import compose
from release.releases.compose import LABEL
from release.stack.image_source import of_app
from release.stack.model import Stack
from release.stack.reader import read_stack

TREES = {"api": "/b/tree", "mail": "/b/tree1"}


def test_the_directory_is_mounted_and_named() -> None:
    stack = shop_with_flags()
    service = compose.service(stack, stack.apps["api"], "production", "sha256:1")
    assert "/var/lib/onehost/shop/flags/production/api:/run/onehost-flags:ro" in service["volumes"]
    assert service["environment"]["FLAGS_FILE"] == "/run/onehost-flags/flags.json"
    assert "FLAGS_FILE" not in compose.service(stack, stack.apps["front"], "production", "x")["environment"]


def stack_with(**api: Any) -> Stack:
    data = shop_definition()
    data["apps"]["api"].update(api)
    return read_stack("shop", data)


@pytest.fixture
def slot(world: World) -> dict[str, Any]:
    world.good("deploy")
    return world.store.files["/state/staging-blue/compose.json"]


def test_slot(slot: dict[str, Any], world: World) -> None:
    release = world.entries("staging")[0].release
    assert slot["name"] == "shop-staging-blue"
    assert set(slot["services"]) == {"api", "front", "mail"}
    api, mail = slot["services"]["api"], slot["services"]["mail"]
    assert api["image"] == release.images["api"], "the image ID, never a tag that may move"
    assert api["ports"] == ["127.0.0.1:21000:3000"], "on loopback only"
    assert "ports" not in mail
    assert (api["pull_policy"], api["restart"]) == ("never", "unless-stopped")
    assert api["env_file"] == ["/state/staging-blue/env.common", "/state/staging-blue/env.staging"]
    assert api["environment"]["RELEASE_ID"] == release.id
    assert api["environment"]["RELEASE_COMMIT"] == release.commit
    assert api["environment"]["RELEASE_ENVIRONMENT"] == "staging"
    assert mail["environment"]["RELEASE_APP"] == "mail"
    assert api["labels"] | {compose.LABEL + ".created-from": ""} == {
        "release.onehost.stack": "shop",
        "release.onehost.app": "api",
        "release.onehost.environment": "staging",
        "release.onehost.slot": "blue",
        "release.onehost.id": release.id,
        "release.onehost.created-from": "",
    }


def test_the_network_of_a_slot(world: World) -> None:
    """A name of its own for other addresses, since Docker cannot change those of a network."""
    found = compose.slot_network(world.stack, "production", "green", "172.16.224.64/26")
    assert found["networks"]["default"] == {
        "name": "shop-production-green-172.16.224.96",
        "ipam": {"config": [{"subnet": "172.16.224.96/27"}]},
        "labels": {
            f"{LABEL}.stack": "shop",
            f"{LABEL}.environment": "production",
            f"{LABEL}.slot": "green",
        },
    }
    assert compose.slot_network(world.stack, "production", "green", "") == {}, "provisioned by an earlier version"


def test_only_the_signer_sees_the_private_key(world: World) -> None:
    world.stack = changed_stack(world, front={"keys": "public"})
    services = {
        name: compose.service(world.stack, app, "staging", "x").get("volumes", [])
        for name, app in world.stack.apps.items()
    }
    private = "/var/lib/onehost/shop/keys/jwt_private.pem:/keys/jwt_private.pem:ro"
    public = "/var/lib/onehost/shop/keys/jwt_public.pem:/keys/jwt_public.pem:ro"
    previous = "/var/lib/onehost/shop/keys/jwt_public_previous.pem:/keys/jwt_public_previous.pem:ro"
    assert services == {"api": [private, public, previous], "front": [public, previous], "mail": []}


@pytest.mark.parametrize("what", ["slot", "config", "image", "environment"])
def test_created_from_tells_what_a_container_was_made_of(what: str, world: World) -> None:
    world.good("deploy")
    release = world.entries("staging")[0].release
    files, made_of = {app: ["/env"] for app in world.stack.apps}, dict.fromkeys(world.stack.apps, "one")
    before = compose.slot_file(world.stack, release, "blue", files, made_of)["services"]["api"]["labels"]
    again = compose.slot_file(world.stack, release, "blue", files, made_of)["services"]["api"]["labels"]
    assert before == again
    if what == "image":
        release.services["api"]["image"] = "sha256:other"
    if what == "environment":
        release.services["api"]["environment"] = {"NEW": "1"}
    after = compose.slot_file(
        world.stack,
        release,
        "green" if what == "slot" else "blue",
        files,
        {**made_of, "api": "two"} if what == "config" else made_of,
    )
    key = "release.onehost.created-from"
    assert before[key] != after["services"]["api"]["labels"][key]


def test_limits_and_extra_keys() -> None:
    stack = stack_with(
        user=1000,
        memory="256m",
        cpus="0.5",
        pids=50,
        environment={"A": "1"},
        compose={
            "environment": {"B": "2"},
            "volumes": ["/data:/data"],
            "extra_hosts": ["db:10.0.0.1"],
            "stop_signal": "SIGINT",
            "tmpfs": ["/tmp"],
        },
    )
    service = compose.service(stack, stack.apps["api"], "staging", "image")
    assert (service["user"], service["mem_limit"], service["cpus"], service["pids_limit"]) == (
        "1000",
        "256m",
        "0.5",
        50,
    )
    assert service["environment"] == {"A": "1", "B": "2"}
    assert service["volumes"][-1] == "/data:/data" and len(service["volumes"]) == 4
    assert service["extra_hosts"] == ["host.docker.internal:host-gateway", "db:10.0.0.1"]
    assert service["stop_signal"] == "SIGINT" and service["tmpfs"] == ["/tmp"]


def test_dollars_stay_dollars(world: World) -> None:
    """Compose would take `$2` for a variable and cut a value in half."""
    world.stack = changed_stack(world, api={"environment": {"PRICE": "$2 ${HOME}"}, "compose": {"command": ["$A"]}})
    world.good("deploy")
    service = world.store.files["/state/staging-blue/compose.json"]["services"]["api"]
    assert service["environment"]["PRICE"] == "$$2 $${HOME}"
    assert service["command"] == ["$$A"]
    kept = world.entries("staging")[0].release.services["api"]
    assert kept["environment"]["PRICE"] == "$2 ${HOME}", "the history holds what was meant"


def build_file(stack: Stack, sources: dict[str, str], tags: dict[str, str]) -> dict[str, Any]:
    images = [of_app(stack, stack.apps[name]) for name in sources]
    return compose.build_file(stack, images, sources, tags, "/b", TREES)


def test_build() -> None:
    stack = stack_with(build_target="prod", build_arguments={"MODE": "a$b"}, dockerfile="docker/Dockerfile")
    built = build_file(stack, {"api": "source"}, {"api": "0123456789ab"})
    assert built["name"] == "shop-build" and set(built["services"]) == {"api"}
    service = built["services"]["api"]
    assert service["image"] == "api:0123456789ab"
    assert service["build"] == {
        "context": "/b/tree/api",
        "dockerfile": "docker/Dockerfile",
        "args": {"MODE": "a$$b", "BUILDKIT_CACHE_MOUNT_NS": "shop"},
        "labels": {
            "release.onehost.stack": "shop",
            "release.onehost.app": "api",
            "release.onehost.source": "source",
        },
        "target": "prod",
    }
    assert "target" not in build_file(stack, {"mail": "s"}, {"mail": "t"})["services"]["mail"]["build"]


def test_a_stack_cannot_take_the_caches_of_another() -> None:
    stack = stack_with(build_arguments={"BUILDKIT_CACHE_MOUNT_NS": "other"})
    built = build_file(stack, {"api": "s"}, {"api": "t"})
    assert built["services"]["api"]["build"]["args"]["BUILDKIT_CACHE_MOUNT_NS"] == "shop"
    assert "BUILDKIT_CACHE_MOUNT_NS" not in of_app(stack_with(), stack.apps["front"]).settings["args"]


def test_secrets_of_a_build() -> None:
    """Files that the build may mount: in no argument, label or setting of the image."""
    definition = shop_with_matrix(NPM_TOKEN={"class": "secret"}, PIP_TOKEN={"class": "secret"})
    definition["build_secrets"] = ["NPM_TOKEN"]
    definition["apps"]["api"]["build_secrets"] = ["PIP_TOKEN", "NPM_TOKEN"]
    stack = read_stack("shop", definition)
    built = build_file(stack, {"api": "s", "mail": "s"}, {"api": "t", "mail": "t"})
    assert built["services"]["api"]["build"]["secrets"] == ["NPM_TOKEN", "PIP_TOKEN"]
    assert built["services"]["mail"]["build"]["secrets"] == ["NPM_TOKEN"]
    assert built["secrets"] == {
        "NPM_TOKEN": {"file": "/b/secrets/NPM_TOKEN"},
        "PIP_TOKEN": {"file": "/b/secrets/PIP_TOKEN"},
    }
    assert "secrets" not in build_file(stack_with(), {"api": "s"}, {"api": "t"})
    assert "secrets" not in of_app(stack_with(), stack_with().apps["api"]).settings, "images keep their label"


def test_for_people() -> None:
    file = compose.developer_compose_file(read_stack("shop", shop_definition()))
    assert file["name"] == "shop"
    assert set(file["services"]) == {f"{app}-{env}" for app in ("api", "front", "mail") for env in ("staging", "prod")}
    api = file["services"]["api-prod"]
    assert api["image"] == "api:production" and api["profiles"] == ["production"]
    assert api["env_file"] == ["config/.env.common", "config/.env.production"]
    assert api["depends_on"] == ["mail-prod"]
    assert api["volumes"][0] == "./config/keys/jwt_private.pem:/keys/jwt_private.pem:ro"
    ports = [s["ports"][0] for s in file["services"].values() if "ports" in s]
    assert ports == ["127.0.0.1:21008:3000", "127.0.0.1:21009:3000", "127.0.0.1:21018:3000", "127.0.0.1:21019:3000"]
    assert "ports" not in file["services"]["mail-staging"]
