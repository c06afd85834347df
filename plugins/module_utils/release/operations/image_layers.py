# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an export of images is made of, and which of its files belong to which image.

Docker writes the images that it is asked for as one archive, in which they share layers; which are whose stands in its
JSON, and in an order that nobody promises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, Protocol

from ..util.lazy import lazy_import

if TYPE_CHECKING:
    import gzip
else:
    gzip = lazy_import("gzip")

ZSTD = b"\x28\xb5\x2f\xfd"

#: Larger files are layers.
LARGEST_JSON = 4 * 1024 * 1024
_DIGEST = re.compile(rb"sha256:([0-9a-f]{64})")
_NAMED = re.compile(r"(?:^|/)([0-9a-f]{64})(?:\.json)?$")


class Exporting(Protocol):
    """What the search needs of Docker."""

    def export(self, images: Sequence[str]) -> AbstractContextManager[IO[bytes]]:
        """The images as one tar archive, as `docker save` writes it."""


def opened(file: IO[bytes]) -> tuple[str, Any]:
    """What kind of file of the export this is, and its stream: `layer`, `zstd` (an unreadable layer) or `other`."""
    head = file.read(512)
    whole: Any = _Joined(head, file)
    if head[:2] == b"\x1f\x8b":
        return "layer", gzip.GzipFile(fileobj=whole)
    if head[257:262] == b"ustar":
        return "layer", whole
    return ("zstd" if head[:4] == ZSTD else "other"), whole


class _Joined:
    """A stream whose beginning was already read."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self.head, self.rest = head, rest

    def read(self, size: int = -1) -> bytes:
        if not self.head:
            return self.rest.read(size)
        part, self.head = (self.head, b"") if size < 0 else (self.head[:size], self.head[size:])
        return part + (self.rest.read(size - len(part) if size >= 0 else -1) if len(part) != size else b"")


class _Kept:
    """A stream that remembers what was read of it, as long as that may be JSON."""

    def __init__(self, file: IO[bytes], kept: bytearray) -> None:
        self._file, self._kept = file, kept

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        if self._kept or part[:1] in (b"{", b"["):
            self._kept += part
        return part


class Layers:
    """What the export says of itself, learned while it is read once."""

    def __init__(self) -> None:
        #: The JSON files of the export by name.
        self._json: dict[str, bytearray] = {}

    def reading(self, name: str, size: int, file: IO[bytes]) -> Any:
        """The stream of a file; if it may be JSON, what is read of it is remembered."""
        if size > LARGEST_JSON:
            return file
        return _Kept(file, self._json.setdefault(name, bytearray()))

    def of(self, images: Iterable[str], names: Collection[str]) -> dict[str, list[str]]:
        """For each image the files among these names that are its own. An image that the export does not tell of, and a
        file that is nobody's, is taken for everybody's: rather too much than nothing."""
        refers = self._refers()
        mine = {image: _reached(image.removeprefix("sha256:"), refers) for image in images}
        claimed = {digest for found in mine.values() for digest in found}
        return {
            image: [name for name in names if len(found) < 2 or _key(name) in found or _key(name) not in claimed]
            for image, found in mine.items()
        }

    def _refers(self) -> dict[str, set[str]]:
        """Which digests each file names. A layer that is a directory's file goes by its whole name."""
        refers: dict[str, set[str]] = {}
        for name, data in self._json.items():
            if name == "manifest.json":
                for config, layers in _manifest(bytes(data)):
                    refers.setdefault(_key(config), set()).update({_key(config), *map(_key, layers)})
            elif _NAMED.search(name):
                refers.setdefault(_key(name), set()).update(found.decode() for found in _DIGEST.findall(data))
        return refers


def _manifest(data: bytes) -> list[tuple[str, list[str]]]:
    try:
        return [(str(item["Config"]), [str(layer) for layer in item["Layers"] or ()]) for item in json.loads(data)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _key(name: str) -> str:
    found = _NAMED.search(name)
    return found[1] if found else name


def _reached(start: str, refers: dict[str, set[str]]) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = refers.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found
