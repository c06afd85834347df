"""The measures that operations are compared with, on the host: `baselines.py <way> <verb> <apps>` prints seconds.

ways:  floor     what the machine itself needs: create, start, boot, flip, drain, stop, with the docker command line
                 and HAProxy's socket, everything at once that can be
       script    the bash script that a platform replaces: move the tags, `docker compose up`
verbs: begin     bring up the first version, not measured
       promote   rollback   flip (floor only: both slots run)   end
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PLACE = Path("/srv/onehost-faults/byhand")
MAP = "/var/lib/onehost/switch/byhand-production.map"
REACH = "/var/lib/onehost/switch/byhand-production-reach.map"
FIRST_PORT = 23000
SLOTS = ("blue", "green")
NAME = "byhand"


def run(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)


def concurrently(commands: Sequence[Sequence[str]]) -> None:
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(commands))) as pool:
        list(pool.map(lambda words: run(*words), commands))


def port(app: int, slot: str) -> int:
    return FIRST_PORT + 10 * app + 2 + SLOTS.index(slot)


def healthy(apps: int, slot: str) -> None:
    """Wait until each app answers."""
    deadline = time.monotonic() + 60
    for app in range(apps):
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port(app, slot), timeout=2)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            assert time.monotonic() < deadline, f"app {app} in {slot} never answered"
            time.sleep(0.01)


def runtime(line: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect("/run/haproxy/admin.sock")
        connection.sendall(line.encode() + b"\n")
        return connection.makefile().read()


def flip(slot: str) -> None:
    Path(MAP).write_text(f"live {slot}/{NAME}\n")
    runtime(f"set map {MAP} live {slot}/{NAME}")


def reach(apps: int) -> None:
    """Tell the router where the apps of both slots listen, as the engine does for a release."""
    for app in range(apps):
        for slot in SLOTS:
            runtime(f"del map {REACH} hand-{app}/{slot}")
            runtime(f"add map {REACH} hand-{app}/{slot} {port(app, slot)}/start_first")


def drained(slot: str) -> None:
    while True:
        rows = [line.split(",") for line in runtime("show stat -1 2 -1").splitlines() if line]
        counts = [int(row[4] or 0) for row in rows[1:] if re.fullmatch(f"byhand-production-.*-{slot}", row[0])]
        if not sum(counts):
            return
        time.sleep(0.01)


def container(app: int, slot: str) -> str:
    return f"byhand-{slot}-{app}"


def create(app: int, slot: str, image: str) -> Sequence[str]:
    """The same container as the collection's, so that its settings are not measured as a cost of the collection."""
    return (
        *("docker", "run", "--detach", "--name", container(app, slot), "--network", f"{NAME}-{slot}"),
        *("--user", "10003", "--restart", "unless-stopped", "--security-opt", "no-new-privileges:true"),
        *("--add-host", "host.docker.internal:host-gateway", "--env", f"RELEASE_ID={NAME}"),
        *("--env", "RELEASE_ENVIRONMENT=production", "--publish", f"127.0.0.1:{port(app, slot)}:8000", image),
    )


def networks() -> None:
    """One network for each slot, as Compose makes them; they stay."""
    for slot in SLOTS:
        if subprocess.run(
            ["docker", "network", "inspect", f"{NAME}-{slot}"], capture_output=True, check=False
        ).returncode:
            run("docker", "network", "create", f"{NAME}-{slot}")


def live_slot() -> str:
    return Path(MAP).read_text().split()[1].partition("/")[0]


def other(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]


def floor(verb: str, apps: int) -> float:
    old = live_slot()
    if verb == "begin":
        networks()
        concurrently([create(app, "blue", f"hand-{app}:first") for app in range(apps)])
        healthy(apps, "blue")
        flip("blue")
        return 0.0
    new = other(old)
    if verb == "promote":
        # What an earlier round left in the slot is not part of the floor.
        subprocess.run(
            ["docker", "rm", "--force", *(container(app, new) for app in range(apps))], capture_output=True, check=False
        )
    if verb == "flip":
        concurrently([("docker", "start", container(app, new)) for app in range(apps)])
        healthy(apps, new)
    begun = time.monotonic()
    if verb == "promote":
        concurrently([create(app, new, f"hand-{app}:second") for app in range(apps)])
        healthy(apps, new)
    elif verb == "rollback":
        concurrently([("docker", "start", container(app, new)) for app in range(apps)])
        healthy(apps, new)
    flip(new)
    if verb == "flip":
        return time.monotonic() - begun
    drained(old)
    concurrently([("docker", "stop", container(app, old)) for app in range(apps)])
    return time.monotonic() - begun


SCRIPT = """set -eu
for app in $(seq 0 $((%(apps)d - 1))); do
  %(tags)s
done
docker compose --file %(file)s up --detach --no-build --quiet-pull
"""
PROMOTE = """docker tag hand-$app:production hand-$app:rollback
  docker tag hand-$app:staging hand-$app:production"""
ROLLBACK = """docker tag hand-$app:rollback hand-$app:production"""


def script(verb: str, apps: int) -> tuple[float, float]:
    """Seconds until the script has ended, and until the apps answer again."""
    file = PLACE / f"{apps}.json"
    services = {
        f"a{app}": {
            "image": f"hand-{app}:production",
            "environment": {"RELEASE_ID": NAME, "RELEASE_ENVIRONMENT": "production"},
            "ports": [f"127.0.0.1:{port(app, 'blue')}:8000"],
        }
        for app in range(apps)
    }
    PLACE.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"name": f"byhand-{apps}", "services": services}))
    if verb == "begin":
        for app in range(apps):
            run("docker", "tag", f"hand-{app}:first", f"hand-{app}:production")
            run("docker", "tag", f"hand-{app}:second", f"hand-{app}:staging")
        run("docker", "compose", "--file", str(file), "up", "--detach", "--no-build")
        healthy(apps, "blue")
        flip("blue")
        return 0.0, 0.0
    text = SCRIPT % {"apps": apps, "tags": PROMOTE if verb == "promote" else ROLLBACK, "file": file}
    begun = time.monotonic()
    run("bash", "-c", text)
    seconds = time.monotonic() - begun
    # The script itself does not wait, but whoever counts its failed requests must.
    healthy(apps, "blue")
    return seconds, time.monotonic() - begun


def main() -> None:
    way, verb, apps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if verb == "healthy":
        healthy(apps, "blue")
        print(0)
        return
    if verb == "end":
        names = subprocess.run(
            ["docker", "ps", "--all", "--quiet", "--filter", "name=^byhand-"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        if names:
            run("docker", "rm", "--force", *names)
        Path(MAP).write_text("live none/none\n")
        runtime(f"set map {MAP} live none/none")
        print(0)
        return
    if verb == "begin":
        reach(apps)
    seconds = (floor(verb, apps),) if way == "floor" else script(verb, apps)
    print(*(round(figure, 3) for figure in seconds))


main()
