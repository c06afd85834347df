"""Measuring promote and rollback against what the machine itself needs and against what people write by hand.

All ways are measured in turn within one run, on the same apps under the same load, so their ratios are meaningful
whatever else the machine does. Each figure is shown as it is measured and the report is updated then, so a run that
is ended early is not in vain.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab_source
from support import again
from support.faults import HOST_FILES, OUTPUT, PLACE, Faults, archive
from support.lab import ROOT, Lab
from support.load import Load, Target

VERBS = ("promote", "rollback")
BOOT_SECONDS = 0.5
RATE = 100.0
FIRST_PORT = 22000
BYHAND_PORT = 23000
#: Over SSH the number of apps makes no other difference than on the host.
MOST_OVER_SSH = 5
#: Written by this file, so that nobody looks for a definition of it.
SOURCE = "/srv/git/bench.git"


@dataclass
class Series:
    """Repeated measurements of one way and one verb."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0
    sent: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and how often."""

    sizes: tuple[int, ...]
    rounds: int
    # Also the script and the plain playbook, which serve for comparison and need not be watched from day to day.
    others: bool = True

    def figures(self) -> int:
        """How many figures there will be."""
        figures = 0
        for size in self.sizes:
            over_ssh = size <= MOST_OVER_SSH
            figures += 7 + 4 * over_ssh + (4 + 2 * over_ssh) * self.others
        return figures * self.rounds


FULL = Plan((1, 5, 10, 20), 5)
SHORT = Plan((1, 5), 2, others=False)


def planned() -> Plan:
    """The full form, the short one (ONEHOST_SHORT), or one's own sizes and rounds."""
    plan = SHORT if os.environ.get("ONEHOST_SHORT") else FULL
    sizes, rounds = os.environ.get("ONEHOST_BENCH_SIZES"), os.environ.get("ONEHOST_BENCH_ROUNDS")
    return Plan(
        tuple(int(size) for size in sizes.split(",")) if sizes else plan.sizes,
        int(rounds) if rounds else plan.rounds,
        plan.others,
    )


@dataclass
class Bench:
    """All measurements: by way, verb and number of apps."""

    lab: Lab
    inventory: Path
    plan: Plan
    # Where the report so far is kept, with the plot beside it.
    output: Path
    series: dict[tuple[str, str, int], Series] = field(default_factory=dict)
    begun: float = field(default_factory=time.monotonic)

    @property
    def figures(self) -> int:
        return sum(len(series.seconds) for series in self.series.values())

    def say(self, text: str) -> None:
        print(f"bench: {time.monotonic() - self.begun:6.1f} s  {text}", flush=True)

    def note(self, way: str, verb: str, apps: int, seconds: float, load: Load | None = None) -> None:
        series = self.series.setdefault((way, verb, apps), Series())
        series.seconds.append(seconds)
        lost = ""
        if load is not None:
            window = load.take()
            series.failed += window.failed
            series.sent += window.sent
            lost = f", {window.failed} of {window.sent} requests failed"
        figure = f"{self.figures} of {self.plan.figures()}: {verb} of {apps}, {way}"
        self.say(f"{figure}: {seconds:.2f} s (median {series.median:.2f} s){lost}")
        self.write(self.output)

    def write(self, path: Path) -> None:
        """Write the report atomically: the run may be ended at any moment."""
        machine = f"{os.cpu_count()} cores, {platform.machine()}, the lab VM"
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, text in ((path, report(self, machine, path.stem)), (path.with_suffix(".svg"), plot(self))):
            partial = file.with_name(f"{file.name}.partial")
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)

    def median(self, way: str, verb: str, apps: int) -> float | None:
        series = self.series.get((way, verb, apps))
        return series.median if series and series.seconds else None


def app(name: str, number: int, port: int) -> dict[str, Any]:
    return {
        "context": "app",
        "port": 8000,
        "loopback_port": port,
        "health": "/health",
        "user": 10003,
        "stop_seconds": 5,
        "routes": [{"path": f"/a{number}", "strip_path": True}],
    }


