# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as `docker save` writes them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import IO


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Exported:
    """Docker with one image of these layers and this history."""

    def __init__(self, *layers: bytes, history: str = "") -> None:
        files = {f"blobs/sha256/{i}": layer for i, layer in enumerate(layers)}
        files["config.json"] = json.dumps({"history": [{"created_by": history}]}).encode()
        self.data = tar(files)
        self.asked = 0

    @contextlib.contextmanager
    def export(self, images: Sequence[str]) -> Iterator[IO[bytes]]:
        self.asked += 1
        yield io.BytesIO(self.data)


class Images(Exported):
    """Docker with an image of these layers."""

    def __init__(self, *layers: dict[str, bytes]) -> None:
        super().__init__(*(gzip.compress(tar(layer)) for layer in layers))
