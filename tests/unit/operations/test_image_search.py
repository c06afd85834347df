# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment has of its own in images: found in every form, by itself only, and told apart by image."""

from __future__ import annotations

import base64
import json
import urllib.parse

import pytest
from fakes.images import Exported, LaidOutImages, tar
from support.profiles import ONE_IN

from release.env.own_values import OwnValue
from release.operations import image_search
from release.operations.secret_scan import own_encodings

URL = "https://shop.example"
IMAGE, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
OWN = [
    OwnValue("URL", "production", URL),
    OwnValue("URL", "staging", "https://staging.shop.example"),
    OwnValue("PATH_URL", "staging", "https://shop.example/staging"),
    OwnValue("HOST", "production", "shop.example"),
]


def found(data: bytes, own: list[OwnValue] = OWN) -> set[tuple[str, str]]:
    places = image_search.search(Exported(tar({"x": data})), [IMAGE], own_encodings(own)).places[IMAGE]
    assert {place.where for place in places} <= {"/x"}
    return {(place.wanted.name, place.wanted.environment) for place in places}


@pytest.mark.parametrize(
    "written",
    [
        f'a="{URL}"',
        f"a='{URL}/v1'",
        "x\\nhttps://shop.example\\n",
        urllib.parse.quote(URL, safe=""),
        "https:\\/\\/shop.example\\/v1",
        "https:\\u002F\\u002Fshop.example\\u002Fv1",
        base64.b64encode(f"a = '{URL}'".encode()).decode(),
        f"see {URL}.",
    ],
)
def test_every_form_is_found(written: str) -> None:
    assert ("URL", "production") in found(written.encode(), OWN[:1])


@pytest.mark.parametrize(
    "written",
    [
        "https://shop.example.com",
        "https://shop.example:4500",
        "https://shop.example-two",
        "https://shop.examples",
        "my-shop.example",
        "staging.shop.example",
        "https%3A%2F%2Fshop.example%3A4500",
    ],
)
def test_a_longer_name_is_another(written: str) -> None:
    assert found(written.encode(), [OWN[0], OWN[3]]) == set()


def test_a_part_of_another_value_is_not_meant() -> None:
    assert found(b"'https://staging.shop.example/x'") == {("URL", "staging")}
    assert found(b"'https://shop.example/staging/x'") == {("PATH_URL", "staging")}
    assert found(b"'shop.example'") == {("HOST", "production")}
    assert found(b"'https://shop.example/staging' 'https://shop.example'") == {
        ("PATH_URL", "staging"),
        ("URL", "production"),
    }


@pytest.mark.parametrize(
    "text", [b"'https://shop.example'", b"'https://shop.example:4500'", b"'https://shop.example/staging'"]
)
@pytest.mark.parametrize("chunk", [16, 64, 257])
def test_over_the_edge_of_a_chunk(monkeypatch: pytest.MonkeyPatch, text: bytes, chunk: int) -> None:
    """What stands before and after counts there too, neither twice nor not at all."""
    whole = found(text)
    monkeypatch.setattr(image_search, "CHUNK", chunk)
    for before in range(0, chunk * 3, ONE_IN):
        assert found(b"." * before + b" " + text + b" " * 900) == whole, before


def test_each_image_has_its_own() -> None:
    """Two images in one archive share a layer; each has one more. Docker of today and of before writes it so."""
    layers = {letter: tar({letter: URL.encode() if letter != "c" else b""}) for letter in "abc"}
    names = {letter: f"blobs/sha256/{letter * 64}" for letter in layers}
    owns = {IMAGE: "ac", OTHER: "bc"}
    configs = {
        image: json.dumps({"rootfs": {"diff_ids": [f"sha256:{letter * 64}" for letter in mine]}}).encode()
        for image, mine in owns.items()
    }
    today = {names[letter]: data for letter, data in layers.items()}
    today |= {f"blobs/sha256/{image[7:]}": data for image, data in configs.items()}
    before: dict[str, bytes] = {f"{letter * 64}/layer.tar": data for letter, data in layers.items()}
    before |= {f"{image[7:]}.json": b"{}" for image in owns}
    before["manifest.json"] = json.dumps(
        [
            {"Config": f"{image[7:]}.json", "Layers": [f"{letter * 64}/layer.tar" for letter in mine]}
            for image, mine in owns.items()
        ]
    ).encode()
    for files in (today, before):
        docker = Exported()
        docker.data = tar(files)
        places = image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN[:1])).places
        assert {image: [p.where for p in mine] for image, mine in places.items()} == {IMAGE: ["/a"], OTHER: ["/b"]}


