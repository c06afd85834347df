"""Releases that are ill in production only, and a way back that somebody cut off."""

from __future__ import annotations

import re

import pytest
from support import faults as support
from support.faults import ILL, LONG, Faults
from support.lab import until

pytestmark = pytest.mark.fault

#: What is said of each ill release.
CAUSES = {
    "never-healthy": "is not healthy after 3 s",
    "redirects": "HTTP 302",
    "wrong-address": "runs, but nothing listens on 0.0.0.0:8000; it listens on 127.0.0.1:8000",
    "slow-boot": "is not healthy after 3 s",
    "crash-loop": "keeps crashing",
    "dies-soon": "died after the switch",
    "bad-smoke": "checks through the edge failed",
}
TAMPER = (
    "python3 -c \"import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/admin.sock'); "
    "s.sendall(b'set map /var/lib/onehost/switch/faults-production.map live {slot}/forged\\n'); s.recv(9)\""
)


@pytest.mark.parametrize(
    "version", ILL if LONG else ["never-healthy", "wrong-address", "crash-loop", "dies-soon", "bad-smoke"]
)
def test_ill_release(faults: Faults, version: str) -> None:
    """The old release goes on answering, tags included, and the cause is told with the app's own last lines."""
    commit = support.push(faults.lab, version, ILL[version])
    faults.onehost("deploy", "--version", version)
    # From the switch until the ill release is taken off, its own errors are what visitors get.
    caused = version in ("dies-soon", "bad-smoke")
    try:
        with faults.case("ill release", version, caused=caused) as case:
            before = faults.look()
            answer = faults.onehost("promote", "--watch-seconds", "3", check=False)
            assert answer.returncode == 1
            assert CAUSES[version] in answer.stdout, answer.stdout
            assert "everything was undone" in answer.stdout
            case.found = CAUSES[version]
            after = faults.consistent()
            for part in ("live", "tags"):
                assert after[part]["production"] == before[part]["production"]
            failed = [name for name, item in after["releases"].items() if name.endswith(commit[:7])]
            assert {after["releases"][name]["status"] for name in failed} == {"live", "failed"}
            # A failed release is none that a rollback would choose.
            if faults.rollback_possible():
                target = faults.rollback_target()
                faults.onehost("rollback")
                assert faults.live() == target
    finally:
        faults.onehost("deploy", "--version", "second")
    faults.promotable()
    faults.onehost("promote")


@pytest.mark.parametrize("operation", ["promote", "rollback"] if LONG else ["promote"])
def test_wrong_name(faults: Faults, operation: str) -> None:
    """Traffic that is answered under another release's name is not taken for a success."""
    faults.promotable() if operation == "promote" else faults.revertible()
    slot = "green" if "blue" in faults.look()["live"]["production"] else "blue"
    with faults.case("wrong X-Release", operation, caused=True, forged=True) as case:
        answer = faults.operate("confirm:begun", operation, do=TAMPER.format(slot=slot))
        assert answer.returncode == 1
        assert "names release forged" in answer.stdout
        case.found = "told, everything was undone"
        faults.consistent()
        faults.onehost(operation)


@pytest.mark.parametrize("how", ["image deleted", "docker system prune -af"])
def test_way_back_gone(faults: Faults, how: str) -> None:
    """status and rollback say at once that the way back is gone and what brings it back; that does."""
    # What staging runs cannot be deleted: it must be something that no release before has.
    version = f"after-{len(how)}"
    support.push(faults.lab, version)
    faults.onehost("deploy", "--version", version)
    faults.onehost("promote")
    with faults.case(how, "before a rollback") as case:
        seen = faults.look()
        if how == "image deleted":
            # Of every release that a rollback could go to, or it would go to the next one.
            live = set(faults.images("production").values())
            old = {item["images"]["fault-back"] for item in seen["releases"].values()} & set(seen["images"]) - live
            faults.root("docker", "rmi", "--force", *sorted(old))
        else:
            # What it takes of the base image would come back from a registry; the lab has its own archive.
            faults.shell("docker system prune --all --force && lab-load-images")
        before = faults.live()
        refused = faults.onehost("rollback", check=False)
        assert refused.returncode == 1
        text = refused.stdout + refused.stderr
        assert "is missing" in text
        fix = re.search(r"Fix: (sudo onehost deploy .*), then (sudo onehost promote.*)", text)
        assert fix, text
        assert "is missing" in faults.onehost("status").stdout
        assert faults.live() == before
        case.found = "status and rollback say that the image is gone; the command they name brings it back"
        # Pasted as they are.
        faults.shell(fix[1], seconds=300)
        faults.shell(fix[2], seconds=300)
        faults.consistent()
        faults.onehost("rollback")
    faults.onehost("deploy", "--version", faults.other_version())


def test_changed_setting(faults: Faults) -> None:
    """A rollback brings back the settings of its day, and leaves today's secrets."""
    path = "/var/lib/onehost/faults/env/production"
    faults.promotable()
    original = str(faults.root("cat", path).stdout)
    with faults.case("settings changed", "promote, then rollback") as case:
        try:
            faults.shell(f"sudo sed -i -e s/first/changed/ -e s/lab-only/rotated/ {path}")
            faults.onehost("promote")
            assert settings(faults) == ("changed", "rotated")
            faults.onehost("rollback")
            assert settings(faults) == ("first", "rotated")
            case.found = "the setting went back, the secret stayed"
        finally:
            faults.root("tee", path, data=original.encode())
    faults.promotable()
    faults.onehost("promote")


def settings(faults: Faults) -> tuple[str, str]:
    answer = faults.lab.get("production", "/health", {"Host": faults.host_name}).json()
    return answer["setting"], answer["secret"]


def test_there_and_back_again_and_again(faults: Faults) -> None:
    """Each promote brings what staging has, each rollback what was there; nothing piles up but the history."""
    count = 100 if LONG else 4
    faults.revertible()
    if faults.rollback_possible():
        faults.onehost("rollback")
    with faults.case("cycles", f"{count} promotes and rollbacks in a row") as case:
        home = faults.live()
        containers = len(faults.look()["containers"])
        for _ in range(count):
            faults.onehost("promote")
            assert faults.images("production") == faults.images("staging")
            faults.onehost("rollback")
            assert faults.live() == home
        assert len(faults.consistent()["containers"]) == containers
        case.found = "each went where it should"


def test_warm_slot_when_the_timer_of_before_strikes(faults: Faults) -> None:
    """It waits for its turn while the next promote runs, and takes nothing away that this one keeps warm."""
    label = "label=release.onehost"

    def slots_running() -> int:
        names = f"docker ps --quiet --filter {label}.stack=faults --filter {label}.environment=production"
        return len(faults.shell(names).split()) // 2

    def cooling() -> bool:
        return bool(faults.root("pgrep", "--full", "onehost cool", check=False).returncode == 0)

    faults.promotable()
    with faults.case("warm slot", "the timer of before strikes during a promote") as case:
        faults.onehost("promote", "--warm-seconds", "120")
        faults.onehost("rollback")
        home = faults.live()
        with faults.held_at("switch:begun", "promote", "--warm-seconds", "120"):
            until(cooling, 40, "the timer strikes")
        until(lambda: not cooling(), 20, "it has had its turn")
        assert slots_running() == 2, "the old slot is still there"
        assert faults.shell("systemctl list-units --plain --no-legend 'onehost-cool-faults-production:*.timer'")
        faults.onehost("rollback")
        assert faults.live() == home
        until(lambda: slots_running() == 1, 40, "the slot that was left is stopped after its drain time")
        case.found = "kept warm, rolled back by the switch alone"
