# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching images for the values of secrets: raw, URL-encoded and in base64 at any offset.

The search covers every file of every layer, including files that a later layer removed, the configuration and the
history. A searched image is recorded with a keyed fingerprint of what was searched for, so each image is searched
once, and again only when a secret has changed.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any, Protocol

from ..env.secret_forms import forms
from ..errors import OperationError
from ..ports import Host
from ..releases.host_state import HostState
from ..stack.app_env import build_secrets, values_of
from ..stack.model import ENVIRONMENTS, Stack
from ..util.lazy import lazy_import

# Most images were searched before.
if TYPE_CHECKING:
    import gzip
    import tarfile
else:
    gzip, tarfile = lazy_import("gzip"), lazy_import("tarfile")

#: Shorter values match by chance everywhere.
SHORTEST = 8
ZSTD = b"\x28\xb5\x2f\xfd"
CHUNK = 4 * 1024 * 1024

FIX = "take it out of the build (ARG, COPY; see build_secrets), replace the secret where it is issued, and deploy again"

Encodings = Mapping[bytes, str]


class Exporting(Protocol):
    """What the search needs of Docker."""

    def export(self, images: Sequence[str]) -> AbstractContextManager[IO[bytes]]:
        """The images as one tar archive, as `docker save` writes it."""


def encodings(secrets: Mapping[str, str]) -> dict[bytes, str]:
    """What to search for, and the key each encoding belongs to."""
    result: dict[bytes, str] = {}
    for name, value in secrets.items():
        if len(value.encode()) < SHORTEST:
            continue
        for form in forms(value):
            result.setdefault(form, name)
    return result


def fingerprint(salt: str, wanted: Encodings) -> str:
    text = b"\0".join(sorted(wanted))
    return hmac.new(salt.encode(), text, hashlib.sha256).hexdigest()[:32]


def search(docker: Exporting, images: Sequence[str], wanted: Encodings) -> list[str]:
    """Where a value was found: the key and the place, never the value."""
    if not wanted or not images:
        return []
    found: dict[str, None] = {}
    try:
        with docker.export(images) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    found.update(dict.fromkeys(_member(member, file, wanted)))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        # An unreadable image does not count as searched.
        raise OperationError("an image could not be searched for secrets", "docker", repr(error)) from error
    return list(found)


def _member(member: tarfile.TarInfo, file: IO[bytes], wanted: Encodings) -> list[str]:
    """Search one file of the export: a layer, or JSON with configuration and history."""
    kind, stream = opened(file)
    if kind == "layer":
        return _layer(stream, wanted)
    if kind == "zstd":
        return [f"layer {member.name[-12:]} is compressed with zstd and cannot be searched"]
    return [f"{name} in the image's configuration or history" for name in _in_stream(stream, wanted)]


def opened(file: IO[bytes]) -> tuple[str, Any]:
    """What kind of file of the export this is, and its stream: `layer`, `zstd` (an unreadable layer) or `other`."""
    head = file.read(512)
    whole: Any = _Joined(head, file)
    if head[:2] == b"\x1f\x8b":
        return "layer", gzip.GzipFile(fileobj=whole)
    if head[257:262] == b"ustar":
        return "layer", whole
    return ("zstd" if head[:4] == ZSTD else "other"), whole


def _layer(stream: Any, wanted: Encodings) -> list[str]:
    found = []
    with tarfile.open(fileobj=stream, mode="r|") as layer:
        for member in layer:
            path = f"/{member.name.lstrip('./')}"
            keys = _in_bytes(member.name.encode(errors="replace"), wanted)
            if keys:
                path = "the name of a file"
            file = layer.extractfile(member) if member.isfile() else None
            if file is not None:
                keys |= _in_stream(file, wanted)
            found += [f"{key} in {path}" for key in sorted(keys)]
    return found


def _in_stream(file: Any, wanted: Encodings) -> set[str]:
    """Search in chunks, each with enough of the previous one to find an encoding across the boundary."""
    overlap = max(map(len, wanted)) - 1
    found: set[str] = set()
    rest = b""
    while True:
        part = file.read(CHUNK)
        if not part:
            return found
        data = rest + part
        found |= _in_bytes(data, wanted)
        rest = data[-overlap:] if overlap else b""


def _in_bytes(data: bytes, wanted: Encodings) -> set[str]:
    return {name for encoding, name in wanted.items() if encoding in data}


class _Joined:
    """A stream whose beginning was already read."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self.head, self.rest = head, rest

    def read(self, size: int = -1) -> bytes:
        if not self.head:
            return self.rest.read(size)
        part, self.head = (self.head, b"") if size < 0 else (self.head[:size], self.head[size:])
        return part + (self.rest.read(size - len(part) if size >= 0 else -1) if len(part) != size else b"")


def search_new(host: Host, stack: Stack, state: HostState, images: Iterable[str]) -> list[str]:
    """Search the images that were not yet searched for today's secrets, and record the clean ones."""
    # Those of the matrix, or where there is none, those that the stack lists.
    if not stack.secrets:
        return []
    secrets: dict[str, str] = {}
    for environment in ENVIRONMENTS:
        for app in stack.apps:
            for name, value in values_of(stack, app, environment, state.env_of(environment)).items():
                if name in stack.secrets:
                    secrets[f"{name} ({environment})"] = value
        for name, value in build_secrets(stack, environment, state.env_of(environment)).items():
            secrets[f"{name} ({environment})"] = value
    wanted = encodings(secrets)
    if not wanted:
        return []
    salt = str(state.secret_record.get("salt", ""))
    known = host.store.searched(stack)
    mark = fingerprint(salt, wanted)
    new = sorted({image for image in images if not salt or known.get(image) != mark})
    found = search(host.docker, new, wanted)
    if new and salt and not found:
        host.store.set_searched(stack, {**known, **dict.fromkeys(new, mark)})
    return found
