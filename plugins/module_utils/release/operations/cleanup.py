# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freeing disk space: inspect, plan, remove one item at a time until the floor is met, report."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import OperationError, RefusedError
from ..hints import hint
from ..planning import cleanup
from ..planning.cleanup import CleanupPlan, DiskItem, HostUsage, Removal, Settings, size
from ..ports import DiskPort, Host
from ..process import lock
from ..releases.lock_holder import LockHolder
from ..rendering.notifications import disk_alarm
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from ..util.printable import cleaned
from . import attended, host_usage

#: Image sizes are underestimated when layers are shared; re-measure and re-plan at most this many times.
ROUNDS = 5
RETRY_SECONDS = 1.0
#: At most this many items of each kind are listed by name; the data has all of them.
LISTED = 20
FIX = f"{hint('cleanup', check=True)} lists what may be removed; the rest is for you to decide"


@dataclass
class CleanupReport:
    """What a cleanup did, for people and programs. Sizes in bytes."""

    changed: bool = False
    failed: bool = False
    message: str = ""
    floor: int = 0
    free_before: int = 0
    free_after: int = 0
    #: Removed, or planned in check mode: kind, names, bytes, reason.
    removed: list[Removal] = field(default_factory=list)
    #: Bytes freed, by kind.
    kinds: dict[str, int] = field(default_factory=dict)
    stayed: list[str] = field(default_factory=list)
    #: The largest consumers of disk space, when the floor is not met.
    consumers: list[DiskItem] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, removal: Removal) -> None:
        self.removed.append(removal)
        self.kinds[removal.kind] = self.kinds.get(removal.kind, 0) + removal.bytes


@dataclass(frozen=True)
class Locking:
    """How the locks of all stacks are taken: for how long, by whom, and without which, as the caller holds them."""

    wait_seconds: float = 0
    who: LockHolder | None = None
    held: Collection[str] = ()


def make_room(
    host: Host,
    stacks: Sequence[Stack],
    settings: Settings,
    *,
    check: bool = False,
    locking: Locking = Locking(),
    keep_images: Collection[str] = (),
) -> CleanupReport:
    """Remove the least that brings the free space to its minimum. Raises RefusedError while an operation runs."""
    begun = host.clock.monotonic()
    if not check and not locking.held:
        # A container that somebody's killed command has left keeps its image.
        for stack in stacks:
            attended.sweep(host, stack)
    state = host_usage.observe(host, stacks)
    planned = cleanup.plan(state, settings, keep_images)
    report = CleanupReport(floor=planned.floor, free_before=state.free, free_after=state.free)
    if check:
        for removal in (*planned.trimmed, *planned.removals):
            report.add(removal)
        enough = state.free + sum(item.bytes for item in report.removed)
        report.changed = bool(report.removed)
        report.message = _check_message(planned, enough)
        report.failed = enough < planned.floor
    elif planned.missing or planned.trimmed:
        paths = [lock.lock_path(stack.name, env, host.paths.locks) for stack in stacks for env in ENVIRONMENTS]
        wanted, who = [path for path in paths if path not in locking.held], locking.who or _this_process(host)
        with _all_locks(host, wanted, who, locking.wait_seconds):
            _carry_out(host, stacks, settings, keep_images, report)
        report.changed = bool(report.removed)
        report.failed = report.free_after < report.floor
        report.message = _message(report)
    else:
        report.message = f"{size(state.free)} free, the floor is {size(planned.floor)}: nothing to do"
    if not check:
        host.disk.renew_ballast(stacks)
    if report.failed:
        # Observe again: what was removed no longer takes up space.
        now = state if check else host_usage.observe(host, stacks)
        report.consumers = list(host.disk.consumers(now))
    report.seconds = round(host.clock.monotonic() - begun, 2)
    return report


def _carry_out(
    host: Host,
    stacks: Sequence[Stack],
    settings: Settings,
    keep_images: Collection[str],
    report: CleanupReport,
) -> None:
    """Re-plan with all locks held, and stop as soon as the measured free space is enough."""
    stuck: set[tuple[str, ...]] = set()
    free = report.free_before
    if free < cleanup.BALLAST_BYTES:
        host.disk.spend_ballast()
    for _round in range(ROUNDS):
        state = host_usage.observe(host, stacks)
        planned = cleanup.plan(_without(state, stuck), settings, keep_images)
        todo = [item for item in (*planned.trimmed, *planned.removals) if item.names not in stuck]
        for removal in todo:
            if removal in planned.removals and free >= planned.floor:
                break
            trouble = _remove(host.disk, removal, settings, stacks)
            if trouble:
                stuck.add(removal.names)
                report.stayed.append(f"{removal.kind} {', '.join(removal.names)}: {trouble}")
                continue
            if removal.kind in (cleanup.CACHE, cleanup.LOGS):
                stuck.add(removal.names)  # once is all that there is to it
            report.add(removal)
            free = host.disk.space(stacks)[1]
        if free >= planned.floor or not todo:
            break
    report.free_after = host.disk.space(stacks)[1]


