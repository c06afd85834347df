# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read: reports, status, and what a build printed."""

from __future__ import annotations

import dataclasses

import pytest
from support.fakes import SICK, UNBUILDABLE, World, changed_stack

from release.adapters.build_log import BuildLog
from release.errors import OperationError, Problem
from release.operations.runner import OperationReport
from release.operations.status import status
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.rendering.report import report_lines
from release.rendering.status import age, status_lines
from release.rendering.summary import rows

BUILD = """\
#0 building with "default" instance using docker driver

#1 [web internal] load build definition from Dockerfile
#1 transferring dockerfile: 213B done
#1 DONE 0.0s

#2 [web internal] load metadata for docker.io/library/node:22-bookworm-slim
#2 DONE 0.0s

#4 [web 1/5] FROM docker.io/library/node:22-bookworm-slim
#4 CACHED

#5 [web internal] load build context
#5 transferring context: 1.22kB done
#5 DONE 0.0s

#6 [web 2/5] WORKDIR /app
#6 DONE 0.1s

#7 [web 3/5] COPY package.json package-lock.json ./
#7 DONE 0.1s

#8 [web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev
#8 0.512 npm warn config production Use `--omit=dev` instead.
#8 1.894 npm error code E404
#8 1.896 npm error 404 Not Found - no-such-package
#8 ERROR: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit code: 1
------
 > [web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev:
0.512 npm warn config production Use `--omit=dev` instead.
1.894 npm error code E404
1.896 npm error 404 Not Found - no-such-package
------
failed to solve: process "/bin/sh -c npm ci --omit=dev" did not complete successfully: exit code: 1
"""


def test_build_log_names_the_failing_step() -> None:
    log = BuildLog()
    steps = [step for line in BUILD.splitlines() if (step := log.add(line))]
    assert steps == [
        "[web 1/5] FROM docker.io/library/node:22-bookworm-slim",
        "[web 2/5] WORKDIR /app",
        "[web 3/5] COPY package.json package-lock.json ./",
        "[web 4/5] RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev",
    ]
    assert log.failed_step == steps[-1]
    assert log.tail(2) == ["npm error code E404", "npm error 404 Not Found - no-such-package"]


def test_build_log_tells_each_step_once() -> None:
    log = BuildLog()
    assert log.add("#4 [web 1/2] FROM x") == "[web 1/2] FROM x"
    assert log.add("#4 [web 1/2] FROM x") == ""


def test_build_log_without_a_step() -> None:
    log = BuildLog(kept=3)
    for line in ("#1 [internal] load build definition", "", "a", "b", "failed to read dockerfile: no such file"):
        log.add(line)
    assert log.failed_step == ""
    assert log.tail(2) == ["b", "failed to read dockerfile: no such file"]


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
    assert f"next: ansible-playbook playbooks/rollback.yml goes back to {report.was}" in text
    assert "all healthy" in text and "switched" in text and staging


def test_report_of_a_deploy(world: World) -> None:
    text = lines_of(world.good("deploy"))
    assert "built: api 1 s, front 1 s, mail 1 s" in text and "then ansible-playbook playbooks/promote.yml" in text


def test_report_of_a_rollback(world: World) -> None:
    world.ship()
    world.ship()
    assert "next: ansible-playbook playbooks/status.yml" in lines_of(world.good("rollback"))


def test_report_of_a_failure(world: World) -> None:
    world.good("deploy")
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report
    text = lines_of(report)
    assert "everything was put back, staging answers as before" in text
    assert "problem: staging green: app api is not healthy after 5 s" in text and "HTTP 500 no database" in text
    assert "   fix: docker logs " in text and "   | api says something" in text


