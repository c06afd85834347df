"""Snapshots of labs: hosts with a history, to start from within seconds.

A snapshot is an image of the lab's root file system and a copy of its volumes, which `docker commit` leaves out. Both
are taken while the lab is stopped, because they contain Docker's own files. The image is created last, so a snapshot
that has one is complete.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath

import docker
import docker.errors
from docker.models.images import Image

from lab_image import run
from progress import ToolError

REPOSITORY = "onehost-lab/snapshot"
LABEL = "onehost.lab.snapshot"
#: The ports that the host knows as its own: they are in addresses that were written to it.
PORTS_LABEL = "onehost.lab.ports"
#: A machine has those of one or two states of the code; each takes about 1 GB.
KEPT = 4
#: Secrets age, and so do package lists.
KEPT_DAYS = 7
#: A copy in progress has no image yet, and an abandoned one never gets one.
ABANDONED_SECONDS = 900


def image_of(snapshot: str) -> str:
    return f"{REPOSITORY}:{snapshot}"


def volume_of(snapshot: str, place: str) -> str:
    return f"onehost-lab-snapshot-{snapshot}-{PurePosixPath(place).name}"


def exists(client: docker.DockerClient, snapshot: str) -> bool:
    return bool(client.images.list(name=image_of(snapshot)))


def check(client: docker.DockerClient, snapshot: str) -> None:
    if not exists(client, snapshot):
        known = sorted(image.labels[LABEL] for image in client.images.list(filters={"label": LABEL}))
        raise ToolError(f"there is no snapshot {snapshot}; there is: {', '.join(known) or 'none'}.")


def save(
    client: docker.DockerClient, container: str, volumes: Mapping[str, str], snapshot: str, ports: dict[str, int]
) -> None:
    """Save a stopped container; `volumes` maps its volumes to their mount points."""
    copies = {volume: volume_of(snapshot, place) for volume, place in volumes.items()}
    for copy in copies.values():
        forget_volume(client, copy)
        client.volumes.create(copy, labels={LABEL: snapshot})
    image = client.containers.get(container).image
    assert image is not None
    copy_volumes(str(image.id), copies)
    labels = {LABEL: snapshot, PORTS_LABEL: ",".join(f"{use}={port}" for use, port in ports.items())}
    # Labs made from the snapshot do not inherit its owner.
    labels |= {"onehost.lab": "", "onehost.lab.owner": "", "onehost.lab.directory": ""}
    changes = [f"--change=LABEL {name}={value}" for name, value in labels.items()]
    run(["docker", "commit", *changes, container, image_of(snapshot)], f"the snapshot {snapshot}")
    prune(client, keep=snapshot)


def fill(client: docker.DockerClient, snapshot: str, volumes: Mapping[str, str]) -> None:
    """Fill a lab's new volumes from the snapshot's."""
    for place in volumes.values():
        # Docker would silently create a missing volume, empty.
        client.volumes.get(volume_of(snapshot, place))
    copy_volumes(image_of(snapshot), {volume_of(snapshot, place): volume for volume, place in volumes.items()})


def copy_volumes(image: str, pairs: Mapping[str, str]) -> None:
    """Copy in a container, because volumes may be anywhere, and image layers have attributes that only root may read
    and write."""
    options = ["--rm", "--network=none", "--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined"]
    for number, (source, target) in enumerate(pairs.items()):
        options += [f"--volume={source}:/from/{number}:ro", f"--volume={target}:/to/{number}"]
    script = 'for i in /from/*; do cp --archive --reflink=auto "$i/." "/to/${i#/from/}/"; done'
    run(["docker", "run", *options, image, "sh", "-ec", script], "the copy of a lab's volumes")


def known_ports(labels: Mapping[str, str]) -> dict[str, int]:
    """The ports that the host of a snapshot knows as its own; empty for a lab that is not made from one."""
    pairs = (pair.split("=") for pair in labels.get(PORTS_LABEL, "").split(",") if pair)
    return {use: int(port) for use, port in pairs}


def prune(client: docker.DockerClient, *, keep: str = "", kept: int = KEPT) -> None:
    """Remove the oldest snapshots, and the remains of those without an image. Those in use are kept for now."""
    found = client.images.list(filters={"label": LABEL})
    found.sort(key=created, reverse=True)
    oldest = datetime.now(timezone.utc) - timedelta(days=KEPT_DAYS)
    for number, image in enumerate(found):
        if image.labels[LABEL] != keep and (number >= kept or created(image) < oldest):
            remove(client, image.labels[LABEL])
    left = {image.labels[LABEL] for image in client.images.list(filters={"label": LABEL})}
    for volume in client.volumes.list(filters={"label": LABEL}):
        age = time.time() - datetime.fromisoformat(volume.attrs["CreatedAt"]).timestamp()
        if volume.attrs["Labels"][LABEL] not in left | {keep} and age > ABANDONED_SECONDS:
            forget_volume(client, str(volume.name))


def remove(client: docker.DockerClient, snapshot: str) -> None:
    """Remove the image first: without it the rest is no snapshot. A lab made from it keeps what it needs."""
    try:
        client.images.remove(image_of(snapshot))
    except docker.errors.APIError as error:
        if error.status_code not in (404, 409):
            raise
        return
    for volume in client.volumes.list(filters={"label": f"{LABEL}={snapshot}"}):
        forget_volume(client, str(volume.name))


def forget_volume(client: docker.DockerClient, name: str) -> None:
    try:
        client.volumes.get(name).remove()
    except docker.errors.NotFound:
        pass
    except docker.errors.APIError as error:
        if error.status_code != 409:  # somebody is copying from it
            raise


def created(image: Image) -> datetime:
    return datetime.fromisoformat(image.attrs["Created"])
