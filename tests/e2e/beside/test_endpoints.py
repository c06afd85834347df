"""What the outside was promised, on a host: a release that breaks one field, redirect or origin goes back by itself."""

from __future__ import annotations

import json
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.beside import Beside
from support.lab import Lab, Result
from support.load import Load, Target

SOURCE = Path(__file__).parents[1] / "files" / "promised"
HOSTS = {"staging": "staging.promised.example", "production": "promised.example"}
PASSWORDS = {"staging": "a-password-of-staging", "production": "a-password-of-production"}
#: Checks of one promote, of which the host has a second for the first 200.
MANY = 190

ENDPOINTS: list[dict[str, Any]] = [
    {
        "name": "health",
        "host": HOSTS,
        "path": "/api/v1/health",
        "expect": {
            "json": {"status": "ok", "release": {"type": "string"}},
            "headers": {"x-release": {"present": True}},
        },
    },
    {
        "name": "moved",
        "path": "/moved/a?b=1",
        "expect": {"redirect": {"code": 308, "to": "/new", "keeps": ["path", "query"]}},
    },
    {
        "name": "origins",
        "cors": {"path": "/api/v1/me", "allowed": ["https://www.promised.example"], "credentials": True},
    },
    {
        "name": "session",
        "steps": [
            {"name": "nobody", "path": "/me", "expect": {"status": 401}},
            {
                "name": "log in",
                "path": "/sessions",
                "json": {"password": "${PROBE_PASSWORD}"},
                "expect": {"status": 201},
                "capture": {"token": {"json": "token"}},
            },
            {
                "name": "probe",
                "path": "/me",
                "headers": {"Authorization": "Bearer ${token}"},
                "expect": {"json": {"name": "probe"}},
            },
        ],
    },
    {"name": "socket", "websocket": {"path": "/socket", "send": "promised"}},
    {"name": "retired", "path": "/retired", "expect": {"gone": True}},
    {"name": "only by hand", "path": "/", "when": ["verify"], "expect": {"within_ms": 5000}},
    *(
        {"name": f"many {number}", "path": f"/many/{number}", "expect": {"json": {"status": {"type": "string"}}}}
        for number in range(MANY)
    ),
]


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"promised": definition()}


def definition() -> dict[str, Any]:
    return {
        "directory": "/home/ubuntu/promised",
        "source": "/srv/git/promised.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [HOSTS["staging"]]},
            "production": {"ports": [80], "hosts": [HOSTS["production"]]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env_matrix": {"PROBE_PASSWORD": {"class": "secret"}, "PLACE": {}},
        "env": {name: {"PROBE_PASSWORD": PASSWORDS[name], "PLACE": name} for name in HOSTS},
        "apps": {
            "promised": {"context": ".", "port": 8000, "loopback_port": 21660, "health": "/", "routes": [{"path": "/"}]}
        },
        "endpoints": ENDPOINTS,
    }


@dataclass
class Promised:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def push(self, *breaks: str) -> str:
        """A commit that breaks these promises, in production alone."""
        files = {path.name: path.read_text() for path in SOURCE.iterdir()}
        files |= {"breaks.json": json.dumps(breaks), "app.py": f"{files['app.py']}# {time.time()}\n"}
        return self.lab.push_commit(files, repository="promised")

    def stage(self, *breaks: str) -> None:
        """Such a commit is live in staging."""
        self.push(*breaks)
        self.onehost("deploy", "--watch-seconds", "0")

    def onehost(self, verb: str, *words: str, check: bool = True) -> str:
        return self.lab.ssh(f"sudo onehost {verb} --stack promised {' '.join(words)}", check=check)

    def verify(self, **options: Any) -> Result:
        return self.beside.playbook("verify", stack="promised", **options)

    def live(self) -> str:
        return self.lab.get("http", "/", {"Host": HOSTS["production"]}).release


@pytest.fixture(scope="module")
def promised(beside: Beside) -> Iterator[Promised]:
    """The stack, and a first release that keeps its promises."""
    with beside.until_stopped("promised"):
        found = Promised(beside)
        found.stage()
        found.onehost("promote", "--watch-seconds", "0")
        yield found


def test_two_hundred_checks_within_a_second(promised: Promised) -> None:
    promised.stage()
    shown = promised.onehost("promote", "--watch-seconds", "0")
    assert "endpoint checks hold in staging" in shown
    seconds = float(shown.partition("endpoints hold ")[2].partition(" s")[0])
    # A second on a host that has its cores to itself; here others use them, too.
    assert seconds < 2.0, shown


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("json", "health: GET http://promised.example/api/v1/health: stack promised.endpoints[0].expect.json.status"),
        ("redirect", "moved: GET http://promised.example/moved/a?b=1: stack promised.endpoints[1].expect.redirect.to"),
        ("origin", "origins: refused https://onehost-foreign.invalid: GET http://promised.example/api/v1/me"),
    ],
)
def test_a_broken_promise_goes_back_by_itself(promised: Promised, what: str, told: str) -> None:
    before = promised.live()
    promised.stage(what)
    port = promised.lab.ports["http"]
    with Load([Target("health", port, "/api/v1/health", HOSTS["production"])], rate=50) as load:
        shown = promised.onehost("promote", check=False)
        window = load.take()
    assert "endpoint checks do not hold" in shown and "everything was undone" in shown, shown
    assert told in shown, shown
    assert promised.live() == before
    seen = window.seen(port)
    # The old release, the one that breaks its promise, and no third thing.
    assert window.failed == 0 and seen[0] == seen[-1] == before and len(set(seen)) == 2, (window.line(), seen)
    assert not any(password in shown for password in PASSWORDS.values())


