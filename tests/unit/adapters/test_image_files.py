# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of images are read where they lie, and only what Docker's answers leave no doubt about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from release.adapters import image_files
from release.errors import OperationError
from release.releases.runtime import ImageLayer

HISTORY = [{"CreatedBy": "RUN a=ü", "Tags": ["shop:staging"]}]


@pytest.fixture
def shown(tmp_path: Path) -> dict[str, Any]:
    """What Docker shows of an image of three layers."""
    for name in ("top", "middle", "bottom"):
        (tmp_path / name).mkdir()
    return {
        "RootFS": {"Layers": ["sha256:1", "sha256:2", "sha256:3"]},
        "GraphDriver": {
            "Name": "overlay2",
            "Data": {"LowerDir": f"{tmp_path}/middle:{tmp_path}/bottom", "UpperDir": f"{tmp_path}/top"},
        },
        "Config": {"Env": ["TOKEN=<ü>"]},
        "RepoTags": ["shop:staging"],
    }


def contents(layer: ImageLayer) -> dict[str, bytes | None]:
    return {name: None if file is None else file.read() for name, file in image_files.files(layer)}


def test_each_layer_goes_with_its_digest_from_the_lowest(shown: dict[str, Any], tmp_path: Path) -> None:
    found = image_files.laid_out(shown, HISTORY)
    assert found is not None
    assert [(layer.digest, layer.place) for layer in found.layers] == [
        ("sha256:1", str(tmp_path / "bottom")),
        ("sha256:2", str(tmp_path / "middle")),
        ("sha256:3", str(tmp_path / "top")),
    ]
    assert "TOKEN=<ü>".encode() in found.about
    assert "RUN a=ü".encode() in found.about
    assert b"shop:staging" not in found.about, "a tag is no part of the image"


@pytest.mark.parametrize("wrong", ["driver", "none", "fewer", "more", "missing", "relative", "no layers"])
def test_whatever_is_doubtful_lies_nowhere(shown: dict[str, Any], tmp_path: Path, wrong: str) -> None:
    data = shown["GraphDriver"]["Data"]
    if wrong == "driver":
        shown["GraphDriver"]["Name"] = "overlayfs"
    elif wrong == "none":
        shown["GraphDriver"] = None
    elif wrong == "fewer":
        data["LowerDir"] = f"{tmp_path}/middle"
    elif wrong == "more":
        data["LowerDir"] += f":{tmp_path}"
    elif wrong == "missing":
        (tmp_path / "middle").rmdir()
    elif wrong == "relative":
        data["UpperDir"] = "top"
    else:
        shown["RootFS"] = None
    assert image_files.laid_out(shown, HISTORY) is None


def test_an_image_of_one_layer(tmp_path: Path) -> None:
    driver = {"Name": "overlay2", "Data": {"UpperDir": str(tmp_path)}}
    found = image_files.laid_out({"RootFS": {"Layers": ["sha256:1"]}, "GraphDriver": driver}, [])
    assert found is not None
    assert found.layers == (ImageLayer("sha256:1", str(tmp_path)),)


def test_every_name_and_every_file(tmp_path: Path) -> None:
    (tmp_path / "app" / "empty").mkdir(parents=True)
    (tmp_path / ".env").write_bytes(b"A=1")
    (tmp_path / "app" / "main.js").write_bytes(b"x")
    (tmp_path / "outside").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "app" / "pipe")
    (tmp_path / os.fsdecode(b"\xff")).write_bytes(b"y")
    (tmp_path / "app" / "line\nbreak").write_bytes(b"z")
    assert contents(ImageLayer("sha256:1", str(tmp_path))) == {
        ".env": b"A=1",
        "app": None,
        "app/empty": None,
        "app/main.js": b"x",
        "app/pipe": None,
        "app/line\nbreak": b"z",
        "folder": None,
        "outside": None,
        "\udcff": b"y",
    }


def test_what_is_gone_meanwhile_was_not_searched(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="could not be searched"):
        list(image_files.files(ImageLayer("sha256:1", str(tmp_path / "gone"))))
