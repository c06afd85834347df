# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several containers of an app: one dies or hangs, their number changes, releases come and go, and nobody notices."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab, Result, until
from support.load import Load, Target

SOURCE = Path(__file__).parents[1] / "files" / "crowd"
HOSTS = {"staging": "staging.crowd.example", "production": "crowd.example"}
#: Requests of the load for each second.
RATE = 60.0
PORTS = {"staging": "staging", "production": "http"}


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"crowd": definition()}


def definition() -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/crowd",
        "source": "/srv/git/crowd.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "apps": {
            "crowd": {
                "context": ".",
                "port": 8000,
                "loopback_port": 21600,
                "health": "/health",
                "routes": [{"path": "/"}],
                "drain_seconds": 5,
                "replicas": 2,
            },
            "crowd-clock": {
                "image_of": "crowd",
                "kind": "worker",
                "command": ["python3", "-c", "import signal; signal.pause()"],
                "health_command": ["test", "-e", "/app/app.py"],
                "stop_seconds": 1,
                "replicas": 2,
            },
        },
    }


@dataclass
class Crowd:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="crowd", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="crowd", **options)

    def deploy(self, text: str) -> None:
        files = {path.name: path.read_text() for path in SOURCE.iterdir() if path.is_file()}
        files["app.py"] += f"# {text} {time.time()}\n"
        self.lab.push_commit(files, repository="crowd")
        self.operate("deploy_staging").ok()

    def scale(self, number: int | str, app: str = "crowd") -> float:
        """With the command on the host. Returns its seconds."""
        begun = time.monotonic()
        self.lab.ssh(f"sudo onehost scale --stack crowd {app}={number} --reason 'a test'")
        return time.monotonic() - begun

    def ask(self, path: str = "/", environment: str = "production") -> dict[str, Any]:
        answer = self.lab.get(PORTS[environment], path, {"Host": HOSTS[environment]})
        return dict(json.loads(answer.body)) if answer.status == 200 else {"container": str(answer.status)}

    def answering(self, number: int = 60) -> Counter[str]:
        """Who answers, and how often."""
        return Counter(self.ask()["container"] for _ in range(number))

    def containers(self, app: str = "crowd", environment: str = "production", words: str = "") -> list[str]:
        filters = "".join(
            f" --filter label=release.onehost.{key}={value}"
            for key, value in (("app", app), ("environment", environment), ("stack", "crowd"))
        )
        return self.lab.ssh(f"sudo docker ps --format '{{{{.Names}}}}' {filters} {words}").split()

    def status(self) -> str:
        return self.lab.ssh("sudo onehost status --stack crowd")

    def load(self) -> Load:
        port = self.lab.ports["http"]
        targets = [
            Target("get", port, "/", HOSTS["production"]),
            Target("post", port, "/", HOSTS["production"], "POST"),
        ]
        return Load(targets, rate=RATE, fresh=0.5)


@pytest.fixture(scope="module")
def crowd(beside: Beside) -> Iterator[Crowd]:
    """The stack, with one release promoted."""
    with beside.until_stopped("crowd"):
        found = Crowd(beside)
        found.deploy("one")
        found.operate("promote").ok()
        yield found


def test_the_router_divides_the_requests(crowd: Crowd) -> None:
    assert len(crowd.containers()) == len(crowd.containers("crowd-clock")) == 2, crowd.status()
    assert len(crowd.containers(environment="staging")) == 2
    seen = crowd.answering()
    assert len(seen) == 2 and min(seen.values()) > 15, seen
    assert "healthy 2/2" in crowd.status()
    ports = crowd.lab.ssh("sudo docker ps --filter label=release.onehost.stack=crowd --format '{{.Ports}}'")
    assert "127.0.0.2:2160" in ports and "0.0.0.0" not in ports


def test_one_is_killed_under_load(crowd: Crowd) -> None:
    with crowd.load() as load:
        for name in crowd.containers():
            crowd.lab.ssh(f"sudo docker kill {name}")
            until(lambda: len(crowd.containers()) == 1, 10, "one of two runs")
            # No wait for a state: for so long visitors meet the one that is left.
            time.sleep(2)
            crowd.lab.ssh(f"sudo docker start {name}")
            until(lambda: len(crowd.answering(20)) == 2, 20, "both answer again")
        window = load.take()
    # What a container was killed in the middle of is sent to the other, unless it changes something: on a busy machine
    # some of these are always in progress, and nobody knows what became of them.
    assert window.sent > RATE * 2, window.line()
    assert not [failure for failure in window.failures if failure[1] != "post"], (window.line(), window.failures)
    assert set(window.causes) <= {"HTTP 502"} and window.failed < window.sent / 20, window.line()


