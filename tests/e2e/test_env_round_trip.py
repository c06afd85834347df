# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values on their whole way: written by the engine, read by Compose, and back from the process in a container."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.lab import Lab

from release.env.env_file import format_env, problem_of
from release.errors import RefusedError

SCRIPT = Path(__file__).parents[1] / "support" / "host" / "read_environs.py"
PLACE = "/var/tmp/onehost-values"
CONTAINERS, KEYS = 12, 200

PIECES = (
    *("'", '"', "`", "$", "$$", "${HOME}", "$HOME", "$(id)", "#", " #", " # note", "\\", "\\n", "\\'", '\\"', "\\\\"),
    *(" ", "  ", "\t", "\n", "\n\n", "=", "K0=x", "\nK0='x'", "\nexport K1=x", "%", "%s", "!", "&", "|", ";", "<", ">"),
    *("a", "word", "0", "-", "_", "/", "https://u:p@h/d?x=1&y=2#z", "{", "}", "[", "]", "*", "?", "~", "^", ":", ","),
    *("ü", "ß", "é", "e\u0301", "한국어", "日本", "עברית", "😀", "\U0010ffff"),
    *("\u202e", "\u200b", "\u00a0", "\u2028", "\ufeff"),
    *("\x01", "\x1b[31m", "\x7f", "\x0b", "\x0c", "\x85", "null", "true", "---", "- a", "&a", "*a", "!!str", "|", ">-"),
)


def value(chance: random.Random) -> str:
    text = "".join(chance.choices(PIECES, k=chance.choice((0, 1, 1, 2, 3, 5, 8, 13, 40))))
    return chance.choice(("", "", "", " ", "\n", "\t")) + text + chance.choice(("", "", "", " ", "\n", "\\"))


def send(lab: Lab, files: dict[str, str]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    command = f"sudo rm -rf {PLACE} && sudo install -d -m 0700 {PLACE} && sudo tar -x -C {PLACE}"
    words = [*lab.ssh_words, "ubuntu@127.0.0.1", command]
    subprocess.run(words, input=buffer.getvalue(), check=True, timeout=60)


def test_thousands_of_values_arrive_byte_for_byte(released: Lab) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    wanted: dict[str, dict[str, str]] = {}
    refused: dict[str, str] = {"LONG_ENOUGH": "carriage\rreturn", "HALF": "\ud800", "NUL": "\0"}
    for number in range(CONTAINERS):
        values = {"LONG": "ü'$ \n" * 10_000} if number == 0 else {}
        while len(values) < KEYS:
            name, text = f"K{len(values)}_{chance.choice(('a', 'B', '_'))}", value(chance)
            (refused if problem_of(text) else values)[name] = text
        wanted[f"b{number}.env"] = values
    assert sum(map(len, wanted.values())) > 2000 and len(refused) > 50

    with pytest.raises(RefusedError) as caught:
        format_env(refused)
    named = [re.search(r"the value of (\w+) ", problem.what) for problem in caught.value.problems]
    assert sorted(match[1] for match in named if match) == sorted(refused), "each one by name"

    send(
        released,
        {**{name: format_env(values) for name, values in wanted.items()}, "read_environs.py": SCRIPT.read_text()},
    )
    try:
        command = f"sudo python3 {PLACE}/read_environs.py {PLACE} onehost-lab/node:22"
        found = json.loads(released.ssh(command, seconds=180))
    finally:
        released.ssh(f"sudo rm -rf {PLACE}")
    for name, values in wanted.items():
        for reader in ("compose", "docker", "process"):
            got = found[name][reader]
            wrong = {key: (text, got.get(key)) for key, text in values.items() if got.get(key) != text}
            assert not wrong, f"seed {seed}, {name}, {reader}: {dict(list(wrong.items())[:3])}"
