# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the disk above its floor around a build."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..ports import Host
from ..process.journal import Journal
from ..releases.host_state import HostState
from ..releases.request import Request
from ..stack.model import Stack


def before_build(host: Host, stack: Stack, state: HostState, request: Request, journal: Journal) -> HostState:
    """Clean up if free space is below the stack's floor. The build begins only if enough is free afterwards."""
    if state.free_bytes >= stack.disk_floor_gb * 1e9:
        return state
    _make(host, stack, request, {}, journal)
    return dataclasses.replace(state, free_bytes=host.store.free_bytes())


def after_build(host: Host, stack: Stack, request: Request, images: Mapping[str, str], journal: Journal) -> None:
    """Clean up again after a build, whose images no release names yet."""
    if host.store.free_bytes() < stack.disk_floor_gb * 1e9:
        _make(host, stack, request, images, journal)


def _make(host: Host, stack: Stack, request: Request, images: Mapping[str, str], journal: Journal) -> None:
    with journal.step("cleanup", "free disk space"):
        journal.note(
            host.room.make(
                host, stack, request.environment, stack.disk_floor_gb, tuple(images.values()), request.person
            )
        )