#: Ends a promote while it asks the endpoints, which takes its time if one does not hold, and recovers.
KILLED = """
onehost promote --stack promised >/dev/null 2>&1 & promote=$!
until grep -qs '"step": "endpoints"' /var/lib/onehost/promised/operations/*-production-promote-$promote.jsonl; do
    kill -0 $promote || exit 1
    sleep 0.05
done
kill -9 $promote
onehost recover --stack promised
"""


def test_killed_while_it_asks(promised: Promised) -> None:
    before = promised.live()
    promised.stage("json")
    shown = promised.lab.ssh(f"sudo sh -c {shlex.quote(KILLED)}")
    assert "was interrupted at endpoints" in shown and "so it was undone" in shown, shown
    assert promised.live() == before


def test_a_rollback_is_asked_too(promised: Promised) -> None:
    shown = promised.onehost("rollback", "--watch-seconds", "0")
    assert "endpoints hold " in shown and "live now: " in shown
    assert "already rolled back" in promised.onehost("rollback")


def test_verify_as_a_step_of_ci(promised: Promised, tmp_path: Path) -> None:
    shown = promised.onehost("verify", "--environment", "production")
    assert "endpoint checks hold" in shown and "session: log in" in shown and "FAILS" not in shown
    report = json.loads(promised.onehost("verify", "--environment", "production", "--json"))
    assert report["holds"] and {check["endpoint"] for check in report["environments"][0]["checks"]} >= {"only by hand"}
    # The real addresses, by names that nobody knows here: the files are written also where nothing holds.
    refused = promised.verify(
        where="production", real="true", junit=str(tmp_path / "junit.xml"), json=str(tmp_path / "report.json")
    )
    assert refused.rc != 0 and "no answer" in refused.stdout
    (suite,) = ET.parse(tmp_path / "junit.xml").getroot()
    assert int(suite.get("tests", "0")) > int(suite.get("failures", "0")) > MANY, "what must be gone holds"
    assert not json.loads((tmp_path / "report.json").read_text())["holds"]
    assert "token-of-" not in shown + refused.stdout


#: The real exporter, unpacked without its service, asks each target with its module, and what must not be there.
EXPORTER = """
import json, subprocess, sys, time, urllib.parse, urllib.request
program = ["/tmp/exporter/usr/bin/prometheus-blackbox-exporter", "--config.file=/tmp/exporter/modules.yml"]
subprocess.run([*program, "--config.check"], check=True, capture_output=True)
running = subprocess.Popen([*program, "--web.listen-address=127.0.0.1:9115"], stderr=subprocess.DEVNULL)

def success(target, module):
    query = urllib.parse.urlencode({"target": target, "module": module})
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen("http://127.0.0.1:9115/probe?" + query, timeout=10) as answer:
                return b"\\nprobe_success 1\\n" in answer.read()
        except OSError:
            # It listens soon: between two tries until the deadline, after which its error is the test's.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)

try:
    found = {}
    for one in json.load(open("/tmp/exporter/targets.json")):
        module, target = one["labels"]["module"], one["targets"][0]
        elsewhere = target[: target.index("/", len("http://"))] + "/retired"
        found[module] = [success(target, module), success(elsewhere, module)]
    print(json.dumps(found))
finally:
    running.kill()
"""
UNPACKED = (
    "sudo install -d -m 0755 -o ubuntu /tmp/exporter && cd /tmp/exporter && "
    "apt-get download prometheus-blackbox-exporter && dpkg-deb --extract *.deb ."
)


def test_an_exporter_sees_the_same(promised: Promised, tmp_path: Path) -> None:
    lab = promised.lab
    lab.apt("sudo -E apt-get update --quiet")
    lab.ssh(UNPACKED, seconds=300)
    for option, name in (("modules", "modules.yml"), ("targets", "targets.json")):
        promised.onehost("verify", "--environment", "production", f"--{option}", f"> /tmp/exporter/{name}")
    found = json.loads(lab.ssh(f"python3 -c {shlex.quote(EXPORTER)}", seconds=300))
    assert all(here for here, _elsewhere in found.values()), [name for name, it in found.items() if not it[0]]
    passed = [name for name, (_here, elsewhere) in found.items() if elsewhere]
    # Whoever must not be let in is not let in by a 404 either, and this app says with every answer whom it lets in.
    assert all(": refused " in name or ": allowed " in name for name in passed), passed
    assert len(found) > MANY and "promised production moved" in found and "promised production moved" not in passed
    # The same as files, by the playbook, which asks the endpoints besides.
    written = {name: str(tmp_path / name) for name in ("modules", "targets")}
    promised.verify(where="production", **written).ok()
    assert (tmp_path / "modules").read_text() == lab.ssh("cat /tmp/exporter/modules.yml")
    assert (tmp_path / "targets").read_text() == lab.ssh("cat /tmp/exporter/targets.json")
    told = [line for line in (tmp_path / "modules").read_text().splitlines() if line.startswith("# Not watched: ")]
    assert len(told) == MANY + 5 and any("a flow of several requests" in line for line in told), told[:6]