def test_one_hangs(crowd: Crowd) -> None:
    """It takes requests and answers none: the router asks for its health, and leaves it out."""
    who = crowd.ask("/hang")["container"]
    until(lambda: who not in crowd.answering(10), 30, "the router leaves it out")
    assert len(crowd.answering()) == 1
    assert "NOT HEALTHY 1/2" in crowd.status()
    name = crowd.containers(words=f"--filter id={who}")[0]
    crowd.lab.ssh(f"sudo docker restart --time 1 {name}")
    until(lambda: len(crowd.answering(20)) == 2, 20, "both answer again")


def test_scaled_under_load(crowd: Crowd) -> None:
    before = crowd.lab.ssh("sudo docker ps --no-trunc --format '{{.ID}} {{.Names}}' | sort").splitlines()
    shown = crowd.playbook("scale", app="crowd", replicas="4", options="--check").ok()
    assert "would scale production: crowd from 2 to 4 replicas" in shown.stdout
    assert len(crowd.containers()) == 2
    with crowd.load() as load:
        up = crowd.scale(5)
        until(lambda: len(crowd.answering()) == 5, 10, "five answer")
        down = crowd.scale(1)
        until(lambda: len(crowd.answering(20)) == 1, 10, "one answers")
        again = crowd.scale("default")
        until(lambda: len(crowd.answering(20)) == 2, 10, "both answer")
        window = load.take()
    # Half of what was to be sent in this time: enough to say something, however fast or busy the machine is.
    enough = RATE * (up + down + again) / 2
    print(f"scaled from 2 to 5 in {up:.1f} s, to 1 in {down:.1f} s, to 2 in {again:.1f} s; {window.line()}")
    assert window.failed == 0 and window.sent > enough, window.line()
    assert max(up, down, again) < 60
    after = crowd.lab.ssh("sudo docker ps --no-trunc --format '{{.ID}} {{.Names}}' | sort").splitlines()
    assert len(set(before) - set(after)) <= 1, "nothing else was replaced"


def test_a_request_in_progress_ends_before_its_container(crowd: Crowd) -> None:
    crowd.scale(3)
    port = crowd.lab.ports["http"]
    with Load([Target("slow", port, "/slow", HOSTS["production"], "POST")], rate=10, fresh=1) as load:
        # No wait for a state: for so long requests are begun, of which many are open when it is scaled.
        time.sleep(2)
        crowd.scale(1)
        window = load.take()
    assert window.failed == 0 and window.sent > 20, window.line()
    crowd.scale("default")


def test_one_that_cannot_start_is_put_back(crowd: Crowd) -> None:
    """Something else has the address of the third."""
    taken = "import socket, signal; s = socket.socket(); s.bind(('127.0.0.3', {})); s.listen(); signal.pause()"
    ports = {
        line.rpartition(":")[2].split("->")[0]
        for line in crowd.lab.ssh(
            f"sudo docker ps --filter name={crowd.containers()[0]} --format '{{{{.Ports}}}}'"
        ).splitlines()
    }
    (port,) = ports
    crowd.lab.ssh(f'sudo systemd-run --quiet --unit=onehost-test-taken python3 -c "{taken.format(port)}"')
    try:
        failed = crowd.playbook("scale", app="crowd", replicas="3")
        assert failed.rc != 0 and len(crowd.containers()) == 2, failed.stdout
        assert len(crowd.answering(20)) == 2
    finally:
        crowd.lab.ssh("sudo systemctl stop onehost-test-taken")


def test_released_and_rolled_back_under_load(crowd: Crowd) -> None:
    crowd.scale(3)
    crowd.deploy("two")
    with crowd.load() as load:
        seconds = crowd.operate("promote").ok().seconds
        assert len(crowd.answering()) == 3, "the number stays"
        seconds += crowd.operate("rollback").ok().seconds
        assert len(crowd.answering()) == 3
        window = load.take()
    print(window.line())
    assert window.failed == 0 and window.sent > RATE * seconds / 2, window.line()
    assert "3 in place of 2, by ubuntu" in crowd.status()


def test_a_restart_of_the_router_and_a_reboot(crowd: Crowd) -> None:
    crowd.scale(3)
    crowd.lab.ssh("sudo systemctl restart haproxy")
    until(lambda: len(crowd.answering()) == 3, 20, "all answer")
    crowd.lab.reboot()
    until(lambda: len(crowd.answering(20)) == 3, 120, "all answer after a reboot")
    crowd.scale(1, "crowd-clock")
    assert len(crowd.containers("crowd-clock")) == 1
    crowd.scale("default", "crowd-clock")
    crowd.scale("default")
    assert "in place of" not in crowd.status()
