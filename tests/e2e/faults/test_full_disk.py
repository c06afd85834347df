"""Everything a host writes is on one small disk, and there is not a byte left on it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import faults as support
from support.faults import Faults
from support.lab import Lab, started
from support.load import Load

pytestmark = pytest.mark.fault

DISK = "/small"
SIZE = "3g"
#: Where the host, Docker and the collection write, as far as it is not in memory anyway.
PLACES = ("/var/lib/docker", "/var/lib/containerd", "/var/lib/onehost", "/var/log", "/var/tmp", "/home", "/etc/onehost")
FILLER = f"{DISK}/filler"


@pytest.fixture(scope="module")
def small(rows: list[support.Row]) -> Iterator[Faults]:
    """A host with one disk of 3 GB, which a stack with two releases shares with everything else."""
    with started("small") as lab:
        on_one_disk(lab)
        support.prepare(lab)
        faults = Faults(lab, "faults", rows=rows)
        support.release_twice(faults)
        with Load(faults.targets(), support.RATE) as load:
            faults.load = load
            yield faults


def on_one_disk(lab: Lab) -> None:
    """In memory, as the disk of the machine that tests run on must not be filled. Before anything is installed."""
    text = f"set -e; mkdir -p {DISK}; mount -t tmpfs -o size={SIZE},mode=0755 small {DISK}\n"
    for place in PLACES:
        inside = DISK + place
        text += f"mkdir -p {place} {inside}; cp -a {place}/. {inside}/; mount --bind {inside} {place}\n"
    Faults(lab, "faults").shell(text)


@contextmanager
def no_byte_left(faults: Faults) -> Iterator[None]:
    fill = f"dd if=/dev/zero of={FILLER} bs=1M 2>/dev/null; dd if=/dev/zero of={FILLER}.2 bs=4096 2>/dev/null"
    faults.shell(f"{fill}; test $(df --output=avail {DISK} | tail -n 1) -eq 0")
    try:
        yield
    finally:
        faults.root("rm", "-f", FILLER, f"{FILLER}.2")


@pytest.mark.parametrize("operation", ["promote", "rollback", "deploy"])
def test_an_operation_on_a_full_disk(small: Faults, operation: str) -> None:
    """It does its work or refuses; either way visitors notice nothing, and it works when there is room again."""
    small.promotable() if operation == "promote" else small.revertible()
    words = (operation, "--version", small.other_version()) if operation == "deploy" else (operation,)
    with small.case("whole disk full", operation) as case:
        with no_byte_left(small):
            answer = small.onehost(*words, check=False)
            text = answer.stdout + answer.stderr
            assert "Traceback" not in text, text
            if answer.returncode != 0:
                assert "No space left" in text or "GB free" in text, text
            case.found = text.strip().splitlines()[0].partition(": ")[2][:110]
            assert small.answers()
        if answer.returncode != 0:
            small.onehost(*words)


def test_a_cleanup_with_no_byte_left(small: Faults) -> None:
    """It makes room all the same, and what is needed to go back stays."""
    for number in (1, 2, 3):
        heavy = {"version": f"heap-{number}", "staging": {}, "production": {}, "ballast": os.urandom(15_000_000).hex()}
        text = json.dumps(heavy)
        small.lab.push_commit({"app/behaviour.json": text}, branch=f"heap-{number}", repository="faults")
        small.onehost("deploy", "--version", f"heap-{number}")
    small.onehost("promote")
    # As cron does it: also when there is nothing to remove, room is set aside for the day when the disk is full.
    small.root("onehost", "cleanup", "--free-gb", "0")
    with small.case("whole disk full", "cleanup") as case, no_byte_left(small):
        answer = small.root("onehost", "cleanup", "--free-gb", "0.1", check=False)
        # The build cache has the layers of these images too, so what there is to gain is the room set aside.
        assert "image fault-front:" in answer.stdout, answer.stdout
        assert "not removed: " not in answer.stdout, answer.stdout
        free = int(small.shell(f"df --output=avail -B 1 {DISK} | tail -n 1"))
        assert free >= 60_000_000
        case.found = answer.stdout.splitlines()[0]
        # With that little it can be gone back already.
        small.onehost("rollback")
        small.consistent()
