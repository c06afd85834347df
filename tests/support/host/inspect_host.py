"""Prints the state of one stack on the host as JSON, read without any help of the engine."""

from __future__ import annotations

import fcntl
import http.client
import json
import socket
import sys
import urllib.parse
from pathlib import Path
from typing import Any

LABEL = "release.onehost"


def runtime(line: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect("/run/haproxy/admin.sock")
        connection.sendall(line.encode() + b"\n")
        return connection.makefile().read()


class Docker(http.client.HTTPConnection):
    """The engine's own interface: its command takes longer to start than to answer."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect("/run/docker.sock")

    def ask(self, kind: str, **filters: list[str]) -> list[dict[str, Any]]:
        """All there are of a kind, images or containers."""
        query = urllib.parse.urlencode({"all": "1", "filters": json.dumps(filters)})
        self.request("GET", f"/{kind}/json?{query}")
        answer = self.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        found: list[dict[str, Any]] = json.loads(text)
        return found


def holder(path: Path) -> str:
    """What the process that holds the lock wrote there; empty if none holds it."""
    if not path.exists():
        return ""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read() or "somebody who wrote nothing"
    return ""


def look(stack: str) -> dict[str, Any]:
    definition = json.loads(Path(f"/etc/onehost/stacks/{stack}.json").read_text())
    seen: dict[str, Any] = {"apps": sorted(definition["apps"]), "live": {}, "memory": {}, "locked": {}}
    seen["jobs"] = [name for name, app in definition["apps"].items() if app.get("kind") == "job"]
    for environment in ("staging", "production"):
        path = Path(f"/var/lib/onehost/switch/{stack}-{environment}.map")
        seen["live"][environment] = path.read_text().split()[1]
        entries = [line.split() for line in runtime(f"show map {path}").splitlines() if line.strip()]
        seen["memory"][environment] = [entry[2] for entry in entries if len(entry) == 3 and entry[1] == "live"]
        seen["locked"][environment] = holder(Path(f"/run/onehost/{stack}-{environment}.lock"))
    releases = {}
    for path in sorted(Path(definition["directory"], "releases").iterdir()):
        # A release that a kill left half-written is recognised by its name.
        if path.name.endswith(".partial"):
            continue
        data, status = (json.loads((path / f"{part}.json").read_text()) for part in ("release", "status"))
        releases[path.name] = {
            "environment": data["environment"],
            "images": data["images"],
            "status": status["status"],
            "via": status["via"],
        }
    seen["releases"] = releases
    tags: dict[str, dict[str, str]] = {}
    docker = Docker("docker")
    images = docker.ask("images")
    for image in images:
        for name in image["RepoTags"] or ():
            repository, _, tag = name.rpartition(":")
            if repository in definition["apps"]:
                tags.setdefault(tag, {})[repository] = image["Id"]
    seen["tags"] = tags
    seen["images"] = [image["Id"] for image in images]
    seen["containers"] = [
        {
            "id": item["Id"][:12],
            "app": labels.get(f"{LABEL}.app", ""),
            "environment": labels.get(f"{LABEL}.environment", ""),
            "slot": labels[f"{LABEL}.slot"],
            "release": labels.get(f"{LABEL}.id", ""),
            "image": item["ImageID"],
            "state": item["State"],
        }
        for item in docker.ask("containers", label=[f"{LABEL}.stack={stack}"])
        if f"{LABEL}.slot" in (labels := item["Labels"])
    ]
    seen["unfinished"], seen["last"] = [], {}
    for path in sorted(Path(f"/var/lib/onehost/{stack}/operations").glob("*.jsonl")):
        # A kill may have cut off the last line.
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
        begin: dict[str, Any] = next((line for line in lines if line.get("event") == "begin"), {})
        end = next((line for line in lines if line.get("event") == "end"), None)
        if end is None:
            seen["unfinished"].append(path.name)
        steps = [line["step"] for line in lines if line.get("event") == "step"]
        seen["last"] = {
            "operation": begin.get("operation", ""),
            "steps": steps,
            "outcome": (end or {}).get("outcome", ""),
            "message": (end or {}).get("message", ""),
        }
    return seen


print(json.dumps(look(sys.argv[1])))
