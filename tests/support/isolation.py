# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom: from the network of every container, a connection to every port that any other listens on, and to
every database of the host."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from .lab import Lab

PLACE = "/root/isolation.py"
#: Runs on the host as root, with the host's Python inside of each container's network.
SCAN = r"""
import concurrent.futures, glob, json, os, socket, struct, subprocess, sys

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
    def admitted(target):
        # PostgreSQL asks for a password, in place of refusing the address.
        words = b"user\0owner\0database\0main\0\0"
        try:
            with socket.create_connection(tuple(target), 1.5) as server:
                server.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
                return server.recv(1) == b"R"
        except OSError:
            return False
    ask = {"reached": reached, "admitted": admitted}[sys.argv[2]]
    targets = json.loads(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        print(json.dumps([target for target, yes in zip(targets, pool.map(ask, targets)) if yes]))
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
clusters = []
listening = {line.split()[3].rsplit(":", 1)[1]: line.split()[3] for line in run("ss", "-ltnH").splitlines()}
for path in glob.glob("/var/lib/onehost/*/databases.json"):
    for environment, databases in json.load(open(path)).items():
        for name, kept in databases.items():
            address = listening[str(kept["port"])].rsplit(":", 1)[0]
            stack = os.path.basename(os.path.dirname(path))
            clusters.append({"name": "database " + name, "stack": stack, "environment": environment,
                             "addresses": [address], "ports": [kept["port"]]})

def scan(one):
    def ask(kind, targets):
        words = ("nsenter", "--net", "--target", str(one["pid"]), "python3", __file__, json.dumps(targets), kind)
        return json.loads(run(*words))
    others = [other for other in found + clusters if other is not one]
    targets = [[a, p] for other in others for a in other["addresses"] for p in other["ports"]]
    one["tried"], one["reached"] = targets, ask("reached", targets)
    of_clusters = [[a, p] for cluster in clusters for a in cluster["addresses"] for p in cluster["ports"]]
    one["admitted"] = ask("admitted", of_clusters) if of_clusters else []

# Most of it is waiting for connections that nobody answers.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(scan, found))
print(json.dumps({"containers": found, "clusters": clusters}))
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
    #: Databases that asked it for a password, its own and those of others.
    admitted: tuple[str, ...] = ()
    admitted_foreign: tuple[str, ...] = ()


def scan(lab: Lab) -> dict[str, Seen]:
    """Every running container of the platform on a lab, by name."""
    text = base64.b64encode(SCAN.encode()).decode()
    lab.ssh(f"echo {text} | base64 --decode | sudo tee {PLACE} >/dev/null")
    answer = json.loads(lab.ssh(f"sudo python3 {PLACE}", seconds=120))
    found = answer["containers"]
    owner = {
        (address, port): (one["name"], (one["stack"], one["environment"]))
        for one in [*found, *answer["clusters"]]
        for address in one["addresses"]
        for port in one["ports"]
    }
    seen = {}
    for one in found:
        home = (one["stack"], one["environment"])
        whom = [(*owner[address, port], port) for address, port in map(tuple, one["reached"])]
        admitted = [owner[address, port] for address, port in map(tuple, one["admitted"])]
        seen[one["name"]] = Seen(
            name=one["name"],
            home=home,
            tried=len(one["tried"]),
            reached=tuple(sorted({f"{name}:{port}" for name, _home, port in whom})),
            foreign=tuple(sorted({f"{name}:{port}" for name, theirs, port in whom if theirs != home})),
            admitted=tuple(sorted(name for name, theirs in admitted if theirs == home)),
            admitted_foreign=tuple(sorted(f"{name} {theirs}" for name, theirs in admitted if theirs != home)),
        )
    return seen
