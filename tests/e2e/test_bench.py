"""`make bench`: promote and rollback beside the floor, the script and a plain playbook, in one run."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path

import pytest
from support import bench as support
from support.lab import ROOT, Lab

ROUNDS = int(os.environ.get("ONEHOST_BENCH_ROUNDS", "5"))
#: Numbers of apps, separated by commas.
SIZES = tuple(int(size) for size in os.environ.get("ONEHOST_BENCH_SIZES", "1,5,10,20").split(","))
PLACE = ROOT / "docs" / "benchmarks"


@pytest.mark.bench
@pytest.mark.timeout(3600)
def test_promote_and_rollback(provisioned: Lab, tmp_path: Path) -> None:
    bench = support.prepare(provisioned, tmp_path, SIZES)
    for size in SIZES:
        support.measure(bench, size, ROUNDS)
    PLACE.mkdir(parents=True, exist_ok=True)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, the lab VM"
    (PLACE / "release.md").write_text(support.report(bench, machine), encoding="utf-8")
    (PLACE / "release.svg").write_text(support.plot(bench), encoding="utf-8")
    # Times depend on the machine and on whatever else it does; requests must not.
    failed = {key: series.failed for key, series in bench.series.items() if key[0].startswith("ours") and series.failed}
    assert not failed


@pytest.mark.bench
def test_a_run_of_the_status_page(provisioned: Lab) -> None:
    """Processor time of what a timer runs every minute, beside that of `docker ps`."""
    page = "python3 -IS -X pycache_prefix=/var/cache/onehost-page /usr/local/bin/onehost page"

    def spent(command: str) -> float:
        """User and system time in seconds, of the command and its children; the median of seven runs."""
        line = f"sudo bash -c 'TIMEFORMAT=\"%U %S\"; for _ in 1 2 3 4 5 6 7; do time {command} >/dev/null; done' 2>&1"
        lines = provisioned.ssh(line).splitlines()
        return statistics.median(sum(map(float, line.split())) for line in lines)

    provisioned.ssh("sudo systemctl start onehost-page.service")
    ours, docker = spent(page), spent("docker ps")
    text = f"A run of the status page: {ours:.2f} s of processor time, {ours / docker:.1f} times that of `docker ps`."
    print(text)
    (PLACE / "status-page.md").write_text(f"# What the status page costs\n\n{text}\n", encoding="utf-8")
    assert ours < 0.5, text