def test_an_image_that_the_export_does_not_tell_of_may_hold_all_of_it() -> None:
    docker = Exported()
    config = json.dumps({"rootfs": {"diff_ids": ["sha256:" + "a" * 64]}}).encode()
    docker.data = tar({"blobs/sha256/" + "a" * 64: tar({"x": URL.encode()}), f"blobs/sha256/{IMAGE[7:]}": config})
    places = image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN[:1])).places
    assert [len(mine) for mine in places.values()] == [1, 1]


@pytest.mark.parametrize("manifest", [b"", b"[", b"[1]", b'[{"Config": 1, "Layers": 2}]', b"[" * 100_000])
def test_what_is_nobodys_is_everybodys(manifest: bytes) -> None:
    docker = Exported()
    docker.data = tar({f"{'a' * 64}/layer.tar": tar({"x": URL.encode()}), "manifest.json": manifest})
    places = image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN[:1])).places
    assert [len(mine) for mine in places.values()] == [1, 1]


def test_an_image_with_it_everywhere_is_told_briefly() -> None:
    files = {f"f{number}": URL.encode() for number in range(image_search.MOST_PLACES + 50)}
    (places,) = image_search.search(Exported(tar(files)), [IMAGE], own_encodings(OWN[:1])).places.values()
    assert len(places) == image_search.MOST_PLACES and places[-1].where == image_search.MORE_PLACES


# Layers that lie in directories

LAYERS = {"base": {"bin/sh": b"x"}, "own": {"app/a.js": b"'https://shop.example'"}, "clean": {"app/b.js": b"y"}}


def laid_out() -> LaidOutImages:
    return LaidOutImages(LAYERS, {IMAGE: ["base", "own"], OTHER: ["base", "clean"]})


def test_each_layer_is_read_once_and_counts_for_its_images() -> None:
    docker = laid_out()
    result = image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN[:1]))
    assert docker.read == ["base", "own", "clean"]
    assert not docker.asked, "nothing was exported"
    assert [str(place) for place in result.places[IMAGE]] == ["URL in /app/a.js"]
    assert result.places[OTHER] == []


def test_a_known_layer_is_not_read_and_what_it_holds_still_counts() -> None:
    first = image_search.search(laid_out(), [IMAGE], own_encodings(OWN[:1]))
    docker = laid_out()
    again = image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN[:1]), first.layers)
    assert docker.read == ["clean"]
    assert again.places[IMAGE] == first.places[IMAGE]
    assert set(again.layers) == {"base", "own", "clean"}


def test_configuration_and_history_are_searched_each_time() -> None:
    docker = LaidOutImages(LAYERS, {OTHER: ["base"]}, about=b'["ENV URL=https://shop.example"]')
    known: dict[str, list[image_search.Place]] = {"base": []}
    places = image_search.search(docker, [OTHER], own_encodings(OWN[:1]), known).places[OTHER]
    assert [place.where for place in places] == ["the image's configuration or history"]


def test_what_lies_nowhere_is_exported() -> None:
    docker = LaidOutImages(LAYERS, {OTHER: ["base"]})
    assert set(image_search.search(docker, [IMAGE, OTHER], own_encodings(OWN)).places) == {IMAGE, OTHER}
    assert docker.asked == 1
    assert docker.read == ["base"]
