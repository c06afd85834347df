# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files, rendered from data: a slot's own, and the developers' docker-compose.yml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..env.env_file import fingerprint
from ..paths import FLAGS_MOUNT, STATE, keys_of
from ..stack.image_source import ImageSource
from ..stack.model import ENVIRONMENTS, App, EnvironmentName, Slot, Stack
from ..stack.networks import network_of
from ..stack.replicas import unit
from . import labels
from .limits import Limits
from .release import Release
from .replicas import replica_service

LABEL = labels.LABEL
#: Below the directory of a build: one file for each secret.
SECRETS = "secrets"
#: BuildKit's own build argument; it is no part of the image.
CACHE_OWNER = "BUILDKIT_CACHE_MOUNT_NS"
PRIVATE_KEY = "jwt_private.pem"
PUBLIC_KEY = "jwt_public.pem"
#: During a rotation the public key of before, which still opens tokens that were signed with it; otherwise the same as
#: the public key. It is always there, because Docker makes a directory of a mount that is missing.
PREVIOUS_KEY = "jwt_public_previous.pem"
#: Where the stack's owner sees them, from the stack's directory.
KEYS_VIEW = "./config/keys"
_KEY_FILES = {
    "none": (),
    "public": (PUBLIC_KEY, PREVIOUS_KEY),
    "private": (PRIVATE_KEY, PUBLIC_KEY, PREVIOUS_KEY),
}


def key_files(app: App) -> tuple[str, ...]:
    """The key files an app may see; only the signer sees the private one."""
    return _KEY_FILES[app.keys]


def pair(fingerprints: Mapping[str, str | None]) -> dict[str, str]:
    """The fingerprints that a release and its containers depend on. The previous key is not among them: it is changed
    under running containers, so its change is no reason for new ones."""
    return {name: known for name, known in fingerprints.items() if known and name != PREVIOUS_KEY}


def image_labels(stack: Stack, image: str, source: str) -> dict[str, str]:
    """Labels built into an image. None changes with the commit alone, so an unchanged app keeps its image."""
    return {f"{LABEL}.stack": stack.name, f"{LABEL}.app": image, f"{LABEL}.source": source}


def build_file(
    stack: Stack,
    images: Sequence[ImageSource],
    sources: Mapping[str, str],
    tags: Mapping[str, str],
    home: str,
    trees: Mapping[str, str],
) -> dict[str, Any]:
    """A Compose file to build these images, each with the fingerprint of its source, its tag and from its tree, in the
    directory of the build."""
    services = {}
    secrets: dict[str, Any] = {}
    for image in images:
        build: dict[str, Any] = {
            "context": f"{trees[image.name]}/{image.context}",
            "dockerfile": image.dockerfile,
            # Last, for it is no choice: the caches of a stack's builds are its own.
            "args": {**image.arguments, CACHE_OWNER: stack.name},
            "labels": image_labels(stack, image.name, sources[image.name]),
        }
        if image.target:
            build["target"] = image.target
        if image.secrets:
            build["secrets"] = list(image.secrets)
            secrets.update({secret: {"file": f"{home}/{SECRETS}/{secret}"} for secret in image.secrets})
        services[image.name] = {"image": stack.image(image.name, tags[image.name]), "build": escaped(build)}
    return {"name": f"{stack.name}-build", "services": services, **({"secrets": secrets} if secrets else {})}


