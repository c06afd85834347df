# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are hard to search: the search for secrets goes on, and its files are where they can be."""

from __future__ import annotations

import pytest
from support.attacks import HOME, Attacked

#: Names as long as a file system takes them.
HOSTILE = """
import os
os.mkdir("/odd")
os.chdir("/odd")
for number in range(19):
    os.mkdir("d" * 204)
    os.chdir("d" * 204)
open("deep", "w").write("x")
"""

STAND_IN = """#!/usr/bin/env python3
import json, os, sys
if sys.argv[1:2] == ["version"]:
    print("9.9.9"); sys.exit()
path = sys.argv[sys.argv.index("--report-path") + 1]
open("/tmp/attack-searched", "w").write(os.getcwd())
json.dump([], open(path, "w"))
"""


@pytest.mark.attack(
    "19",
    "an image with the longest names, and a file that becomes a directory",
    "searched, the gate passes",
)
def test_an_odd_image_can_be_searched(shop: Attacked) -> None:
    before = shop.live("production")
    program = "/usr/local/bin/gitleaks"
    steps = (
        "RUN echo x >/kept && echo y >/turns",
        "RUN rm /turns && mkdir /turns && echo z >/turns/file",
        "COPY odd.py /odd.py",
        "RUN python3 /odd.py",
    )
    text = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nWORKDIR /app\nCOPY app.py behaviour.json ./\n" + "\n".join(steps)
    try:
        shop.write(program, STAND_IN, user="root")
        shop.root(f"chmod 755 {program}; rm -f /tmp/attack-searched")
        shop.deploy({"Dockerfile": text + '\nCMD ["python3", "-S", "app.py"]\n', "odd.py": HOSTILE}).ok()
        said = shop.onehost("promote")
        assert said.code == 0, said.text
        assert shop.live("production") != before
        where = shop.read("/tmp/attack-searched")
        assert not where.startswith(("/tmp", HOME)), f"{where} is in memory, or somebody's"
        assert not shop.exists(where), "it is gone afterwards"
    finally:
        shop.root(f"rm -f {program} /tmp/attack-searched")
