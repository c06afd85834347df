"""The host breaks under an operation: daemons restarted or gone, disks full, reboots and power cuts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.faults import LONG, PLACE, Faults
from support.lab import until

pytestmark = pytest.mark.fault

OPERATIONS = ("promote", "rollback", "deploy")
#: What is done, in the middle of an operation, and whether it takes requests away by itself.
RESTARTS = {
    "dockerd restarted": ("systemctl restart docker", False),
    "dockerd killed": ("systemctl kill --signal=KILL docker.service; sleep 0.1; systemctl start docker", False),
    "HAProxy reloaded": ("systemctl reload haproxy", False),
    "HAProxy restarted": ("systemctl restart haproxy", True),
    "nginx reloaded": ("systemctl reload nginx", True),
    "nginx restarted": ("systemctl restart nginx", True),
}
MOMENTS = ("start:begun", "switch:begun", "switch:done", "stop:begun")
FULL_PLACES = {
    "releases": "/var/lib/onehost/faults/releases",
    "journal": "/var/lib/onehost/faults/operations",
    "slots": "/var/lib/onehost/faults/slots",
    "switch": "/var/lib/onehost/switch",
}


def words(faults: Faults, operation: str) -> tuple[str, ...]:
    """The operation, and before it what it needs to have something to do."""
    if operation == "deploy":
        return ("deploy", "--version", faults.other_version())
    faults.promotable() if operation == "promote" else faults.revertible()
    return (operation,)


def told(text: str) -> str:
    """The first line of an answer for the report, without what differs each time."""
    return text.strip().splitlines()[0].partition(": ")[2][:110] if text.strip() else "nothing"


@pytest.mark.parametrize(
    ("fault", "operation", "moment"),
    [(fault, operation, moment) for fault in RESTARTS for operation in OPERATIONS for moment in MOMENTS]
    if LONG
    else [
        ("dockerd restarted", "promote", "start:begun"),
        ("HAProxy reloaded", "promote", "switch:done"),
        ("HAProxy restarted", "promote", "switch:begun"),
        ("nginx restarted", "rollback", "switch:begun"),
    ],
)
def test_restart(faults: Faults, fault: str, operation: str, moment: str) -> None:
    """The operation goes on, or puts everything back and says why; in both cases it is at one with the host."""
    command, caused = RESTARTS[fault]
    arguments = words(faults, operation)
    with faults.case(fault, f"{operation} at {moment}", caused=caused) as case:
        answer = faults.operate(moment, *arguments, do=command)
        case.found = told(answer.stdout + answer.stderr)
        until(faults.answers, 30, "the edge answers again")
        if answer.returncode != 0:
            # What was put back can be asked for again.
            assert "everything was undone" in answer.stdout or "completes it" in answer.stdout, answer.stdout
            faults.onehost(*arguments)


@pytest.mark.parametrize("operation", OPERATIONS if LONG else ["promote"])
@pytest.mark.parametrize("moment", ["start:begun", "stop:begun"] if LONG else ["start:begun"])
def test_docker_gone(faults: Faults, operation: str, moment: str) -> None:
    """Without Docker nothing can even be put back: said so, and made good by the next operation."""
    arguments = words(faults, operation)
    stop = "systemctl stop docker.socket docker.service"
    with faults.case("dockerd stopped", f"{operation} at {moment}") as case:
        answer = faults.operate(moment, *arguments, do=stop)
        faults.shell("systemctl start docker.socket docker.service")
        assert answer.returncode == 1
        assert "Traceback" not in answer.stdout + answer.stderr
        text = faults.onehost(*arguments).stdout
        case.recovered(text)


@pytest.mark.parametrize("operation", OPERATIONS if LONG else ["promote"])
@pytest.mark.parametrize("place", FULL_PLACES if LONG else ["releases", "journal"])
def test_disk_full(faults: Faults, operation: str, place: str) -> None:
    arguments = words(faults, operation)
    with faults.case("disk full", f"{operation}, {place}") as case:
        with full(faults, FULL_PLACES[place]):
            answer = faults.onehost(*arguments, check=False)
            text = answer.stdout + answer.stderr
            assert "Traceback" not in text, text
            # A rollback to kept containers writes neither a release nor a slot.
            if answer.returncode != 0:
                assert "No space left" in text, text
            case.found = told(text)
            assert faults.answers()
        faults.onehost(*arguments)


@contextmanager
def full(faults: Faults, place: str) -> Iterator[None]:
    """A small file system over a directory, with all that was in it and not a byte to spare."""
    faults.shell(
        f"set -e; rm -rf {PLACE}/kept; cp -a {place} {PLACE}/kept; mount -t tmpfs -o size=8m,mode=0755 faults {place}; "
        f"cp -a {PLACE}/kept/. {place}/; dd if=/dev/zero of={place}/.filler bs=4096 2>/dev/null || true; "
        f"! dd if=/dev/zero of={place}/.more bs=4096 count=1 2>/dev/null; rm -f {place}/.more"
    )
    try:
        yield
    finally:
        # What was written in spite of it, the end of a journal for one, stays.
        faults.shell(
            f"set -e; rm -f {place}/.filler; rm -rf {PLACE}/kept; cp -a {place} {PLACE}/kept; umount {place}; "
            f"find {place} -mindepth 1 -delete; cp -a {PLACE}/kept/. {place}/"
        )


@pytest.mark.parametrize(
    ("operation", "moment", "how"),
    [
        (operation, moment, how)
        for how in ("reboot", "power cut")
        for operation in OPERATIONS
        for moment in ("healthy:done", "switch:done")
    ]
    if LONG
    else [("promote", "healthy:done", "reboot")],
)
def test_reboot(faults: Faults, operation: str, moment: str, how: str) -> None:
    """One whole release comes up by itself, and the next operation takes up what the reboot broke off."""
    arguments = words(faults, operation)
    with faults.case(how, f"{operation} at {moment}", caused=True) as case:
        before = faults.live("staging" if operation == "deploy" else "production")
        with faults.held_at(moment, *arguments):
            if how == "reboot":
                faults.lab.reboot()
            else:
                for verb in ("kill", "start"):
                    subprocess.run(["docker", verb, faults.lab.name], check=True, capture_output=True, timeout=60)
            until(faults.answers, 60, "production answers after the boot")
        release = faults.live("staging" if operation == "deploy" else "production")
        assert (release == before) == (moment == "healthy:done")
        # A service of the boot may recover before us, or be at it just now.
        text = faults.onehost(*arguments, "--lock-wait", "60").stdout
        if "was interrupted" in text:
            case.recovered(text)
        else:
            case.found = "recovered at boot"