def service(
    stack: Stack, app: App, environment: EnvironmentName, image: str, limits: Limits | None = None
) -> dict[str, Any]:
    """One app as a Compose service, without what belongs to a slot. `limits` are for what the app itself leaves open;
    without them, those of a host whose memory is not known."""
    result: dict[str, Any] = {
        "image": image,
        "pull_policy": "never",
        "restart": "unless-stopped",
        "environment": dict(app.environment),
        "stop_grace_period": f"{app.stop_seconds}s",
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "security_opt": ["no-new-privileges:true"],
        "labels": {f"{LABEL}.stack": stack.name, f"{LABEL}.app": app.name, f"{LABEL}.environment": environment},
    }
    if app.user is not None:
        result["user"] = str(app.user)
    if app.command:
        result["command"] = list(app.command)
    if app.image_of and app.health_command and "healthcheck" not in app.compose:
        # What the image has there asks the app that it was built for; this one has said how it is to be asked.
        result["healthcheck"] = {"disable": True}
    result.update((limits or Limits.of_host(0)).keys(app, app.compose))
    if stack.keys and app.keys != "none":
        result["volumes"] = [f"{keys_of(stack.name)}/{name}:{stack.keys.mount}/{name}:ro" for name in key_files(app)]
    if app.flags:
        # The directory, not the file: a mounted file stays the one it was when another takes its place.
        source = f"{STATE}/{stack.name}/flags/{environment}/{app.name}"
        result["volumes"] = [*result.get("volumes", []), f"{source}:{FLAGS_MOUNT}:ro"]
        result["environment"]["FLAGS_FILE"] = f"{FLAGS_MOUNT}/flags.json"
    if app.volumes:
        result["volumes"] = [*result.get("volumes", []), *mounts(stack, environment, app.volumes)]
    return _merged(result, app.compose)


