"""Stages that a lab is brought to by a snapshot, or else by steps that then make the snapshot for the next time.

A snapshot is only as good as its ingredients, so its name contains a checksum of everything that decides what such a
host looks like. The stages and their steps are in e2e/conftest.py.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import lab
import lab_image
import lab_snapshot
from support.lab import ROOT, Lab, kept_lab, until

#: What decides the state of a provisioned and released host, beside the lab itself.
INGREDIENTS = (
    *("roles", "plugins", "playbooks", "examples", "inventories", "group_vars"),
    *("ansible.cfg", "galaxy.yml", "requirements/control.txt", "tools/lab.py", "tools/lab_source.py"),
)
#: `no` makes every stage anew and keeps none.
VARIABLE = "ONEHOST_TEST_SNAPSHOTS"


@functools.cache
def checksum() -> str:
    """Checksum of the files as they are, committed or not, and of the lab's recipe."""
    digest = hashlib.sha256()
    sources, certificates = lab_image.apt_sources(), lab_image.extra_certificates()
    digest.update(lab_image.recipe_checksum(lab_image.vm_sources(sources), certificates).encode())
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *INGREDIENTS],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    for name in sorted(set(listed.stdout.split(b"\0")) - {b""}):
        path = ROOT / os.fsdecode(name)
        # A deleted file is listed until the deletion is committed.
        if path.is_file():
            digest.update(b"%s %d\n" % (name, path.stat().st_mode & 0o111))
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Only one process at a time makes a stage; others wait until its snapshot exists."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / f"snapshot-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def used(host: Lab) -> bool:
    """Whether snapshots apply: never to a lab that somebody keeps."""
    return host.name != kept_lab() and os.environ.get(VARIABLE) != "no"


def available(host: Lab, stage: str) -> bool:
    """Whether a snapshot can bring the lab to a stage at once, whatever its state."""
    return used(host) and lab_snapshot.exists(lab.connect(), f"{stage}-{checksum()}")


def reach(host: Lab, stage: str, make: Callable[[], object]) -> None:
    """Bring a lab to a stage, by its snapshot if there is one; the lab's previous state is then lost."""
    snapshot = f"{stage}-{checksum()}"
    with alone(stage):
        if available(host, stage):
            host.load(snapshot)
        else:
            make()
            if used(host):
                host.save(snapshot)
    # Taking and loading one are boots, and the edge answers before HAProxy and the recovery of the boot are done.
    until(host.has_booted, 90, "the services of the boot have ended")
    host.stage = stage