def test_report_of_a_build_that_failed(world: World) -> None:
    world.good("deploy")
    before = dict(world.switch.memory), dict(world.docker.tags)
    world.commit({"api": UNBUILDABLE, "mail": UNBUILDABLE})
    report = world.run("deploy")
    assert report and report.failed
    text = lines_of(report)
    assert "api, mail could not be built: step [2/3] RUN false failed" in text
    assert "--- mail: [2/3] RUN false" in text and "api/Dockerfile" in text
    assert world.switch.memory == before[0]
    assert all(world.docker.tags[tag] == image for tag, image in before[1].items())


def test_report_of_a_refusal(world: World) -> None:
    report = world.run("promote", apps=("nobody",))
    assert report
    text = lines_of(report)
    assert "refused, nothing was changed" in text
    assert "problem: apps: 'nobody' is not an app of stack shop\n   fix: choose from api, front, mail" in text


def test_report_of_a_recovery(world: World) -> None:
    world.ship()
    world.commit({"api": "healthy"})
    world.faults.kill_at(20)
    world.run("deploy")
    world.revive()
    assert "found: " in lines_of(world.good("deploy"))


def test_status(world: World) -> None:
    assert "shop staging (port 8100): nothing is live" in status_lines(status(world.host, world.stack, world.places))
    world.ship()
    world.ship()
    live = world.entries("production")[-1].release
    text = "\n".join(status_lines(status(world.host, world.stack, world.places)))
    assert f"shop production (port 8200, 80): {live.id} in green, commit {live.commit[:12]} (main)" in text
    assert "api    healthy" in text
    assert f"rollback would go to {world.entries('production')[0].release.id}" in text
    assert "disk: 100.0 GB free, floor 1 GB" in text


def test_status_says_what_a_rollback_changes_by_name(world: World) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://new'\n"
    world.ship(api="healthy")
    world.store.env["production"] += b"NEW_KEY='secret-value'\n"
    world.rotate_secret()
    found = status(world.host, world.stack, world.places).rollback
    text = "\n".join(found.changes)
    assert "api: image" in text and "PUBLIC_URL: back to its value of that day" in text
    assert "NEW_KEY: goes" in text
    assert "DATABASE_URL: stays as it is today (secret)" in text
    assert "secret-value" not in text and "db://" not in text


def test_status_of_what_is_broken(world: World) -> None:
    world.ship()
    for box in world.up("production"):
        if box.app == "api":
            world.docker.boxes.remove(box)
        if box.app == "mail":
            box.up = False
    world.faults.kill_at(3)
    world.commit({"api": "healthy"})
    world.run("deploy")
    world.revive()
    found = status(world.host, world.stack, world.places)
    apps = found.environments["production"].apps
    assert (apps["api"].state, apps["mail"].state) == ("missing", "exited")
    text = "\n".join(status_lines(found))
    assert "missing, not healthy no answer on port" in text
    assert "fix: ansible-playbook playbooks/recover.yml" in text
    assert "rollback: stack shop, production: there is no good release to go back to" in text
    assert found.environments["staging"].operations[0].outcome == "interrupted"


def test_status_while_an_operation_runs(world: World) -> None:
    world.ship()
    who = LockHolder.from_json(
        {"operation": "deploy", "person": "bob", "host": "desk", "since": "12:00:00", "reason": "hotfix"}
    )
    with lock.hold(lock.lock_path("shop", "staging", world.places.locks), who, 0):
        found = status(world.host, world.stack, world.places)
    text = "\n".join(status_lines(found))
    assert "running now: deploy by bob on desk, since 12:00:00 (hotfix)" in text and "unfinished" not in text


def test_status_of_new_routes_and_apps(world: World) -> None:
    world.ship()
    world.stack = changed_stack(
        world,
        front={"routes": [{"path": "/front"}, {"path": "/shop"}]},
        cron={"context": "cron", "kind": "worker"},
    )
    world.ship(front="healthy", cron="healthy")
    changes = status(world.host, world.stack, world.places).rollback.changes
    assert "cron: goes" in changes and "routes of the edge: back to those of that day" in changes


