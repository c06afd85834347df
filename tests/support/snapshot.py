"""Stages that a lab can be brought to by a snapshot, or else by what makes the snapshot for the next one.

A snapshot is only as good as what it was made of, so its name holds a checksum of all that decides what such a host
looks like. Which stages there are, and what makes them, is in e2e/conftest.py.
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
from support.lab import ROOT, Lab, kept_lab

#: What a provisioned and released host is made of, beside the lab itself.
INGREDIENTS = (
    *("roles", "plugins", "playbooks", "examples", "inventories", "group_vars"),
    *("ansible.cfg", "galaxy.yml", "requirements/control.txt", "tools/lab.py", "tools/lab_source.py"),
)
#: `no` makes every stage anew and keeps none.
VARIABLE = "ONEHOST_TEST_SNAPSHOTS"


@functools.cache
def checksum() -> str:
    """Of the files as they are, committed or not; of the lab, its recipe."""
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
        # One that was deleted is listed until that is committed.
        if path.is_file():
            digest.update(b"%s %d\n" % (name, path.stat().st_mode & 0o111))
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Who comes second waits until there is something to start from."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / f"snapshot-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def used(host: Lab) -> bool:
    """A lab that somebody keeps is never replaced."""
    return host.name != kept_lab() and os.environ.get(VARIABLE) != "no"


def available(host: Lab, stage: str) -> bool:
    """Whether the lab can be brought to a stage at once, whatever it is now."""
    return used(host) and lab_snapshot.exists(lab.connect(), f"{stage}-{checksum()}")


def reach(host: Lab, stage: str, make: Callable[[], object]) -> None:
    """Bring a lab to a stage, by its snapshot if there is one: what the lab was before is gone then."""
    snapshot = f"{stage}-{checksum()}"
    with alone(stage):
        if available(host, stage):
            host.load(snapshot)
        else:
            make()
            if used(host):
                host.save(snapshot)
    host.stage = stage