def stack(name: str, prefix: str, apps: int, first_port: int) -> dict[str, Any]:
    return {
        "name": name,
        "directory": f"/home/ubuntu/{name}",
        "source": SOURCE,
        "watch_seconds": 0,
        "disk_floor_gb": 0.5,
        "environments": {
            "staging": {"ports": [4400], "hosts": [f"{name}.example"]},
            "production": {"ports": [4500], "hosts": [f"{name}.example"]},
        },
        "build_arguments": {"BASE_IMAGE": "onehost-lab/python:3"},
        "env": {"staging": {"SETTING": "a"}, "production": {"SETTING": "b"}},
        "apps": {f"{prefix}{i}": app(prefix, i, first_port + 10 * i) for i in range(apps)},
    }


def inventory(sizes: tuple[int, ...]) -> dict[str, Any]:
    """A stack of each size for the collection, and one that only the router and the edge know, for all other ways."""
    stacks, port = {}, FIRST_PORT
    for size in sizes:
        stacks[f"onehost_stack_bench{size}"] = stack(f"bench{size}", f"b{size}x", size, port)
        port += 10 * size
    stacks["onehost_stack_byhand"] = stack("byhand", "hand-", max(sizes), BYHAND_PORT)
    return {"all": {"children": {"onehost_hosts": {"hosts": {"onehost-lab": stacks}}}}}


def prepare(lab: Lab, place: Path, plan: Plan) -> Bench:
    """Provision the stacks, build two versions of every app, release both."""
    path, sizes = place / "bench.yml", plan.sizes
    bench = Bench(lab, path, plan, OUTPUT / "bench.md")
    bench.say(f"{plan.figures()} figures; what is measured so far is always in {bench.output.relative_to(ROOT)}")
    path.write_text(json.dumps(inventory(sizes)))
    faults = Faults(lab, "bench1")
    faults.root("mkdir", "-p", PLACE)
    faults.root("tar", "x", "-C", PLACE, data=archive())
    faults.root("rm", "-rf", SOURCE)
    with tempfile.TemporaryDirectory(prefix="onehost-bench-") as folder:
        source = Path(folder) / "bench"
        (source / "app").mkdir(parents=True)
        for item in (HOST_FILES / "app").iterdir():
            (source / "app" / item.name).write_bytes(item.read_bytes())
        faults.root("tar", "x", "-C", "/srv/git", data=lab_source.repository_archive("bench", source))
    lab.repositories["bench"] = lab.repositories["workhub"].replace("workhub.git", "bench.git")
    for version in ("first", "second"):
        boot = {"boot_seconds": BOOT_SECONDS}
        text = json.dumps({"version": version, "staging": {}, "production": boot}) + "\n"
        lab.push_commit({"app/behaviour.json": text}, branch=version, repository="bench")
    bench.say(f"setting up stacks of {' and '.join(map(str, sizes))} apps")
    lab.playbook("provision", inventories=[path]).ok()
    for size in sizes:
        bench.say(f"building and releasing two versions of {size} apps")
        operations = Faults(lab, f"bench{size}")
        for version in ("first", "second"):
            operations.root("onehost", "deploy", "--stack", f"bench{size}", "--version", version, seconds=300)
            if size == max(sizes):
                name_by_hand(operations, size, version)
            operations.root("onehost", "promote", "--stack", f"bench{size}", seconds=120)
        operations.onehost("rollback")
    return bench


def name_by_hand(host: Faults, size: int, version: str) -> None:
    """The same images under the names that the other ways use."""
    for number in range(size):
        host.root("docker", "tag", f"b{size}x{number}:staging", f"hand-{number}:{version}")


def targets(lab: Lab, name: str, apps: int) -> list[Target]:
    port, host = lab.ports["production"], f"{name}.example"
    gets = [Target("GET", port, f"/a{i}/health", host) for i in range(apps)]
    return [*gets, *gets, *(Target("POST", port, f"/a{i}/echo", host, "POST") for i in range(apps))]


def took(text: str) -> float:
    found = re.search(r"^took ([0-9.]+) s$", text, re.MULTILINE)
    assert found, text
    return float(found[1])


