# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring everything that takes up disk space on the host, and what its stacks need of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from ..planning.cleanup import DiskItem, HostUsage, StackUsage
from ..ports import Host
from ..process import journal
from ..stack.model import ENVIRONMENTS, Stack
from . import witnesses


def observe(host: Host, stacks: Sequence[Stack]) -> HostUsage:
    usage = host.disk.observe(stacks)
    return dataclasses.replace(usage, stacks=[observe_stack(host, stack) for stack in stacks])


def observe_stack(host: Host, stack: Stack) -> StackUsage:
    live = {env: found.release if (found := witnesses.live(host, stack.name, env)) else "" for env in ENVIRONMENTS}
    unfinished, images = _needed_by(
        record for env in ENVIRONMENTS for record in journal.unfinished(stack.name, env, host.paths.state)
    )
    return StackUsage(
        name=stack.name,
        entries=witnesses.entries(host, stack.name),
        live=live,
        unfinished=frozenset(unfinished),
        needed_images=frozenset(images),
        directories=host.disk.releases(stack),
        journals=[DiskItem(path, host.disk.used(path)) for path in journal.finished(stack.name, host.paths.state)],
    )


def _needed_by(records: Iterable[journal.Record]) -> tuple[set[str], set[str]]:
    """Releases and images that interrupted operations may need to complete or revert."""
    releases: set[str] = set()
    images: set[str] = set()
    for record in records:
        images.update(change["image"] for change in record.changes.values() if change["image"])
        if record.plan is None:
            continue
        releases.add(record.plan.release.id)
        if record.plan.was:
            releases.add(record.plan.was.release)
        images.update(record.plan.release.images.values())
        images.update(image for move in record.plan.tags for image in (move.image, move.before) if image)
    return releases, images
