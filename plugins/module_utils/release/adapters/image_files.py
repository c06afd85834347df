# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of an image in the directories where Docker keeps them, so that a search needs no export.

An export writes and reads every layer of an image, however little of it is new. The storage driver overlay2 has each
layer in a directory of its own, which only root can reach and nothing changes. Other storage, such as containerd's,
does not name its directories.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

from ..errors import OperationError
from ..releases.runtime import ImageLayer, LaidOut

DRIVER = "overlay2"
#: What people have put into the configuration and the history; the rest is Docker's own, or the host's.
_TEXTS, _STEP = ("Config", "ContainerConfig", "Author", "Comment"), ("CreatedBy", "Comment", "Author")


def laid_out(shown: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> LaidOut | None:
    """Where the layers of an image lie, the lowest first, by what Docker shows of it; None if it does not tell."""
    digests = (shown.get("RootFS") or {}).get("Layers") or []
    driver = shown.get("GraphDriver") or {}
    if driver.get("Name") != DRIVER:
        return None
    places = _places(driver.get("Data") or {})
    if len(places) != len(digests) or not all(os.path.isabs(place) and os.path.isdir(place) for place in places):
        return None
    texts = {name: shown.get(name) for name in _TEXTS}
    steps = [{name: step.get(name) for name in _STEP} for step in history]
    about = json.dumps([texts, steps], ensure_ascii=False).encode(errors="surrogatepass")
    return LaidOut(about, tuple(ImageLayer(digest, place) for digest, place in zip(digests, places, strict=True)))


def _places(data: Mapping[str, str]) -> list[str]:
    """Docker names the topmost directory, and those below it from top to bottom."""
    below = [place for place in data.get("LowerDir", "").split(":") if place]
    top = data.get("UpperDir", "")
    return [*reversed(below), top] if top else []


def files(layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Every name below a layer's directory, without a slash at the begin, and its content if it is a file.

    Raises OperationError if something cannot be read, for example because the image was removed meanwhile.
    """
    try:
        for place, folders, names in os.walk(layer.place, onerror=_raise):
            below = os.path.relpath(place, layer.place)
            for name in sorted(folders):
                yield os.path.normpath(os.path.join(below, name)), None
            for name in sorted(names):
                content = _opened(os.path.join(place, name))
                try:
                    yield os.path.normpath(os.path.join(below, name)), content
                finally:
                    if content is not None:
                        content.close()
    except OSError as error:
        raise OperationError("an image could not be searched for secrets", "docker", repr(error)) from error


def _opened(path: str) -> IO[bytes] | None:
    """A file, or None for links, devices and pipes: a layer has what whoever built it has put there."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return None
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return open(handle, "rb", buffering=0)


def _raise(error: OSError) -> None:
    raise error
