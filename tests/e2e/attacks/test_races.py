# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that change at random moments while root works: a minute of each, bounded, with `make attack` alone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.attacks import HOME, PLACE, STACK, Attacked
from support.lab import until

#: How long names are exchanged.
SWAP_SECONDS = 60
TARGET = "/opt/of-root"
NAMES = (
    *("config", "nginx", "releases", "scripts", "docker-compose.yml", ".git"),
    *("config/keys", "config/.env.common", "config/.env.staging", ".git/info", ".git/config", "nginx/live"),
)


@contextmanager
def swapping(shop: Attacked, names: tuple[str, ...], target: str) -> Iterator[float]:
    """Alice exchanges names with links, as quickly as she can, while the block runs. Yields the end of her time."""
    process = subprocess.Popen(
        [
            *("docker", "exec", "--user", "alice", "--workdir", HOME, shop.lab.name, "python3", f"{PLACE}/swap.py"),
            *(str(SWAP_SECONDS), target, *names),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield time.monotonic() + SWAP_SECONDS
    finally:
        told, _ = process.communicate(timeout=SWAP_SECONDS + 60)
        assert int(told) > 100, f"names were exchanged {told} times only"


def operate(shop: Attacked, end: float) -> int:
    """Everything that people and timers do, again and again; each is done, or refused with a message, in its time."""
    done = 0
    for turn in range(1000):
        if time.monotonic() > end:
            break
        commit = shop.push({"colour": f"race {turn}\n"}, branch="race")
        for words, by, stack in (
            (("deploy", "--version", commit), "alice", STACK),
            (("promote",), "alice", STACK),
            (("rollback",), "alice", STACK),
            (("status",), "alice", STACK),
            (("page",), "root", ""),
            (("cleanup",), "root", ""),
            (("recover",), "root", ""),
            (("end-overlap",), "root", ""),
        ):
            said = shop.onehost(*words, by=by, stack=stack)
            assert not said.hung, f"{words} hangs"
            assert "Traceback" not in said.text, f"{words}: {said.text}"
            assert said.code == 0 or said.text.strip(), f"{words} says nothing"
            done += said.code == 0
    return done


@pytest.fixture
def restored(shop: Attacked) -> Iterator[Attacked]:
    """Her directory is as it was afterwards."""
    shop.root(f"rm -rf /home/alice/kept && cp -a {HOME} /home/alice/kept")
    yield shop
    shop.root(f"rm -rf {HOME}/* {HOME}/.[a-z]* && cp -a /home/alice/kept/. {HOME}/ && rm -rf /home/alice/kept")
    shop.provision("stack", "jwt_keys").ok()
    until(shop.answers, 60, "every app answers")


@pytest.mark.attack(
    "race", "names in the stack's directory exchanged with links, during every operation", "nothing outside changes"
)
@pytest.mark.timeout(400)
def test_operations_while_names_change(restored: Attacked) -> None:
    with restored.victim_directory(TARGET), restored.contained():
        with swapping(restored, NAMES, TARGET) as end:
            done = operate(restored, end)
        assert done > 5, "operations go on"


@pytest.mark.attack("race", "the same during provisioning", "nothing outside changes")
@pytest.mark.timeout(600)
def test_provisioning_while_names_change(restored: Attacked) -> None:
    with restored.victim_directory(TARGET), restored.contained(), swapping(restored, NAMES, TARGET) as end:
        turn = 0
        while time.monotonic() < end:
            turn += 1
            restored.provision("stack", "jwt_keys", "edge", attacks_colour=["red", "blue"][turn % 2])


@pytest.mark.attack(
    "race", "names exchanged with links to a file of root's, during every operation", "it stays as it is"
)
@pytest.mark.timeout(400)
def test_files_while_names_change(restored: Attacked) -> None:
    files = tuple(name for name in NAMES if "." in name.rpartition("/")[2][1:] or "env" in name)
    with restored.victim("/etc/of-root"), restored.contained(), swapping(restored, files, "/etc/of-root") as end:
        operate(restored, end)
