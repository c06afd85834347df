# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in copies of volumes, and in the volumes themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from release.errors import OperationError
from release.releases.backups import Places
from release.releases.copied import Copied, Present


def checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class FakeCopied:
    """All copies of a host by the thing that they are of, and what is in its volumes."""

    taken: dict[str, list[Copied]] = field(default_factory=dict)
    #: By the name of a copy: what is in its files.
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    #: What is in the files of volumes, and when that was changed.
    now: dict[str, tuple[str, float]] = field(default_factory=dict)
    #: Files of which the repository has lost a part.
    damaged: set[str] = field(default_factory=set)
    #: Which kinds of places were asked.
    asked: set[str] = field(default_factory=set)

    def copy(self, thing: str, begun: float, files: dict[str, str]) -> None:
        name = f"{thing} {begun:g}"
        self.taken.setdefault(thing, []).append(Copied(name, begun, "/volumes/there"))
        self.files[name] = files

    def copies(self, places: Places, kind: str, stack: str, thing: str) -> list[Copied]:
        self.asked.add(kind)
        return self.taken.get(thing, [])

    def paths(self, places: Places, kind: str, stack: str, copied: Copied) -> Iterator[str]:
        yield from self.files[copied.name]

    def checksum(self, places: Places, kind: str, stack: str, copied: Copied, path: str) -> str:
        if path in self.damaged:
            raise OperationError("restic failed", "backups", "ciphertext verification failed")
        return checksum(self.files[copied.name][path])

    def present(self, root: str, path: str) -> Present | None:
        found = self.now.get(path)
        return None if found is None else Present(checksum(found[0]), found[1])
