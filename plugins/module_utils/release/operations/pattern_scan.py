# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching images for secrets of well-known services, with gitleaks if it is installed.

gitleaks reads files, so the files that an image adds are unpacked layer by layer, including those that a later layer
removed. Files of the system or the language are left out: their packages contain keys for their own tests.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import OperationError
from ..ports import Host
from ..process.private import private_directory
from ..stack.model import Stack
from ..util.lazy import lazy_import
from .image_layers import Exporting, opened

# Most images were scanned before.
if TYPE_CHECKING:
    import tarfile
else:
    tarfile = lazy_import("tarfile")

#: Directories that hold neither what an app is built into nor what it serves.
SYSTEM = (
    *("bin", "boot", "dev", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "etc/ssl"),
    *("usr/bin", "usr/include", "usr/lib", "usr/lib32", "usr/lib64", "usr/libexec", "usr/libx32", "usr/sbin"),
    *("usr/share/doc", "usr/share/man", "usr/share/perl", "usr/share/python3", "usr/share/ca-certificates"),
    *("usr/local/bin", "usr/local/include", "usr/local/lib", "usr/local/share/man", "usr/local/go"),
    *("var/cache", "tmp/node-compile-cache", "var/lib/apt", "var/lib/dpkg", "lib/apk", "var/lib/rpm"),
)
#: Larger files are data, not files that somebody has written a key into.
LARGEST = 10_000_000
#: Of all files together. An image that adds more is not searched, as the disk is for releases first.
LARGEST_TOTAL = 2_000_000_000
#: The least that a file takes on a disk.
BLOCK = 4096
#: A search ends within minutes; what is older was left by one that was killed.
STALE_SECONDS = 6 * 3600.0
#: Where a name cannot be kept: too long for this disk, or both a file and a directory.
_NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EINVAL, errno.ELOOP)
#: The directory of such files, each under a number. No image has one of this name at the top.
OTHERS = "onehost-other-names"

NOT_INSTALLED = "gitleaks is not installed, so not for patterns of well-known services"


def search_new(host: Host, stack: Stack, images: Iterable[str]) -> tuple[list[str], str]:
    """Returns the findings, by rule and file, and messages about the scan. Records clean images with the version."""
    version = host.scanner.version()
    if not version:
        return [], NOT_INSTALLED
    known = host.store.searched(stack)
    new = sorted({image for image in images if known.get(f"{version} {image}") != "clean"})
    if not new:
        return [], version
    with _directory(host) as directory:
        names = lay_out(host.docker, new, os.path.join(directory, "files"))
        found = sorted({f"{rule} in /{_in_image(path, names)}" for rule, path in host.scanner.scan(directory)})
    if not found:
        host.store.set_searched(stack, {**known, **dict.fromkeys((f"{version} {image}" for image in new), "clean")})
    return found, version


@contextlib.contextmanager
def _directory(host: Host) -> Iterator[str]:
    """A directory for root alone, gone afterwards. Removes those that killed searches have left."""
    private_directory(host.paths.searches)
    for entry in os.scandir(host.paths.searches):
        if host.clock.now() - entry.stat(follow_symlinks=False).st_mtime > STALE_SECONDS:
            _remove(entry.path)
    with tempfile.TemporaryDirectory(dir=host.paths.searches) as directory:
        yield directory


def _remove(directory: str) -> None:
    """Best effort: what is left is tried again at the next search."""
    for place, folders, names in os.walk(directory, topdown=False):
        for name in names:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(place, name))
        for name in folders:
            with contextlib.suppress(OSError):
                os.rmdir(os.path.join(place, name))
    with contextlib.suppress(OSError):
        os.rmdir(directory)


@dataclass
class _Layout:
    """What was written where, and how much it is."""

    target: str
    total: int = 0
    #: Names in the image of files that could not keep them, by their path below the target.
    names: dict[str, str] = field(default_factory=dict)

    def write(self, layer: str, path: str, data: bytes) -> None:
        self.total += max(len(data), BLOCK)
        if self.total > LARGEST_TOTAL:
            limit = f"more than {LARGEST_TOTAL / 1e9:g} GB of files"
            raise OperationError("an image could not be searched for patterns", "docker", f"it adds {limit}")
        try:
            self._write(os.path.join(layer, path), data)
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise
            other = os.path.join(layer, OTHERS, str(len(self.names)))
            self.names[other] = path
            self._write(other, data)

    def _write(self, path: str, data: bytes) -> None:
        place = os.path.join(self.target, path)
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        # A second file of a name does not replace the first.
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as out:
            out.write(data)


def lay_out(docker: Exporting, images: Sequence[str], target: str) -> dict[str, str]:
    """Unpack the files that images add, each layer into a directory of its own. Returns the names of files that could
    not keep theirs, by their path below `target`."""
    os.mkdir(target, 0o700)
    layout = _Layout(target)
    try:
        with docker.export(images) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for number, member in enumerate(archive):
                file = archive.extractfile(member) if member.isfile() else None
                kind, layer = opened(file) if file is not None else ("other", None)
                if kind == "layer":
                    with tarfile.open(fileobj=layer, mode="r|") as files:
                        _write(files, str(number), layout)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise OperationError("an image could not be searched for patterns", "docker", repr(error)) from error
    return layout.names


def is_added(path: str) -> bool:
    """Whether a file belongs to the app, judging by its path."""
    return not any(path.startswith(f"{place}/") for place in SYSTEM)


def _write(files: tarfile.TarFile, layer: str, layout: _Layout) -> None:
    for member in files:
        path = os.path.normpath(member.name).lstrip("/")
        if not member.isfile() or member.size > LARGEST or path.startswith("..") or not is_added(path):
            continue
        data = files.extractfile(member)
        layout.write(layer, path, data.read() if data else b"")


def _in_image(path: str, names: Mapping[str, str]) -> str:
    """The name that a file has in its image, without the directory of its layer."""
    return names.get(path) or path.partition("/")[2]
