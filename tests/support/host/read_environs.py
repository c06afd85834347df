# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the host, as root: start a container for each env file in a directory, and tell what Compose, Docker and the
container's own process make of it. Prints JSON: file name to {"compose": …, "docker": …, "process": …}.

    read_environs.py DIRECTORY IMAGE
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout


def pairs(items: list[str]) -> dict[str, str]:
    return dict(item.partition("=")[::2] for item in items)


def main(directory: str, image: str) -> None:
    home = Path(directory)
    names = sorted(path.name for path in home.glob("*.env"))
    services = {
        name.removesuffix(".env"): {
            "image": image,
            "env_file": [name],
            "entrypoint": ["sleep", "600"],
            "pull_policy": "never",
            "network_mode": "none",
            "stop_grace_period": "0s",
        }
        for name in names
    }
    (home / "compose.json").write_text(json.dumps({"name": "environs", "services": services}))
    compose = ["docker", "compose", "--file", str(home / "compose.json")]
    config = json.loads(run(*compose, "config", "--format", "json"))["services"]
    found = {}
    try:
        run(*compose, "up", "--detach", "--quiet-pull")
        for name in names:
            service = name.removesuffix(".env")
            facts = json.loads(run("docker", "inspect", f"environs-{service}-1"))[0]
            environ = Path(f"/proc/{facts['State']['Pid']}/environ").read_bytes()
            found[name] = {
                # The output of `config` doubles each dollar, so that it can be read again.
                "compose": {k: v.replace("$$", "$") for k, v in config[service]["environment"].items()},
                "docker": pairs(facts["Config"]["Env"]),
                "process": pairs(environ.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")),
            }
    finally:
        run(*compose, "down", "--timeout", "0")
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
