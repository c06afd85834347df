# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets in images are found wherever and however they hide, and named by key and place only."""

from __future__ import annotations

import base64
import gzip
import json
import time
import urllib.parse

import pytest
from fakes.images import Exported, tar
from hypothesis import given
from hypothesis import strategies as st

from release.env.secret_forms import base64_forms
from release.operations import image_search, secret_scan

IMAGE = "sha256:1"
SECRET = 'kanarien vogel/+&ü"1'
SECRETS = {"API_TOKEN": SECRET}


def search(docker: Exported) -> list[str]:
    found = image_search.search(docker, [IMAGE], secret_scan.encodings(SECRETS))
    texts = [str(place) for place in found.places[IMAGE]]
    assert not any("kanarien" in text for text in texts)
    return texts


FORMS = {
    "raw": SECRET.encode(),
    "url-encoded": urllib.parse.quote(SECRET, safe="").encode(),
    "form-encoded": urllib.parse.quote_plus(SECRET).encode(),
    "json": json.dumps(SECRET).encode(),
    "base64": base64.b64encode(SECRET.encode()),
    "base64 of more": base64.b64encode(b"user:" + SECRET.encode() + b"\n"),
    "url-safe base64": base64.urlsafe_b64encode(b"x" + SECRET.encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(form: str) -> None:
    assert search(Exported(tar({"app/dist/main.js": b"a = '" + FORMS[form] + b"'"}))) == [
        "API_TOKEN in /app/dist/main.js"
    ]


def test_a_clean_image_is_clean() -> None:
    assert search(Exported(tar({"app/main.js": b"kanarien"}), history="RUN make")) == []


def test_what_a_later_layer_removed() -> None:
    layers = tar({"app/.env": SECRET.encode()}), tar({"app/.wh..env": b""})
    assert search(Exported(*layers)) == ["API_TOKEN in /app/.env"]


def test_compressed_layers() -> None:
    assert search(Exported(gzip.compress(tar({"x": SECRET.encode()})))) == ["API_TOKEN in /x"]


def test_the_history() -> None:
    assert search(Exported(history=f"ARG TOKEN={SECRET}")) == ["API_TOKEN in the image's configuration or history"]


def test_names_of_files() -> None:
    assert search(Exported(tar({f"tmp/{SECRET.replace('/', '_')}": b"", f"tmp/{SECRET}": b""})))


def test_over_the_edge_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_search, "CHUNK", 64)
    for before in range(50, 70):
        assert search(Exported(tar({"x": b"." * before + SECRET.encode()}))) == ["API_TOKEN in /x"]


@given(st.binary(max_size=7), st.binary(min_size=12, max_size=40), st.binary(max_size=7))
def test_base64_at_any_offset(before: bytes, value: bytes, after: bytes) -> None:
    text = base64.b64encode(before + value + after)
    assert any(form in text for form in base64_forms(value))


def test_short_values_are_not_looked_for() -> None:
    assert secret_scan.encodings({"PIN": "1234567"}) == {}


def test_fingerprints_tell_what_was_searched_for() -> None:
    one, two = secret_scan.encodings(SECRETS), secret_scan.encodings({"API_TOKEN": "another-secret"})
    assert (
        secret_scan.fingerprint("salt", one)
        != secret_scan.fingerprint("salt", two)
        != secret_scan.fingerprint("pepper", two)
    )


def test_a_large_image_is_searched_quickly() -> None:
    wanted = secret_scan.encodings({f"KEY_{i}": f"secret-value-number-{i}" for i in range(6)})
    files = {f"node_modules/{i}.js": bytes(20_000) for i in range(2000)}
    begun = time.perf_counter()
    image_search.search(Exported(tar(files)), ["x"], wanted)
    assert time.perf_counter() - begun < 5
