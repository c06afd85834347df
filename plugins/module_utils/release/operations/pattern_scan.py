# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching images for secrets of well-known services, with gitleaks if it is installed.

gitleaks reads files, so the files that an image adds are unpacked layer by layer, including those that a later layer
removed. Files of the system or the language are left out: their packages contain keys for their own tests.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import OperationError
from ..ports import Host
from ..stack.model import Stack
from ..util.lazy import lazy_import
from .secret_scan import Exporting, opened

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
    with tempfile.TemporaryDirectory(prefix="onehost-search-") as directory:
        lay_out(host.docker, new, os.path.join(directory, "files"))
        found = sorted({f"{rule} in /{_in_image(path)}" for rule, path in host.scanner.scan(directory)})
    if not found:
        host.store.set_searched(stack, {**known, **dict.fromkeys((f"{version} {image}" for image in new), "clean")})
    return found, version


def lay_out(docker: Exporting, images: Sequence[str], target: str) -> None:
    """Unpack the files that images add, each layer into a directory of its own."""
    os.mkdir(target, 0o700)
    try:
        with docker.export(images) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for number, member in enumerate(archive):
                file = archive.extractfile(member) if member.isfile() else None
                kind, layer = opened(file) if file is not None else ("other", None)
                if kind == "layer":
                    with tarfile.open(fileobj=layer, mode="r|") as files:
                        _write(files, os.path.join(target, str(number)))
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise OperationError("an image could not be searched for patterns", "docker", repr(error)) from error


def is_added(path: str) -> bool:
    """Whether a file belongs to the app, judging by its path."""
    return not any(path.startswith(f"{place}/") for place in SYSTEM)


def _write(files: tarfile.TarFile, target: str) -> None:
    for member in files:
        path = os.path.normpath(member.name).lstrip("/")
        if not member.isfile() or member.size > LARGEST or path.startswith("..") or not is_added(path):
            continue
        data = files.extractfile(member)
        place = os.path.join(target, path)
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        with open(place, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as out:
            out.write(data.read() if data else b"")


def _in_image(path: str) -> str:
    """The path without the directory of its layer."""
    return path.partition("/")[2]
