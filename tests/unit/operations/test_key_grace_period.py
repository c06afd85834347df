# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grace period after a key rotation ends by itself, whatever happens to the host meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_definition
from fakes.world import World

from release.errors import OperationError, RefusedError
from release.operations import key_grace_period as grace_period
from release.operations.observe import observe
from release.operations.status import status
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.releases.status import KeyRotationStatus
from release.rendering import key_grace_period as rendering_grace_period
from release.rendering.status import status_lines
from release.stack.reader import read_stack

WHO = LockHolder.from_json({"operation": "rotation of keys", "person": "ann", "host": "desk"})


def openssl(arguments: list[str], data: bytes) -> bytes:
    return b"private-1" if arguments[0] == "genpkey" else b"public-1"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (
        ("jwt_private.pem", "private-0"),
        ("jwt_public.pem", "public-0"),
        ("jwt_public_previous.pem", "public-0"),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(grace_period, "directory", lambda host, stack: str(tmp_path))
    monkeypatch.setattr(os, "fchown", lambda *arguments: None)
    return tmp_path


@pytest.fixture
def live(world: World, keys: Path) -> World:
    world.ship()
    world.clock.time += 60
    return world


def begin(world: World, hours: float | None = None, **options: Any) -> dict[str, Any]:
    return grace_period.begin(world.host, world.stack, hours, WHO, run=openssl, **options)


def end(world: World, **options: Any) -> bool:
    return grace_period.end(world.host, world.stack, WHO, **options)


def boot(world: World) -> bool:
    world.reboot()
    return grace_period.after_boot(world.host, world.stack, WHO)


def grace_period_state(world: World) -> KeyRotationStatus | None:
    return grace_period.state(world.host, world.stack, observe(world.host, world.stack))


def state(world: World) -> KeyRotationStatus:
    found = grace_period_state(world)
    assert found is not None
    return found


def previous(keys: Path) -> str:
    return (keys / "jwt_public_previous.pem").read_text()


def test_it_ends_when_its_time_is_over(live: World, keys: Path) -> None:
    begin(live)
    assert live.timer.armed["grace period shop"] == pytest.approx(live.clock.time + 24 * 3600)
    assert not end(live) and previous(keys) == "public-0"
    live.clock.time = live.timer.armed["grace period shop"]
    assert end(live) and previous(keys) == "public-1"
    assert "grace period shop" not in live.timer.armed
    assert not end(live)


def test_how_long_is_the_stacks_or_asked_for(world: World, keys: Path) -> None:
    world.stack = read_stack("shop", shop_definition() | {"keys": {"mount": "/keys", "overlap_hours": "1.5"}})
    note = begin(world)
    assert note["until"] - note["since"] == 1.5 * 3600
    assert end(world, early=True)
    note = begin(world, 0.5)
    assert note["until"] - note["since"] == 1800


def test_a_reboot_does_not_make_it_last_for_ever(live: World, keys: Path) -> None:
    begin(live, 2)
    until = live.timer.armed["grace period shop"]
    live.clock.time += 3600
    assert not boot(live)
    assert live.timer.armed["grace period shop"] == pytest.approx(until), "the reboot had taken the timer away"
    live.clock.time += 7200
    assert boot(live), "its time was over while the host was down"
    assert previous(keys) == "public-1"


def test_nothing_begins_without_its_timer(live: World, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any) -> None:
        raise OperationError("the timer could not be set", "unit", "no bus")

    monkeypatch.setattr(live.timer, "arm_grace_period", broken)
    with pytest.raises(OperationError, match="no bus"):
        begin(live)
    assert (keys / "jwt_private.pem").read_text() == "private-0"
    assert not (keys / "rotation.json").exists()


def test_a_second_rotation_leaves_the_timer_of_the_first(live: World, keys: Path) -> None:
    begin(live, 2)
    until = live.timer.armed["grace period shop"]
    with pytest.raises(RefusedError, match="state=finished"):
        begin(live, 48)
    assert live.timer.armed["grace period shop"] == until


@pytest.mark.parametrize("name", ["staging", "production", "keys"])
def test_never_while_containers_may_be_starting(live: World, keys: Path, name: str) -> None:
    who = LockHolder.from_json({"operation": "promote", "person": "bob", "host": "desk"})
    with (
        lock.hold(lock.lock_path("shop", name, live.paths.locks), who, 0),
        pytest.raises(RefusedError, match="promote by bob"),
    ):
        begin(live)
    assert (keys / "jwt_private.pem").read_text() == "private-0"


def test_status_tells_of_it(live: World, keys: Path) -> None:
    assert grace_period_state(live) is None and rendering_grace_period.lines(None) == []
    begin(live, 2)
    live.clock.time += 1800
    told = state(live)
    assert (told.running, told.hours_left, told.old_pair_in) == (True, 1.5, ("staging", "production"))
    text = "\n".join(rendering_grace_period.lines(told))
    assert "valid until" in text and "1.5 hours left" in text and "onehost.release.promote" in text

    live.store.keys |= {"jwt_private.pem": b"two", "jwt_public.pem": b"two"}
    live.good("deploy")
    assert state(live).old_pair_in == ("production",)
    live.good("promote")
    assert state(live).old_pair_in == ()
    end(live, early=True)
    assert rendering_grace_period.lines(state(live)) == []


def test_status_tells_who_still_has_the_old_pair_when_it_is_over(live: World, keys: Path) -> None:
    begin(live, 2)
    end(live, early=True)
    assert rendering_grace_period.lines(state(live)) != []
    assert "production still run with the previous key pair" in "\n".join(status_lines(status(live.host, live.stack)))


def test_status_tells_when_nothing_ended_it(live: World, keys: Path) -> None:
    begin(live, 2)
    live.clock.time += 3 * 3600
    assert "onehost.release.recover" in rendering_grace_period.lines(state(live))[0]


def test_an_interrupted_rotation_is_for_a_person(live: World, keys: Path) -> None:
    begin(live, 2)
    note = keys / "rotation.json"
    note.write_text(note.read_text().replace("}", ', "half": true}'))
    live.clock.time += 3 * 3600
    assert not end(live) and not boot(live)
    assert "interrupted" in rendering_grace_period.lines(state(live))[0]
    with pytest.raises(RefusedError, match="interrupted"):
        end(live, early=True)
    begin(live, 2)
    assert state(live).running and not state(live).interrupted


def test_its_end_is_no_reason_for_new_containers(live: World) -> None:
    live.store.keys["jwt_public_previous.pem"] = b"zero"
    live.commit({"front": HEALTHY})
    live.good("deploy")
    live.store.keys["jwt_public_previous.pem"] = b"one"
    report = live.good("deploy")
    assert not report.changed
