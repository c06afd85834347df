# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that strike at any change of the faked host."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest import mock

from release.errors import OperationError
from release.process import journal

if TYPE_CHECKING:
    from fakes.world import World


class Killed(BaseException):
    """kill -9: nothing the engine does takes effect after it, until the host is revived."""


class Faults:
    """Counts every change of the world, and strikes at the one that a test has chosen."""

    def __init__(self) -> None:
        self.count = 0
        self.at = 0
        self.error: Callable[[str], BaseException] = Killed
        self.after = False
        self.lasting = False
        self.dead = False
        self.calls: list[str] = []
        self._hooks: list[tuple[str, bool, Callable[[], None]]] = []

    def kill_at(self, number: int, after: bool = False) -> None:
        self._arm(number, Killed, after)

    def fail_at(self, number: int, *, disk: bool = False, after: bool = False, lasting: bool = False) -> None:
        """Fail the n-th change from now on. `lasting` fails all later ones too, as with Docker down or a full disk."""
        self._arm(number, _disk_full if disk else _failed, after)
        self.lasting = lasting

    def disarm(self) -> None:
        self.at, self.count, self.lasting = 0, 0, False
        self.calls.clear()
        self._hooks.clear()

    def revive(self) -> None:
        """The killed operation has ended and another one may begin."""
        self.dead = False
        self.disarm()

    def on(self, what: str, action: Callable[[], None], *, after: bool = True) -> None:
        """Have something else happen whenever this event does, after or before it, until `disarm` or `revive`."""
        self._hooks.append((what, after, action))

    def notice(self, what: str, after: bool = True) -> None:
        """Report an event that is not a change: time passes, something is queried. Changes report themselves."""
        for known, when, action in list(self._hooks):
            if (known, when) == (what, after):
                action()

    def alive(self) -> None:
        if self.dead:
            raise Killed("after the kill")

    def _arm(self, number: int, error: Callable[[str], BaseException], after: bool) -> None:
        self.disarm()
        self.at, self.error, self.after = number, error, after

    def strike(self, what: str, after: bool) -> None:
        """Called before and after each change."""
        self.alive()
        if not after:
            self.count += 1
            self.calls.append(what)
        self.notice(what, after)
        hit = self.count == self.at or (self.lasting and self.count > self.at)
        if hit and after == self.after:
            error = self.error(what)
            self.dead = isinstance(error, Killed)
            raise error


def _failed(what: str) -> OperationError:
    return OperationError("was made to fail", what, "by the test")


def _disk_full(what: str) -> OSError:
    return OSError(28, "No space left on device", what)


@contextlib.contextmanager
def counted_journal(world: World) -> Iterator[None]:
    """Within this context each line of the journal is a change too: an operation can be killed before or after it."""
    original = journal.Journal.add

    def add(self: journal.Journal, event: str, **data: Any) -> None:
        if event == "note" or self.path is None:
            original(self, event, **data)
            return
        with world.change(f"journal {event} {data.get('step', '')}".strip()):
            original(self, event, **data)

    with mock.patch.object(journal.Journal, "add", add):
        yield
