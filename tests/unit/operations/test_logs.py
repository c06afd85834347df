# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing lines: the newest, since when, and what is written from now on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from fakes.logs import FakeLogs
from fakes.world import World

from release.errors import OperationError, RefusedError
from release.operations import logs
from release.ports import Host
from release.releases.logs import Line, Source, Wish

SECOND = 1_000_000_000
API = Source("a", "shop", "production", "app", "api", "r1", began=1.0)
FRONT = dataclasses.replace(API, id="f", app="front", environment="staging")


class Printed:
    def __init__(self, steps: int = 1000, each: Callable[[int], None] = lambda _step: None) -> None:
        self.lines: list[tuple[str, int]] = []
        self.told: list[str] = []
        self.steps, self.each, self.step = steps, each, 0

    def show(self, line: Line, source: Source) -> None:
        self.lines.append((source.id, line.at))

    def tell(self, text: str) -> None:
        self.told.append(text)

    def flush(self) -> None:
        pass

    def is_open(self) -> bool:
        self.step += 1
        self.each(self.step)
        return self.step <= self.steps


@pytest.fixture
def written() -> FakeLogs:
    return FakeLogs()


@pytest.fixture
def host(world: World, written: FakeLogs) -> Host:
    return dataclasses.replace(world.host, logs=written)


def test_the_newest_lines_of_all(host: Host, world: World, written: FakeLogs) -> None:
    written.write(API, *range(0, 20, 2))
    written.write(FRONT, *range(1, 20, 2))
    output = Printed()
    logs.show(host, world.stack, Wish(lines=3), output)
    assert output.lines == [("f", 17), ("a", 18), ("f", 19)]
    assert all(reader.closed for reader in written.readers)


def test_what_is_older_is_not_even_opened(host: Host, world: World, written: FakeLogs) -> None:
    written.write(API, *range(100 * SECOND, 110 * SECOND, SECOND))
    for number in range(50):
        written.write(dataclasses.replace(API, id=f"old{number}", changed=50.0, is_over=True), 50 * SECOND)
    output = Printed()
    logs.show(host, world.stack, Wish(lines=10), output)
    assert len(output.lines) == 10 and written.opened == ["a"]


def test_since(host: Host, world: World, written: FakeLogs) -> None:
    written.write(API, 1, 5, 6)
    written.write(FRONT, 4, 7)
    output = Printed()
    logs.show(host, world.stack, Wish(since=5), output)
    assert output.lines == [("a", 5), ("a", 6), ("f", 7)]


def test_what_is_refused(host: Host, world: World, written: FakeLogs) -> None:
    written.write(dataclasses.replace(API, stack="other", release="r9"), 1)
    with pytest.raises(RefusedError, match="release r9"):
        logs.show(host, world.stack, Wish(release="r9"), Printed())


@pytest.mark.parametrize("asked", [Wish(lines=3), Wish(since=1)])
def test_who_asked_is_gone_by_now(host: Host, world: World, written: FakeLogs, asked: Wish) -> None:
    for number in range(20):
        written.write(dataclasses.replace(API, id=f"c{number}", began=float(number)), number * SECOND)
    logs.show(host, world.stack, asked, Printed(steps=2))
    assert len(written.opened) < 20


def test_another_stack_s_lines_are_never_shown(host: Host, world: World, written: FakeLogs) -> None:
    written.write(dataclasses.replace(API, stack="other"), 1)
    output = Printed()
    logs.show(host, world.stack, Wish(lines=5), output)
    assert output.lines == []


def test_lines_elsewhere_are_told(host: Host, world: World, written: FakeLogs) -> None:
    written.write(dataclasses.replace(API, driver="syslog"), 1)
    written.troubles["f"] = ["its log is damaged"]
    written.write(FRONT, 1)
    output = Printed()
    logs.show(host, world.stack, Wish(lines=5), output)
    assert output.told == [
        "production api: its lines go to Docker's log driver syslog",
        "staging front: its log is damaged",
    ]


@pytest.mark.parametrize("asked", [Wish(lines=2), Wish(since=2)])
def test_following_through_a_switch(host: Host, world: World, written: FakeLogs, asked: Wish) -> None:
    """New containers, kept ones that run again, one that is gone before it was seen: each line once, in order."""
    times: list[int] = []

    def now() -> int:
        times.append(int(world.clock.now() * SECOND) + len(times))
        return times[-1]

    kept = dataclasses.replace(API, id="kept", changed=1.0)
    written.write(API, 1, 2, 3)
    written.write(kept)

    def each(step: int) -> None:
        if step == 3:
            written.write(API, now())
        if step == 10:
            new = dataclasses.replace(API, id="new", began=world.clock.now())
            written.write(new, now())
            written.write(kept, now())
            written.write(new, now())
        if step == 20:
            written.write(dataclasses.replace(API, id="gone", began=world.clock.now(), is_over=True), now())
            written.write(dataclasses.replace(FRONT, id="else", driver="syslog"))

    output = Printed(60, each)
    logs.show(host, world.stack, asked, output, follow=True)
    assert [at for _id, at in output.lines] == [2, 3, *times] and len(times) == 5
    assert output.told == ["staging front: its lines go to Docker's log driver syslog"]
    assert all(reader.closed for reader in written.readers)


def test_following_while_docker_is_away(host: Host, world: World, written: FakeLogs) -> None:
    now = int(world.clock.now() * SECOND)
    written.write(API)

    def away() -> None:
        raise OperationError("Docker does not answer", "docker", "it restarts")

    def each(step: int) -> None:
        written.listed = away if 5 < step < 30 else lambda: None
        if step == 20:
            written.write(API, now + 1)

    output = Printed(80, each)
    logs.show(host, world.stack, Wish(lines=5), output, follow=True)
    assert output.lines == [("a", now + 1)]
    assert len(output.told) == 1 and "Docker does not answer" in output.told[0]