@pytest.mark.parametrize("fix", ["", "do this"])
def test_errors_as_text(fix: str) -> None:
    end = " Fix: do this" if fix else ""
    assert str(Problem("is wrong", "here", fix)) == f"here: is wrong.{end}"
    assert str(OperationError("broke", "here", "why", fix)) == f"here: broke: why.{end}"


def test_status_is_one_screen(world: World) -> None:
    for _ in range(4):
        world.ship()
    world.clock.time += 3 * 3600 + 5 * 60
    box = next(box for box in world.up("production") if box.app == "mail")
    box.up = False
    lines = status_lines(status(world.host, world.stack, world.places))
    text = "\n".join(lines)
    assert len(lines) <= 30, text
    assert ", live for 3 h 5 min by promote" in text
    head = next(line for line in lines if line.startswith("   app "))
    assert head.split() == ["app", "staging", "image", "commit", "production", "image", "commit"]
    row = next(line for line in lines if line.startswith("   mail "))
    assert row.split()[1] == "healthy" and "NOT HEALTHY" in row
    assert "   production mail: exited, not healthy" in lines
    last = lines[next(i for i, line in enumerate(lines) if line.startswith("   last operations")) + 1]
    assert "promote" in last and "production" in last and "ann" in last and "succeeded in 0 s" in last
    world.store.free = 10**6
    assert "ansible-playbook playbooks/cleanup.yml" in status_lines(status(world.host, world.stack, world.places))[-1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (61, "1 min"), (7500, "2 h 5 min"), (200000, "2 days 7 h"), (-3, "0 s")]
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_the_summary_after_an_operation(world: World) -> None:
    world.ship()
    world.commit({"api": "healthy"})
    world.good("deploy")
    report = dataclasses.asdict(world.good("promote"))
    staging, production = report["after"]["live"]["staging"], report["after"]["live"]["production"]
    assert production["release"] == report["release"] and staging["release"] != production["release"]
    report["probes"] = {"asked": 40, "failed": 0, "down_seconds": 0.0}
    found = {(label, kind): text for label, text, kind in rows(report)}
    assert found["downtime", "ok"] == "none seen, 40 probes answered"
    assert found["back", ""] == f"ansible-playbook playbooks/rollback.yml goes back to {report['was']}"
    assert found["disk", ""] == "100 GB free, floor 1 GB"
    report["probes"] = {"asked": 40, "failed": 3, "down_seconds": 0.75}
    report["after"].update(free_gb=0.5, due=["SESSION (production): due in 3 days"])
    found = {(label, kind): text for label, text, kind in rows(report)}
    assert found["downtime", "error"] == "0.8 s seen, 3 of 40 probes not answered"
    assert found["disk", "warning"].endswith("; ansible-playbook playbooks/cleanup.yml")
    assert found["due", "warning"] == "SESSION (production): due in 3 days"
    text = "\n".join(report_lines(report))
    assert "downtime: 0.8 s seen" in text and "due: SESSION" in text and "disk: 0.5 GB free" in text


def test_a_failure_tells_what_is_live_and_what_was_not_changed(world: World) -> None:
    world.ship()
    live = world.entries("staging")[-1].release.id
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report and report.failed
    found = [text for label, text, _kind in rows(dataclasses.asdict(report)) if label == "live"]
    assert any(text.startswith("staging ") and live in text for text in found)
    assert not [row for row in rows(dataclasses.asdict(report)) if row[0] in ("next", "back")]


def test_tags_that_somebody_moved(world: World) -> None:
    world.ship()
    assert "moved by hand" not in shown(world)
    world.host.docker.tag(world.tag("front", "staging"), "api", "production")
    world.host.docker.untag("front:staging")
    text = shown(world)
    assert "tag moved by hand: api:production names" in text
    assert "the next promote or rollback moves it back" in text
    assert "front:staging names nothing, live is" in text


def shown(world: World) -> str:
    return "\n".join(status_lines(status(world.host, world.stack, world.places)))
