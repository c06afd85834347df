# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: from the network of every container, a connection to every port that any other listens on."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from .lab import Lab

PLACE = "/root/isolation.py"
#: Runs on the host as root, with the host's Python inside of each container's network.
SCAN = r"""
import concurrent.futures, json, socket, subprocess, sys

LABEL = "release.onehost."

def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout

if len(sys.argv) > 1:
    def reached(target):
        try:
            socket.create_connection(tuple(target), 1.5).close()
        except OSError:
            return False
        return True
    targets = json.loads(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        print(json.dumps([target for target, yes in zip(targets, pool.map(reached, targets)) if yes]))
    sys.exit()

names = run("docker", "ps", "--quiet", "--filter", "label=" + LABEL + "stack").split()
found = []
for data in json.loads(run("docker", "inspect", *names)):
    labels, pid = data["Config"]["Labels"], data["State"]["Pid"]
    listening = run("nsenter", "--net", "--target", str(pid), "ss", "-ltnH").split("\n")
    ports = {line.split()[3].rsplit(":", 1)[1] for line in listening if line and "127.0.0." not in line.split()[3]}
    found.append({
        "name": data["Name"].lstrip("/"),
        "stack": labels[LABEL + "stack"],
        "environment": labels[LABEL + "environment"],
        "pid": pid,
        "addresses": [net["IPAddress"] for net in data["NetworkSettings"]["Networks"].values() if net["IPAddress"]],
        "ports": sorted(int(port) for port in ports),
    })

def scan(one):
    targets = [[a, p] for other in found if other is not one for a in other["addresses"] for p in other["ports"]]
    answer = run("nsenter", "--net", "--target", str(one["pid"]), "python3", __file__, json.dumps(targets))
    one["tried"], one["reached"] = targets, json.loads(answer)

# Most of it is waiting for connections that nobody answers.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(scan, found))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Seen:
    """One container, and what of all others it reached. `home` is its stack and environment."""

    name: str
    home: tuple[str, str]
    tried: int
    reached: tuple[str, ...]
    #: Of those, what belongs to another stack or environment.
    foreign: tuple[str, ...]


def scan(lab: Lab) -> dict[str, Seen]:
    """Every running container of the platform on a lab, by name."""
    text = base64.b64encode(SCAN.encode()).decode()
    lab.ssh(f"echo {text} | base64 --decode | sudo tee {PLACE} >/dev/null")
    found = json.loads(lab.ssh(f"sudo python3 {PLACE}", seconds=120))
    owner = {
        (address, port): (one["name"], (one["stack"], one["environment"]))
        for one in found
        for address in one["addresses"]
        for port in one["ports"]
    }
    seen = {}
    for one in found:
        home = (one["stack"], one["environment"])
        whom = [(*owner[address, port], port) for address, port in map(tuple, one["reached"])]
        seen[one["name"]] = Seen(
            name=one["name"],
            home=home,
            tried=len(one["tried"]),
            reached=tuple(sorted({f"{name}:{port}" for name, _home, port in whom})),
            foreign=tuple(sorted({f"{name}:{port}" for name, theirs, port in whom if theirs != home})),
        )
    return seen