def _remove(disk: DiskPort, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
    try:
        return disk.remove(removal, settings, stacks)
    except OperationError as error:
        return error.cause  # other items may still be removable


def _without(usage: HostUsage, stuck: set[tuple[str, ...]]) -> HostUsage:
    """Leave out what could not be removed, so that the plan does not count on it."""
    images = [image for image in usage.images if (image.names or (image.id,)) not in stuck]
    return dataclasses.replace(
        usage,
        images=images,
        build_cache=0 if ("BuildKit",) in stuck else usage.build_cache,
        system_log=0 if ("journald",) in stuck else usage.system_log,
        package_cache=0 if ("apt",) in stuck else usage.package_cache,
    )


@contextlib.contextmanager
def _all_locks(host: Host, paths: Sequence[str], who: LockHolder, wait_seconds: float) -> Iterator[None]:
    """Take all locks or none, so that waiting for the last one does not keep the others from anyone."""
    deadline = host.clock.monotonic() + wait_seconds
    while True:
        with contextlib.ExitStack() as stack:
            try:
                for path in paths:
                    stack.enter_context(lock.hold(path, who, 0))
            except RefusedError:
                if host.clock.monotonic() >= deadline:
                    raise
            else:
                yield
                return
        host.clock.wait(RETRY_SECONDS)


def _this_process(host: Host, reason: str = "", person: str = "") -> LockHolder:
    person = person or os.environ.get("SUDO_USER", "root")
    return lock.this_process("cleanup", person, socket.gethostname(), host.clock.now(), reason)


def _check_message(planned: CleanupPlan, enough: int) -> str:
    if not planned.removals and not planned.trimmed and not planned.missing:
        return f"{size(planned.free)} free, the floor is {size(planned.floor)}: nothing to do"
    text = f"would bring {size(planned.free)} free to about {size(enough)}, the floor is {size(planned.floor)}"
    return text if enough >= planned.floor else f"{text}: not enough"


def _message(report: CleanupReport) -> str:
    text = f"{size(report.free_before)} free before, {size(report.free_after)} now, the floor is {size(report.floor)}"
    return f"{text}: not enough. Fix: {FIX}" if report.failed else text


def alarm(host: Host, report: CleanupReport, check: bool) -> None:
    """Notify that free space is below the floor and nothing more can be removed."""
    if report.failed and not check:
        host.notifier.notify(disk_alarm(socket.gethostname(), report.message, host.clock.now()))


def lines(report: CleanupReport, check: bool) -> list[str]:
    """The report as lines for people."""
    report = cleaned(report)
    found = [f"cleanup: {report.message}"]
    by_kind = ", ".join(f"{kind} {size(count)}" for kind, count in report.kinds.items() if kind != cleanup.NETWORK)
    if by_kind:
        found.append(f"{'would free' if check else 'freed'} about: {by_kind}")
    for kind in report.kinds:
        mine = [item for item in report.removed if item.kind == kind]
        found += [f"   {item}" for item in mine[:LISTED]]
        if len(mine) > LISTED:
            found.append(f"   and {len(mine) - LISTED} more of this kind")
    found += [f"not removed: {text}" for text in report.stayed]
    if report.consumers:
        found.append("what takes the most space:")
        found += [f"   {size(item.bytes):>8}  {item.name}" for item in report.consumers]
    found.append(f"took {report.seconds:.2f} s")
    return found


class Room:
    """Implements `ports.RoomPort` for a deploy."""

    def make(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        floor_gb: float,
        keep_images: Collection[str],
        person: str,
    ) -> str:
        """Clean up within a running operation. Returns a sentence; it is no error if another operation is running."""
        who = _this_process(host, f"frees space for {stack.name} {environment}", person)
        held = [lock.lock_path(stack.name, environment, host.paths.locks)]
        try:
            settings = host.disk.settings({"free_gb": floor_gb, "free_percent": 0})
            locking = Locking(who=who, held=held)
            # Nothing of a stack that cannot be read is removed.
            report = make_room(host, host.stacks.survey().stacks, settings, locking=locking, keep_images=keep_images)
        except RefusedError as refused:
            return f"no cleanup now: {refused}"
        kinds = ", ".join(f"{kind} {size(count)}" for kind, count in report.kinds.items())
        return f"cleanup: {report.message}" + (f"; {kinds}" if kinds else "")
