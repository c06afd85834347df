# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images are searched where Docker keeps their layers: what is read there is what an export has, and only once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.lab import ROOT, Lab

#: What layers may have: what a later one removes or replaces, links, pipes, names that are no text, empty directories.
DOCKERFILE = r"""
FROM onehost-lab/node:22
RUN mkdir -p /made/empty && echo one >/made/removed && echo two >/made/replaced && echo three >/made/first && \
    ln /made/first /made/second && ln -s /etc/passwd /made/link && ln -s /etc /made/folder && mkfifo /made/pipe && \
    printf four >"$(printf '/made/\377')" && printf five >"$(printf '/made/line\nbreak')"
RUN rm -r /made/removed /made/empty && echo six >/made/replaced && chmod 0600 /made/first
ENV SETTING=seven
"""
#: Both ways of reading an image, as names and digests of files.
COMPARE = """
import hashlib, json, os, sys, tarfile
sys.path.insert(0, "/usr/local/lib/onehost")
from release.adapters.docker import Docker
from release.operations.image_layers import opened
docker, image = Docker(), Docker().image(sys.argv[1]).id
def digest(file):
    found = hashlib.sha256()
    while part := file.read(1 << 20):
        found.update(part)
    return found.hexdigest()
laid_out = docker.laid_out(image)
here = [(name, digest(file)) for layer in laid_out.layers for name, file in docker.layer_files(layer) if file]
there = []
with docker.export([image]) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
    for member in archive:
        kind, layer = opened(archive.extractfile(member)) if member.isfile() else ("", None)
        if kind == "layer":
            with tarfile.open(fileobj=layer, mode="r|") as files:
                there += [(os.path.normpath(one.name), digest(files.extractfile(one))) for one in files if one.isfile()]
# A file of this name says that a lower layer's is gone; in a directory that is a device of the file's own name.
less = sorted(one for one in set(there) - set(here) if not os.path.basename(one[0]).startswith(".wh."))
more = sorted({found for _, found in here} - {found for _, found in there})
print(json.dumps([len(there), less, more, "SETTING=seven" in laid_out.about.decode()]))
"""
SECRET = "kanarienvogel-4711"


@pytest.fixture
def image(released: Lab) -> Iterator[str]:
    released.ssh(f"sudo docker build --quiet --tag layers:test - <<'EOF'\n{DOCKERFILE}\nEOF", seconds=120)
    yield "layers:test"
    released.ssh("sudo docker rmi layers:test")


def test_the_directories_have_what_an_export_has(released: Lab, image: str) -> None:
    said = released.ssh(f"sudo python3 -IS - {image} <<'EOF'\n{COMPARE}\nEOF", seconds=120)
    number, less, more, about = json.loads(said)
    assert number > 1000 and about
    assert not less, "files of the export that the directories lack"
    assert not more, "contents that the export lacks"


def test_what_a_later_layer_removed_stops_a_deploy(released: Lab) -> None:
    """The layers below are known by then, so only the new ones are read."""
    secret = (
        released.ssh("sudo sed -n 's/^SESSION_SECRET=//p' /var/lib/onehost/workhub/env/common").strip().strip("'\"")
    )
    assert len(secret) >= 8
    recipe = (ROOT / "examples/workhub/WBFinHub/Dockerfile").read_text()
    leaking = recipe.replace("COPY --chmod=755 src", "COPY src/hidden.txt /app/hidden.txt\nRUN rm hidden.txt\nCOPY src")
    assert leaking != recipe
    changes = {"WBFinHub/Dockerfile": leaking, "WBFinHub/src/hidden.txt": f"it is {secret} here\n"}
    refused = released.operate(
        "deploy_staging", stack="workhub", version=released.push_commit(changes, branch="hidden")
    )
    assert refused.rc != 0
    assert "holds SESSION_SECRET" in refused.problems and "/app/hidden.txt" in refused.problems
    assert secret not in refused.stdout + refused.problems
