# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching images in one pass: for values that may be nowhere, and for those that only one environment may hold.

The search covers every file of every layer, including files that a later layer removed, the configuration and the
history. Layers that lie in directories are read there, each once; the others come from an export of the whole image.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import OperationError
from ..releases.runtime import ImageLayer, LaidOut
from ..util.lazy import lazy_import
from .image_layers import Exporting, Layers, opened

# Most images were searched before.
if TYPE_CHECKING:
    import tarfile
else:
    tarfile = lazy_import("tarfile")

CHUNK = 4 * 1024 * 1024
#: Of one value in one layer, how many places are told apart. An image may hold it in each of its files.
MOST_PLACES = 500
MORE_PLACES = "more files"
CONFIGURATION = "the image's configuration or history"


@dataclass(frozen=True)
class Wanted:
    """What to search for: its name, and the environment that alone may hold it, or none."""

    name: str
    environment: str = ""
    #: Where this must match too, so that no other value is meant: `shop.example` is a part of `staging.shop.example`.
    guard: re.Pattern[bytes] | None = None
    #: Longer values that it is a part of, each with the place in it.
    within: tuple[tuple[bytes, int], ...] = ()

    def is_in(self, data: bytes, form: bytes, begin: int, end: int) -> bool:
        """Whether it is in these data by itself, beginning between these places."""
        if self.guard is None:
            return True
        return any(
            begin <= found.start() < end
            and not any(_is_at(data, other, found.start() - at) for other, at in self.within)
            for found in self.guard.finditer(data)
        )


def _is_at(data: bytes, text: bytes, place: int) -> bool:
    return place >= 0 and data.startswith(text, place)


Forms = Mapping[bytes, Wanted]


class Place(NamedTuple):
    """Where something was found."""

    wanted: Wanted
    where: str

    def __str__(self) -> str:
        return f"{self.wanted.name} in {self.where}"


class Searching(Exporting, Protocol):
    """What the search needs of Docker."""

    def laid_out(self, image: str) -> LaidOut | None: ...
    def layer_files(self, layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]: ...


@dataclass
class Found:
    """What was found: the places by image, those by the digest of each layer that was in a directory, and layers that
    cannot be read."""

    places: dict[str, list[Place]] = field(default_factory=dict)
    layers: dict[str, list[Place]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def search(
    docker: Searching, images: Sequence[str], wanted: Forms, known: Mapping[str, list[Place]] | None = None
) -> Found:
    """Where values were found: names and places, never a value. `known` has what was found in layers by the same
    search before: only new layers are read, where Docker's storage has them in directories."""
    found = Found()
    if not wanted:
        return found
    exported = [image for image in images if not _laid_out(docker, image, wanted, known or {}, found)]
    if exported:
        _exported(docker, exported, wanted, found)
    return found


def _laid_out(docker: Searching, image: str, wanted: Forms, known: Mapping[str, list[Place]], found: Found) -> bool:
    """Search an image where its layers lie; False if they lie nowhere."""
    image_files = docker.laid_out(image)
    if image_files is None:
        return False
    places = list(_file(CONFIGURATION, io.BytesIO(image_files.about), wanted))
    for layer in image_files.layers:
        if layer.digest not in found.layers:
            places_before = known.get(layer.digest)
            found.layers[layer.digest] = (
                list(_in_files(docker.layer_files(layer), wanted)) if places_before is None else places_before
            )
        places += found.layers[layer.digest]
    found.places[image] = list(dict.fromkeys(places))
    return True


def _exported(docker: Searching, images: Sequence[str], wanted: Forms, found: Found) -> None:
    parts: dict[str, list[Place]] = {}
    layers = Layers()
    try:
        with docker.export(images) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is None:
                    continue
                kind, data = opened(layers.reading(member.name, member.size, file))
                if kind == "zstd":
                    found.unreadable.append(f"layer {member.name[-12:]} is compressed with zstd and cannot be searched")
                elif places := list(_layer(data, wanted) if kind == "layer" else _file(CONFIGURATION, data, wanted)):
                    parts[member.name] = places
    except (tarfile.TarError, EOFError, zlib.error) as error:
        # An unreadable image does not count as searched.
        raise OperationError("an image could not be searched for secrets", "docker", repr(error)) from error
    for image, names in layers.of(images, parts).items():
        found.places[image] = list(dict.fromkeys(place for name in names for place in parts[name]))


def _layer(stream: Any, wanted: Forms) -> Iterator[Place]:
    with tarfile.open(fileobj=stream, mode="r|") as layer:
        files = ((one.name.lstrip("./"), layer.extractfile(one) if one.isfile() else None) for one in layer)
        yield from _in_files(files, wanted)


def _in_files(files: Iterable[tuple[str, IO[bytes] | None]], wanted: Forms) -> Iterator[Place]:
    number: dict[Wanted, int] = {}
    for name, file in files:
        path = f"/{name}"
        keys = _in_bytes(name.encode(errors="replace"), wanted)
        if keys:
            path = "the name of a file"
        if file is not None:
            keys |= _in_stream(file, wanted)
        for key in sorted(keys, key=lambda one: (one.name, one.environment)):
            number[key] = number.get(key, 0) + 1
            if number[key] <= MOST_PLACES:
                yield Place(key, path if number[key] < MOST_PLACES else MORE_PLACES)


def _file(where: str, stream: Any, wanted: Forms) -> Iterable[Place]:
    return (Place(one, where) for one in _in_stream(stream, wanted))


def _in_stream(file: Any, wanted: Forms) -> set[Wanted]:
    """Search in chunks, each with enough of the previous one to find a form across the boundary, and to see what stands
    before and after it."""
    longest = max(map(len, wanted)) + 8
    found: set[Wanted] = set()
    rest, begin = b"", 0
    while True:
        part = file.read(CHUNK)
        data = rest + part
        # What begins near the end is judged with what follows, and what begins near the begin was judged before.
        end = len(data) - 2 * longest if part else len(data)
        found |= _in_bytes(data, wanted, begin, max(end, begin))
        if not part:
            return found
        keep = min(len(data), 3 * longest)
        begin = max(end, begin) - (len(data) - keep)
        rest = data[-keep:]


def _in_bytes(data: bytes, wanted: Forms, begin: int = 0, end: int | None = None) -> set[Wanted]:
    last = len(data) if end is None else end
    return {one for form, one in wanted.items() if form in data and one.is_in(data, form, begin, last)}