def mounts(stack: Stack, environment: EnvironmentName, volumes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Volumes of the stack as Compose mounts them. What an image has in that directory is not copied into them, with
    the image's owner: they are their declared user's."""
    return [
        {
            "type": "volume",
            "source": stack.volume(environment, name),
            "target": path,
            "volume": {"nocopy": True},
        }
        for name, path in volumes.items()
    ]


def declared_volumes(services: Mapping[str, Any]) -> dict[str, Any]:
    """What is added to a Compose file for the volumes that its services mount: the engine makes them."""
    mounted = [item for service in services.values() for item in service.get("volumes", []) if isinstance(item, dict)]
    names = sorted({str(item["source"]) for item in mounted if item.get("type") == "volume" and "source" in item})
    return {"volumes": {name: {"name": name, "external": True} for name in names}} if names else {}


def slot_file(
    stack: Stack,
    release: Release,
    slot: Slot,
    env_files: Mapping[str, list[str]],
    config: Mapping[str, str],
    counts: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The Compose file that runs a release in a slot. `stack` is the definition stored with the release; `env_files`
    are absolute paths for each app, later ones win; `config` is a fingerprint of their content and of the key files;
    `counts` are of the apps that have several containers.

    Each container is labelled with a fingerprint of everything it was created from, so a kept container is started
    again only if nothing it needs has changed since.
    """
    services = {}
    for name, kept in release.services.items():
        app = stack.apps[name]
        item = dict(kept)
        if "volumes" in item:
            # Older releases name the keys by their place in the directory of that day, which its owner can replace.
            then = str(release.definition.get("directory", stack.directory))
            for directory in (then, stack.directory):
                item["volumes"] = _moved(item["volumes"], f"{directory}/{KEYS_VIEW[2:]}", keys_of(stack.name))
        item["env_file"] = env_files[name]
        item["environment"] = {
            **item.get("environment", {}),
            "RELEASE_ID": release.id,
            "RELEASE_ENVIRONMENT": release.environment,
            "RELEASE_COMMIT": release.commits.get(name, release.commit),
            "RELEASE_APP": name,
        }
        if app.is_web:
            port = stack.loopback_port(app, release.environment, slot)
            item["ports"] = [f"127.0.0.1:{port}:{app.port}"]
        created_from = fingerprint(json.dumps([item, config[name]], sort_keys=True))
        item["labels"] = {
            **item.get("labels", {}),
            f"{LABEL}.slot": slot,
            f"{LABEL}.id": release.id,
            f"{LABEL}.created-from": created_from,
        }
        services[name] = escaped(item)
        for number in range(2, (counts or {}).get(name, 1) + 1):
            services[unit(name, number)] = replica_service(services[name], name, number)
    return {"name": stack.project(release.environment, slot), "services": services, **declared_volumes(services)}


def slot_labels(stack: Stack, environment: EnvironmentName, slot: Slot) -> dict[str, str]:
    return {f"{LABEL}.stack": stack.name, f"{LABEL}.environment": environment, f"{LABEL}.slot": slot}


def network_name(stack: Stack, environment: EnvironmentName, slot: Slot, block: str) -> str:
    """The network of a slot. It cannot be changed, so its addresses are part of its name."""
    return f"{stack.project(environment, slot)}-{network_of(block, slot).partition('/')[0]}"


def slot_network(stack: Stack, environment: EnvironmentName, slot: Slot, block: str) -> dict[str, Any]:
    """What is added to the Compose file of a slot for its addresses, from the block of its environment. Without a block
    Docker chooses some.

    Each slot has a network of its own: the names of apps are names in a network, and in a common one they would lead to
    both releases.
    """
    if not block:
        return {}
    network = {
        "name": network_name(stack, environment, slot, block),
        "ipam": {"config": [{"subnet": network_of(block, slot)}]},
        "labels": slot_labels(stack, environment, slot),
    }
    return {"networks": {"default": network}}


def developer_compose_file(stack: Stack) -> dict[str, Any]:
    """The stack's docker-compose.yml: shows what runs, readable, and can be used by hand with a profile.

    It uses the last two ports of each app's block, so a stack started by hand runs beside the slots without conflicts;
    the edge sends it no traffic.
    """
    services: dict[str, Any] = {}
    for app in stack.apps.values():
        for index, environment in enumerate(ENVIRONMENTS):
            suffix = {"staging": "staging", "production": "prod"}[environment]
            item = service(stack, app, environment, stack.image(app.name, environment))
            # A job is nothing that goes on beside the others: `docker compose run <job>-prod` runs it.
            item["profiles"] = ["jobs"] if app.is_job else [environment]
            # With a matrix, only what the app needs, as in a slot: see `operations.compose_env_files`.
            item["env_file"] = (
                [f"config/.env.{environment}.{app.name}"]
                if stack.env_matrix
                else ["config/.env.common", f"config/.env.{environment}"]
            )
            item["environment"] = {
                **item["environment"],
                "RELEASE_ID": "by-hand",
                "RELEASE_ENVIRONMENT": environment,
                "RELEASE_COMMIT": "by-hand",
                "RELEASE_APP": app.name,
            }
            if app.after:
                item["depends_on"] = [f"{name}-{suffix}" for name in app.after]
            if "volumes" in item:
                # As its owner sees them.
                item["volumes"] = _moved(_moved(item["volumes"], keys_of(stack.name), KEYS_VIEW), stack.directory, ".")
            if app.is_web:
                item["ports"] = [f"127.0.0.1:{app.loopback_port + 8 + index}:{app.port}"]
            services[f"{app.name}-{suffix}"] = {
                key: value for key, value in escaped(item).items() if value not in ([], {})
            }
    return {"name": stack.name, "services": services, **declared_volumes(services)}


def _moved(volumes: list[Any], place: str, new_place: str) -> list[Any]:
    """Volumes with a source below `place` get the same below `new_place`."""
    return [
        new_place + volume[len(place) :] if isinstance(volume, str) and volume.startswith(f"{place}/") else volume
        for volume in volumes
    ]


def _merged(base: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Extra Compose keys over ours: mappings and lists are merged, anything else is replaced."""
    result = dict(base)
    for key, value in extra.items():
        mine = result.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            result[key] = {**mine, **value}
        elif isinstance(mine, list) and isinstance(value, list):
            result[key] = [*mine, *value]
        else:
            result[key] = value
    return result


def escaped(value: Any) -> Any:
    """Double each `$`: Compose interpolates it in every string of its file."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [escaped(item) for item in value]
    return value