def measure(bench: Bench, size: int) -> None:
    """All ways in turn within each round, so that other load on the machine affects all of them alike."""
    by_hand, host = Faults(bench.lab, "byhand"), Faults(bench.lab, f"bench{size}")
    words = ["-i", str(bench.inventory), "-e", f"stack=bench{size}", "-e", "release_watch_seconds=0"]
    rounds, over_ssh = bench.plan.rounds, size <= MOST_OVER_SSH

    def other(way: str, verb: str) -> list[float]:
        text = by_hand.root("python3", f"{PLACE}/baselines.py", way, verb, str(size), seconds=200).stdout
        return [float(word) for word in text.split()]

    def under_load(name: str) -> Load:
        return Load(targets(bench.lab, name, size), RATE)

    other("floor", "end")
    other("floor", "begin")
    for _ in range(rounds):
        for verb in VERBS:
            with under_load("byhand") as load:
                bench.note("floor", verb, size, other("floor", verb)[0], load)
            with under_load(f"bench{size}") as load:
                begun = time.monotonic()
                text = host.onehost(verb).stdout
                bench.note("ours, command on the host", verb, size, time.monotonic() - begun)
                bench.note("ours, on the host", verb, size, took(text), load)
            if over_ssh:
                with under_load(f"bench{size}") as load:
                    # Restore the state first: what was promoted is rolled back, and the other way round.
                    host.onehost("rollback" if verb == "promote" else "promote")
                    load.take()
                    bench.note(
                        "ours, over SSH", verb, size, timed(bench, verb, [*words, *again.options_of(verb)]), load
                    )
    other("floor", "flip")
    for _ in range(rounds):
        with under_load("byhand") as load:
            bench.note("flip alone", "rollback", size, other("floor", "flip")[0], load)
        if over_ssh:
            warm(bench, size, words)
    other("floor", "end")
    if not bench.plan.others:
        return
    other("script", "begin")
    for _ in range(rounds):
        # One promote and one rollback in turn: after a second promote in a row a rollback would change nothing.
        for verb in VERBS:
            with under_load("byhand") as load:
                ended, answered = other("script", verb)
                bench.note("script", verb, size, ended, load)
                bench.note("script, until the apps answer", verb, size, answered)
        if over_ssh:
            for verb in VERBS:
                with under_load("byhand") as load:
                    plain = bench.lab.ansible(str(HOST_FILES / "plain.yml"), "-e", f"verb={verb}", "-e", f"apps={size}")
                    bench.note("plain playbook over SSH", verb, size, plain.ok().seconds, load)
    other("floor", "end")


def warm(bench: Bench, size: int, words: list[str]) -> None:
    """A rollback while the old slot still runs: typed on the control machine, and on the host."""
    host = Faults(bench.lab, f"bench{size}")
    with Load(targets(bench.lab, f"bench{size}", size), RATE) as load:
        timed(bench, "promote", [*words, *again.options_of("promote"), "-e", "release_warm_seconds=120"])
        load.take()
        bench.note("ours, warm over SSH", "rollback", size, timed(bench, "rollback", words), load)
        timed(bench, "promote", [*words, *again.options_of("promote"), "-e", "release_warm_seconds=120"])
        load.take()
        bench.note("ours, warm on the host", "rollback", size, took(host.onehost("rollback").stdout), load)


def timed(bench: Bench, verb: str, words: list[str]) -> float:
    """Seconds of a whole command as a person types it."""
    return bench.lab.ansible(f"playbooks/{verb}.yml", *words).ok().seconds


# What is written of it

ROWS = (
    "floor",
    "ours, on the host",
    "ours, command on the host",
    "ours, over SSH",
    "flip alone",
    "ours, warm on the host",
    "ours, warm over SSH",
    "script",
    "script, until the apps answer",
    "plain playbook over SSH",
)


def table(bench: Bench) -> str:
    """Medians by way and size, failed requests in brackets."""
    sizes = sorted({apps for _, _, apps in bench.series})
    head = [f"{verb} {size}" for size in sizes for verb in ("promote", "rollback")]
    lines = ["| | " + " | ".join(head) + " |", "| --- |" + " ---: |" * len(head)]
    for way in ROWS:
        cells = []
        for size in sizes:
            for verb in ("promote", "rollback"):
                series = bench.series.get((way, verb, size))
                lost = f" ({series.failed})" if series and series.sent else ""
                cells.append(f"{series.median:.2f} s{lost}" if series else "")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def ratios(bench: Bench) -> list[tuple[str, float, float]]:
    """The targets: name, measured, limit."""
    found: list[tuple[str, float, float]] = []
    for size in (1, 5):
        for verb in ("promote", "rollback"):
            mine, floor = bench.median("ours, on the host", verb, size), bench.median("floor", verb, size)
            if mine and floor:
                found.append((f"{verb} of {size}: times the floor", mine / floor, 1.1))
            if whole := bench.median("ours, over SSH", verb, size):
                found.append((f"{verb} of {size}: seconds over SSH", whole, 3.0 if size == 1 else 5.0))
        for way, limit in (("ours, warm on the host", 0.3), ("ours, warm over SSH", 1.6)):
            if seconds := bench.median(way, "rollback", size):
                found.append((f"rollback of {size}: seconds, {way.removeprefix('ours, ')}", seconds, limit))
    for size in (10, 20):
        for verb in ("promote", "rollback"):
            values = [
                bench.median(way, verb, n)
                for way in ("ours, on the host", "script, until the apps answer")
                for n in (5, size)
            ]
            if all(values):
                mine_5, mine, script_5, script = (value or 0.0 for value in values)
                found.append((f"{verb}: seconds more from 5 to {size} apps", mine - mine_5, script - script_5))
    return found


