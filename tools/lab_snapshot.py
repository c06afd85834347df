"""Snapshots of labs: a host that has been through something, to start from again in seconds.

A snapshot is an image of the lab's root file system and a copy of its volumes, which `docker commit` leaves out. Both
are taken while the lab stands still, as Docker's own files are in them. The image comes last, so that whoever finds one
finds all of it.
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
#: A machine has those of one state of the code, or of two; each takes about 1 GB.
KEPT = 4
#: Secrets get older, package lists too.
KEPT_DAYS = 7
#: A copy that is still being made has no image yet; one that was given up has none any more.
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
    """Of a container that is stopped; `volumes` are its volumes and where they are in it."""
    copies = {volume: volume_of(snapshot, place) for volume, place in volumes.items()}
    for copy in copies.values():
        forget_volume(client, copy)
        client.volumes.create(copy, labels={LABEL: snapshot})
    image = client.containers.get(container).image
    assert image is not None
    copy_volumes(str(image.id), copies)
    labels = {LABEL: snapshot, PORTS_LABEL: ",".join(f"{use}={port}" for use, port in ports.items())}
    # Whose lab it was is nothing to those that are made of it.
    labels |= {"onehost.lab": "", "onehost.lab.owner": "", "onehost.lab.directory": ""}
    changes = [f"--change=LABEL {name}={value}" for name, value in labels.items()]
    run(["docker", "commit", *changes, container, image_of(snapshot)], f"the snapshot {snapshot}")
    prune(client, keep=snapshot)


def fill(client: docker.DockerClient, snapshot: str, volumes: Mapping[str, str]) -> None:
    """A lab's new volumes with what the snapshot's hold."""
    for place in volumes.values():
        # One that is not there would be made on the spot, empty.
        client.volumes.get(volume_of(snapshot, place))
    copy_volumes(image_of(snapshot), {volume_of(snapshot, place): volume for volume, place in volumes.items()})


def copy_volumes(image: str, pairs: Mapping[str, str]) -> None:
    """In a container, as the volumes may be anywhere; layers of images have attributes that only an administrator may
    read and write."""
    options = ["--rm", "--network=none", "--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined"]
    for number, (source, target) in enumerate(pairs.items()):
        options += [f"--volume={source}:/from/{number}:ro", f"--volume={target}:/to/{number}"]
    script = 'for i in /from/*; do cp --archive --reflink=auto "$i/." "/to/${i#/from/}/"; done'
    run(["docker", "run", *options, image, "sh", "-ec", script], "the copy of a lab's volumes")


def known_ports(labels: Mapping[str, str]) -> dict[str, int]:
    """What the host of a snapshot takes for its ports; empty for a lab that is not made of one."""
    pairs = (pair.split("=") for pair in labels.get(PORTS_LABEL, "").split(",") if pair)
    return {use: int(port) for use, port in pairs}


def prune(client: docker.DockerClient, *, keep: str = "", kept: int = KEPT) -> None:
    """Remove the oldest, and what is left of those that have no image. Those in use stay for this time."""
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
    """The image first: without it the rest is nothing. A lab that was made of it keeps what it needs."""
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
        if error.status_code != 409:  # somebody copies from it just now
            raise


def created(image: Image) -> datetime:
    return datetime.fromisoformat(image.attrs["Created"])
