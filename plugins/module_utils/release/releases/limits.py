# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of containers whose definition names none: one app must not take the whole host away from the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from ..stack.model import DROPPED_CAPABILITIES, UNLIMITED, Stack

#: Threads count too. A busy app of any common runtime needs a fraction of it.
PIDS = 512
#: The part of the host's memory that one app may take.
MEMORY_SHARE = 0.5
#: The share is rounded down to multiples of this. Kernels differ in how much they keep for themselves, and a different
#: limit would be a reason for new containers.
MEMORY_STEP = 64 * 2**20


class Limited(Protocol):
    """An app or a service, as far as its limits are concerned."""

    @property
    def memory(self) -> str: ...
    @property
    def cpus(self) -> str: ...
    @property
    def pids(self) -> int | Literal["unlimited"]: ...
    @property
    def capabilities(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Limits:
    """Default limits, as values of Compose; without a value there is none."""

    pids: int = 0
    memory: str = ""
    dropped: tuple[str, ...] = ()

    @classmethod
    def of_host(cls, memory_bytes: int) -> Limits:
        """The limits on a host with this much memory; 0 where it is not known."""
        steps = int(memory_bytes * MEMORY_SHARE) // MEMORY_STEP
        return cls(PIDS, f"{steps * MEMORY_STEP // 2**20}m" if steps else "", DROPPED_CAPABILITIES)

    def tried_by(self, service: Mapping[str, Any]) -> Limits:
        """Only those that an app has been run with: a promote brings nothing to production that staging did not try."""
        given = service.get("cap_drop")
        dropped = given if isinstance(given, list) else []
        return replace(
            self,
            pids=self.pids if "pids_limit" in service else 0,
            memory=self.memory if "mem_limit" in service else "",
            dropped=tuple(name for name in self.dropped if name in dropped),
        )

    def keys(self, app: Limited, compose: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of Compose that limit this app: its own limits, and these where it names none. `compose` are the
        keys that it adds itself."""
        # Compose refuses a limit that is set in both of its ways.
        deploy = _mapping(_mapping(_mapping(compose, "deploy"), "resources"), "limits")
        pids = app.pids or (0 if "pids" in deploy else self.pids)
        memory = app.memory or ("" if "memory" in deploy else self.memory)
        dropped = [name for name in self.dropped if name not in app.capabilities]
        found: dict[str, Any] = {}
        if memory and memory != UNLIMITED:
            found["mem_limit"] = memory
        if app.cpus:
            found["cpus"] = app.cpus
        if pids and pids != UNLIMITED:
            found["pids_limit"] = pids
        if dropped:
            found["cap_drop"] = dropped
        return found


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, Mapping) else {}


def warnings(stack: Stack) -> list[str]:
    """The limits that apps and services go without, one sentence each."""
    apps = [f"app {app.name} {text}" for app in stack.apps.values() for text in _without(app, app.compose)]
    return apps + [f"service {one.name} {text}" for one in stack.services.values() for text in _without(one, {})]


def _without(app: Limited, compose: Mapping[str, Any]) -> list[str]:
    found = []
    if app.pids == UNLIMITED or compose.get("pids_limit") in (-1, 0):
        found.append("may start any number of processes")
    if app.memory == UNLIMITED:
        found.append("may take all memory of the host")
    given = compose.get("cap_add")
    added = given if isinstance(given, list) else []
    kept = {*app.capabilities, *(name for name in DROPPED_CAPABILITIES if name in added or "ALL" in added)}
    found += [f"has the capability {name}" for name in sorted(kept)]
    if compose.get("privileged"):
        found.append("is privileged, which makes it root on the host")
    return found
