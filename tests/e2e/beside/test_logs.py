"""What apps have written: across releases, of slots that failed, in a flood, and of one's own stacks alone."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support import bench as support
from support.beside import Beside
from support.lab import ROOT, Lab, Result, until
from support.load import Load, Target

SOURCE = Path(__file__).parents[1] / "files" / "scribe"
PROMOTES = 10
#: At 1,000 lines a second each promote takes some seconds.
FEWEST_LINES = 20_000
FLOOD = 500_000
#: Of a command that only reads.
LOGS = "sudo -n onehost logs --stack scribe"
BENCH_SECONDS = 10
HEADER = (
    "| flood | p50 | p99 | p50, times that without | p99, times that without | failed | lines a second of the app |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
BENCH_PAGE = """# What a flood of lines costs the apps beside it

100 requests a second to a web app that writes 1,000 lines a second, while a worker of the same stack writes lines of 90
bytes as fast as it can: to nowhere, which shows what its processor time costs by itself, and to its log. In one run, on
a lab with two cores.

{table}

Docker holds back an app that writes faster than its log takes, and no other. Written by `make bench`.
"""
#: An app that says why it ends. It pauses so that it was up: one that is gone at once is another case.
BROKEN = (
    'import time\nprint(\'{"event":"start","error":"no database"}\', flush=True)\ntime.sleep(1)\nraise SystemExit(3)\n'
)


def stacks(_lab: Lab) -> dict[str, Any]:
    return {"scribe": definition("scribe", 21640), "other": definition("other", 21650)}


def definition(name: str, port: int) -> dict[str, Any]:
    return {
        "directory": f"/srv/{name}",
        "owner": name,
        "source": f"/srv/git/{name}.git",
        "watch_seconds": 1,
        "disk_floor_gb": 1,
        "environments": {
            "staging": {"ports": [4400], "hosts": [f"staging.{name}.example"]},
            "production": {"ports": [80], "hosts": [f"{name}.example"]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "apps": {
            name: {
                "context": ".",
                "port": 8000,
                "loopback_port": port,
                "health": "/",
                "health_seconds": 8,
                "routes": [{"path": "/"}],
            },
            f"{name}-flood": {
                "image_of": name,
                "kind": "worker",
                "command": ["sleep", "infinity"],
                "compose": {"init": True},
            },
        },
    }


@dataclass
class Scribe:
    """The stack on its lab."""

    beside: Beside

    @property
    def lab(self) -> Lab:
        return self.beside.lab

    def playbook(self, name: str, **options: Any) -> Result:
        return self.beside.playbook(name, stack="scribe", **options)

    def operate(self, name: str, **options: Any) -> Result:
        return self.beside.operate(name, stack="scribe", **options)

    def commit(self, app: str = "") -> None:
        files = {path.name: path.read_text() for path in SOURCE.iterdir()}
        text = app or f"{files['app.py']}# {time.time()}\n"
        # git trusts nobody else's repository, neither who pushes nor the owner who fetches.
        own = "sudo chown -R {} /srv/git/scribe.git"
        self.lab.ssh(own.format("ubuntu"))
        self.lab.push_commit({**files, "app.py": text}, repository="scribe")
        self.lab.ssh(f"! id scribe >/dev/null 2>&1 || {own.format('scribe')}")

    def logs(self, words: str = "", user: str = "scribe") -> str:
        return self.lab.ssh(f"sudo -u {user} {LOGS} {words} 2>&1", check=False, seconds=120)

    def container(self, app: str) -> str:
        """Production's, which runs."""
        filters = f"--filter label=release.onehost.app={app} --filter label=release.onehost.environment=production"
        return self.lab.ssh(f"sudo docker ps --quiet {filters}").strip()

    def released(self) -> str:
        """Production's live release."""
        return str(self.lab.get("http", "/", {"Host": "scribe.example"}).json()["release"])

    @contextlib.contextmanager
    def following(self, words: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
        """What `-f` writes, into a file."""
        with path.open("wb") as output:
            command = f"sudo -u scribe {LOGS} {words} -f"
            process = subprocess.Popen(
                [*self.lab.ssh_words, "ubuntu@127.0.0.1", command], stdin=subprocess.DEVNULL, stdout=output
            )
            try:
                yield process
            finally:
                process.terminate()
                process.wait(30)

    def readers(self) -> list[str]:
        return self.lab.ssh("pgrep -f 'python3 -IS /usr/local/bin/onehost log[s]'", check=False).split()


@pytest.fixture(scope="module")
def scribe(beside: Beside) -> Iterator[Scribe]:
    """Two stacks with an owner each; one was released twice."""
    with beside.until_stopped("scribe"):
        found = Scribe(beside)
        for _release in range(2):
            found.commit()
            found.operate("deploy_staging").ok()
            found.operate("promote").ok()
        yield found


def test_following_ten_promotes_misses_no_line(scribe: Scribe, tmp_path: Path) -> None:
    output = tmp_path / "lines"
    with scribe.following("scribe --environment production --json", output):
        until(lambda: output.stat().st_size > 0, 30, "lines come")
        for _number in range(PROMOTES):
            # What it goes back to are kept containers, which write on in the log that they have.
            scribe.lab.ssh("sudo onehost rollback --stack scribe", seconds=120)
            scribe.lab.ssh(
                "sudo onehost promote --stack scribe --skip-gates not_rolled_back --reason 'test'", seconds=120
            )
        live = scribe.released()
        until(lambda: f'"{live}"'.encode() in output.read_bytes()[-200_000:], 20, "the last release writes")
    *lines, _cut = output.read_text().split("\n")
    found = [json.loads(line) for line in lines]
    written = [json.loads(entry["line"]) for entry in found]
    runs: dict[str, list[int]] = defaultdict(list)
    ends: dict[str, int] = {}
    for line in written:
        if "n" in line:
            runs[line["run"]].append(line["n"])
        else:
            ends[line["run"]] = line["ended"]
    first, *others = runs
    for run in others:
        assert runs[run] == list(range(len(runs[run]))), f"{run}: a line is missing, or there twice"
    assert runs[first] == list(range(runs[first][0], runs[first][-1] + 1))
    for run, number in ends.items():
        assert runs[run][-1] + 1 == number, f"{run}: its last lines are missing"
    assert len(ends) >= 2 * PROMOTES - 1 and len(others) >= 2 * PROMOTES - 1
    assert len(found) > FEWEST_LINES
    times = [entry["time"] for entry in found]
    late = sum(before > after for before, after in itertools.pairwise(times))
    # On a machine that is busy beyond measure a container may be found later than lines wait.
    assert late < len(times) / 1000, f"{late} of {len(times)} lines are not in order"
    assert {(entry["stack"], entry["environment"], entry["app"]) for entry in found} == {
        ("scribe", "production", "scribe")
    }
    assert len({entry["release"] for entry in found}) > PROMOTES


def test_of_containers_that_are_gone(scribe: Scribe) -> None:
    """Each of those releases still has its lines, though two of their containers are left."""
    history = scribe.lab.ssh("sudo onehost status --stack scribe --json")
    there = scribe.lab.ssh("sudo docker ps --all --quiet --filter label=release.onehost.app=scribe").split()
    kept = scribe.lab.ssh("sudo ls /var/lib/onehost/scribe/logs").split()
    containers = [name for name in kept if not name.startswith("build-")]
    assert len(there) <= 4 and len(containers) >= PROMOTES and "live" in history
    whole = scribe.logs("scribe --environment production --since 1h --json --grep ended")
    assert len(whole.splitlines()) >= 2 * PROMOTES - 1


def test_a_flood_is_read_whole(scribe: Scribe, tmp_path: Path) -> None:
    """It is rotated several times meanwhile; the app beside it goes on."""
    output = tmp_path / "flood"
    with scribe.following("scribe-flood --environment production --raw --grep flood --since 1m", output):
        name = scribe.container("scribe-flood")
        scribe.lab.ssh(f"sudo docker exec {name} sh -c 'seq --format=flood-%.0f {FLOOD} >/proc/1/fd/1'", seconds=120)
        until(lambda: output.read_bytes().endswith(b"flood-%d\n" % FLOOD), 90, "the last line comes")
    numbers = [int(line.partition(b"-")[2]) for line in output.read_bytes().splitlines()]
    assert numbers == list(range(1, FLOOD + 1))
    beside = scribe.logs("scribe --environment production --raw --since 10s").splitlines()
    assert len(beside) > 5000, "the app beside it wrote on"


def test_of_a_slot_that_failed_and_is_gone(scribe: Scribe) -> None:
    scribe.commit(BROKEN)
    failed = scribe.operate("deploy_staging")
    assert failed.rc != 0 and "logs.yml -e stack=scribe -e app=scribe -e where=staging -e release=" in failed.stdout
    assert "no database" in scribe.logs("scribe --environment staging -n 20 --grep database")
    scribe.commit()
    scribe.operate("deploy_staging").ok()
    found = json.loads(scribe.logs("scribe --environment staging --grep database --json").splitlines()[-1])
    assert found["line"] == '{"event":"start","error":"no database"}'
    shown = scribe.playbook("logs", app="scribe", where="staging", grep="no database", release=found["release"]).ok()
    assert '"no database' in shown.stdout.replace("\\", "") and shown.changes == 0


def test_of_builds(scribe: Scribe) -> None:
    assert "COPY app.py" in scribe.logs("scribe --environment staging --since 1h --grep 'COPY app.py'")


def test_only_of_one_s_own_stacks(scribe: Scribe) -> None:
    for words in ("", "scribe -f", "--json --since 1h"):
        assert "other may not act on scribe" in scribe.logs(words, user="other")
    own = scribe.lab.ssh("sudo -u other sudo -n onehost logs --stack other 2>&1", check=False)
    assert own == ""
    assert "is not known" in scribe.logs("other")
    assert "sudo: a password is required" in scribe.lab.ssh("sudo -u other sudo -n docker ps 2>&1", check=False)


def test_it_ends_with_whoever_reads(scribe: Scribe, tmp_path: Path) -> None:
    """A closed pipe, a lost connection, also while nothing is written."""
    assert len(scribe.logs("--since 1h --raw | head -n 3").splitlines()) == 3
    for words in ("scribe --environment production", "--grep no-such-text"):
        with scribe.following(words, tmp_path / "lines") as process:
            until(lambda: len(scribe.readers()) > 0, 20, "it reads")
            process.kill()
            until(lambda: scribe.readers() == [], 20, "it has ended")


def test_what_is_refused(scribe: Scribe) -> None:
    shown = scribe.logs("scribe --since 'ten minutes' --environment qa -n 0")
    assert shown.count("problem: ") == 3 and "for example 10m" in shown
    refused = scribe.playbook("logs", since="soon")
    assert refused.rc != 0 and "neither a time nor how long ago" in refused.stdout


@pytest.mark.bench
def test_what_a_flood_costs_the_apps_beside_it(scribe: Scribe) -> None:
    """Answers of the web app while a worker beside it writes as fast as it can: to nowhere, and then to its log."""
    name = scribe.container("scribe-flood")
    target = Target("production", scribe.lab.ports["http"], "/", "scribe.example")
    figures = {}
    with Load([target], rate=100) as load:
        for case, place in (("none", ""), ("to nowhere", "/dev/null"), ("to its log", "/proc/1/fd/1")):
            load.take()
            if place:
                write = f"timeout {BENCH_SECONDS} yes {'flood ' * 15} >{place}"
                scribe.lab.ssh(f"sudo docker exec {name} sh -c '{write}'", check=False, seconds=60)
            else:
                # What is measured is this time, in which nobody floods.
                time.sleep(BENCH_SECONDS)
            figures[case] = load.take()
            wrote = scribe.logs(f"scribe --environment production --raw --since {BENCH_SECONDS}s").splitlines()
            figures[case].by_target["lines"] = len(wrote)
    quiet = figures["none"]
    rows = [
        f"| {case} | {found.p50 * 1000:.1f} ms | {found.p99 * 1000:.1f} ms | {found.p50 / quiet.p50:.1f} "
        f"| {found.p99 / quiet.p99:.1f} | {found.failed} of {found.sent} "
        f"| {found.by_target['lines'] / BENCH_SECONDS:.0f} |"
        for case, found in figures.items()
    ]
    table = "\n".join([*HEADER, *rows])
    print(table)
    if support.planned() == support.FULL:
        (ROOT / "docs" / "benchmarks" / "logs-beside.md").write_text(BENCH_PAGE.format(table=table), encoding="utf-8")
    assert all(found.failed == 0 for found in figures.values()), table
    assert all(found.by_target["lines"] > 700 * BENCH_SECONDS for found in figures.values()), table
