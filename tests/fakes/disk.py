# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of the host, with images of ours on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from release.errors import OperationError
from release.planning.cleanup import DiskItem, HostUsage, ImageUsage, Removal, Settings, read_settings
from release.releases.compose import LABEL
from release.stack.model import Stack

GB = 1_000_000_000


class FakeDisk:
    """Images of 1 GB each. `free` is the free space reported, `gives` how much removing an image really frees."""

    def __init__(self, free: int = 30 * GB, images: int = 0, gives: int = GB, total: int = 50 * GB) -> None:
        self.total, self.free, self.gives, self.calls = total, free, gives, 0
        #: What cannot be removed, and why.
        self.refuse: dict[str, str] = {}
        #: Why the disk cannot be inspected.
        self.trouble = ""
        labels = {f"{LABEL}.stack": "shop", f"{LABEL}.app": "mail"}
        self.left = [ImageUsage(f"i{n}", (f"mail:{n:012x}",), labels, GB, float(n)) for n in range(images)]

    def observe(self, stacks: Sequence[Stack]) -> HostUsage:
        return HostUsage(self.total, self.free, tuple(self.left))

    def space(self, stacks: Sequence[Stack]) -> tuple[int, int]:
        if self.trouble:
            raise OperationError("Docker does not answer", "docker.sock", self.trouble)
        return self.total, self.free

    def releases(self, stack: Stack) -> list[DiskItem]:
        return []

    def used(self, path: str) -> int:
        return 0

    def consumers(self, seen: HostUsage, number: int = 10) -> list[DiskItem]:
        return [DiskItem("/home/ubuntu", 7 * GB)]

    def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
        name = removal.names[0]
        if name in self.refuse:
            if self.refuse[name].startswith("500"):
                raise OperationError("Docker refused", "docker", self.refuse[name])
            return self.refuse[name]
        self.calls += 1
        self.left = [image for image in self.left if image.names != removal.names]
        self.free += self.gives
        return ""

    def spend_ballast(self) -> None: ...

    def renew_ballast(self, stacks: Sequence[Stack]) -> None: ...

    def settings(self, given: Mapping[str, float | int | None]) -> Settings:
        return read_settings({}, given, "the disk of the fakes")
