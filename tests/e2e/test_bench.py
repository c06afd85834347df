"""`make bench`: promote and rollback beside the floor, the script and a plain playbook, in one run."""

from __future__ import annotations

import statistics

import pytest
from support import bench as support
from support.bench import Bench
from support.lab import ROOT, Lab

PLACE = ROOT / "docs" / "benchmarks"
PLAN = support.planned()


@pytest.fixture(scope="module")
def bench(provisioned: Lab, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Set up by the quick strategy; measured is what users run."""
    return support.prepare(provisioned, tmp_path_factory.mktemp("bench"), PLAN)


@pytest.mark.bench
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("as_users_run_it")
def test_promote_and_rollback(bench: Bench) -> None:
    for size in PLAN.sizes:
        support.measure(bench, size)
    assert bench.figures == PLAN.figures()
    # Only the whole form is what docs/ shows.
    if PLAN == support.FULL:
        bench.write(PLACE / "release.md")
    # Times depend on the machine and on whatever else it does; requests must not.
    failed = {key: series.failed for key, series in bench.series.items() if key[0].startswith("ours") and series.failed}
    assert not failed
    # A floor that nobody can reach is none.
    lost = {key: series.failed for key, series in bench.series.items() if key[0] == "floor" and series.failed}
    assert not lost


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
    if PLAN == support.FULL:
        page_figures = f"# What the status page costs\n\n{text}\n"
        (PLACE / "status-page.md").write_text(page_figures, encoding="utf-8")
    assert ours < 0.5, text
