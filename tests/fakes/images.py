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

from release.releases.runtime import ImageLayer, LaidOut


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

    def laid_out(self, image: str) -> LaidOut | None:
        return None

    def layer_files(self, layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]:
        raise AssertionError("its layers lie nowhere")

    @contextlib.contextmanager
    def export(self, images: Sequence[str]) -> Iterator[IO[bytes]]:
        self.asked += 1
        yield io.BytesIO(self.data)


class Images(Exported):
    """Docker with an image of these layers."""

    def __init__(self, *layers: dict[str, bytes]) -> None:
        super().__init__(*(gzip.compress(tar(layer)) for layer in layers))


class LaidOutImages(Exported):
    """Docker whose images have these layers in directories, each image the layers of these digests."""

    def __init__(self, layers: dict[str, dict[str, bytes]], images: dict[str, list[str]], about: bytes = b"{}") -> None:
        super().__init__()
        self.layers, self.images, self.about = layers, images, about
        #: The digests of the layers that were read, each time one was.
        self.read: list[str] = []

    def laid_out(self, image: str) -> LaidOut | None:
        if image not in self.images:
            return None
        return LaidOut(self.about, tuple(ImageLayer(digest, f"/layers/{digest}") for digest in self.images[image]))

    def layer_files(self, layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]:
        self.read.append(layer.digest)
        for name, data in self.layers[layer.digest].items():
            yield name, io.BytesIO(data)