def report(bench: Bench, machine: str, name: str) -> str:
    failed = sum(s.failed for (way, _, _), s in bench.series.items() if way.startswith("ours"))
    sent = sum(s.sent for (way, _, _), s in bench.series.items() if way.startswith("ours"))
    rounds = {len(series.seconds) for series in bench.series.values()}
    part = "" if bench.figures == bench.plan.figures() else f" Only {bench.figures} of {bench.plan.figures()} figures."
    lines = [
        "# Promote and rollback, measured",
        "",
        f"Written by `make bench` on {time.strftime('%Y-%m-%d', time.gmtime())}, {machine}. Apps that boot in "
        f"{BOOT_SECONDS} s, {RATE:.0f} requests/s all the while, medians of {min(rounds)} to {max(rounds)} runs, "
        f"all in one run of the bench; in brackets the requests that failed in all runs together.{part}",
        "",
        table(bench),
        f"![The same as a plot]({name}.svg)",
        "",
        f"Failed requests over all of our own promotes and rollbacks: {failed} of {sent:,}.",
        "",
        "| to be reached | measured | at most | |",
        "| --- | ---: | ---: | --- |",
        *(
            f"| {name} | {value:.2f} | {limit:.2f} | {'reached' if value <= limit else '**missed**'} |"
            for name, value, limit in ratios(bench)
        ),
        "",
        "floor: create or start, boot, flip, drain and stop by hand, with the docker command line and HAProxy's",
        "socket, everything at once that can be. flip alone: both slots run. script: the bash script that moves tags",
        "and calls `docker compose up`; it ends before the apps have booted. Growth is compared with",
        "`docker compose up` until what it started answers, where all other rows end too. The script and the plain",
        "playbook lose no request here because they are measured behind this switch, which holds requests while an app",
        "is away.",
    ]
    return "\n".join(lines) + "\n"


COLOURS = {"floor": "#868e96", "ours, on the host": "#1c7ed6", "ours, over SSH": "#74c0fc", "script": "#f08c00"}
COLOURS |= {"plain playbook over SSH": "#ffd8a8"}


def plot(bench: Bench) -> str:
    """A bar chart, with a group for each operation, as SVG."""
    groups = [(verb, size) for size in sorted({n for _, _, n in bench.series}) for verb in ("promote", "rollback")]
    bars = [
        (group, way, value) for group in groups for way in COLOURS if (value := bench.median(way, *group)) is not None
    ]
    longest = max((value for _, _, value in bars), default=1.0)
    scale, line, left = 520 / longest, 16, 150
    parts, y, before = [], 34, None
    for (verb, size), way, value in bars:
        if (verb, size) != before:
            y += 10
            label = f"{verb}, {size} app{'s' if size > 1 else ''}"
            parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{label}</text>')
            before = (verb, size)
        width = max(1.0, value * scale)
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.0f}" height="{line - 3}" fill="{COLOURS[way]}"/>')
        parts.append(f'<text x="{left + width + 5:.0f}" y="{y + 11}" class="small">{value:.2f} s</text>')
        y += line
    x = left
    legend = []
    for way, colour in COLOURS.items():
        legend.append(f'<rect x="{x}" y="10" width="11" height="11" fill="{colour}"/>')
        legend.append(f'<text x="{x + 15}" y="20" class="small">{way}</text>')
        x += 30 + 6 * len(way)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {y + 12}" font-family="sans-serif" font-size="12">\n'
        "<style>.small{font-size:10px} text{fill:#495057}</style>\n"
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join([*legend, *parts]) + "\n</svg>\n"
    )
