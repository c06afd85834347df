# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of operations as text."""

from __future__ import annotations

import dataclasses

from fakes.docker import SICK, UNBUILDABLE
from fakes.world import World

from release.releases.report import OperationReport
from release.rendering.report import report_lines


def lines_of(report: OperationReport) -> str:
    return "\n".join(report_lines(dataclasses.asdict(report)))


def test_report_of_a_promote(world: World) -> None:
    staging, _ = world.ship()
    world.commit({"api": "healthy"})
    world.good("deploy")
    report = world.good("promote", reason="because")
    text = lines_of(report)
    assert text.startswith(f"promote shop production: production runs {report.release}\n")
    for part in ("staging_healthy", "3 of 3 apps healthy", f"live now: {report.release} in green, before:", "took "):
        assert part in text, text
    assert f"next: ansible-playbook onehost.release.rollback goes back to {report.was}" in text
    assert "all healthy" in text and "switched" in text and staging


def test_report_of_a_deploy(world: World) -> None:
    text = lines_of(world.good("deploy"))
    assert "built: api 1 s, front 1 s, mail 1 s" in text and "then ansible-playbook onehost.release.promote" in text


def test_report_of_a_rollback(world: World) -> None:
    world.ship()
    world.ship()
    assert "next: ansible-playbook onehost.release.status" in lines_of(world.good("rollback"))


def test_report_of_a_failure(world: World) -> None:
    world.good("deploy")
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report
    text = lines_of(report)
    assert "everything was undone, staging answers as before" in text
    assert "problem: staging green: /health: HTTP 500 no database\n" in text
    assert text.count("is not healthy") == 1
    assert (
        "   Fix: ansible-playbook onehost.release.logs -e stack=shop -e app=api -e where=staging " in text
        and "   | api says something" in text
    )


def test_report_of_a_build_that_failed(world: World) -> None:
    world.good("deploy")
    before = dict(world.router.does), dict(world.docker.tags)
    world.commit({"api": UNBUILDABLE, "mail": UNBUILDABLE})
    report = world.run("deploy")
    assert report and report.failed
    text = lines_of(report)
    assert "api, mail could not be built, at step 2 of 3: RUN false failed\nproblem: api/Dockerfile\n" in text
    assert text.count("could not be built") == 1
    assert "--- mail: [2/3] RUN false" in text and "api/Dockerfile" in text
    assert world.router.does == before[0]
    assert all(world.docker.tags[tag] == image for tag, image in before[1].items())


def test_report_of_a_refusal(world: World) -> None:
    report = world.run("promote", apps=("nobody",))
    assert report
    text = lines_of(report)
    assert "refused, nothing was changed" in text
    assert "problem: apps: 'nobody' is not an app of stack shop\n   Fix: choose from api, front, mail" in text


def test_report_of_a_recovery(world: World) -> None:
    world.ship()
    world.commit({"api": "healthy"})
    world.faults.kill_at(20)
    world.run("deploy")
    world.revive()
    assert "found: " in lines_of(world.good("deploy"))
